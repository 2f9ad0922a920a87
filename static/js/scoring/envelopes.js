// What long pages draw of a person's own derivations: the pyramid of the analyser holds the usual montage alone.
// Made in this browser from the samples of the night, once per derivation, by a worker of its own.

import { coarser } from "./bins.js";
import { BANDS } from "./montage.js";
import { SPAN } from "./samples.js";

// Seconds of a bin, and how many times longer those of the next level are: as in the analyser's.
const FINEST = 0.25;
const FACTOR = 4;
const FEWEST = 400;
const RETRY = 3000;

export class Envelopes {
  // `came` is told whenever a stretch has come in or cannot be had.
  constructor({ index, url, worker, seconds, blocks, came }) {
    Object.assign(this, { seconds, blocks, came });
    this.kept = new Map();
    this.problem = 0;
    this.worker = new Worker(worker, { type: "module" });
    this.worker.onmessage = ({ data }) => this.receive(data);
    this.worker.postMessage({ index, url, seconds, blocks, finest: FINEST });
  }

  close() {
    clearTimeout(this.retrying);
    this.worker.terminate();
  }

  // Returns { seconds, min(bin), max(bin), bins } of a derivation as far as it is there, or null before it was wanted.
  trace(trace, seconds) {
    const found = this.kept.get(key(trace));
    if (!found) return null;
    let best = found.levels[0];
    for (const level of found.levels) if (level.seconds <= seconds) best = level;
    return { seconds: best.seconds, bins: best.low.length, min: (bin) => best.low[bin], max: (bin) => best.high[bin] };
  }

  // Whether all of a stretch of the night is there.
  whole(trace, start, seconds) {
    const found = this.kept.get(key(trace));
    if (!found) return false;
    const last = Math.min(this.blocks * this.seconds, start + seconds);
    return [...found.missing].every((first) => (first + SPAN) * this.seconds <= start || first * this.seconds >= last);
  }

  // Asks for the whole night of some derivations, what is in sight of every one first.
  want(traces, start) {
    const wish = [];
    for (const trace of traces) {
      const found = this.begun(trace);
      if (found.missing.size) wish.push({ trace: found.trace, firsts: this.nearest(found.missing, start) });
    }
    if (!wish.length) return;
    this.wanted = [traces, start];
    const here = wish.map(({ trace, firsts }) => ({ trace, firsts: firsts.slice(0, 1) }));
    const rest = wish.map(({ trace, firsts }) => ({ trace, firsts: firsts.slice(1) })).filter(({ firsts }) => firsts.length);
    this.worker.postMessage({ wish: [...here, ...rest] });
  }

  begun(trace) {
    const name = key(trace);
    if (!this.kept.has(name)) {
      const { low, high } = BANDS[trace.kind] ?? { low: 0, high: 0 };
      const firsts = Array.from({ length: Math.ceil(this.blocks / SPAN) }, (_, at) => at * SPAN);
      const asked = { key: name, plus: trace.plus, minus: trace.minus, filter: { low, high, mains: 0 } };
      this.kept.set(name, { trace: asked, missing: new Set(firsts), levels: this.levels() });
    }
    return this.kept.get(name);
  }

  nearest(missing, start) {
    const here = Math.floor(start / this.seconds / SPAN) * SPAN;
    // Forwards from the page in sight, then what lies before it.
    return [...missing].sort((a, b) => (a < here) - (b < here) || a - b);
  }

  levels() {
    const empty = (bins) => new Float32Array(bins).fill(NaN);
    let bins = Math.ceil((this.blocks * this.seconds) / FINEST);
    const levels = [{ seconds: FINEST, low: empty(bins), high: empty(bins) }];
    while (bins > FEWEST) {
      bins = Math.ceil(bins / FACTOR);
      levels.push({ seconds: levels.at(-1).seconds * FACTOR, low: empty(bins), high: empty(bins) });
    }
    return levels;
  }

  receive({ key: name, first, low, high, failed, status }) {
    this.problem = failed ? status || -1 : 0;
    clearTimeout(this.retrying);
    if (failed) this.retrying = setTimeout(() => this.want(...this.wanted), RETRY);
    else this.keep(this.kept.get(name), first, low, high);
    this.came();
  }

  keep(found, first, low, high) {
    const { levels, missing } = found;
    let from = Math.round((first * this.seconds) / FINEST);
    let to = Math.min(levels[0].low.length, from + low.length);
    levels[0].low.set(low.subarray(0, to - from), from);
    levels[0].high.set(high.subarray(0, to - from), from);
    for (let at = 1; at < levels.length; at += 1) {
      coarser(levels[at - 1], levels[at], FACTOR, from, to);
      from = Math.floor(from / FACTOR);
      to = Math.ceil(to / FACTOR);
    }
    missing.delete(first);
  }
}

function key({ plus, minus, kind }) {
  return [plus, minus, kind].join("|");
}
