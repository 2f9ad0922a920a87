// The scoring room: pages of signals, the night under them, what is scored beside, and one keyboard for all.

import { Acting } from "./acting.js";
import { Dialogs } from "./dialogs.js";
import { Envelopes } from "./envelopes.js";
import { Keys } from "./keys.js";
import { Montage } from "./montage.js";
import { BLOCK, PAGES } from "./moving.js";
import { Night } from "./night.js";
import { Overview } from "./overview.js";
import { palette } from "./palette.js";
import { Panel } from "./panel.js";
import { Pyramid } from "./pyramid.js";
import { Queue } from "./queue.js";
import { Ruler } from "./ruler.js";
import { Scored } from "./scored.js";
import { keep, kept, windowName } from "./setup.js";
import { Signals } from "./signals.js";
import { spectrogram } from "./spectrogram.js";
import { Stage } from "./stage.js";
import { Traces } from "./traces.js";

// Milliseconds that good news of the page before stays over the signals.
const MESSAGES = 6000;
// Milliseconds that what stands needs not be asked for again.
const FRESH = 2000;
const STAGES = ["W", "N1", "N2", "N3", "R"];

class ScoringRoom extends Acting {
  connectedCallback() {
    const data = JSON.parse(document.getElementById("room-data").textContent);
    this.data = data;
    this.words = data.words;
    this.format = formatter();
    this.setup = kept(data.user);
    this.night = new Night(data.night, data.signals);
    this.scored = new Scored(this.night);
    this.montage = new Montage(data.signals, this.setup);
    this.keys = new Keys(data.user);
    this.colours = palette(this);
    this.writable = false;
    this.turned = "";
    this.left = new AbortController();
    this.view = { start: 0, seconds: data.signals ? this.setup.page ?? BLOCK : BLOCK, epoch: this.remembered() };
    this.direction = 1;
    this.parts(data);
    this.listen();
    this.panel.pages(PAGES, this.view.seconds);
    this.go(this.view.epoch);
    this.load();
    setTimeout(() => { for (const note of document.querySelectorAll(".messages .note:not(.attention)")) note.remove(); }, MESSAGES);
  }

  parts(data) {
    const later = () => this.draw();
    const index = data.signals ?? { montage: [], channels: [] };
    const blocks = Math.ceil(this.night.length / BLOCK);
    this.pyramid = new Pyramid({ index, url: data.urls.pyramid, came: () => { this.stale = true; later(); } });
    this.signals = data.signals
      ? new Signals({ index, url: absolute(data.urls.signals), worker: this.dataset.worker, seconds: BLOCK, blocks, came: later })
      : { get: () => null, want() {}, close() {}, seconds: BLOCK, problem: 0 };
    this.envelopes = data.signals
      ? new Envelopes({ index, url: absolute(data.urls.signals), worker: this.dataset.envelopes, seconds: BLOCK, blocks, came: later })
      : { trace: () => null, whole: () => false, want() {}, close() {}, problem: 0 };
    const shared = { night: this.night, pyramid: this.pyramid, montage: this.montage, colours: this.colours, words: this.words };
    this.traces = new Traces(this.querySelector("[data-traces]"), this.querySelector("[data-traces-below]"), { ...shared, signals: this.signals, envelopes: this.envelopes, format: this.format });
    this.traces.guides = this.setup.guides !== false;
    this.overview = new Overview(this, { ...shared, jump: (epoch) => this.go(epoch) });
    this.overview.spoken = (epoch) => this.spoken(epoch);
    this.ruler = new Ruler(this.format);
    this.stage = new Stage(this.querySelector("[data-stage]"), this);
    this.panel = new Panel(this);
    this.dialogs = new Dialogs(this);
    this.queue = new Queue({
      user: data.user,
      study: data.study,
      url: data.urls.events,
      token: this.querySelector("[name=csrfmiddlewaretoken]").value,
      window: windowName(data.study),
      answered: (answer, acts) => this.answered(answer, acts),
      changed: () => this.panel.saving(this.queue),
    });
    this.rows(data);
  }

  // Rows of the night that there is nothing for stay away.
  async rows(data) {
    const row = (name, there) => { for (const part of this.querySelectorAll(`[data-row="${name}"]`)) part.hidden = !there; };
    row("oxygen", this.montage.given.some(({ kind }) => kind === "spo2"));
    const found = await spectrogram(data.urls.spectrogram);
    if (!found) return;
    this.overview.spectrogram = found.canvas;
    this.querySelector("[data-spectrogram-label]").textContent = `${found.label} 0–${found.highest} Hz`;
    row("spectrogram", true);
    this.stale = true;
    this.draw();
  }

  listen() {
    const { signal } = this.left;
    document.addEventListener("keydown", (event) => this.key(event), { signal });
    this.addEventListener("click", (event) => this.click(event), { signal });
    this.addEventListener("change", (event) => this.change(event), { signal });
    this.addEventListener("pointerdown", () => { this.pointing = true; }, { signal });
    this.addEventListener("keydown", () => { this.pointing = false; }, { signal, capture: true });
    window.addEventListener("beforeunload", (event) => this.queue.unsent.length && this.queue.problem === "refused" && event.preventDefault(), { signal });
    window.addEventListener("focus", () => this.catchUp(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.catchUp(), { signal });
    window.addEventListener("pagehide", () => this.remember(), { signal });
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolour(), { signal });
    for (const name of ["beforeprint", "afterprint"]) window.addEventListener(name, () => this.recolour(true), { signal });
    this.watcher = new ResizeObserver(() => {
      this.stale = true;
      this.draw();
    });
    this.watcher.observe(this.querySelector("[data-stage]"));
    this.watcher.observe(this.querySelector("[data-plots]"));
  }

