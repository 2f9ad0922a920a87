// One page of the night on two canvases: grid, guides and marks on the lower one, the traces on the upper one.

import { GUIDED } from "./montage.js";
import { pen } from "./palette.js";
import { Raster } from "./raster.js";

// Room above the traces: clock and stages.
export const TOP = 34;
const LOWEST_LANE = 22;
// From here on a label has a second line.
export const LABELLED = 28;
// Share of a lane that its scale bar takes at most.
const BAR = 0.7;
// In µV: 75 from peak to peak, the amplitude criterion of slow waves.
const GUIDE = 37.5;
// Seconds of a page from which the pyramid is drawn.
export const ENVELOPES_FROM = 120;
// Seconds of a page up to which a person's own derivation is drawn from samples until its envelope is there.
export const OWN_UP_TO = 600;
// Pixels that a time of day takes.
const CLOCK = 56;
const GRIDS = [[10, 1, 1], [15, 1, 5], [60, 1, 5], [300, 30, 60], [1800, 60, 300], [Infinity, 300, 600]];

export class Traces {
  constructor(canvas, below, { night, signals, pyramid, envelopes, montage, colours, words, format }) {
    Object.assign(this, { canvas, below, night, signals, pyramid, envelopes, montage, colours, words, format });
    this.raster = new Raster(canvas);
  }

  get lane() {
    const count = Math.max(1, this.montage.traces.length);
    return Math.max(LOWEST_LANE, (this.canvas.closest("[data-stage]").clientHeight - TOP - 2) / count);
  }

  get tall() {
    return Math.floor(TOP + this.lane * Math.max(1, this.montage.traces.length));
  }

  // `view`: start and seconds of the page, the epoch in hand; `scored`: what stands now.
  draw(view, scored, ruler) {
    const height = this.tall;
    for (const canvas of [this.canvas, this.below]) if (canvas.style.height !== `${height}px`) canvas.style.height = `${height}px`;
    const ready = pen(this.below, height);
    if (!ready) return;
    const over = pen(this.canvas, height);
    Object.assign(this, ready, { view, perSecond: ready.width / view.seconds, ratio: this.canvas.width / ready.width });
    this.gaps();
    this.grid();
    this.marks(scored);
    this.stages(scored);
    this.late = false;
    this.raster.begin();
    for (const [at, trace] of this.montage.traces.entries()) this.trace(trace, TOP + (at + 0.5) * this.lane);
    this.raster.end();
    this.context = over.context;
    this.scales();
    ruler?.draw(this);
  }

  x(seconds) {
    return (seconds - this.view.start) * this.perSecond;
  }

  seconds(x) {
    return this.view.start + x / this.perSecond;
  }

  line(x0, y0, x1, y1) {
    this.context.beginPath();
    this.context.moveTo(x0, y0);
    this.context.lineTo(x1, y1);
    this.context.stroke();
  }

  grid() {
    const { context, height, view, colours } = this;
    const [, fine, strong] = GRIDS.find(([longest]) => view.seconds <= longest);
    const every = strong * Math.ceil(CLOCK / (strong * this.perSecond));
    context.lineWidth = 1;
    for (let at = Math.ceil(view.start / fine) * fine; at <= view.start + view.seconds; at += fine) {
      const x = Math.round(this.x(at)) + 0.5;
      context.strokeStyle = at % strong ? colours.grid : colours.line;
      this.line(x, TOP, x, height);
      if (at % every === 0 && x < this.width - CLOCK) this.write(this.night.clock(at), x + 3, 11, colours.slate);
    }
  }

  write(text, x, y, colour) {
    this.context.fillStyle = colour;
    this.context.fillText(text, x, y);
  }

