// Filters that move nothing in time: Butterworth sections of second order and a notch, run forwards and backwards.
// Bilinear transform with the limits warped to their place; ends are prolonged by a point reflection.

const NOTCH_QUALITY = 30;
// Of half the sampling rate: above it there is nothing left to take away.
const HIGHEST = 0.95;

// Returns sections [b0, b1, b2, a1, a2] (a0 = 1) of a second-order Butterworth filter.
export function butterworth(kind, frequency, rate) {
  const warped = Math.tan((Math.PI * frequency) / rate);
  const scale = 1 / (1 + Math.SQRT2 * warped + warped * warped);
  const a1 = 2 * (warped * warped - 1) * scale;
  const a2 = (1 - Math.SQRT2 * warped + warped * warped) * scale;
  if (kind === "low") {
    const b = warped * warped * scale;
    return [b, 2 * b, b, a1, a2];
  }
  return [scale, -2 * scale, scale, a1, a2];
}

export function notch(frequency, rate) {
  const centre = (2 * Math.PI * frequency) / rate;
  const gain = 1 / (1 + Math.tan(centre / NOTCH_QUALITY / 2));
  const middle = -2 * gain * Math.cos(centre);
  return [gain, middle, gain, middle, 2 * gain - 1];
}

// `low` and `high` are the limits of the band that stays, in Hz; 0 or null leaves that side open.
export function sections({ low, high, mains }, rate) {
  const half = (rate / 2) * HIGHEST;
  const chain = [];
  if (low && low < half) chain.push(butterworth("high", low, rate));
  if (high && high < half) chain.push(butterworth("low", high, rate));
  if (mains && mains < half) chain.push(notch(mains, rate));
  return chain;
}

// State of a section that has seen nothing but `1` for ever.
function settled([b0, b1, b2, a1, a2]) {
  const level = (b0 + b1 + b2) / (1 + a1 + a2);
  return { level, z1: level - b0, z2: b2 - a2 * level };
}

function run(chain, data) {
  let first = data[0];
  for (const section of chain) {
    const [b0, b1, b2, a1, a2] = section;
    const { level, z1: s1, z2: s2 } = settled(section);
    let z1 = s1 * first;
    let z2 = s2 * first;
    for (let i = 0; i < data.length; i += 1) {
      const x = data[i];
      const y = b0 * x + z1;
      z1 = b1 * x - a1 * y + z2;
      z2 = b2 * x - a2 * y;
      data[i] = y;
    }
    first *= level;
  }
}

// Filters samples without delay; a stretch without samples (NaN) is filtered on each side by itself.
export function filtered(chain, samples) {
  const out = Float32Array.from(samples);
  if (!chain.length) return out;
  let at = 0;
  while (at < out.length) {
    while (at < out.length && Number.isNaN(out[at])) at += 1;
    let end = at;
    while (end < out.length && !Number.isNaN(out[end])) end += 1;
    if (end > at) out.set(bothWays(chain, out.subarray(at, end)), at);
    at = end;
  }
  return out;
}

function bothWays(chain, samples) {
  const n = samples.length;
  const margin = Math.min(3 * (2 * chain.length + 1), n - 1);
  const long = new Float64Array(n + 2 * margin);
  long.set(samples, margin);
  for (let i = 1; i <= margin; i += 1) {
    long[margin - i] = 2 * samples[0] - samples[i];
    long[margin + n - 1 + i] = 2 * samples[n - 1] - samples[n - 1 - i];
  }
  run(chain, long);
  long.reverse();
  run(chain, long);
  long.reverse();
  return long.subarray(margin, margin + n);
}
