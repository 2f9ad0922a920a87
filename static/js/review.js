// The reason is asked only of those who do not agree; without this script it is always there.

class ReviewForm extends HTMLElement {
  connectedCallback() {
    this.reason = this.querySelector("[data-reason]");
    if (!this.reason) return;
    this.addEventListener("change", () => this.show());
    this.show();
  }

  show() {
    const verdict = this.querySelector("[name=verdict]:checked")?.value;
    this.reason.hidden = !verdict || verdict === "agree";
  }
}

customElements.define("review-form", ReviewForm);
