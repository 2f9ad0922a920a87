// Fetches, decodes, derives and filters beside the page, so that nothing of it costs a frame.
// A wish replaces the one before: while an arrow key is held, pages that were left behind are not computed any more.

import { filtered, sections } from "./filters.js";

// Blocks that one request brings at most.

const SPAN = 8;
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

function channels(traces) {
  return [...new Set(traces.flatMap(({ plus, minus }) => (minus === null ? [plus] : [plus, minus])))];
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
  keep(await fetchBlocks(first, count, absent), first, count, absent);
  await load({ block, traces });
}

async function fetchBlocks(first, count, numbers) {
  const answer = await fetch(`${url}?from=${first * seconds}&seconds=${count * seconds}&channels=${numbers.join(",")}`);
  if (!answer.ok || answer.redirected) throw Object.assign(new Error("signals"), { status: answer.redirected ? 401 : answer.status });
  return decoded(await answer.arrayBuffer());
}

// Four bytes say how long the description is that the samples follow, window after window.
function decoded(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const { windows } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let at = 4 + length;
  return windows.map((window) => {
    const bytes = buffer.slice(at, at + window.bytes);
    at += window.bytes;
    return { ...window, samples: window.width === 4 ? new Int32Array(bytes) : new Int16Array(bytes) };
  });
}

function keep(windows, first, count, numbers) {
  for (let at = first; at < first + count; at += 1) {
    const kept = raw.get(at) ?? new Map();
    raw.delete(at);
    raw.set(at, kept);
    for (const number of numbers) kept.set(number, physical(windows.filter((window) => window.number === number), at, number));
  }
  for (const old of raw.keys()) {
    if (raw.size <= RAW) break;
    raw.delete(old);
  }
}

// One block of one channel in its unit; NaN where nothing was recorded.
function physical(windows, block, number) {
  const { rate, gain, bias } = index.channels.find((channel) => channel.number === number);
  const out = new Float32Array(Math.round(seconds * rate)).fill(NaN);
  for (const { onset_s: onset, samples } of windows) {
    const shift = Math.round((onset - block * seconds) * rate);
    const from = Math.max(0, shift);
    const to = Math.min(out.length, shift + samples.length);
    for (let i = from; i < to; i += 1) out[i] = samples[i - shift] * gain + bias;
  }
  return out;
}

function deliver({ block, traces }) {
  const around = needed(block).map((at) => raw.get(at));
  const here = raw.get(block);
  const done = traces.map((trace) => {
    const { rate } = index.channels.find((channel) => channel.number === trace.plus);
    const parts = around.map((part) => derived(part, trace));
    const before = around[0] === here ? 0 : parts[0].length;
    const data = filtered(sections(trace.filter, rate), joined(parts)).slice(before, before + derived(here, trace).length);
    return { key: trace.key, rate, data };
  });
  self.postMessage({ block, done }, done.map(({ data }) => data.buffer));
}

function derived(part, { plus, minus }) {
  const above = part.get(plus);
  const below = minus === null ? null : part.get(minus);
  return below?.length === above.length ? above.map((value, i) => value - below[i]) : above;
}

function joined(parts) {
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
