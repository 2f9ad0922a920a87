// One page of the night on a canvas: grid, guides, what was marked, and the traces.

import { GUIDED } from "./montage.js";
import { pen } from "./palette.js";

export const TOP = 34; // room above the traces: clock and stages
const LOWEST_LANE = 22;
const DENSE = 2.5; // samples per pixel above which smallest and largest are drawn
const GUIDE = 37.5; // µV: 75 from peak to peak, the amplitude criterion of slow waves
export const ENVELOPES_FROM = 120; // seconds of a page from which the pyramid is drawn
const GRIDS = [[15, 1, 5], [60, 1, 5], [300, 30, 60], [1800, 60, 300], [Infinity, 300, 600]];

export class Traces {
  constructor(canvas, { night, signals, pyramid, montage, colours, words }) {
    Object.assign(this, { canvas, night, signals, pyramid, montage, colours, words });
  }

  get lane() {
    const count = Math.max(1, this.montage.traces.length);
    return Math.max(LOWEST_LANE, (this.canvas.parentElement.parentElement.clientHeight - TOP - 2) / count);
  }

  get tall() {
    return Math.floor(TOP + this.lane * Math.max(1, this.montage.traces.length));
  }

  // `view`: start and seconds of the page, the epoch in hand; `scored`: what stands now.
  draw(view, scored, ruler) {
    const height = this.tall;
    if (this.canvas.style.height !== `${height}px`) this.canvas.style.height = `${height}px`;
    const ready = pen(this.canvas, height);
    if (!ready) return;
    Object.assign(this, ready, { view, perSecond: ready.width / view.seconds });
    this.gaps();
    this.grid();
    this.marks(scored);
    this.stages(scored);
    this.late = false;
    for (const [at, trace] of this.montage.traces.entries()) this.trace(trace, TOP + (at + 0.5) * this.lane);
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
    context.lineWidth = 1;
    for (let at = Math.ceil(view.start / fine) * fine; at <= view.start + view.seconds; at += fine) {
      const x = Math.round(this.x(at)) + 0.5;
      context.strokeStyle = at % strong ? colours.grid : colours.line;
      this.line(x, TOP, x, height);
      if (at % strong === 0 && x < this.width - 30) this.write(this.night.clock(at), x + 3, 11, colours.slate);
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

  marks(scored) {
    for (const { onset, duration, kind } of scored.marks) {
      const left = this.x(onset);
      const width = duration * this.perSecond;
      if (left > this.width || left + width < 0) continue;
      this.context.fillStyle = kind === "arousal" ? this.colours.arousal : this.colours.artefact;
      this.context.fillRect(left, TOP, width, this.height - TOP);
      if (width > 20) this.write(this.words[kind], Math.max(left, 0) + width - this.context.measureText(this.words[kind]).width - 4, 31, this.colours.ink);
    }
    for (const [seconds, word] of [[scored.lightsOff, this.words.lights_off], [scored.lightsOn, this.words.lights_on]]) {
      if (seconds === null || seconds < this.view.start || seconds > this.view.start + this.view.seconds) continue;
      this.context.strokeStyle = this.colours.attention;
      this.line(this.x(seconds), TOP, this.x(seconds), this.height);
      this.write(word, this.x(seconds) + 4, this.height - 4, this.colours.attentionText);
    }
  }

  trace(trace, middle) {
    const { context, colours, view } = this;
    const envelope = this.pyramid.trace(trace.number, view.seconds >= ENVELOPES_FROM ? view.seconds / this.width : 0);
    const { span, middle: value } = this.montage.scale(trace, this.pyramid.trace(trace.number, 16));
    const unit = (this.montage.sign(trace) * this.lane) / span;
    const y = (sample) => middle - Math.max(-1, Math.min(1, ((sample - value) * unit) / this.lane)) * this.lane;
    if (trace.kind === GUIDED && this.guides) this.guide(y);
    this.quality(trace, middle);
    this.screened(trace, middle);
    context.strokeStyle = colours[trace.kind] ?? colours.ink;
    context.lineWidth = 1;
    context.beginPath();
    if (view.seconds >= ENVELOPES_FROM && trace.number !== null) this.envelope(envelope, y);
    else this.samples(trace, envelope, y);
    context.stroke();
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

  envelope(envelope, y) {
    if (!envelope) {
      this.late = true;
      return;
    }
    const { context, view, width } = this;
    const bins = view.seconds / envelope.seconds / width;
    for (let x = 0; x < width; x += 1) {
      const from = Math.floor(view.start / envelope.seconds + x * bins);
      let low = Infinity;
      let high = -Infinity;
      for (let bin = from; bin < Math.min(envelope.bins, Math.max(from + 1, from + bins)); bin += 1) {
        if (envelope.min(bin) < low) low = envelope.min(bin);
        if (envelope.max(bin) > high) high = envelope.max(bin);
      }
      if (low === Infinity) continue;
      context.moveTo(x + 0.5, y(low));
      context.lineTo(x + 0.5, Math.min(y(high), y(low) - 1));
    }
  }

  // Block by block; where one is still on its way, its envelope stands in for it.
  samples(trace, envelope, y) {
    const { view, signals } = this;
    const { key } = this.montage.request(trace);
    for (let block = Math.floor(view.start / signals.seconds); block * signals.seconds < view.start + view.seconds; block += 1) {
      const samples = signals.get(block, key);
      if (samples) this.block(samples, block * signals.seconds, y);
      else {
        this.late = true;
        if (envelope) this.coarse(envelope, block * signals.seconds, y);
      }
    }
  }

  coarse(envelope, start, y) {
    const first = Math.floor(start / envelope.seconds);
    const count = Math.ceil(this.signals.seconds / envelope.seconds);
    for (let bin = first; bin < Math.min(envelope.bins, first + count); bin += 1) {
      const x = this.x(bin * envelope.seconds);
      if (Number.isNaN(envelope.min(bin)) || x < 0 || x > this.width) continue;
      this.context.moveTo(x, y(envelope.min(bin)));
      this.context.lineTo(x, y(envelope.max(bin)));
    }
  }

  block({ rate, data }, start, y) {
    const step = this.perSecond / rate;
    const from = Math.max(0, Math.floor((this.view.start - start) * rate));
    const to = Math.min(data.length, Math.ceil((this.view.start + this.view.seconds - start) * rate) + 1);
    const left = this.x(start);
    if (1 / step > DENSE) this.columns(data, from, to, left, step, y);
    else this.points(data, from, to, left, step, y);
  }

  points(data, from, to, left, step, y) {
    const { context } = this;
    let down = false;
    for (let i = from; i < to; i += 1) {
      if (Number.isNaN(data[i])) down = false;
      else if (down) context.lineTo(left + i * step, y(data[i]));
      else {
        context.moveTo(left + i * step, y(data[i]));
        down = true;
      }
    }
  }

  columns(data, from, to, left, step, y) {
    const { context } = this;
    const per = 1 / step;
    let down = false;
    let i = from;
    for (let x = Math.floor(left + from * step); i < to; x += 1) {
      const end = Math.min(to, Math.ceil((x + 1 - left) * per));
      let low = Infinity;
      let high = -Infinity;
      for (; i < end; i += 1) {
        const value = data[i];
        if (value < low) low = value;
        if (value > high) high = value;
      }
      if (low === Infinity) down = false;
      else {
        if (down) context.lineTo(x, y(low));
        else context.moveTo(x, y(low));
        context.lineTo(x, y(high));
        down = true;
      }
    }
  }
}
