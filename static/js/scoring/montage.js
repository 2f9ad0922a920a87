// Which traces are shown, how they are derived and filtered, and how large they are drawn.

export const BANDS = {
  eeg: { low: 0.3, high: 35 },
  eog: { low: 0.3, high: 35 },
  emg: { low: 10, high: 100 },
  ecg: { low: 0.3, high: 70 },
  leg: { low: 10, high: 100 },
};
export const NEGATIVE_UP = ["eeg", "eog"];
export const GUIDED = "eeg";
// In the unit of the trace from the top of its lane to the bottom; of others the night itself gives it.
const SCALES = { eeg: 150, eog: 200, emg: 80, leg: 80, ecg: 2000 };
const GAINS = [0.1, 0.14, 0.2, 0.28, 0.4, 0.56, 0.75, 1, 1.4, 2, 2.8, 4, 5.6, 8, 11, 16];
const SHARE = 0.02;
const ROOM = 1.6;
const SMALLEST = { spo2: 20 };

export class Montage {
  // `setup` is what this person chose before.
  constructor(index, setup) {
    this.index = index;
    this.setup = setup;
    this.channels = new Map((index?.channels ?? []).map((channel) => [channel.number, channel]));
    this.given = (index?.montage ?? []).map((trace, number) => this.trace({ ...trace, number }));
    this.traces = this.arranged();
  }

  arranged() {
    const { hidden = [], added = [] } = this.setup;
    const own = added.filter(({ plus, minus }) => this.channels.has(plus) && (minus === null || this.channels.has(minus)));
    return [...this.given, ...own.map((trace) => this.trace(trace))].filter(({ label }) => !hidden.includes(label));
  }

  trace({ label, kind, plus, minus = null, number = null }) {
    const channel = this.channels.get(plus);
    return { label, kind, plus, minus, number, rate: channel.rate, unit: channel.unit };
  }

  get all() {
    const { added = [] } = this.setup;
    return [...this.given, ...added];
  }

  // A channel may be taken from another one of the same unit and rate.
  partners(number) {
    const { unit, rate } = this.channels.get(number);
    return [...this.channels.values()].filter((other) => other.number !== number && other.unit === unit && other.rate === rate);
  }

  add(plus, minus) {
    const { label, kind } = this.channels.get(plus);
    const name = minus === null ? label : `${label}-${this.channels.get(minus).label}`;
    if (!this.all.some((trace) => trace.label === name)) this.setup.added = [...(this.setup.added ?? []), { label: name, kind, plus, minus }];
    this.show(name, true);
  }

  show(label, on) {
    const hidden = new Set(this.setup.hidden ?? []);
    if (on) hidden.delete(label);
    else hidden.add(label);
    this.setup.hidden = [...hidden];
    this.traces = this.arranged();
  }

  reset() {
    for (const name of ["hidden", "added", "gains", "inverted", "bands"]) delete this.setup[name];
    this.traces = this.arranged();
  }

  band(kind) {
    return this.setup.bands?.[kind] ?? BANDS[kind] ?? { low: 0, high: 0 };
  }

  setBand(kind, side, value) {
    this.setup.bands = { ...this.setup.bands, [kind]: { ...this.band(kind), [side]: value } };
  }

  // What the worker is asked for; without filters the samples stand as they were recorded.
  request({ plus, minus, kind }) {
    const open = this.setup.filters === false;
    const { low, high } = open ? { low: 0, high: 0 } : this.band(kind);
    const mains = kind in BANDS ? this.setup.mains ?? 0 : 0;
    return { key: [plus, minus, low, high, mains].join("|"), plus, minus, filter: { low, high, mains } };
  }

  gain({ label }) {
    return (this.setup.gains?.[label] ?? 1) * (this.setup.gain ?? 1);
  }

  // One step larger or smaller, of one trace or of all.
  step(by, trace) {
    const next = (value) => GAINS[Math.max(0, Math.min(GAINS.length - 1, nearest(value) + by))];
    if (!trace) this.setup.gain = next(this.setup.gain ?? 1);
    else this.setup.gains = { ...this.setup.gains, [trace.label]: next(this.setup.gains?.[trace.label] ?? 1) };
  }

  invert({ label }) {
    const inverted = new Set(this.setup.inverted ?? []);
    if (!inverted.delete(label)) inverted.add(label);
    this.setup.inverted = [...inverted];
  }

  // 1 where larger values stand higher.
  sign({ label, kind }) {
    const down = (this.setup.negativeUp ?? true) && NEGATIVE_UP.includes(kind);
    return (this.setup.inverted ?? []).includes(label) ? (down ? 1 : -1) : down ? -1 : 1;
  }

  // Height of a lane in the unit of its trace and the value in its middle.
  scale(trace, envelope) {
    if (SCALES[trace.kind]) return { span: SCALES[trace.kind] / this.gain(trace), middle: 0 };
    trace.spread ??= envelope && spread(envelope);
    const { low, high } = trace.spread ?? { low: -1, high: 1 };
    const span = Math.max((high - low) * ROOM, SMALLEST[trace.kind] ?? 0) || 1;
    return { span: span / this.gain(trace), middle: (low + high) / 2 };
  }
}

function nearest(value) {
  return GAINS.reduce((best, gain, at) => (Math.abs(gain - value) < Math.abs(GAINS[best] - value) ? at : best), 0);
}

// What most of a night lies between.
function spread(envelope) {
  const lows = [];
  const highs = [];
  for (let bin = 0; bin < envelope.bins; bin += 1) {
    if (Number.isNaN(envelope.min(bin))) continue;
    lows.push(envelope.min(bin));
    highs.push(envelope.max(bin));
  }
  if (!lows.length) return null;
  lows.sort((a, b) => a - b);
  highs.sort((a, b) => a - b);
  return { low: lows[Math.floor(lows.length * SHARE)], high: highs[Math.ceil(highs.length * (1 - SHARE)) - 1] };
}
