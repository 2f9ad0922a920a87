// Mouse, fingers and keys on the signals: the ruler, turning the page with a finger, choosing a trace.

import { LABELLED, TOP } from "./traces.js";

const SWIPE = 60;
const STEP = 4;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Stage {
  constructor(element, room) {
    this.element = element;
    this.room = room;
    this.canvas = element.querySelector("[data-traces]");
    this.column = element.querySelector("[data-labels]");
    this.chosen = null;
    this.byKeys = false;
    this.canvas.addEventListener("pointerdown", (event) => this.down(event));
    this.canvas.addEventListener("pointermove", (event) => this.moved(event));
    this.canvas.addEventListener("pointerup", (event) => this.up(event));
    this.canvas.addEventListener("pointercancel", () => { this.finger = null; this.drawing = false; });
    element.addEventListener("keydown", (event) => this.key(event));
    element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  // A finger turns the page unless the ruler is on; a mouse always measures.
  down(event) {
    if (event.button) return;
    const [x, y] = this.at(event);
    if (event.pointerType === "touch" && !this.byKeys) {
      this.finger = { x, y };
      return;
    }
    this.canvas.setPointerCapture(event.pointerId);
    this.drawing = true;
    this.room.ruler.begin(x, y);
    this.room.draw();
  }

  moved(event) {
    if (!this.drawing) return;
    this.room.ruler.to(...this.at(event));
    this.room.draw();
  }

  up(event) {
    const [x, y] = this.at(event);
    if (this.finger) {
      const far = x - this.finger.x;
      if (Math.abs(far) > SWIPE && Math.abs(far) > Math.abs(y - this.finger.y)) this.room.run(far < 0 ? "next" : "previous");
      this.finger = null;
    }
    if (!this.drawing) return;
    this.drawing = false;
    const { ruler, traces } = this.room;
    if (ruler.stretch(traces)) this.room.say(ruler.reading(traces));
    else this.clicked(x);
  }

  // A click without dragging takes the epoch under it in hand.
  clicked(x) {
    const { ruler, traces, night, view } = this.room;
    ruler.clear();
    const epoch = night.clamp(Math.floor(traces.seconds(x) / night.seconds));
    if (epoch !== view.epoch) this.room.go(epoch);
    this.room.draw();
  }

  measuring(on) {
    this.byKeys = on;
    const { ruler, traces, panel } = this.room;
    if (on) {
      ruler.begin(traces.width / 2, TOP + traces.lane / 2);
      this.element.focus({ preventScroll: true });
    } else ruler.clear();
    panel.choices();
  }

  // With the ruler on, arrows move its end, Enter begins anew there.
  key(event) {
    if (!this.byKeys || event.ctrlKey || event.metaKey || event.altKey) return;
    const { ruler, traces } = this.room;
    const step = ARROWS[event.key];
    if (step && ruler.ends) {
      const far = event.shiftKey ? STEP * 5 : STEP;
      ruler.to(clamp(ruler.ends.x1 + step[0] * far, traces.width), clamp(ruler.ends.y1 + step[1] * far, traces.height));
      this.room.say(ruler.reading(traces));
    } else if (event.key === "Enter" && ruler.ends) ruler.begin(ruler.ends.x1, ruler.ends.y1);
    else if (event.key === "Escape") this.measuring(false);
    else return;
    event.preventDefault();
    this.room.draw();
  }

  // Alone the wheel scrolls; with Ctrl it makes traces larger, with Shift it turns the pages.
  wheel(event) {
    if (!event.ctrlKey && !event.shiftKey) return;
    event.preventDefault();
    const turned = Math.sign(event.deltaY || event.deltaX);
    if (event.ctrlKey) this.room.gain(-turned);
    else this.room.run(turned > 0 ? "next" : "previous");
  }

  // One button per trace, in its lane: choose it, and + and − change it alone.
  labels() {
    const { montage, traces } = this.room;
    const names = montage.traces.map(({ label }) => label).join("\n");
    if (names !== this.names) this.rebuild(montage.traces);
    this.names = names;
    for (const [at, button] of [...this.column.children].entries()) {
      const trace = montage.traces[at];
      const text = traces.amplitude(trace);
      if (button.lastChild.textContent !== text) button.lastChild.textContent = text;
      const place = `${Math.round(traces.lane * 100) / 100}px`;
      if (button.style.height !== place) button.style.height = place;
      button.classList.toggle("tight", traces.lane < LABELLED);
      button.setAttribute("aria-pressed", String(trace.label === this.chosen?.label));
    }
  }

  rebuild(traces) {
    this.column.style.paddingTop = `${TOP}px`;
    this.column.replaceChildren(...traces.map((trace) => this.label(trace)));
    if (!traces.some(({ label }) => label === this.chosen?.label)) this.chosen = null;
  }

  label(trace) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "trace-label", title: trace.label });
    button.append(Object.assign(document.createElement("span"), { className: "trace-name", textContent: trace.label }), Object.assign(document.createElement("span"), { className: "trace-span quiet" }));
    button.addEventListener("click", () => {
      this.chosen = this.chosen?.label === trace.label ? null : trace;
      this.room.panel.choices();
      this.room.draw();
    });
    return button;
  }
}

function clamp(value, largest) {
  return Math.max(0, Math.min(largest, value));
}
