// Moving through the night: epochs, pages, changes of stage, and the pages that are fetched ahead.

import { ENVELOPES_FROM, OWN_UP_TO } from "./traces.js";

export const BLOCK = 30;
export const PAGES = [5, 10, 15, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600];
const AHEAD = 14;
const BEHIND = 4;
const JUMP = 10;
const SEEN_AFTER = 700;

export class Moving extends HTMLElement {
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
    // Of long pages the pyramid shows all traces but a person's own derivations, whose envelopes are made here.
    if (seconds >= ENVELOPES_FROM) this.envelopes.want(this.montage.traces.filter(({ number }) => number === null), start);
    const sampled = (trace) => trace.number === null && seconds <= OWN_UP_TO && !this.envelopes.whole(trace, start, seconds);
    const traces = this.montage.traces.filter((trace) => seconds < ENVELOPES_FROM || sampled(trace));
    if (!traces.length) return;
    const first = Math.floor(start / BLOCK);
    const last = Math.ceil((start + seconds) / BLOCK) - 1;
    const here = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    const ahead = Array.from({ length: AHEAD }, (_, i) => (this.direction > 0 ? last + 1 + i : first - 1 - i));
    const behind = Array.from({ length: BEHIND }, (_, i) => (this.direction > 0 ? first - 1 - i : last + 1 + i));
    this.signals.want([...here, ahead[0], behind[0], ...ahead.slice(1), ...behind.slice(1)], traces.map((trace) => this.montage.request(trace)));
  }

  resize(seconds) {
    if (!PAGES.includes(seconds)) return;
    this.view.seconds = seconds;
    this.setup.page = seconds;
    this.kept();
    this.panel.pages(PAGES, seconds);
    this.go(this.view.epoch);
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
}
