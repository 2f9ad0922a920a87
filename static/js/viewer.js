// The reading room: zoom, move, invert, and a map over the image that stays off until it is asked for.
// Keys act only while the image or its tools have the focus (WCAG 2.1.4).

const STEP = 1.25;
const MOST = 16;
const MOVE = 40;

class XrayViewer extends HTMLElement {
  connectedCallback() {
    this.stage = this.querySelector("[data-stage]");
    this.layers = this.querySelector("[data-layers]");
    this.overlay = this.querySelector("[data-overlay]");
    this.opacity = this.querySelector("[data-opacity]");
    this.bar = this.querySelector("[data-bar]");
    this.actions = {
      in: () => this.zoom(STEP),
      out: () => this.zoom(1 / STEP),
      invert: () => this.toggle("invert", (on) => this.layers.classList.toggle("inverted", on)),
      overlay: () => this.overlay && this.toggle("overlay", (on) => this.showOverlay(on)),
      reset: () => this.reset(),
    };
    for (const button of this.querySelectorAll("[data-do]")) {
      button.addEventListener("click", () => this.actions[button.dataset.do]());
    }
    this.opacity?.addEventListener("input", () => this.fade());
    this.addEventListener("keydown", (event) => this.key(event));
    this.stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.stage.addEventListener("pointerdown", (event) => this.grab(event));
    this.reset();
    this.fade();
  }

  reset() {
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    this.place();
  }

  zoom(factor) {
    const scale = Math.min(MOST, Math.max(1, this.scale * factor));
    this.x *= scale / this.scale;
    this.y *= scale / this.scale;
    this.scale = scale;
    if (scale === 1) this.x = this.y = 0;
    this.place();
  }

  move(x, y) {
    this.x += x;
    this.y += y;
    this.place();
  }

  place() {
    this.layers.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
  }

  toggle(name, act) {
    const button = this.querySelector(`[data-do=${name}]`);
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    act(on);
  }

  showOverlay(on) {
    this.overlay.hidden = !on;
    if (this.bar) this.bar.hidden = !on;
  }

  fade() {
    if (this.overlay) this.overlay.style.opacity = this.opacity.value / 100;
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const onStage = event.target === this.stage;
    const nudge = (by) => {
      if (!this.opacity) return;
      this.opacity.value = Number(this.opacity.value) + by;
      this.fade();
    };
    const keys = {
      "+": this.actions.in,
      z: this.actions.in,
      "-": this.actions.out,
      "=": this.actions.reset,
      i: this.actions.invert,
      o: this.actions.overlay,
      "[": () => nudge(-10),
      "]": () => nudge(10),
    };
    const stageKeys = {
      " ": this.actions.reset,
      ArrowLeft: () => this.move(MOVE, 0),
      ArrowRight: () => this.move(-MOVE, 0),
      ArrowUp: () => this.move(0, MOVE),
      ArrowDown: () => this.move(0, -MOVE),
    };
    const act = keys[event.key] ?? (onStage ? stageKeys[event.key] : undefined);
    if (!act) return;
    event.preventDefault();
    act();
  }

  wheel(event) {
    if (!this.contains(document.activeElement)) return;
    event.preventDefault();
    this.zoom(event.deltaY < 0 ? STEP : 1 / STEP);
  }

  grab(event) {
    let { clientX, clientY } = event;
    this.stage.setPointerCapture(event.pointerId);
    const drag = (moved) => {
      this.move(moved.clientX - clientX, moved.clientY - clientY);
      ({ clientX, clientY } = moved);
    };
    this.stage.addEventListener("pointermove", drag);
    const drop = () => this.stage.removeEventListener("pointermove", drag);
    this.stage.addEventListener("pointerup", drop, { once: true });
    this.stage.addEventListener("pointercancel", drop, { once: true });
  }
}

customElements.define("xray-viewer", XrayViewer);
