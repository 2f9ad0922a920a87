// The report as it is typed: saved by itself. A cut line, an ended session, another window or a reload loses
// nothing: what is not saved stays in its fields and in this tab, and the field being typed in says so.

import * as kept from "./kept.js";

const PAUSE_MS = 800;
const AGAIN_MS = 5000;
// A request that outlives its page may carry 64 KiB; letters of two bytes leave room for the rest of the form.
const OUTLIVES = 28_000;
// How many saves without an answer are remembered.
const LAST = 3;

class WrittenReport extends HTMLElement {
  connectedCallback() {
    this.form = this.closest("form");
    this.saving = null;
    this.stopped = "";
    this.unanswered = [];
    kept.dropOthers(this.dataset.user);
    this.saved = "unsaved" in this.dataset ? null : this.asServed();
    this.restore();
    // Chosen on a page that was still loading.
    for (const choice of this.querySelectorAll("[name^=choice-]:checked")) this.chosen(choice);
    if (this.hasOthers()) this.stop("other");
    this.stoppers = new AbortController();
    const { signal } = this.stoppers;
    this.addEventListener("input", (event) => this.typed(event));
    this.addEventListener("change", () => this.changed());
    this.addEventListener("click", (event) => this.pressed(event));
    this.form.addEventListener("submit", (event) => this.submitted(event), { signal });
    addEventListener("online", () => this.later(0), { signal });
    addEventListener("focus", () => this.later(0), { signal });
    addEventListener("pageshow", () => { this.leaving = false; }, { signal });
    addEventListener("pagehide", () => this.save(), { signal });
    document.addEventListener("visibilitychange", () => { if (document.hidden) this.save(); }, { signal });
    addEventListener("beforeunload", (event) => this.warn(event), { signal });
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    this.stoppers.abort();
  }

  fields() { return [...this.querySelectorAll("textarea")]; }

  texts() { return Object.fromEntries(this.fields().map((field) => [field.name, field.value])); }

  now() { return JSON.stringify([this.language(), this.texts()]); }

  // What the page came with: a key may have been pressed in it before this ran.
  asServed() {
    const languages = [...this.querySelector("[name=report_language]").options];
    const language = (languages.find((one) => one.defaultSelected) ?? languages[0]).value;
    return JSON.stringify([language, Object.fromEntries(this.fields().map((field) => [field.name, field.defaultValue]))]);
  }

  language() { return this.querySelector("[name=report_language]").value; }

  get unsaved() { return this.now() !== this.saved; }

  hasOthers() { return this.querySelector("[name=theirs]") !== null; }

  // What this tab kept of the last page goes on where it was, with the save it was typed over.
  restore() {
    const copy = kept.get(this.dataset.user, this.dataset.study);
    for (const field of copy ? this.fields() : []) {
      const text = copy.texts[field.name] ?? "";
      if (!same(text, field.value)) field.value = text;
    }
    if (!this.unsaved) return kept.drop(this.dataset.user, this.dataset.study);
    if (copy && this.saved !== null) this.querySelector("[name=seen]").value = copy.seen;
    if (copy) this.unanswered = copy.unanswered;
    this.later(0);
  }

  keep() {
    const seen = this.querySelector("[name=seen]").value;
    kept.put(this.dataset.user, this.dataset.study, { seen, texts: this.texts(), unanswered: this.unanswered });
  }

  typed(event) {
    if (!event.target.matches("textarea")) return;
    this.at = event.target.closest(".reading-part");
    // Typed on after a choice: what stands in the field is what stays.
    const choice = this.at.querySelector("[name^=choice-]:checked");
    if (choice) this.at.querySelector("[value=mine]").checked = true;
    this.at.own = undefined;
    this.keep();
    if (this.stopped) this.tell();
    this.later(PAUSE_MS);
  }

  changed() {
    for (const field of this.fields()) field.lang = this.language();
    this.later(0);
  }