  // What was never recorded is hatched, not joined.
  gaps() {
    const { context, colours, height, view, night } = this;
    for (const [from, to] of night.gaps) {
      if (to <= view.start || from >= view.start + view.seconds) continue;
      const left = Math.max(0, this.x(from));
      const right = Math.min(this.width, this.x(to));
      context.fillStyle = colours.sunken;
      context.fillRect(left, TOP, right - left, height - TOP);
      if (right - left > 60) this.write(this.words.gap, left + 6, TOP + 14, colours.slate);
    }
  }

  // How high an amplitude is: a bar at the left of each lane, its value in the label. Lanes too low for that have it
  // here, in the first one of each kind and size.
  scales() {
    const { context, colours, montage } = this;
    const said = new Set();
    for (const [at, trace] of montage.traces.entries()) {
      const { span } = montage.scale(trace, this.coarsest(trace));
      const middle = TOP + (at + 0.5) * this.lane;
      const high = (bar(span) / span) * this.lane;
      context.fillStyle = colours.ink;
      context.fillRect(1, middle - high / 2, 2, high);
      for (const end of [-1, 1]) context.fillRect(0, middle + (end * high) / 2 - 0.5, 5, 1);
      const text = this.amplitude(trace);
      if (this.lane < LABELLED && !said.has(text)) this.write(text, 7, middle + 4, colours.ink);
      said.add(text);
    }
  }

  // What the scale bar of a trace stands for.
  amplitude(trace) {
    const value = bar(this.montage.scale(trace, null).span);
    return `${this.format(value, Math.max(0, -Math.floor(Math.log10(value))))} ${trace.unit}`;
  }

  // A bar above the traces with the stage of every epoch in sight, the one in hand framed.
  stages(scored) {
    const { context, colours, view, night } = this;
    const last = Math.min(night.epochs - 1, Math.ceil((view.start + view.seconds) / night.seconds) - 1);
    for (let epoch = Math.floor(view.start / night.seconds); epoch <= last; epoch += 1) {
      const left = this.x(epoch * night.seconds);
      const width = night.seconds * this.perSecond;
      const stage = scored.stages[epoch];
      context.fillStyle = colours[stage] ?? colours.line;
      context.fillRect(left, 16, width - (width > 4 ? 1 : 0), 4);
      if (width > 16) this.write(stage, Math.max(2, left + 3), 31, epoch === view.epoch ? colours.ink : colours.slate);
      if (epoch !== view.epoch) continue;
      context.strokeStyle = colours.attention;
      context.lineWidth = 2;
      if (view.seconds > night.seconds) context.strokeRect(left + 1, 17, width - 2, this.height - 18);
    }
  }

  // Words that would lie on one another stand side by side, the later ones further left.
  marks(scored) {
    const written = [];
    for (const { onset, duration, kind } of scored.marks) {
      const left = this.x(onset);
      const width = duration * this.perSecond;
      if (left > this.width || left + width < 0) continue;
      this.context.fillStyle = kind === "arousal" ? this.colours.arousal : this.colours.artefact;
      this.context.fillRect(left, TOP, width, this.height - TOP);
      if (width <= 20) continue;
      const long = this.context.measureText(this.words[kind]).width;
      const start = free(Math.min(left + width, this.width) - 4 - long, long, written);
      written.push([start, start + long]);
      this.write(this.words[kind], start, 31, this.colours.ink);
    }
    for (const [seconds, word] of [[scored.lightsOff, this.words.lights_off], [scored.lightsOn, this.words.lights_on]]) {
      if (seconds === null || seconds < this.view.start || seconds > this.view.start + this.view.seconds) continue;
      this.context.strokeStyle = this.colours.attention;
      this.line(this.x(seconds), TOP, this.x(seconds), this.height);
      this.write(word, this.x(seconds) + 4, this.height - 4, this.colours.attentionText);
    }
  }

