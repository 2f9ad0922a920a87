// The windows over the room: keys, channels and filters, a comment.

import { ACTIONS, named, shown } from "./keys.js";
import { BANDS } from "./montage.js";

const LOW = [0, 0.1, 0.3, 0.5, 1, 5, 10];
const HIGH = [0, 15, 30, 35, 50, 70, 100];
const MODIFIERS = ["Shift", "Control", "Alt", "Meta", "AltGraph", "Tab", "Escape"];

export class Dialogs {
  constructor(room) {
    this.room = room;
    this.words = room.words;
    this.dialog = (name) => room.querySelector(`[data-dialog="${name}"]`);
    const form = room.querySelector("[data-comment-form]");
    form.addEventListener("submit", (event) => this.commented(event.submitter?.value === "keep"));
    room.addEventListener("click", (event) => this.click(event));
    this.dialog("channels").addEventListener("change", (event) => this.changed(event));
  }

  click({ target }) {
    const action = target.closest?.("[data-dialog] [data-do]")?.dataset.do;
    const acts = {
      addTrace: () => this.add(),
      resetMontage: () => this.reset(),
      swapKeys: () => this.swapped(true),
      leaveKeys: () => this.swapped(false),
      resetKeys: () => { this.room.keys.reset(); this.keyTable(); },
    };
    acts[action]?.();
    const key = target.closest?.("[data-assign]");
    if (key) this.listenFor(key);
  }

  // --- keys -------------------------------------------------------------------------------------

  help() {
    this.swapped(false);
    this.room.querySelector("[data-field=single]").checked = this.room.keys.single;
    this.keyTable();
    this.dialog("help").showModal();
  }

  keyTable() {
    const lines = Object.keys(ACTIONS).map((action) => {
      const line = document.createElement("li");
      const name = element("span", { textContent: this.words.actions[action] });
      const keys = element("span", { className: "key-caps" });
      const caps = this.room.keys.of(action).map((key) => element("kbd", { textContent: shown(key) }));
      keys.append(...(caps.length ? caps : [`▲ ${this.words.no_key}`]));
      const change = element("button", { type: "button", className: "button small", textContent: this.words.change_key });
      change.dataset.assign = action;
      change.setAttribute("aria-label", `${this.words.change_key}: ${this.words.actions[action]}`);
      line.append(name, keys, change);
      return line;
    });
    this.room.querySelector("[data-key-table]").replaceChildren(...lines);
  }

