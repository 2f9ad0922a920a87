// The question who sits here appears in its form when the confirmation grows old while the page is open, so that
// nobody is sent back for it. Without this script it is asked after the form was sent.

const SECOND = 1000;
// Asked a little early: the form still has to travel.
const EARLY = 10 * SECOND;

class ConfirmLater extends HTMLElement {
  connectedCallback() {
    this.until = Date.now() + Number(this.dataset.left) * SECOND - EARLY;
    this.stopper = new AbortController();
    const { signal } = this.stopper;
    // A machine that slept does not count.
    document.addEventListener("visibilitychange", () => this.look(), { signal });
    this.closest("form").addEventListener("focusin", () => this.look(), { signal });
    this.look();
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    this.stopper.abort();
  }

  look() {
    clearTimeout(this.timer);
    const left = this.until - Date.now();
    if (left > 0) this.timer = setTimeout(() => this.look(), left);
    else this.replaceWith(document.importNode(this.querySelector("template").content, true));
  }
}

customElements.define("confirm-later", ConfirmLater);