  trace(trace, middle) {
    const { colours, view } = this;
    const own = trace.number === null;
    const envelope = this.given(trace, view.seconds >= ENVELOPES_FROM ? view.seconds / this.width : 0);
    const { span, middle: value } = this.montage.scale(trace, this.coarsest(trace));
    const unit = (this.montage.sign(trace) * this.lane) / span;
    if (trace.kind === GUIDED && this.guides) this.guide((sample) => middle - (sample - value) * unit);
    this.quality(trace, middle);
    this.screened(trace, middle);
    // From a value to pixels of the screen: rise · value + zero, held within the lane and half of its neighbours.
    this.rise = -unit * this.ratio;
    this.zero = (middle + value * unit) * this.ratio;
    this.highest = (middle - this.lane) * this.ratio;
    this.lowest = (middle + this.lane) * this.ratio;
    this.before = NaN;
    this.raster.ink(colours[trace.kind] ?? colours.ink);
    if (view.seconds < ENVELOPES_FROM) this.samples(trace, envelope);
    else if (!own || this.envelopes.whole(trace, view.start, view.seconds)) this.envelope(envelope);
    else this.begun(trace, envelope);
  }

  // A derivation of one's own on a long page, while its envelope is being made.
  begun(trace, envelope) {
    if (this.view.seconds <= OWN_UP_TO) this.samples(trace, envelope);
    else this.envelope(envelope);
    this.late = true;
  }

  // What most of a night lies between is judged by all of it.
  coarsest(trace) {
    return trace.number === null && !this.envelopes.whole(trace, 0, Infinity) ? null : this.given(trace, 16);
  }

  // What the analyser or this browser knows of a trace over the whole night; null while it is on its way.
  given(trace, seconds) {
    return trace.number === null ? this.envelopes.trace(trace, seconds) : this.pyramid.trace(trace.number, seconds);
  }

  // One column in which a trace lies between two values.
  column(x, low, high) {
    const { rise, zero, highest, lowest } = this;
    const from = Math.max(highest, Math.min(lowest, low * rise + zero));
    const to = Math.max(highest, Math.min(lowest, high * rise + zero));
    this.raster.run(x, from, to, this.ratio);
  }

  guide(y) {
    const { context, colours } = this;
    context.strokeStyle = colours.guide;
    context.setLineDash([4, 4]);
    for (const level of [-GUIDE, GUIDE]) this.line(0, Math.round(y(level)) + 0.5, this.width, Math.round(y(level)) + 0.5);
    context.setLineDash([]);
  }

  quality(trace, middle) {
    const { context, colours, night } = this;
    for (const [first, count, reason] of night.quality.get(trace.number) ?? []) {
      const left = Math.max(0, this.x(first * night.seconds));
      const right = Math.min(this.width, this.x((first + count) * night.seconds));
      if (right <= left) continue;
      context.fillStyle = colours.poor;
      context.fillRect(left, middle - this.lane / 2, right - left, this.lane);
      if (right - left > 60) this.write(this.words.quality[reason] ?? reason, left + 4, middle - this.lane / 2 + 12, colours.attentionText);
    }
  }

  // Pauses of the flow and falls of the saturation that the screening found, in their own lanes.
  screened({ kind }, middle) {
    const found = { flow: this.night.breathing, spo2: this.night.desaturations }[kind] ?? [];
    for (const [from, to, what] of found) {
      const left = this.x(from);
      const width = (to - from) * this.perSecond;
      if (left > this.width || left + width < 0) continue;
      this.context.fillStyle = this.colours.poor;
      this.context.fillRect(left, middle - this.lane / 2, width, this.lane);
      if (width > 40 && what) this.write(this.words.screened[what] ?? what, Math.max(0, left) + 4, middle + this.lane / 2 - 3, this.colours.attentionText);
    }
  }

  envelope(envelope) {
    if (!envelope) {
      this.late = true;
      return;
    }
    const { view } = this;
    const { width } = this.canvas;
    const bins = view.seconds / envelope.seconds / width;
    for (let x = 0; x < width; x += 1) {
      const from = Math.floor(view.start / envelope.seconds + x * bins);
      this.bins(envelope, x, from, Math.max(from + 1, Math.floor(view.start / envelope.seconds + (x + 1) * bins)));
    }
  }

