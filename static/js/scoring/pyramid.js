// Smallest and largest value of every quarter of a second, second, four seconds …: what long pages are drawn from.

const NOTHING = -32768;
// Bytes.
const PER_BIN = 4;
const RETRY = 3000;

export class Pyramid {
  constructor({ index, url, came }) {
    Object.assign(this, { index, url, came });
    this.levels = index.pyramid?.levels ?? [];
    this.loaded = new Map();
  }

  // The coarsest level that still has a bin for every `seconds`; the finest when there is none.
  level(seconds) {
    let best = this.levels[0];
    for (const level of this.levels) if (level.seconds <= seconds) best = level;
    return best;
  }

  // Returns { seconds, min(bin), max(bin), bins } of a trace, or null while it is on its way.
  trace(number, seconds) {
    const level = this.level(seconds);
    if (!level || number === null || number === undefined) return null;
    const data = this.data(level);
    if (!data) return null;
    const at = number * level.bins * 2;
    const step = this.index.montage[number].pyramid_step ?? 1;
    const value = (place) => (data[place] === NOTHING ? NaN : data[place] * step);
    return { seconds: level.seconds, bins: level.bins, min: (bin) => value(at + 2 * bin), max: (bin) => value(at + 2 * bin + 1) };
  }

  data(level) {
    if (!this.loaded.has(level)) {
      this.loaded.set(level, null);
      this.load(level);
    }
    return this.loaded.get(level);
  }

  // What cannot be had now is asked for again later.
  async load(level) {
    const last = level.offset + level.bins * this.index.montage.length * PER_BIN - 1;
    const answer = await fetch(this.url, { headers: { Range: `bytes=${level.offset}-${last}` } }).catch(() => null);
    if (!answer?.ok || answer.redirected) {
      setTimeout(() => {
        this.loaded.delete(level);
        this.came();
      }, RETRY);
      return;
    }
    const bytes = await answer.arrayBuffer();
    this.loaded.set(level, new Int16Array(answer.status === 206 ? bytes : bytes.slice(level.offset, last + 1)));
    this.came();
  }
}
