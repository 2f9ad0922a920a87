// The end of a session that nobody uses. Before it comes the page says so and keeps what was typed; when it has come
// the page shows nothing any more, and the log-in leads back here, where what was typed stands again.

import * as kept from "./kept.js";
import * as typed from "./typed.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
// When the time left is said aloud: every second would be noise.
const SAID_AT = [120, 60, 30, 10];
// What a person does to a page; `input` is also a keyboard on the screen, and words that are dictated.
const BUSY = ["keydown", "input", "pointerdown", "wheel", "touchstart"];

class SessionClock extends HTMLElement {
  connectedCallback() {
    const { left, idle, warn } = this.dataset;
    this.warn = Number(warn) * SECOND;
    this.every = Math.min(MINUTE, (Number(idle) * SECOND) / 5);
    this.window = this.querySelector("dialog");
    this.page = typed.home();
    this.heard(Number(left), Infinity);
    kept.dropOthers(this.dataset.user);
    typed.restore(this.dataset.user, this.page, this.querySelector("[data-kept]"));
    this.stoppers = new AbortController();
    const { signal } = this.stoppers;
    for (const name of BUSY) document.addEventListener(name, (event) => this.busy(event), { signal, capture: true, passive: true });
    document.addEventListener("submit", (event) => this.sending(event), { signal, capture: true });
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.look(); }, { signal });
    addEventListener("pageshow", () => this.look(), { signal });
    this.window.addEventListener("cancel", (event) => { event.preventDefault(); this.stay(); }, { signal });
    this.querySelector("[data-stay]").addEventListener("click", () => this.stay(), { signal });
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    this.stoppers.abort();
  }

  get left() { return this.ends - Date.now(); }

  // What the server says is left; the latest end is that of the shift, which no key press moves.
  heard(left, latest) {
    this.ends = Date.now() + left * SECOND;
    this.final = left >= latest;
    this.asked = Date.now();
    this.later();
  }

  later() {
    clearTimeout(this.timer);
    const wait = this.window.open ? SECOND : Math.max(0, this.left - this.warn);
    this.timer = setTimeout(() => this.look(), wait);
  }

  // Whoever types or points is there: told to the server now and then, not at every key. What scripts set off is nobody,
  // and so is every request they send: only this message and navigations count there.
  busy(event) {
    if (!event.isTrusted || this.window.open || this.left <= 0 || Date.now() - this.asked < this.every) return;
    this.asked = Date.now();
    this.ask(this.dataset.stay, { method: "POST", headers: { "X-CSRFToken": this.token } });
  }

  get token() { return this.querySelector("[name=csrfmiddlewaretoken]").value; }

  // Seconds left, or that nobody is logged in; a line that is down says neither.
  async ask(url, options) {
    try {
      const answer = await fetch(url, options);
      if (answer.redirected || answer.status === 401 || answer.status === 403) return "over";
      if (!answer.ok) return "unknown";
      const { user, left, latest } = await answer.json();
      // Somebody else logged in in another window: this page is no longer theirs to see.
      if (String(user) !== this.dataset.user) return "over";
      this.heard(left, latest);
      return left > 0 ? "open" : "over";
    } catch (error) {
      if (error instanceof TypeError || error instanceof SyntaxError) return "unknown";
      throw error;
    }
  }

  // Another window of the same person may have gone on meanwhile, or logged out: the server knows.
  async look({ now = false } = {}) {
    if (this.looking || this.over) return;
    if (this.left > this.warn && !now) return this.later();
    if (this.window.open && this.left > 0) return this.count();
    this.looking = true;
    typed.keep(this.dataset.user, this.page);
    if (this.left <= 0) this.cover();
    const state = await this.ask(this.dataset.state);
    this.looking = false;
    if (state === "over" || this.left <= 0) return this.end();
    this.uncover();
    if (this.left > this.warn) return this.close();
    return this.open();
  }

  open() {
    for (const part of this.querySelectorAll("[data-final]")) part.hidden = !this.final;
    for (const part of this.querySelectorAll("[data-idle-only]")) part.hidden = this.final;
    if (!this.window.open) this.window.showModal();
    this.count();
  }

  // What is typed stands on the page: only an end needs the copy.
  close() {
    typed.drop(this.dataset.user, this.page);
    if (this.window.open) this.window.close();
    this.later();
  }

  count() {
    const seconds = Math.max(0, Math.ceil(this.left / SECOND));
    this.querySelector("[data-clock]").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    const line = this.querySelector("[data-countdown]");
    const due = SAID_AT.findLast((one) => seconds <= one) ?? SAID_AT[0];
    if (due !== this.said) line.textContent = line.dataset.countdown.replace("{n}", seconds);
    this.said = due;
    this.later();
  }

  async stay() {
    const state = await this.ask(this.dataset.stay, { method: "POST", headers: { "X-CSRFToken": this.token } });
    if (state === "over") return this.end();
    return state === "open" && !this.final ? this.close() : this.look();
  }

  // Sent after the end, a form would be answered with the log-in page, and what was typed in it gone.
  sending(event) {
    if (event.target.closest("session-clock")) return;
    if (this.left > 0) return typed.drop(this.dataset.user, this.page);
    event.preventDefault();
    event.stopImmediatePropagation();
    this.look();
  }

  cover() { document.documentElement.toggleAttribute("data-covered", true); }

  uncover() { document.documentElement.toggleAttribute("data-covered", false); }

  // Nothing of the page is left in the window: hidden would still be there for whoever looks.
  end() {
    if (this.over) return;
    this.over = true;
    typed.keep(this.dataset.user, this.page);
    const ended = this.querySelector("template").content.cloneNode(true);
    ended.querySelector("a").href = `${this.dataset.login}?next=${encodeURIComponent(this.page)}`;
    if (this.window.open) this.window.close();
    document.title = "Vigie";
    document.body.className = "entrance";
    document.body.replaceChildren(ended);
    this.uncover();
    document.querySelector("h1").focus();
  }
}

customElements.define("session-clock", SessionClock);
