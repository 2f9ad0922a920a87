// A button that asks the browser for a passkey, and hands what it answers to the form around it or to an address.
// What travels is read and written by webauthn-json, which comes with the package that checks it.

class PassKey extends HTMLElement {
  connectedCallback() {
    if (!window.PublicKeyCredential || !window.webauthnJSON) return;
    this.hidden = false;
    this.button = this.querySelector("button");
    this.line = this.querySelector("[role=status]");
    this.button.addEventListener("click", () => this.use());
  }

  async use() {
    this.button.disabled = true;
    try {
      const options = await this.options();
      const ask = "create" in this.dataset ? window.webauthnJSON.create : window.webauthnJSON.get;
      await this.hand(await ask(options));
    } catch (error) {
      // Closing the browser's dialog is an answer too: the button is there for another try.
      if (!(error instanceof DOMException || error instanceof TypeError || error instanceof SyntaxError)) throw error;
      this.line.textContent = this.line.dataset.failed;
    } finally {
      this.button.disabled = false;
    }
  }

  async options() {
    if (!this.dataset.url) return made(JSON.parse(this.dataset.options), "create" in this.dataset);
    const answer = await fetch(this.dataset.url, { headers: { Accept: "application/json" } });
    const said = await answer.json();
    return said.request_options ?? said;
  }

  async hand(credential) {
    const form = this.closest("form");
    const field = form.querySelector("[name=credential]");
    if (field) {
      field.value = JSON.stringify(credential);
      return form.requestSubmit();
    }
    const headers = { "Content-Type": "application/json", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value };
    const answer = await fetch(this.dataset.url, { method: "POST", headers, body: JSON.stringify(credential) });
    if (!answer.ok) {
      this.line.textContent = (await answer.json()).message;
      return undefined;
    }
    return this.confirmed(form);
  }

  // The fields are needed no more; what follows is pressed by the person, not by this script.
  confirmed(form) {
    const fields = this.closest("fieldset");
    for (const field of fields.querySelectorAll("input")) field.closest(".field").remove();
    this.button.remove();
    this.line.textContent = this.line.dataset.done;
    form.querySelector(".button.primary, .actions button")?.focus();
  }
}

// A passkey is kept by its device where that can, and always asks for a fingerprint or a PIN.
function made(options, create) {
  if (create) Object.assign(options.publicKey.authenticatorSelection, { residentKey: "preferred", requireResidentKey: false, userVerification: "required" });
  return options;
}

customElements.define("pass-key", PassKey);

// Enter in the password presses the button below it: in a form where Enter otherwise does nothing, here it is meant.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing || !event.target.matches(".confirm input")) return;
  event.preventDefault();
  event.target.form.requestSubmit(event.target.form.querySelector(".actions .button.primary, .actions .button"));
});