  bins(envelope, x, from, to) {
    let low = Infinity;
    let high = -Infinity;
    for (let bin = Math.max(0, from); bin < Math.min(envelope.bins, to); bin += 1) {
      if (envelope.min(bin) < low) low = envelope.min(bin);
      if (envelope.max(bin) > high) high = envelope.max(bin);
    }
    if (low !== Infinity) this.column(x, low, high);
  }

  // Block by block; where one is still on its way, its envelope stands in for it.
  samples(trace, envelope) {
    const { view, signals } = this;
    const { key } = this.montage.request(trace);
    for (let block = Math.floor(view.start / signals.seconds); block * signals.seconds < view.start + view.seconds; block += 1) {
      const samples = signals.get(block, key);
      if (samples) this.block(samples, block * signals.seconds);
      else {
        this.late = true;
        if (envelope) this.coarse(envelope, block * signals.seconds);
      }
    }
  }

  coarse(envelope, start) {
    const per = 1 / (this.perSecond * this.ratio * envelope.seconds);
    const left = Math.max(0, Math.floor(this.x(start) * this.ratio));
    const right = Math.min(this.canvas.width, Math.ceil(this.x(start + this.signals.seconds) * this.ratio));
    const first = this.view.start / envelope.seconds;
    for (let x = left; x < right; x += 1) {
      const from = Math.floor(first + x * per);
      this.bins(envelope, x, from, Math.max(from + 1, Math.floor(first + (x + 1) * per)));
    }
  }

  block({ rate, data }, start) {
    const step = (this.perSecond * this.ratio) / rate;
    const left = this.x(start) * this.ratio;
    if (step < 1) this.many(data, left, step);
    else this.few(data, left, step);
  }

  // Several samples to a column: what lies between the last one of the column before and all of this one.
  many(data, left, step) {
    const from = Math.max(0, Math.floor(-left / step));
    const to = Math.min(data.length, Math.ceil((this.canvas.width - left) / step));
    let { before } = this;
    let i = from;
    for (let x = Math.floor(left + from * step); i < to; x += 1) {
      const end = Math.min(to, Math.ceil((x + 1 - left) / step));
      let low = before;
      let high = before;
      for (; i < end; i += 1) {
        const value = data[i];
        if (!(value >= low)) low = value;
        if (!(value <= high)) high = value;
        before = value;
      }
      if (low === low && high === high) this.column(x, low, high);
    }
    this.before = before;
  }

  // Several columns to a sample: the line from each to the next.
  few(data, left, step) {
    const first = Math.max(0, Math.floor(left));
    const last = Math.min(this.canvas.width, Math.ceil(left + data.length * step));
    let value = at(data, (first - left) / step);
    for (let x = first; x < last; x += 1) {
      const next = at(data, (x + 1 - left) / step);
      if (value === value && next === next) this.column(x, value, next);
      value = next;
    }
  }
}

// Where a word can stand without touching what is written: as far left as that takes.
function free(start, long, written) {
  const hit = written.find(([from, to]) => start < to + 4 && start + long > from - 4);
  return hit ? free(hit[0] - 8 - long, long, written) : start;
}

// Height of a scale bar: the largest of 1, 2 and 5 times a power of ten that has room in its lane.
function bar(span) {
  const value = span * BAR;
  const power = 10 ** Math.floor(Math.log10(value));
  return [5, 2, 1].find((step) => step * power <= value) * power;
}

// The value between two samples; NaN where one of them is missing.
function at(data, place) {
  const below = Math.max(0, Math.min(data.length - 1, Math.floor(place)));
  const above = Math.min(data.length - 1, below + 1);
  return data[below] + (data[above] - data[below]) * Math.max(0, Math.min(1, place - below));
}
