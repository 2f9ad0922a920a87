// The whole night under the page: hypnogram of the draft and as scored, probabilities, spectrogram, oxygen, clock.

import { LEVELS, STAGES, pen } from "./palette.js";

const ROW = 0.2;
const HOUR = 3600;
const TICKS = [600, 1800, 3600, 7200, 14400, 43200];
const LEAST_TICK = 56;
const OXYGEN = [70, 100];
const OXYGEN_BIN = 16;

export class Overview {
  constructor(element, { night, pyramid, montage, colours, words, jump }) {
    Object.assign(this, { element, night, pyramid, montage, colours, words });
    this.canvas = (name) => element.querySelector(`[data-overview="${name}"]`);
    this.cursor = element.querySelector("[data-cursor]");
    this.hand = element.querySelector("[data-hand]");
    this.listen(jump);
    this.spectrogram = null;
  }

  listen(jump) {
    const plots = this.element.querySelector("[data-plots]");
    const at = (event) => {
      const box = this.canvas("hypnogram").getBoundingClientRect();
      return this.night.clamp(Math.floor(((event.clientX - box.left) / box.width) * this.night.epochs));
    };
    plots.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      plots.setPointerCapture(event.pointerId);
      jump(at(event));
    });
    plots.addEventListener("pointermove", (event) => plots.hasPointerCapture(event.pointerId) && jump(at(event)));
  }

  // Where the page in sight lies, and the epoch in hand.
  place({ start, seconds, epoch }) {
    const whole = this.night.epochs * this.night.seconds;
    this.cursor.style.left = `${(100 * start) / whole}%`;
    this.cursor.style.width = `${(100 * Math.min(seconds, whole - start)) / whole}%`;
    this.hand.setAttribute("aria-valuenow", epoch + 1);
    this.hand.setAttribute("aria-valuetext", this.spoken?.(epoch) ?? String(epoch + 1));
  }

  draw(scored) {
    this.hypnogram(scored);
    this.density();
    this.frequencies();
    this.oxygen();
    this.clock();
  }

  hypnogram(scored) {
    const ready = pen(this.canvas("hypnogram"));
    if (!ready) return;
    const { context, width, height } = ready;
    const top = 14;
    const row = (height - top - 8) / 5;
    const y = (stage) => top + (LEVELS[stage] + 0.5) * row;
    const x = (epoch) => (epoch / this.night.epochs) * width;
    this.rows(context, width, y);
    this.unrecorded(context, width, top, height - top - 8);
    this.steps(context, this.night.stages, x, y, this.colours.draft, 1);
    this.runs(context, scored.stages, x, y, row * (1 - 2 * ROW));
    this.steps(context, scored.stages, x, y, this.colours.slate, 1);
    this.notes(context, scored, x, width, height);
  }

  rows(context, width, y) {
    context.strokeStyle = this.colours.line;
    context.lineWidth = 1;
    context.beginPath();
    for (const stage of STAGES) {
      context.moveTo(0, Math.round(y(stage)) + 0.5);
      context.lineTo(width, Math.round(y(stage)) + 0.5);
    }
    context.stroke();
  }

  unrecorded(context, width, top, height) {
    const whole = this.night.epochs * this.night.seconds;
    context.fillStyle = this.colours.sunken;
    for (const [from, to] of this.night.gaps) context.fillRect((from / whole) * width, top, ((to - from) / whole) * width, height);
  }

  runs(context, stages, x, y, thick) {
    let from = 0;
    for (let at = 1; at <= stages.length; at += 1) {
      if (stages[at] === stages[from]) continue;
      const stage = stages[from];
      if (stage in LEVELS) {
        context.fillStyle = this.colours[stage];
        context.fillRect(x(from), y(stage) - thick / 2, Math.max(1, x(at) - x(from)), thick);
      }
      from = at;
    }
  }

  steps(context, stages, x, y, colour, thick) {
    context.strokeStyle = colour;
    context.lineWidth = thick;
    context.beginPath();
    let down = false;
    for (let at = 0; at < stages.length; at += 1) {
      const stage = stages[at];
      if (!(stage in LEVELS)) down = false;
      else {
        if (down) context.lineTo(x(at), y(stage));
        else context.moveTo(x(at), y(stage));
        context.lineTo(x(at + 1), y(stage));
        down = true;
      }
    }
    context.stroke();
  }

  // Above: lights, arousals, artefacts, comments. Below: what is uncertain, and what was looked at.
  notes(context, scored, x, width, height) {
    const { colours, night } = this;
    const seconds = (value) => x(value / night.seconds);
    const ticks = (marks, colour, y, tall) => {
      context.fillStyle = colour;
      for (const [from, to] of marks) context.fillRect(from, y, Math.max(1.5, to - from), tall);
    };
    ticks(scored.arousals.map((mark) => [seconds(mark.onset_s), 0]), colours.ink, 0, 5);
    ticks(scored.artefacts.map((mark) => [seconds(mark.onset_s), seconds(mark.onset_s + (mark.duration_s ?? night.seconds))]), colours.attention, 6, 3);
    ticks(scored.comments.map(({ epoch }) => [x(epoch), x(epoch + 1)]), colours.accent, 10, 3);
    ticks([...night.doubtful].map((epoch) => [x(epoch), x(epoch + 1)]), colours.attention, height - 7, 3);
    ticks([...scored.seen].map((epoch) => [x(epoch), x(epoch + 1)]), colours.slate, height - 3, 3);
    context.strokeStyle = colours.attention;
    for (const [value, word] of [[scored.lightsOff, this.words.lights_off], [scored.lightsOn, this.words.lights_on]]) {
      if (value === null) continue;
      const at = Math.min(seconds(value), width - 1);
      context.beginPath();
      context.moveTo(at, 0);
      context.lineTo(at, height);
      context.stroke();
      context.fillStyle = colours.attentionText;
      const long = context.measureText(word).width;
      context.fillText(word, at + long + 6 > width ? at - long - 3 : at + 3, 11);
    }
  }

  density() {
    const ready = pen(this.canvas("density"));
    if (!ready) return;
    const { context, width, height } = ready;
    const { probabilities, epochs } = this.night;
    const thick = Math.max(1, width / epochs) + 0.3;
    for (let epoch = 0; epoch < epochs; epoch += 1) {
      let top = height;
      for (const [at, chance] of (probabilities[epoch] ?? []).entries()) {
        context.fillStyle = this.colours[STAGES[at]];
        context.fillRect((epoch / epochs) * width, top - chance * height, thick, chance * height + 0.3);
        top -= chance * height;
      }
    }
  }

  frequencies() {
    const canvas = this.canvas("spectrogram");
    if (!canvas || !this.spectrogram) return;
    const ready = pen(canvas);
    if (!ready) return;
    ready.context.imageSmoothingEnabled = false;
    ready.context.drawImage(this.spectrogram, 0, 0, ready.width, ready.height);
  }

  oxygen() {
    const canvas = this.canvas("oxygen");
    const ready = canvas && pen(canvas);
    const trace = this.montage.given.find(({ kind }) => kind === "spo2");
    const envelope = trace && this.pyramid.trace(trace.number, OXYGEN_BIN);
    if (!ready || !envelope) return;
    const { context, width, height } = ready;
    const whole = this.night.epochs * this.night.seconds;
    const [low, high] = OXYGEN;
    const y = (value) => height * (1 - (Math.max(low, Math.min(high, value)) - low) / (high - low));
    context.strokeStyle = this.colours.line;
    context.beginPath();
    context.moveTo(0, Math.round(y(90)) + 0.5);
    context.lineTo(width, Math.round(y(90)) + 0.5);
    context.stroke();
    context.fillStyle = this.colours.poor;
    for (const [from, to] of this.night.desaturations) context.fillRect((from / whole) * width, 0, Math.max(1, ((to - from) / whole) * width), height);
    context.strokeStyle = this.colours.ink;
    context.beginPath();
    for (let bin = 0; bin < envelope.bins; bin += 1) {
      if (Number.isNaN(envelope.min(bin))) continue;
      const x = (((bin + 0.5) * envelope.seconds) / whole) * width;
      context.moveTo(x, y(envelope.min(bin)) + 0.5);
      context.lineTo(x, y(envelope.max(bin)) - 0.5);
    }
    context.stroke();
  }

  clock() {
    const ready = pen(this.canvas("clock"));
    if (!ready) return;
    const { context, width } = ready;
    const whole = this.night.epochs * this.night.seconds;
    const tick = TICKS.find((seconds) => (seconds / whole) * width >= LEAST_TICK) ?? 24 * HOUR;
    const into = this.night.begun ? (this.night.begun.getTime() / 1000) % tick : 0;
    context.fillStyle = this.colours.slate;
    for (let at = into ? tick - into : 0; at < whole; at += tick) {
      const x = (at / whole) * width;
      context.fillRect(x, 0, 1, 4);
      const text = this.night.clock(at).slice(0, 5);
      const half = context.measureText(text).width / 2;
      context.fillText(text, Math.max(0, Math.min(width - 2 * half, x - half)), 15);
    }
  }
}