  disconnectedCallback() {
    this.remember();
    this.left.abort();
    this.watcher.disconnect();
    this.queue.close();
    this.signals.close();
    this.envelopes.close();
  }

  recolour(now = false) {
    Object.assign(this.colours, palette(this));
    this.stale = true;
    if (now) this.paint();
    else this.draw();
  }

  remembered() {
    const asked = Number(new URLSearchParams(location.search).get("epoch")) || Number(sessionStorage.getItem(`scoring-place:${this.data.study}`));
    return this.night.clamp((asked || 1) - 1);
  }

  remember() {
    sessionStorage.setItem(`scoring-place:${this.data.study}`, String(this.view.epoch + 1));
  }

  // --- what stands, and what is sent ------------------------------------------------------------

  // Another window of the same scorer may have gone on meanwhile.
  catchUp() {
    if (this.state && !this.queue.unsent.length && Date.now() - this.loaded > FRESH) this.load();
  }

  async load() {
    clearTimeout(this.reloading);
    this.loaded = Date.now();
    const { base, scoring } = this.queue;
    const answer = await fetch(this.data.urls.state, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok || answer.redirected) {
      this.panel.notice(this.words.no_state);
      this.reloading = setTimeout(() => this.load(), 5000);
      return;
    }
    const state = await answer.json();
    // What was done meanwhile is sent first, and then asked for again.
    if (this.state && this.queue.unsent.length) this.again = true;
    // So much was kept since it was asked for that it is of yesterday.
    else if (this.state && (this.queue.base !== base || this.queue.scoring !== scoring)) this.load();
    else this.stand(state);
  }

  stand(state) {
    const fresh = !this.state;
    this.state = state;
    this.dataset.stands = "";
    this.writable = state.may_score && !state.closed;
    const fits = state.stages.length === this.night.epochs;
    if (fits) this.scored.load(state, fresh ? this.queue.unsent : null);
    const { blind } = this;
    this.blind = undefined;
    this.writable = this.writable && fits;
    this.queue.scoring = state.scoring;
    this.queue.base = state.number;
    this.panel.stand(state, fits);
    this.panel.numbers(state.statistics);
    if (state.may_score) this.queue.soon(0);
    this.refresh();
    this.panel.saving(this.queue);
    if (blind && fits && !this.turnedTo(blind.before, blind.kind) && !this.queue.refused.length) this.tell(this.words.looks_the_same);
  }

  answered(answer, acts) {
    this.queue.base = answer.number ?? this.queue.base;
    this.queue.scoring = answer.scoring ?? this.queue.scoring;
    if (answer.statistics) this.panel.numbers(answer.statistics);
    const begun = !this.state?.scoring && answer.scoring;
    const exact = begun || acts.some(({ kind }) => ["undo", "redo", "close", "withdraw", "reopen"].includes(kind));
    this.again ||= exact || answer.merged || Boolean(answer.refused?.length) || answer.closed;
    if (!this.again || this.queue.unsent.length) return;
    this.again = false;
    this.load();
  }

  refresh() {
    this.stale = true;
    this.draw();
    this.panel.epoch();
    this.panel.budget();
  }

  // --- drawing: at most once a frame --------------------------------------------------------------

  draw() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.paint();
    });
  }

  paint() {
    const began = performance.now();
    if (this.data.signals) {
      this.traces.draw(this.view, this.scored, this.ruler);
      this.stage.labels();
      this.panel.signals(this.traces.late ? this.signals.problem || this.envelopes.problem || "late" : 0);
    }
    this.overview.place(this.view);
    if (this.stale) this.overview.draw(this.scored);
    this.stale = false;
    this.painted?.(performance.now() - began);
  }

  say(text) {
    this.querySelector("[data-said]").textContent = text;
  }

  spoken(epoch) {
    return `${this.words.epoch} ${epoch + 1} / ${this.night.epochs}, ${this.night.clock(epoch * this.night.seconds)}, ${this.scored.stages[epoch]}`;
  }

  // --- doing ------------------------------------------------------------------------------------

  key(event) {
    if (event.target === this.overview.hand && ["ArrowUp", "ArrowDown"].includes(event.key)) return;
    const action = this.keys.asked(event);
    if (!action) return;
    event.preventDefault();
    this.run(action);
  }

  click(event) {
    const button = event.target.closest("[data-do]");
    if (button) this.run(button.dataset.do);
  }

  run(action) {
    if (STAGES.includes(action)) this.score(action);
    else if (this[`do_${action}`]) this[`do_${action}`]();
    else this.move(action);
  }

  // The choices of this person, for the next time; and the page as they now want it.
  kept() {
    keep(this.data.user, this.setup);
    this.panel.choices();
    this.draw();
  }

  change({ target }) {
    const name = target.dataset.field;
    const changes = {
      page: () => this.resize(Number(target.value)),
      mains: () => { this.setup.mains = Number(target.value); this.refiltered(); },
      advance: () => { this.setup.advance = target.checked; this.kept(); },
      negativeUp: () => { this.setup.negativeUp = target.checked; this.kept(); },
      budget: () => { this.setup.budget = Number(target.value); this.kept(); this.panel.budget(); this.stale = true; },
      single: () => { this.keys.single = target.checked; this.keys.keep(); },
    };
    changes[name]?.();
    // Whoever chose with the mouse goes on with the keys of the room, not of the list.
    if (this.pointing && target.matches(".scoring-tools select, .scoring-side select")) target.blur();
  }
}

function absolute(url) {
  return new URL(url, location.href).href;
}

function formatter() {
  const language = document.documentElement.lang || "en";
  return (value, digits = 0) =>
    new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits, signDisplay: "negative" }).format(value).replace("-", "−");
}

customElements.define("scoring-room", ScoringRoom);
