// Samples as the server gives them out: fetched, decoded into their unit, derived. For workers.

// Blocks that one request brings at most.
export const SPAN = 8;

// Windows of some channels over `count` blocks of `seconds` from block `first` on.
export async function fetchBlocks({ url, seconds }, first, count, numbers) {
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

// `length` seconds of one channel from `start` on, in its unit; NaN where nothing was recorded.
export function physical({ rate, gain, bias }, windows, start, length) {
  const out = new Float32Array(Math.round(length * rate)).fill(NaN);
  for (const { onset_s: onset, samples } of windows) {
    const shift = Math.round((onset - start) * rate);
    const from = Math.max(0, shift);
    const to = Math.min(out.length, shift + samples.length);
    for (let i = from; i < to; i += 1) out[i] = samples[i - shift] * gain + bias;
  }
  return out;
}

export function channels(traces) {
  return [...new Set(traces.flatMap(({ plus, minus }) => (minus === null ? [plus] : [plus, minus])))];
}

// `part`: samples by number of channel.
export function derived(part, { plus, minus }) {
  const above = part.get(plus);
  const below = minus === null ? null : part.get(minus);
  return below?.length === above.length ? above.map((value, i) => value - below[i]) : above;
}

export function joined(parts) {
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
