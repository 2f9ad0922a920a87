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
  }

  async look() {
    const asked = ++this.asked;
    const chosen = this.file.files[0];
    const answer = chosen ? await this.ask(chosen) : null;
    if (asked !== this.asked) return;
    if (answer) this.area.innerHTML = answer;
    else this.area.replaceChildren(...this.typed);
  }

  // Nothing to show for an unreadable file or a lost connection: the upload itself says what is wrong.
  async ask(file) {
    try {
      const head = await file.slice(0, await headerBytes(file)).arrayBuffer();
      const response = await fetch(`${this.area.dataset.address}?size=${file.size}`, {
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
