// Every act is kept in this browser before it is sent, and leaves it when the server has kept it: a lost connection,
// an ended session or a reload in the middle loses nothing. Sent twice, an act is one act: each has an id of its own.
// Words of a comment stay in this tab; they go with it and at log-out, as all text that is not saved yet (kept.js).

const MOST = 200;
const SOON = 120;
const WAITS = [1000, 2000, 4000, 8000, 15000];
const GONE = [400, 404, 409, 413, 422];
const LOGGED_OUT = [401, 403];
const ALL = "";
const MOMENT = /^\d{15}\.\d{6}$/;

export class Queue {
  // `answered(answer)` gets what the server says, `changed()` is told whenever the state to show is another.
  constructor({ user, study, url, token, window: name, answered, changed }) {
    Object.assign(this, { url, token, name, answered, changed });
    this.acts = `unsent:${user}:${study}:`;
    this.texts = [`unsaved:${user}:`, `:${study}`];
    this.count = 0;
    this.tries = 0;
    this.waiting = this.stored();
    this.problem = "";
    this.refused = [];
    this.online = () => this.soon(0);
    window.addEventListener("online", this.online);
  }

  close() {
    window.removeEventListener("online", this.online);
    clearTimeout(this.timer);
  }

  // In the order they were done, whichever of the two places they are in.
  stored() {
    const found = [];
    for (const [store, [before, after]] of [[localStorage, [this.acts, ""]], [sessionStorage, this.texts]]) {
      for (const key of Object.keys(store)) {
        const moment = key.slice(before.length, key.length - after.length);
        if (key.startsWith(before) && key.endsWith(after) && MOMENT.test(moment)) found.push({ moment, key, act: JSON.parse(store.getItem(key)) });
      }
    }
    return found.sort((a, b) => (a.moment < b.moment ? -1 : 1)).map(({ key, act }) => ({ key, act }));
  }

  get unsent() {
    return this.waiting.map(({ act }) => act);
  }

  add(fields) {
    const act = { id: crypto.randomUUID?.() ?? uuid(), at: new Date().toISOString(), ...fields };
    this.count += 1;
    const moment = `${String(Date.now()).padStart(15, "0")}.${String(this.count).padStart(6, "0")}`;
    const [store, before, after] = act.kind === "comment" ? [sessionStorage, ...this.texts] : [localStorage, this.acts, ""];
    const key = before + moment + after;
    store.setItem(key, JSON.stringify(act));
    this.waiting.push({ key, act });
    if (act.kind !== "seen") this.refused = this.refused.filter(({ thing }) => thing !== thingOf(act));
    this.changed();
    this.soon(SOON);
    return act;
  }

  soon(wait) {
    clearTimeout(this.timer);
    if (this.scoring === undefined || !this.waiting.length) return;
    this.timer = setTimeout(() => this.send(), wait);
  }

  async send() {
    if (this.sending) return;
    this.sending = true;
    const batch = this.waiting.slice(0, MOST);
    const outcome = await this.post(batch.map(({ act }) => act));
    this.sending = false;
    if (outcome.answer) this.taken(batch, outcome.answer);
    else this.failed(batch, outcome);
    this.changed();
  }

  async post(events) {
    const body = JSON.stringify({ scoring: this.scoring, base: this.base ?? 0, window: this.name, events });
    const headers = { "Content-Type": "application/json", "X-CSRFToken": this.token };
    try {
      const answer = await fetch(this.url, { method: "POST", body, headers });
      if (answer.redirected) return { status: 401 };
      const said = await answer.json().catch(() => ({}));
      return answer.ok ? { answer: said } : { status: answer.status, text: said.message ?? said.text ?? said.detail ?? "" };
    } catch {
      return { status: 0 };
    }
  }

  taken(batch, answer) {
    this.tries = 0;
    this.problem = "";
    this.drop(batch);
    this.refuse(batch, answer.refused ?? []);
    this.answered(answer, batch.map(({ act }) => act));
    this.soon(0);
  }

  // Why an act was not taken stays to be read until it is put away or the same thing is done again.
  refuse(batch, refused) {
    const acts = new Map(batch.map(({ act }) => [act.id, act]));
    this.refused.push(...refused.map(({ id, text }) => ({ text, thing: thingOf(acts.get(id) ?? {}) })));
  }

  dismiss() {
    this.refused = [];
    this.changed();
  }

  drop(batch) {
    const keys = new Set(batch.map(({ key }) => key));
    for (const key of keys) {
      localStorage.removeItem(key);
      sessionStorage.removeItem(key);
    }
    this.waiting = this.waiting.filter(({ key }) => !keys.has(key));
  }

  // What the server will never take stays to be seen until the page is left; what it did not get is sent again.
  failed(batch, { status, text }) {
    if (GONE.includes(status)) {
      this.problem = "refused";
      this.drop(batch);
      this.refused = text ? [{ text, thing: ALL }] : [];
      this.answered({ refused: batch.map(({ act }) => ({ id: act.id })), closed: true }, []);
      return;
    }
    this.problem = LOGGED_OUT.includes(status) ? "login" : "offline";
    this.timer = setTimeout(() => this.send(), WAITS[Math.min(this.tries, WAITS.length - 1)]);
    this.tries += 1;
  }
}

function thingOf({ kind, epoch, onset_s: onset }) {
  return [kind, epoch ?? onset ?? ""].join(" ");
}

// Pages of a test server without encryption have no generator of their own.
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