  // The next key pressed becomes that of the action; Esc leaves it as it was.
  listenFor(button) {
    const action = button.dataset.assign;
    const status = this.room.querySelector("[data-key-status]");
    status.textContent = this.words.press_key.replace("{action}", this.words.actions[action]);
    const take = (event) => {
      if (MODIFIERS.includes(event.key) && event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      document.removeEventListener("keydown", take, true);
      status.textContent = "";
      if (event.key !== "Escape") this.offer(action, named(event)[0]);
    };
    this.swap = null;
    this.room.querySelector("[data-key-swap]").hidden = true;
    document.addEventListener("keydown", take, true);
  }

  // A key that another action has is only swapped when that was said and wanted.
  offer(action, key) {
    const other = this.room.keys.holder(key, action);
    if (!other) {
      this.assign(action, key);
      return;
    }
    const { words } = this;
    const asked = words.key_taken.replace("{key}", shown(key)).replace("{other}", words.actions[other]).replace("{action}", words.actions[action]);
    this.room.querySelector("[data-key-status]").textContent = asked;
    this.swap = () => this.assign(action, key);
    const buttons = this.room.querySelector("[data-key-swap]");
    buttons.hidden = false;
    buttons.querySelector("button").focus();
  }

  assign(action, key) {
    this.room.keys.assign(action, key);
    this.keyTable();
    this.room.querySelector(`[data-assign="${action}"]`).focus();
  }

  // Ends the question whether to swap.
  swapped(wanted) {
    const { swap } = this;
    this.swap = null;
    this.room.querySelector("[data-key-status]").textContent = "";
    this.room.querySelector("[data-key-swap]").hidden = true;
    if (wanted) swap?.();
  }

  // --- channels and filters ---------------------------------------------------------------------

  channels() {
    this.fill();
    this.dialog("channels").showModal();
  }

  fill() {
    const { montage, setup } = this.room;
    this.room.querySelector("[data-field=negativeUp]").checked = setup.negativeUp ?? true;
    const kinds = [...new Set(montage.all.map(({ kind }) => kind))].filter((kind) => kind in BANDS);
    this.room.querySelector("[data-bands]").replaceChildren(...kinds.map((kind) => this.bandRow(kind)));
    this.room.querySelector("[data-trace-table]").replaceChildren(...montage.all.map((trace) => this.traceRow(trace)));
    const plus = this.room.querySelector("[data-field=plus]");
    plus.replaceChildren(...[...montage.channels.values()].map(({ number, label }) => new Option(label, number)));
    this.partners();
  }

  bandRow(kind) {
    const row = document.createElement("tr");
    const name = element("th", { scope: "row", textContent: this.words.kinds[kind] ?? kind });
    row.append(name, this.limit(kind, "low", LOW), this.limit(kind, "high", HIGH));
    return row;
  }

  limit(kind, side, offered) {
    const { montage, format } = this.room;
    const now = montage.band(kind)[side];
    const select = document.createElement("select");
    select.dataset.band = kind;
    select.dataset.side = side;
    select.setAttribute("aria-label", `${this.words.kinds[kind] ?? kind}, ${this.words[side]}`);
    const values = [...new Set([...offered, now])].sort((a, b) => a - b);
    select.append(...values.map((value) => new Option(value ? format(value, value % 1 ? 1 : 0) : this.words.open, value, false, value === now)));
    return cell(select);
  }

  traceRow(trace) {
    const { montage } = this.room;
    const row = document.createElement("tr");
    const shownNow = montage.traces.some(({ label }) => label === trace.label);
    const box = (name, checked, label) => {
      const input = element("input", { type: "checkbox", checked });
      input.dataset[name] = trace.label;
      if (label) input.setAttribute("aria-label", `${trace.label}: ${label}`);
      return input;
    };
    const choice = element("label", { className: "check" });
    choice.append(box("show", shownNow), element("span", { textContent: trace.label }));
    const gain = element("span", { className: "tool-set" });
    const value = element("output", { className: "tool-value", textContent: `× ${this.room.format(montage.gain(trace), 2)}` });
    gain.append(this.step(trace, -1, "−", this.words.actions.smaller), value, this.step(trace, 1, "+", this.words.actions.larger));
    row.append(cell(choice), cell(gain), cell(box("inverted", (this.room.setup.inverted ?? []).includes(trace.label), this.words.inverted)));
    return row;
  }

  step(trace, by, sign, label) {
    const button = element("button", { type: "button", className: "button icon", textContent: sign });
    button.setAttribute("aria-label", `${trace.label}: ${label}`);
    button.addEventListener("click", () => {
      this.room.gain(by, trace);
      button.parentElement.querySelector("output").textContent = `× ${this.room.format(this.room.montage.gain(trace), 2)}`;
    });
    return button;
  }

  partners() {
    const { montage } = this.room;
    const plus = Number(this.room.querySelector("[data-field=plus]").value);
    const options = montage.partners(plus).map(({ number, label }) => new Option(label, number));
    this.room.querySelector("[data-field=minus]").replaceChildren(new Option(this.words.as_recorded, ""), ...options);
  }

  changed({ target }) {
    const { montage } = this.room;
    if (target.dataset.field === "plus") this.partners();
    if (target.dataset.band) montage.setBand(target.dataset.band, target.dataset.side, Number(target.value));
    if (target.dataset.show !== undefined) montage.show(target.dataset.show, target.checked);
    if (target.dataset.inverted !== undefined) montage.invert({ label: target.dataset.inverted });
    this.room.refiltered();
  }

  add() {
    const [plus, minus] = ["plus", "minus"].map((name) => this.room.querySelector(`[data-field=${name}]`).value);
    this.room.montage.add(Number(plus), minus === "" ? null : Number(minus));
    this.room.refiltered();
    this.fill();
  }

  reset() {
    this.room.montage.reset();
    this.room.refiltered();
    this.fill();
  }

  // --- comment ----------------------------------------------------------------------------------

  comment(epoch) {
    this.epoch = epoch;
    this.box.value = this.room.scored.comment(epoch);
    this.dialog("comment").showModal();
    this.box.focus();
  }

  get box() {
    return this.room.querySelector("#epoch-comment");
  }

  commented(kept) {
    const text = this.box.value.trim();
    if (kept && text !== this.room.scored.comment(this.epoch)) this.room.act({ kind: "comment", epoch: this.epoch, text });
  }
}

function element(name, fields = {}) {
  return Object.assign(document.createElement(name), fields);
}

function cell(content) {
  const made = document.createElement("td");
  made.append(content);
  return made;
}
