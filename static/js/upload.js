// An upload that shows how far it is and can be cancelled. Without this script the form still sends.

import { ChosenFiles } from "./chosen-files.js";
import { ChannelMapping } from "./channel-mapping.js";

class UploadForm extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.file = this.querySelector("input[type=file]");
    this.box = this.querySelector("[data-progress]");
    this.bar = this.querySelector("progress");
    this.text = this.querySelector("[data-text]");
    this.problems = this.querySelector("[data-problems]");
    this.cancel = this.querySelector("[data-cancel]");
    this.send = this.form.querySelector("button:not([type=button])");
    this.form.addEventListener("submit", (event) => this.start(event));
    this.cancel.addEventListener("click", () => this.request?.abort());
    const several = this.querySelector("[data-files]");
    this.chosen = new ChosenFiles(this, this.file, several, (sentence) => this.complain([sentence]));
    const channels = this.querySelector("[data-channels]");
    if (channels) this.mapping = new ChannelMapping(channels, this.file);
    this.followDrag(this.querySelector("[data-drop]"));
  }

  followDrag(area) {
    for (const name of ["dragenter", "dragover"]) {
      area.addEventListener(name, (event) => {
        event.preventDefault();
        area.classList.add("over");
      });
    }
    for (const name of ["dragleave", "drop"]) area.addEventListener(name, () => area.classList.remove("over"));
    area.addEventListener("drop", (event) => {
      event.preventDefault();
      this.chosen.drop(event.dataTransfer);
    });
  }

  start(event) {
    event.preventDefault();
    if (this.request) return;
    const wrong = this.chosen.problem();
    if (wrong) {
      delete this.form.dataset.sent;
      this.complain([wrong]);
      return;
    }
    const request = new XMLHttpRequest();
    this.request = request;
    request.open("POST", location.pathname);
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "json";
    request.upload.addEventListener("progress", (step) => this.show(step.loaded, step.total));
    request.upload.addEventListener("load", () => { this.text.textContent = this.text.dataset.storing; });
    request.addEventListener("load", () => this.answered(request));
    request.addEventListener("error", () => this.stopped(this.text.dataset.failed));
    request.addEventListener("abort", () => this.stopped(this.text.dataset.cancelled));
    this.working(true);
    request.send(new FormData(this.form));
  }

  show(sent, total) {
    const percent = Math.floor((100 * sent) / total);
    if (percent === Number(this.bar.value)) return;
    this.bar.value = percent;
    this.text.textContent = `${percent} % ${this.text.dataset.sending}`;
  }

  answered(request) {
    if (request.status === 200 && request.response?.url) {
      location.assign(request.response.url);
      return;
    }
    const sentences = request.response?.problems;
    this.stopped(sentences ? "" : this.text.dataset.failed);
    if (sentences) this.complain(sentences);
  }

  complain(sentences) {
    this.problems.querySelector("ul").replaceChildren(
      ...sentences.map((sentence) => Object.assign(document.createElement("li"), { textContent: sentence })),
    );
    this.problems.hidden = false;
    this.box.hidden = true;
  }

  stopped(sentence) {
    this.working(false);
    this.text.textContent = sentence;
    this.box.hidden = !sentence;
  }

  working(on) {
    if (!on) this.request = null;
    if (!on) delete this.form.dataset.sent;
    this.box.hidden = false;
    this.bar.hidden = !on;
    this.bar.value = 0;
    this.problems.hidden = true;
    this.cancel.hidden = !on;
    this.send.disabled = on;
    this.chosen.lock(on);
  }
}

customElements.define("upload-form", UploadForm);
