// The scoring room: pages of signals, the night under them, what is scored beside, and one keyboard for all.

import { Dialogs } from "./dialogs.js";
import { Keys } from "./keys.js";
import { Montage } from "./montage.js";
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
import { ENVELOPES_FROM, Traces } from "./traces.js";

const BLOCK = 30;
const AHEAD = 14;
const BEHIND = 4;
const PAGES = [5, 10, 15, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600];
const STAGES = ["W", "N1", "N2", "N3", "R"];
const JUMP = 10;
const SEEN_AFTER = 700;
const MAINS = [0, 50, 60];

class ScoringRoom extends HTMLElement {
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
    this.view = { start: 0, seconds: data.signals ? this.setup.page ?? BLOCK : BLOCK, epoch: this.remembered() };
    this.direction = 1;
    this.parts(data);
    this.listen();
    this.panel.pages(PAGES, this.view.seconds);
    this.go(this.view.epoch);
    this.load();
  }

  parts(data) {
    const later = () => this.draw();
    const index = data.signals ?? { montage: [], channels: [] };
    const blocks = Math.ceil(this.night.length / BLOCK);
    this.pyramid = new Pyramid({ index, url: data.urls.pyramid, came: () => { this.stale = true; later(); } });
    this.signals = data.signals
      ? new Signals({ index, url: absolute(data.urls.signals), worker: this.dataset.worker, seconds: BLOCK, blocks, came: later })
      : { get: () => null, want() {}, close() {}, seconds: BLOCK, problem: 0 };
    const shared = { night: this.night, pyramid: this.pyramid, montage: this.montage, colours: this.colours, words: this.words };
    this.traces = new Traces(this.querySelector("[data-traces]"), this.querySelector("[data-traces-below]"), { ...shared, signals: this.signals });
    this.traces.guides = this.setup.guides ?? false;
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
    this.left = new AbortController();
    const { signal } = this.left;
    document.addEventListener("keydown", (event) => this.key(event), { signal });
    this.addEventListener("click", (event) => this.click(event), { signal });
    this.addEventListener("change", (event) => this.change(event), { signal });
    window.addEventListener("beforeunload", (event) => this.queue.unsent.length && this.queue.problem === "refused" && event.preventDefault(), { signal });
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

  async load() {
    const answer = await fetch(this.data.urls.state, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok || answer.redirected) {
      this.panel.notice(this.words.no_state);
      this.reloading = setTimeout(() => this.load(), 5000);
      return;
    }
    this.stand(await answer.json());
  }

  stand(state) {
    this.state = state;
    this.writable = state.may_score && !state.closed;
    const fits = state.stages.length === this.night.epochs;
    if (fits) this.scored.load(state, this.queue.unsent);
    this.writable = this.writable && fits;
    this.queue.scoring = state.scoring;
    this.queue.base = state.number;
    this.panel.stand(state, fits);
    this.panel.numbers(state.statistics);
    if (state.may_score) this.queue.soon(0);
    this.refresh();
    this.panel.saving(this.queue);
  }

  answered(answer, acts) {
    this.queue.base = answer.number ?? this.queue.base;
    this.queue.scoring = answer.scoring ?? this.queue.scoring;
    if (answer.statistics) this.panel.numbers(answer.statistics);
    const begun = !this.state?.scoring && answer.scoring;
    const exact = begun || acts.some(({ kind }) => ["undo", "redo", "close", "reopen"].includes(kind));
    if (exact || answer.merged || answer.refused?.length || answer.closed) {
      if (!this.queue.unsent.length) this.load();
    }
  }

  // Everything a scorer does passes here.
  act(fields) {
    if (!this.writable) {
      this.say(this.words.read_only);
      return false;
    }
    this.scored.apply(this.queue.add(fields));
    this.refresh();
    return true;
  }

  refresh() {
    this.stale = true;
    this.draw();
    this.panel.epoch();
    this.panel.budget();
  }

  // --- moving -----------------------------------------------------------------------------------

  go(epoch) {
    const { view, night } = this;
    const to = night.clamp(epoch);
    this.direction = to < view.epoch ? -1 : 1;
    view.epoch = to;
    const at = to * night.seconds;
    const page = Math.max(view.seconds, night.seconds);
    const start = view.seconds < night.seconds ? at : Math.floor(at / page) * page;
    this.turn(start);
  }

  turn(start) {
    const { view, night } = this;
    view.start = Math.max(0, Math.min(start, night.epochs * night.seconds - Math.min(view.seconds, night.seconds)));
    this.ruler.clear();
    this.prefetch();
    this.draw();
    this.panel.epoch();
    this.lookedAt();
  }

  // One page; shorter ones go through an epoch piece by piece.
  page(by) {
    const { view, night } = this;
    const start = view.start + by * view.seconds;
    if (start < 0 || start >= night.epochs * night.seconds) return;
    this.direction = by;
    view.epoch = night.clamp(Math.floor(start / night.seconds));
    this.turn(start);
  }

  // What was rested on counts as looked at.
  lookedAt() {
    clearTimeout(this.resting);
    const { epoch } = this.view;
    this.resting = setTimeout(() => {
      if (this.writable && this.state.scoring && !this.scored.seen.has(epoch)) this.act({ kind: "seen", epoch });
    }, SEEN_AFTER);
  }

  prefetch() {
    const { start, seconds } = this.view;
    if (seconds >= ENVELOPES_FROM && this.montage.traces.every(({ number }) => number !== null)) return;
    const first = Math.floor(start / BLOCK);
    const last = Math.ceil((start + seconds) / BLOCK) - 1;
    const here = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    const ahead = Array.from({ length: AHEAD }, (_, i) => (this.direction > 0 ? last + 1 + i : first - 1 - i));
    const behind = Array.from({ length: BEHIND }, (_, i) => (this.direction > 0 ? first - 1 - i : last + 1 + i));
    this.signals.want([...here, ahead[0], behind[0], ...ahead.slice(1), ...behind.slice(1)], this.montage.traces.map((trace) => this.montage.request(trace)));
  }

  resize(seconds) {
    if (!PAGES.includes(seconds)) return;
    this.view.seconds = seconds;
    this.setup.page = seconds;
    this.kept();
    this.panel.pages(PAGES, seconds);
    this.go(this.view.epoch);
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
      this.panel.signals(this.traces.late ? this.signals.problem || "late" : 0);
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

  move(action) {
    const { view, night, scored } = this;
    const short = view.seconds < night.seconds;
    const moves = {
      next: () => (short ? this.page(1) : this.go(view.epoch + 1)),
      previous: () => (short ? this.page(-1) : this.go(view.epoch - 1)),
      forward: () => this.go(view.epoch + JUMP),
      back: () => this.go(view.epoch - JUMP),
      transition: () => this.go(night.transitionFrom(view.epoch, 1, scored.stages)),
      transitionBack: () => this.go(night.transitionFrom(view.epoch, -1, scored.stages)),
      first: () => this.go(0),
      last: () => this.go(night.epochs - 1),
      pageDown: () => this.page(1),
      pageUp: () => this.page(-1),
      uncertain: () => this.jump(night.doubtfulFrom(view.epoch, scored.seen), this.words.no_uncertain),
      budget: () => this.jump(this.panel.nextToCheck(), this.words.budget_done),
    };
    moves[action]?.();
    this.say(this.spoken(view.epoch));
  }

  jump(epoch, none) {
    if (epoch === undefined) this.panel.notice(none);
    else this.go(epoch);
  }

  score(value) {
    const { epoch } = this.view;
    if (!this.act({ kind: "stage", epoch, value })) return;
    this.say(`${this.words.epoch} ${epoch + 1}: ${value}`);
    if (this.setup.advance ?? true) this.go(epoch + 1);
  }

  do_unscored() {
    this.score("?");
  }

  do_accept() {
    this.score(this.scored.stages[this.view.epoch]);
  }

  do_arousal() {
    this.mark("arousal");
  }

  do_artefact() {
    this.mark("artefact");
  }

  // Exactly the stretch that is measured, else the epoch: marked, or no more if it was.
  mark(kind) {
    const stretch = this.ruler.stretch(this.traces);
    if (stretch) {
      this.act({ kind, value: "on", onset_s: rounded(stretch.onset), duration_s: rounded(Math.min(stretch.duration, this.night.epochs * this.night.seconds - stretch.onset)) });
      this.ruler.clear();
      this.draw();
      return;
    }
    const { epoch } = this.view;
    this.act({ kind, epoch, value: this.scored.marked(kind, epoch) ? "off" : "on" });
  }

  do_comment() {
    if (this.writable) this.dialogs.comment(this.view.epoch);
    else this.say(this.words.read_only);
  }

  do_undo() {
    this.takeBack("undo", this.scored.canUndo, this.scored.done);
  }

  do_redo() {
    this.takeBack("redo", this.scored.canRedo, this.scored.undone);
  }

  takeBack(kind, possible, steps) {
    if (!possible) {
      this.say(this.words.nothing);
      return;
    }
    const epoch = steps.at(-1)?.epoch;
    if (this.act({ kind }) && epoch !== null && epoch !== undefined) this.go(epoch);
  }

  do_lightsOff() {
    this.lights("lights_off", this.scored.lightsOff, this.view.epoch * this.night.seconds);
  }

  do_lightsOn() {
    this.lights("lights_on", this.scored.lightsOn, (this.view.epoch + 1) * this.night.seconds);
  }

  lights(kind, now, seconds) {
    const at = rounded(this.ruler.stretch(this.traces)?.onset ?? seconds);
    this.act({ kind, seconds: now === at ? null : at });
  }

  do_close() {
    if (this.act({ kind: "close" })) this.writable = false;
  }

  do_reopen() {
    this.queue.add({ kind: "reopen" });
  }

  do_larger() {
    this.gain(1);
  }

  do_smaller() {
    this.gain(-1);
  }

  gain(by, trace = this.stage.chosen) {
    this.montage.step(by, trace);
    this.kept();
  }

  do_filters() {
    this.setup.filters = this.setup.filters === false;
    this.refiltered();
  }

  do_mains() {
    const now = MAINS.indexOf(this.setup.mains ?? 0);
    this.setup.mains = MAINS[(now + 1) % MAINS.length];
    this.refiltered();
  }

  do_guides() {
    this.setup.guides = !this.setup.guides;
    this.traces.guides = this.setup.guides;
    this.kept();
  }

  do_negativeUp() {
    this.setup.negativeUp = !(this.setup.negativeUp ?? true);
    this.kept();
  }

  do_shorter() {
    this.resize(PAGES[PAGES.indexOf(this.view.seconds) - 1]);
  }

  do_longer() {
    this.resize(PAGES[PAGES.indexOf(this.view.seconds) + 1]);
  }

  do_measure() {
    this.stage.measuring(!this.stage.byKeys);
    this.draw();
  }

  do_help() {
    this.dialogs.help();
  }

  do_channels() {
    this.dialogs.channels();
  }

  refiltered() {
    this.kept();
    this.prefetch();
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
  }
}

function rounded(seconds) {
  return Math.round(seconds * 100) / 100;
}

function absolute(url) {
  return new URL(url, location.href).href;
}

function formatter() {
  const language = document.documentElement.lang || "en";
  return (value, digits = 0) =>
    new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value).replace("-", "−");
}

customElements.define("scoring-room", ScoringRoom);
