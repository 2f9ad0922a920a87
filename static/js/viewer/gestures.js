// Mouse, pen and fingers on a pane. The left button and one finger do what the chosen tool does, the right button
// windows, the middle one moves; two fingers move and zoom.

const BUTTONS = { 1: "move", 2: "window" };
const WHEEL = 1.0015;
const ROOM = 400;

export class Gestures {
  // `act` has tool(), begin(tool, x, y), drag(tool, dx, dy, x, y), end(tool), pinch(factor, x, y, dx, dy),
  // wheel(factor, event, x, y) and hover(point or null).
  constructor(stage, act) {
    this.stage = stage;
    this.act = act;
    this.fingers = new Map();
    this.tool = null;
    stage.addEventListener("pointerdown", (event) => this.down(event));
    stage.addEventListener("pointermove", (event) => this.moved(event));
    for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, (event) => this.up(event));
    stage.addEventListener("pointerleave", () => this.act.hover(null));
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  at({ clientX, clientY }) {
    const box = this.stage.getBoundingClientRect();
    return [clientX - box.left, clientY - box.top];
  }

  down(event) {
    this.stage.setPointerCapture(event.pointerId);
    this.stage.focus({ preventScroll: true });
    event.preventDefault();
    this.fingers.set(event.pointerId, this.at(event));
    if (this.fingers.size > 1) {
      if (this.tool) this.act.end(this.tool);
      this.tool = null;
      return;
    }
    this.tool = BUTTONS[event.button] ?? this.act.tool();
    this.act.begin(this.tool, ...this.at(event));
  }

  moved(event) {
    const now = this.at(event);
    const before = this.fingers.get(event.pointerId);
    if (!before) {
      this.act.hover(now);
      return;
    }
    const spread = this.spread();
    this.fingers.set(event.pointerId, now);
    if (this.fingers.size > 1) this.pinch(spread, now[0] - before[0], now[1] - before[1]);
    else if (this.tool) this.act.drag(this.tool, now[0] - before[0], now[1] - before[1], ...now);
  }

  up(event) {
    if (!this.fingers.delete(event.pointerId) || !this.tool) return;
    this.act.end(this.tool);
    this.tool = null;
  }

  spread() {
    const [first, second] = this.fingers.values();
    return second ? Math.hypot(first[0] - second[0], first[1] - second[1]) : 0;
  }

  // Each finger moves the middle between them by half of its own way.
  pinch(spread, dx, dy) {
    const [first, second] = this.fingers.values();
    const middle = [(first[0] + second[0]) / 2, (first[1] + second[1]) / 2];
    this.act.pinch(spread ? this.spread() / spread : 1, ...middle, dx / 2, dy / 2);
  }

  // On a small or much enlarged screen the image fills the window: there the wheel must go on scrolling the page.
  wheel(event) {
    if (window.innerHeight < ROOM) return;
    event.preventDefault();
    const turned = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 * event.deltaY : event.deltaY || event.deltaX;
    this.act.wheel(turned, WHEEL ** -turned, event, ...this.at(event));
  }
}
