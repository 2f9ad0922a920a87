// A pane shows one film: it owns the canvas, the picture under it, and what is written into the corners.

import { SoftwareRenderer } from "./software.js";
import { coefficients } from "./windowing.js";
import { WebglRenderer } from "./webgl.js";
import { drawMarks } from "./ruler.js";

export class Pane {
  // `changed` is told after every drawing.
  constructor(element, { words, format, changed }) {
    this.element = element;
    this.words = words;
    this.format = format;
    this.changed = changed;
    this.stage = element.querySelector("[data-stage]");
    this.picture = element.querySelector("[data-glance]");
    this.marks = element.querySelector("[data-marks]");
    this.film = null;
    this.overlay = null;
    this.cursor = null;
    this.point = null;
    this.asked = false;
    this.onPaper = false;
    this.prepare();
    this.watcher = new ResizeObserver(() => this.draw());
    this.watcher.observe(this.stage);
  }

  // A lost graphics card is replaced by the processor: a canvas keeps the kind of drawing it began with.
  prepare(software = false) {
    const canvas = Object.assign(document.createElement("canvas"), { className: "film" });
    canvas.hidden = true;
    canvas.setAttribute("aria-hidden", "true");
    this.canvas?.remove();
    this.picture.after(canvas);
    this.canvas = canvas;
    this.renderer = software ? new SoftwareRenderer(canvas) : bestRenderer(canvas);
    this.element.dataset.renderer = this.renderer instanceof WebglRenderer ? "webgl2" : "software";
    canvas.addEventListener("webglcontextlost", () => {
      this.prepare(true);
      this.draw();
    });
  }

  close() {
    this.watcher.disconnect();
    this.stop?.abort();
  }

  // Resolves once everything there is of the film is on the screen.
  async show(film) {
    this.stop?.abort();
    this.stop = new AbortController();
    this.film = film;
    this.cursor = null;
    this.status(film.info.pixels ? this.words.loading : this.words.screen_only);
    this.place(film.info);
    this.canvas.hidden = !film.pixels;
    const { signal } = this.stop;
    const full = await film.load(this.picture, signal, () => this.draw());
    if (signal.aborted) return;
    this.status(full ? "" : this.words.screen_only);
    this.draw();
  }

  // The picture of the film that the page came with is there already.
  place({ key, glance, preview, alt }) {
    if (this.picture.dataset.key === key) return;
    this.picture.dataset.key = key;
    this.picture.src = glance || preview;
    this.picture.alt = alt;
  }

  status(text) {
    this.element.querySelector("[data-status]").textContent = text;
  }

  // Drawn at most once a frame, however often it is asked for.
  draw() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.paint();
    });
  }

  paint() {
    const { film, stage, canvas } = this;
    if (!film || !stage.clientWidth) return;
    const { view, pixels } = film;
    view.pane = { width: stage.clientWidth, height: stage.clientHeight };
    if (pixels) {
      const ratio = window.devicePixelRatio || 1;
      const size = [Math.round(stage.clientWidth * ratio), Math.round(stage.clientHeight * ratio)];
      if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
      this.renderer.draw(this.scene(ratio));
      canvas.hidden = false;
    }
    drawMarks(this.marks, this);
    this.write();
    this.changed(this);
  }

  scene(ratio) {
    const { film, overlay } = this;
    const { view, pixels, window } = film;
    const level = this.level(pixels, pixels.width / (film.info.width * view.scale * ratio));
    const map = overlay?.map ?? null;
    return {
      level,
      matrix: view.sampling(ratio, pixels.width / level.shrunk, pixels.height / level.shrunk),
      curve: coefficients(window, pixels),
      inverted: pixels.inverted !== film.inverted,
      map,
      mapMatrix: view.sampling(ratio, map?.width ?? 1, map?.height ?? 1),
      ramp: overlay?.ramp,
      opacity: overlay?.opacity ?? 0,
    };
  }

  // The largest copy that is less than two pixels of it wide for one of the screen, and fits the card.
  level(pixels, perScreenPixel) {
    const most = this.renderer.largest ?? Infinity;
    const fitting = Math.ceil(Math.log2(Math.max(pixels.width, pixels.height) / most));
    return pixels.level(Math.max(0, fitting, Math.floor(Math.log2(perScreenPixel))));
  }

  write() {
    const { info, window, view } = this.film;
    const set = (name, text) => { this.element.querySelector(`[data-${name}]`).textContent = text; };
    set("title", info.title);
    set("level", window.table ? this.words.table : `${this.words.centre} ${this.format(window.centre)} · ${this.words.width} ${this.format(window.width)}`);
    set("zoom", `× ${this.format(view.scale, 2)}`);
    set("readout", this.readout());
    set("flags", this.flags().join(" · "));
    this.letters();
  }

  // On paper stands the picture as it was sent, whatever is done to it on the screen.
  letters() {
    for (const [edge, letter] of Object.entries(this.edges(this.onPaper ? [1, 0, 0, 1] : this.film.view.orientation))) {
      this.element.querySelector(`[data-edge-${edge}]`).textContent = written(letter);
    }
  }

  readout() {
    const at = this.cursor ?? this.point;
    if (!at) return "";
    const [x, y] = this.film.view.toImage(...at);
    const value = this.film.valueAt(x, y);
    if (value === null) return "";
    const unit = this.film.pixels.depth === "full" ? this.words.value : this.words.grey;
    return `${Math.floor(x)}, ${Math.floor(y)}${this.words.colon} ${unit} ${this.format(value, Number.isInteger(value) ? 0 : 2)}`;
  }

  // What a reader must not overlook: the image is not shown as it was taken.
  flags() {
    const { view, inverted } = this.film;
    const found = [];
    if (view.mirrored) found.push(...this.mirroring(view.turned));
    else if (view.turned) found.push(`${this.words.turned} ${view.turned}°`);
    if (inverted) found.push(this.words.inverted);
    return found;
  }

  // Mirrored and turned by three quarters is the same as turned by one and then mirrored, which is easier to follow.
  mirroring(turned) {
    const { mirrored, upended, turned: word } = this.words;
    return { 0: [mirrored], 90: [mirrored, `${word} 90°`], 180: [upended], 270: [`${word} 90°`, mirrored] }[turned];
  }

  // The patient's directions at the edges, only where the header gives them.
  edges([a, b, c, d]) {
    const [along, down] = this.film.info.orientation ?? ["", ""];
    const towards = (x, y) => {
      const u = a * x + c * y;
      const v = b * x + d * y;
      const direction = u ? [along, u] : [down, v];
      return direction[1] > 0 ? direction[0] : opposite(direction[0]);
    };
    return { right: towards(1, 0), left: towards(-1, 0), top: towards(0, -1), bottom: towards(0, 1) };
  }
}

const OPPOSITE = { L: "R", R: "L", A: "P", P: "A", H: "F", F: "H" };

// Left, right, head, feet, front and back as a French reader writes them: gauche, droite, tête, pieds, avant, arrière.
const FRENCH = { L: "G", R: "D", H: "T", F: "P", A: "Av", P: "Ar" };

function written(letters) {
  return document.documentElement.lang === "fr" ? [...letters].map((letter) => FRENCH[letter] ?? letter).join("") : letters;
}

function opposite(letters) {
  return [...letters].map((letter) => OPPOSITE[letter] ?? "").join("");
}

function bestRenderer(canvas) {
  try {
    return new WebglRenderer(canvas);
  } catch {
    return new SoftwareRenderer(canvas);
  }
}