  later(pause) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), pause);
  }

  pressed(event) {
    if (event.target.name?.startsWith("choice-")) return this.chosen(event.target);
    const button = event.target.closest("button");
    if (!button) return;
    event.preventDefault();
    if (button.name === "fill") this.fill(button);
    else this.ask(button);
  }

  fill(button) {
    const every = button.value === "all";
    for (const one of every ? this.querySelectorAll("[data-for]") : [button]) {
      const field = this.querySelector(`[name="${one.dataset.for}"]`);
      if (field.value.trim()) continue;
      field.value = one.dataset[this.language()];
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }

  chosen(choice) {
    const part = choice.closest(".reading-part");
    const field = part.querySelector("textarea");
    const { other } = part.querySelector("[data-other]").dataset;
    part.own ??= field.value;
    field.value = { mine: part.own, theirs: other, both: [other, part.own].join("\n") }[choice.value];
    this.keep();
  }

  // Take over a colleague's text, or save what was chosen: the answer fills what was not typed in meanwhile.
  async ask(button) {
    const choices = [...this.querySelectorAll(".reading-other")];
    const open = choices.find((one) => !one.querySelector(":checked"));
    if (button.name === "decided" && open) return open.querySelector("input").focus();
    await this.saving;
    await this.save({ button });
  }

  async save({ button } = {}) {
    clearTimeout(this.timer);
    if (this.saving) return this.later(PAUSE_MS);
    if (this.leaving || (!button && (!this.unsaved || this.stopped === "other"))) return;
    const sent = this.now();
    this.unanswered = [...this.unanswered, this.texts()].slice(-LAST);
    if (this.unsaved) this.keep();
    this.saving = this.send(button);
    const answer = await this.saving;
    this.saving = null;
    if (!answer) return this.later(AGAIN_MS);
    const before = JSON.parse(sent)[1];
    if (answer.ok && button) this.adopt(answer.block, before);
    this.take(answer, answer.ok && button ? this.merged(before) : sent);
  }

  merged(before) {
    const texts = Object.fromEntries(Object.keys(before).map((name) => [name, this.given[name] ?? before[name]]));
    return JSON.stringify([this.language(), texts]);
  }

  adopt(block, before) {
    this.given = {};
    this.querySelector("[name=report_language]").value = block.querySelector("[name=report_language]").value;
    for (const field of this.fields()) {
      this.given[field.name] = block.querySelector(`[name="${field.name}"]`).value;
      if (field.value === before[field.name]) field.value = this.given[field.name];
    }
  }

  // The server's answer, or nothing while there is none; then the line at the field says why.
  async send(button, again = true) {
    const body = new FormData(this.form);
    const keepalive = this.now().length < OUTLIVES;
    if (button) body.set(button.name, button.value);
    try {
      const answer = await fetch(this.dataset.save, { method: "POST", body, keepalive, headers: { "HX-Request": "true" } });
      if (answer.redirected || answer.status === 403) {
        return (await this.renew()) && again ? this.send(button, false) : null;
      }
      const block = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("written-report");
      if (!block) throw new TypeError(`no report in the answer ${answer.status}`);
      if (block.dataset.user !== this.dataset.user) return this.stop("person") || null;
      return { ok: answer.ok, block };
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      this.stop("offline");
      return null;
    }
  }

  // A new log-in has a new form token. Never save one person's text under the name of another.
  async renew() {
    const answer = await fetch(this.dataset.page);
    if (new URL(answer.url).pathname === this.dataset.login) return this.stop("session");
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const block = page.querySelector("written-report");
    if (block?.dataset.user !== this.dataset.user) return this.stop(block ? "person" : "closed");
    const token = page.querySelector("[name=csrfmiddlewaretoken]").value;
    for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) field.value = token;
    return true;
  }

  take({ ok, block }, sent) {
    if (!ok && this.isOurs(block)) {
      this.querySelector("[name=seen]").value = block.querySelector("[name=theirs]").value;
      this.unanswered = [];
      return this.later(0);
    }
    const seen = this.querySelector("[name=seen]").value;
    const old = this.querySelector("#reading-saved");
    const opened = new Set([...old.querySelectorAll("details[open] [name=take]")].map((one) => one.value));
    old.replaceWith(block.querySelector("#reading-saved"));
    for (const one of this.querySelectorAll("[name=take]")) one.closest("details").open = opened.has(one.value);
    this.differ(block);
    if (!ok) {
      this.querySelector("[name=seen]").value = seen;
      return this.stop(this.hasOthers() ? "other" : "refused");
    }
    this.saved = sent;
    this.unanswered = [];
    this.stop("");
    if (!this.unsaved) return kept.drop(this.dataset.user, this.dataset.study);
    this.keep();
    this.later(PAUSE_MS);
  }

  // The "other window" may be this one: a save whose answer never came, and more was typed since.
  isOurs(block) {
    const others = [...block.querySelectorAll(".reading-other")];
    const name = (one) => one.closest(".reading-part").querySelector("textarea").name;
    return others.length > 0 && this.unanswered.some((texts) => others.every((one) => same(texts[name(one)], one.dataset.other)));
  }

  differ(block) {
    for (const field of this.fields()) {
      const part = field.closest(".reading-part");
      part.own = undefined;
      part.querySelector(".reading-other")?.remove();
      const other = block.querySelector(`[name="${field.name}"]`)?.closest(".reading-part").querySelector(".reading-other");
      if (other) part.append(other);
    }
  }

  stop(why) {
    this.stopped = why;
    this.toggleAttribute("data-stopped", Boolean(why));
    this.tell();
    return false;
  }

  tell() {
    this.line ??= Object.assign(document.createElement("div"), { className: "note attention small reading-line" });
    this.line.setAttribute("role", "status");
    const said = this.stopped && this.querySelector("#reading-unsaved").content.querySelector(`[data-why=${this.stopped}]`);
    if (!said) return this.line.remove();
    const part = this.at ?? this.querySelector(".reading-part:has(.reading-other)") ?? this.querySelector(".reading-part");
    if (this.line.parentElement !== part) part.querySelector("textarea").after(this.line);
    if (this.line.firstElementChild?.dataset.why !== this.stopped) this.line.replaceChildren(said.cloneNode(true));
  }

  // A form that is sent while a save is under way would be taken for another window's.
  submitted(event) {
    clearTimeout(this.timer);
    if (!this.saving) {
      this.leaving = true;
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    this.saving.then(() => setTimeout(() => this.form.requestSubmit(event.submitter)));
  }

  warn(event) {
    if (this.stopped && this.unsaved && !this.leaving) event.preventDefault();
  }
}

// The server keeps no spaces at either end, and has one kind of line end.
function same(one, other) {
  return one.trim().replaceAll("\r\n", "\n") === other.trim();
}

customElements.define("written-report", WrittenReport);

// Signed, or not read yet: nothing is left to save.
if (!document.querySelector("written-report")) kept.dropStudy(location.pathname.split("/").at(-2));
