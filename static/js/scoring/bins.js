// Lowest and highest value of a stretch of samples in bins of a fixed length.

// Fills `low` and `high` from bin `first` on; a bin without samples stays NaN. Where a bin has less than one sample,
// the last value stands: SpO2 once a second is a line, not dots.
export function fill(samples, perBin, first, low, high) {
  const bins = Math.min(low.length - first, Math.ceil(samples.length / perBin - 1e-6));
  for (let bin = 0; bin < bins; bin += 1) {
    const from = Math.min(samples.length - 1, Math.floor(bin * perBin + 1e-6));
    const to = Math.max(from + 1, Math.min(samples.length, Math.floor((bin + 1) * perBin + 1e-6)));
    let least = Infinity;
    let most = -Infinity;
    for (let i = from; i < to; i += 1) {
      const value = samples[i];
      if (value < least) least = value;
      if (value > most) most = value;
    }
    if (least !== Infinity) {
      low[first + bin] = least;
      high[first + bin] = most;
    }
  }
}

// Bins `by` times as long, from bin `from` of the finer ones to `to`.
export function coarser(fine, coarse, by, from, to) {
  for (let bin = Math.floor(from / by); bin < Math.ceil(to / by); bin += 1) {
    let least = Infinity;
    let most = -Infinity;
    for (let i = bin * by; i < Math.min(fine.low.length, (bin + 1) * by); i += 1) {
      if (fine.low[i] < least) least = fine.low[i];
      if (fine.high[i] > most) most = fine.high[i];
    }
    if (least !== Infinity) {
      coarse.low[bin] = least;
      coarse.high[bin] = most;
    }
  }
}
