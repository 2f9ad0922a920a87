// Why the draft says what it says of an epoch: fetched when the eye rests on it, never shown of another one.

const AFTER = 350;
const KEPT = 60;

export class Why {
  constructor(room, place) {
    this.room = room;
    this.place = place;
    this.epoch = null;
    this.read = new Map();
    window.addEventListener("online", () => this.again(), { signal: room.left.signal });
  }

  show(epoch) {
    if (this.epoch === epoch) return;
    this.epoch = epoch;
    clearTimeout(this.waiting);
    if (this.read.has(epoch)) this.fill(epoch);
    else {
      this.say(this.room.words.why_reading);
      this.waiting = setTimeout(() => this.fetch(epoch), AFTER);
    }
  }

  again() {
    const { epoch } = this;
    if (epoch === null || this.read.has(epoch)) return;
    this.epoch = null;
    this.show(epoch);
  }

  async fetch(epoch) {
    const got = await this.get(epoch);
    if (epoch !== this.epoch) return;
    if (!got) {
      this.say(this.room.words.why_offline);
      return;
    }
    this.fill(epoch);
    // The one that comes next, so that it is there at once and without a connection.
    const next = epoch + this.room.direction;
    if (next >= 0 && next < this.room.night.epochs) this.get(next);
  }

  // Returns whether the explanation of an epoch is there now.
  async get(epoch) {
    if (this.read.has(epoch)) return true;
    const url = this.room.data.urls.epoch.replace(/\/0\/$/, `/${epoch}/`);
    const answer = await fetch(url, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (!answer?.ok || answer.redirected) return false;
    const text = await answer.text().catch(() => null);
    if (text === null) return false;
    const { body } = new DOMParser().parseFromString(text, "text/html");
    body.querySelector(".epoch-steps")?.remove();
    this.read.set(epoch, body);
    if (this.read.size > KEPT) this.read.delete(this.read.keys().next().value);
    return true;
  }

  fill(epoch) {
    this.place.replaceChildren(...this.read.get(epoch).cloneNode(true).childNodes);
  }

  say(text) {
    this.place.replaceChildren(Object.assign(document.createElement("p"), { className: "quiet", textContent: text }));
  }
}
