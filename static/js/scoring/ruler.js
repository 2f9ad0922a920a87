// A ruler laid over the page by dragging: time, amplitude and the frequency that a wave of this length would have.

import { TOP } from "./traces.js";

export class Ruler {
  constructor(format) {
    this.format = format;
    this.ends = null;
  }

  begin(x, y) {
    this.ends = { x0: x, y0: y, x1: x, y1: y };
  }

  to(x, y) {
    if (this.ends) Object.assign(this.ends, { x1: x, y1: y });
  }

  clear() {
    this.ends = null;
  }

  // The stretch in seconds, the earlier end first; null when nothing was measured.
  stretch(traces) {
    if (!this.ends || Math.abs(this.ends.x1 - this.ends.x0) < 3) return null;
    const [from, to] = [this.ends.x0, this.ends.x1].sort((a, b) => a - b).map((x) => traces.seconds(x));
    return { onset: from, duration: to - from };
  }

  // What is read off: the amplitude is that of the trace the ruler was begun on.
  reading(traces) {
    const { x0, y0, x1, y1 } = this.ends;
    const seconds = Math.abs(x1 - x0) / traces.perSecond;
    const lane = Math.floor((y0 - TOP) / traces.lane);
    const trace = traces.montage.traces[lane];
    const said = [`${this.format(seconds, 2)} s`];
    if (trace) {
      const { span } = traces.montage.scale(trace, null);
      const up = traces.montage.sign(trace) * ((y0 - y1) / traces.lane) * span;
      said.push(`${this.format(up, Math.abs(up) < 10 ? 1 : 0)} ${trace.unit}`);
    }
    if (seconds > 0.02) said.push(`${this.format(1 / seconds, 1)} Hz`);
    return said.join(" · ");
  }

  draw(traces) {
    if (!this.ends) return;
    const { context, colours, width } = traces;
    const { x0, y0, x1, y1 } = this.ends;
    context.strokeStyle = colours.attention;
    context.lineWidth = 1.5;
    context.strokeRect(Math.min(x0, x1), Math.min(y0, y1), Math.abs(x1 - x0), Math.abs(y1 - y0));
    const text = this.reading(traces);
    const long = context.measureText(text).width + 12;
    const left = Math.max(0, Math.min(width - long, Math.max(x0, x1) + 6));
    const top = Math.max(TOP, Math.min(y0, y1) - 24);
    context.fillStyle = colours.panel;
    context.fillRect(left, top, long, 20);
    context.strokeRect(left, top, long, 20);
    traces.write(text, left + 6, top + 14, colours.ink);
  }
}
