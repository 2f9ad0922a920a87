// Goes through the whole night for one derivation after the other and says what each quarter of a second lies between.

import { fill } from "./bins.js";
import { filtered, sections } from "./filters.js";
import { SPAN, channels, derived, fetchBlocks, physical } from "./samples.js";

let set = null;
let wish = [];
let working = false;
// What was sent back: a page turned meanwhile may have asked for it again.
const done = new Set();

// `wish`: derivations, each with the blocks that are still to be gone through, the most urgent first.
self.onmessage = ({ data }) => {
  if (data.index) set = data;
  wish = data.wish ?? [];
  if (!working) work();
};

async function work() {
  working = true;
  while (wish.length) {
    const { trace, firsts } = wish[0];
    const first = firsts.shift();
    if (!firsts.length) wish.shift();
    const name = `${trace.key} ${first}`;
    if (first === undefined || done.has(name)) continue;
    try {
      const { low, high } = await stretch(trace, first);
      done.add(name);
      self.postMessage({ key: trace.key, first, low, high }, [low.buffer, high.buffer]);
    } catch (error) {
      wish = [];
      self.postMessage({ failed: true, status: error.status ?? 0 });
    }
    // What came in meanwhile is read before the next stretch.
    await new Promise((done) => setTimeout(done));
  }
  working = false;
}

// A few blocks, filtered with one more on both sides, as pages are.
async function stretch(trace, first) {
  const { index, seconds, blocks, finest } = set;
  const before = Math.max(0, first - 1);
  const end = Math.min(blocks, first + SPAN);
  const after = Math.min(blocks, end + 1);
  const numbers = channels([trace]);
  const windows = await fetchBlocks(set, before, after - before, numbers);
  const channel = (number) => index.channels.find((each) => each.number === number);
  const part = new Map(numbers.map((number) => [
    number, physical(channel(number), windows.filter((window) => window.number === number), before * seconds, (after - before) * seconds),
  ]));
  const { rate } = channel(trace.plus);
  const whole = filtered(sections(trace.filter, rate), derived(part, trace));
  const from = Math.round((first - before) * seconds * rate);
  const bins = Math.ceil(((end - first) * seconds) / finest);
  const low = new Float32Array(bins).fill(NaN);
  const high = new Float32Array(bins).fill(NaN);
  fill(whole.subarray(from, from + Math.round((end - first) * seconds * rate)), rate * finest, 0, low, high);
  return { low, high };
}
