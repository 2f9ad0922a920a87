// The files about to be sent: one and its size, or a list that grows with every choice and shrinks by buttons.

export class ChosenFiles {
  // Limits and words are read from the form's and the list's data attributes; `complain` shows a sentence.
  constructor(form, input, list, complain) {
    this.form = form;
    this.input = input;
    this.list = list;
    this.complain = complain;
    this.line = form.querySelector("[data-chosen]");
    this.files = [];
    input.addEventListener("change", () => this.add(input.files));
    list?.addEventListener("click", (event) => this.clicked(event));
    // A folder's files join the list; what was chosen in the folder's own field is not sent twice.
    const folder = form.querySelector("[data-folder-input]");
    folder?.addEventListener("change", () => {
      this.add(folder.files);
      folder.value = "";
    });
    this.add(input.files);
  }

  drop(transfer) {
    const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.());
    if (entries.some((entry) => entry?.isDirectory)) {
      if (this.list) this.complain(this.list.dataset.folder);
      return;
    }
    if (!transfer.files.length) return;
    if (!this.list) this.input.files = transfer.files;
    this.add(transfer.files);
  }

  add(chosen) {
    if (!this.list) {
      const [file] = chosen;
      this.line.textContent = file ? `${file.name} · ${this.size(file.size)}` : "";
      return;
    }
    const known = new Set(this.files.map(trace));
    this.show([...this.files, ...[...chosen].filter((file) => !known.has(trace(file)))]);
    const wrong = this.problem();
    if (wrong) this.complain(wrong);
  }

  show(files) {
    this.files = files;
    const transfer = new DataTransfer();
    for (const file of files) transfer.items.add(file);
    this.input.files = transfer.files;
    this.list.replaceChildren(...files.map((file, at) => this.row(file, at)));
    this.list.hidden = !files.length;
    const total = files.reduce((sum, file) => sum + file.size, 0);
    this.line.textContent = files.length ? `${files.length} ${this.list.dataset.count} · ${this.size(total)}` : "";
  }

  row(file, at) {
    const row = document.createElement("li");
    const name = Object.assign(document.createElement("span"), { className: "name", textContent: file.name });
    const size = Object.assign(document.createElement("span"), { className: "quiet numeric", textContent: this.size(file.size) });
    const remove = Object.assign(document.createElement("button"), { type: "button", className: "button small", textContent: this.list.dataset.remove });
    remove.dataset.at = at;
    remove.setAttribute("aria-label", `${this.list.dataset.remove} ${at + 1}: ${file.name}`);
    row.append(name, size, remove);
    return row;
  }

  clicked(event) {
    const button = event.target.closest("button[data-at]");
    if (!button || button.disabled) return;
    const at = Number(button.dataset.at);
    const [gone] = this.files.slice(at, at + 1);
    this.show(this.files.filter((_, number) => number !== at));
    this.line.textContent = [`${gone.name} ${this.list.dataset.removed}`, this.line.textContent].filter(Boolean).join(" · ");
    const buttons = this.list.querySelectorAll("button");
    (buttons[Math.min(at, buttons.length - 1)] ?? this.input).focus();
  }

  // What the server would refuse after everything was sent; empty when nothing is wrong.
  problem() {
    if (!this.list) return "";
    const { maxFiles, maxBytes } = this.form.dataset;
    if (this.files.length > Number(maxFiles)) return this.list.dataset.tooMany;
    const total = this.files.reduce((sum, file) => sum + file.size, 0);
    return this.files.length > 1 && total > Number(maxBytes) ? this.list.dataset.tooLarge : "";
  }

  lock(on) {
    for (const button of this.list?.querySelectorAll("button") ?? []) button.disabled = on;
  }

  size(bytes) {
    const megabytes = (bytes && Math.max(0.1, bytes / 1e6)).toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1 });
    return `${megabytes} ${this.form.dataset.unit}`;
  }
}

// Two choices of the same file are one.
function trace(file) {
  return [file.name, file.size, file.lastModified].join("/");
}
