// Fetches, decodes, derives and filters beside the page, so that nothing of it costs a frame.
// A wish replaces the one before: while an arrow key is held, pages that were left behind are not computed any more.

import { filtered, sections } from "./filters.js";
import { SPAN, channels, derived, fetchBlocks, joined, physical } from "./samples.js";

// Blocks of samples kept, all channels.
const RAW = 120;

let index = null;
let url = "";
let seconds = 30;
let blocks = 0;
let wish = [];
let working = false;
const raw = new Map();

self.onmessage = ({ data }) => {
  if (data.index) ({ index, url, seconds, blocks } = data);
  wish = data.wish ?? [];
  if (!working) work();
};

async function work() {
  working = true;
  while (wish.length) {
    const wanted = wish[0];
    try {
      await load(wanted);
      if (wish[0] === wanted) wish.shift();
      deliver(wanted);
    } catch (error) {
      wish = [];
      self.postMessage({ failed: true, status: error.status ?? 0 });
    }
    // What came in meanwhile is read before the next block.
    await new Promise((done) => setTimeout(done));
  }
  working = false;
}

function channel(number) {
  return index.channels.find((each) => each.number === number);
}

function needed(block) {
  return [block - 1, block, block + 1].filter((at) => at >= 0 && at < blocks);
}

// Brings what a block and its neighbours need, and what further wishes need right behind it.
async function load({ block, traces }) {
  const numbers = channels(traces);
  const missing = (at) => numbers.filter((number) => !raw.get(at)?.has(number));
  const first = needed(block).find((at) => missing(at).length);
  if (first === undefined) return;
  const wanted = new Set(wish.flatMap((each) => needed(each.block)));
  const absent = missing(first);
  let count = 1;
  while (count < SPAN && (wanted.has(first + count) || needed(block).includes(first + count)) && missing(first + count).length === absent.length) count += 1;
  keep(await fetchBlocks({ url, seconds }, first, count, absent), first, count, absent);
  await load({ block, traces });
}

function keep(windows, first, count, numbers) {
  for (let at = first; at < first + count; at += 1) {
    const kept = raw.get(at) ?? new Map();
    raw.delete(at);
    raw.set(at, kept);
    for (const number of numbers) kept.set(number, physical(channel(number), windows.filter((window) => window.number === number), at * seconds, seconds));
  }
  for (const old of raw.keys()) {
    if (raw.size <= RAW) break;
    raw.delete(old);
  }
}

function deliver({ block, traces }) {
  const around = needed(block).map((at) => raw.get(at));
  const here = raw.get(block);
  const done = traces.map((trace) => {
    const { rate } = channel(trace.plus);
    const parts = around.map((part) => derived(part, trace));
    const before = around[0] === here ? 0 : parts[0].length;
    const data = filtered(sections(trace.filter, rate), joined(parts)).slice(before, before + derived(here, trace).length);
    return { key: trace.key, rate, data };
  });
  self.postMessage({ block, done }, done.map(({ data }) => data.buffer));
}
