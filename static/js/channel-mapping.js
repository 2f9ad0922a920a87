// Shows which channels of a chosen recording would be read, from its header alone, before it is sent.
// Without this script the names can still be typed.

const MAIN_BYTES = 256;
const MOST_SIGNALS = 1024;

export class ChannelMapping {
  constructor(area, file) {
    this.area = area;
    this.file = file;
    this.typed = [...area.childNodes];
    this.asked = 0;
    file.addEventListener("change", () => this.look());
    area.addEventListener("change", (event) => event.target.matches("select") && this.doubt(event.target.id));
    area.addEventListener("click", (event) => event.target.closest("[data-names]") && this.names());
  }

  // What is doubtful about the channels chosen now, told before they are sent; the hand stays where it was.
  async doubt(id) {
    await this.look(Object.fromEntries(this.selects().map((select) => [select.name, select.value])));
    document.getElementById(id)?.focus();
  }

  names() {
    const first = this.selects()[0];
    for (const select of this.selects()) select.value = select.dataset.found;
    this.doubt(first.id);
  }

  selects() {
    return [...this.area.querySelectorAll("select[data-found]")];
  }

  async look(channels = {}) {
    const asked = ++this.asked;
    const chosen = this.file.files[0];
    const answer = chosen ? await this.ask(chosen, channels) : null;
    if (asked !== this.asked) return;
    if (answer) this.area.innerHTML = answer;
    else if (!Object.keys(channels).length) this.area.replaceChildren(...this.typed);
  }

  // Nothing to show for an unreadable file or a lost connection: the upload itself says what is wrong.
  async ask(file, channels) {
    try {
      const head = await file.slice(0, await headerBytes(file)).arrayBuffer();
      const response = await fetch(`${this.area.dataset.address}?${new URLSearchParams({ size: file.size, ...channels })}`, {
        method: "POST",
        body: head,
        headers: {
          "Content-Type": "application/octet-stream",
          "X-CSRFToken": this.file.form.elements.csrfmiddlewaretoken.value,
        },
      });
      return response.ok ? await response.text() : null;
    } catch {
      return null;
    }
  }
}

async function headerBytes(file) {
  const count = Number(await file.slice(MAIN_BYTES - 4, MAIN_BYTES).text());
  return MAIN_BYTES * (1 + Math.min(Math.max(count || 0, 0), MOST_SIGNALS));
}
