// Grey levels from modality values, by the formulas of DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3, as the analyser has
// them. A window is { centre, width, function } in modality units, and has a `table` when the image came with a lookup
// table instead: levels 0–255 at evenly spaced values from `first` to `last`.

export const LINEAR = 0;
export const STEP = 1;
export const SIGMOID = 2;
export const TABLE = 3;

const LEAST = { LINEAR: 1, LINEAR_EXACT: 1e-6, SIGMOID: 1e-6 };
const DARK_PARTS = [0.02, 0.6];
const BRIGHT_PARTS = [0.4, 0.998];
const SAMPLED = 1 << 20;

export function allowed(window) {
  return { ...window, width: Math.max(LEAST[window.function] ?? 1, window.width) };
}

// What a renderer needs: grey = curve(gain × given + offset), between 0 and 1. `given` is the number stored in the
// raster, `slope` and `intercept` make it the modality value.
export function coefficients({ centre, width, function: kind, table }, { slope, intercept }) {
  if (table) {
    const { first, last, levels } = table;
    const steps = (levels.length - 1) / Math.max(last - first, 1e-9);
    return { curve: TABLE, gain: slope * steps, offset: (intercept - first) * steps, levels: kept(levels) };
  }
  if (kind === "SIGMOID") return { curve: SIGMOID, gain: (4 * slope) / width, offset: (4 * (intercept - centre)) / width };
  if (kind === "LINEAR_EXACT") return { curve: LINEAR, gain: slope / width, offset: (intercept - centre) / width + 0.5 };
  if (width === 1) return { curve: STEP, gain: slope, offset: intercept - (centre - 0.5) };
  return { curve: LINEAR, gain: slope / (width - 1), offset: (intercept - (centre - 0.5)) / (width - 1) + 0.5 };
}

// The same as a function of the given number.
export function shade({ curve, gain, offset, levels }, inverted) {
  const bright = {
    [LINEAR]: (given) => Math.min(1, Math.max(0, gain * given + offset)),
    [STEP]: (given) => (gain * given + offset > 0 ? 1 : 0),
    [SIGMOID]: (given) => 1 / (1 + Math.exp(-(gain * given + offset))),
    [TABLE]: (given) => between(levels, gain * given + offset),
  }[curve];
  return inverted ? (given) => 1 - bright(given) : bright;
}

function between(levels, at) {
  const inside = Math.min(levels.length - 1, Math.max(0, at));
  const low = Math.floor(inside);
  const high = Math.min(levels.length - 1, low + 1);
  return (levels[low] + (levels[high] - levels[low]) * (inside - low)) / 255;
}

// The same array for the same table, so that a renderer needs to send it to the card once.
const arrays = new WeakMap();

function kept(levels) {
  if (!arrays.has(levels)) arrays.set(levels, Float32Array.from(levels));
  return arrays.get(levels);
}

// What the image offers: what it came with, then windows computed from it, those of the analyser last. The first four
// have a key.
export function presets({ info, original, pixels, words }) {
  const kind = original.function;
  const { tables = [], windows = [] } = info.pixels ?? {};
  const { table, ...spanning } = original;
  const sent = [
    ...tables.map((one) => ({ ...span(one, kind), table: one, label: one.label })),
    ...windows.filter(({ computed }) => !computed),
  ];
  const found = windows.filter(({ computed }) => computed);
  const first = sent.length ? sent : [found.shift() ?? { ...spanning, label: words.sent }];
  const all = [...first, ...parts(pixels, kind, words), ...found];
  return all.map((window) => allowed({ ...window, function: kind }));
}

function span({ first, last }, kind) {
  const extra = kind === "LINEAR_EXACT" ? 0 : 1;
  return { centre: (first + last + extra) / 2, width: last - first + extra };
}

// The values that occur, in order, sampled; the two end values are left out, where borders and cut-off values pile
// up, unless there is nothing else.
function spectrum(pixels) {
  const level = pixels.level(Math.max(0, Math.ceil(Math.log2(pixels.data.length / SAMPLED) / 2)));
  const values = level.data.slice().sort();
  const inner = values.filter((value) => value > values[0] && value < values[values.length - 1]);
  return inner.length ? inner : values;
}

function parts(pixels, kind, words) {
  const values = spectrum(pixels);
  const at = (share) => values[Math.round((pixels.inverted ? 1 - share : share) * (values.length - 1))];
  const part = (shares, label) => {
    const [low, high] = shares.map((share) => at(share) * pixels.slope + pixels.intercept).sort((a, b) => a - b);
    return { ...span({ first: low, last: high }, kind), label };
  };
  return [part(DARK_PARTS, words.lungs), part(BRIGHT_PARTS, words.bone)];
}
