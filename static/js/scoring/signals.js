// The samples of the pages around the one in sight, filtered and waiting; a worker does the work.

// Blocks of all traces, least lately used first out.

const KEPT = 90;
const RETRY = 3000;

export class Signals {
  // `came` is told whenever a block arrives or cannot be had.
  constructor({ index, url, worker, seconds, blocks, came }) {
    Object.assign(this, { seconds, blocks, came });
    this.cache = new Map();
    this.problem = 0;
    this.worker = new Worker(worker, { type: "module" });
    this.worker.onmessage = ({ data }) => this.receive(data);
    this.worker.postMessage({ index, url, seconds, blocks });
  }

  close() {
    clearTimeout(this.retrying);
    this.worker.terminate();
  }

  receive({ block, done, failed, status }) {
    this.problem = failed ? status || -1 : 0;
    clearTimeout(this.retrying);
    if (failed) this.retrying = setTimeout(() => this.wanted && this.want(...this.wanted), RETRY);
    for (const { key, rate, data } of done ?? []) this.keep(block, key, { rate, data });
    this.came();
  }

  keep(block, key, samples) {
    const kept = this.cache.get(block) ?? new Map();
    kept.set(key, samples);
    this.touch(block, kept);
    for (const old of this.cache.keys()) {
      if (this.cache.size <= KEPT) break;
      this.cache.delete(old);
    }
  }

  touch(block, kept) {
    this.cache.delete(block);
    this.cache.set(block, kept);
  }

  get(block, key) {
    return this.cache.get(block)?.get(key) ?? null;
  }

  // Asks for blocks, the most urgent first.
  want(order, traces) {
    this.wanted = [order, traces];
    const wish = [];
    for (const block of order) {
      if (block < 0 || block >= this.blocks) continue;
      const kept = this.cache.get(block);
      if (kept) this.touch(block, kept);
      const missing = kept ? traces.filter(({ key }) => !kept.has(key)) : traces;
      if (missing.length) wish.push({ block, traces: missing });
    }
    this.worker.postMessage({ wish });
  }
}
