// The reading room: films in panes, the tools beside them, and one keyboard for both.

import { Film } from "./film.js";
import { Gestures } from "./gestures.js";
import { asked, single, switchSingle } from "./keys.js";
import { Overlay } from "./overlay.js";
import { Pane } from "./pane.js";
import { Panel } from "./panel.js";
import { Prior } from "./prior.js";
import { Ruler } from "./ruler.js";
import { keep, kept } from "./setup.js";

const ZOOM = 1.25;
const MOVE = 40;
const WINDOW = 20;
const CURSOR = 8;
const TOOLS = ["window", "zoom", "move", "measure"];
const TURNS = ["left", "right", "horizontally", "vertically"];

class XrayViewer extends HTMLElement {
  connectedCallback() {
    const data = read("viewer-data");
    this.words = data.words;
    this.format = formatter();
    this.say = (text) => { this.querySelector("[data-said]").textContent = text; };
    this.films = data.images.map((image) => new Film(this.pictured(image), this.words));
    this.panel = new Panel(this, { act: (name) => this.act(name), change: (name, value) => this.change(name, value) });
    this.overlay = new Overlay(this, read("viewer-maps"), this);
    this.ruler = new Ruler(this);
    this.panes = [...this.querySelectorAll("[data-pane]")].map((element) => this.pane(element));
    [this.main, this.beside] = this.panes;
    this.prior = new Prior(this, read("viewer-priors") ?? [], this.beside, this);
    this.buttons = [...this.querySelectorAll("[data-film]")];
    for (const [at, button] of this.buttons.entries()) button.addEventListener("click", () => this.show(at));
    this.left = new AbortController();
    const { signal } = this.left;
    document.addEventListener("keydown", (event) => this.key(event), { signal });
    document.addEventListener("keyup", (event) => this.released(event), { signal });
    window.addEventListener("beforeprint", () => this.print(true), { signal });
    window.addEventListener("afterprint", () => this.print(false), { signal });
    this.addEventListener("focusout", () => { this.held = null; });
    this.leaving = () => keep(data.study, this.main.film);
    window.addEventListener("pagehide", this.leaving, { signal });
    this.keysSwitch();
    this.attend(this.main);
    this.choose("window");
    this.begin(kept(data.study), data.first);
    // A page given back with a refusal has its own place to go on; a password typed at once is no shortcut.
    const refused = "givenBack" in document.documentElement.dataset;
    if (document.activeElement === document.body && !location.hash && !refused) this.main.stage.focus({ preventScroll: true });
  }

  keysSwitch() {
    const box = this.querySelector("[data-keys]");
    box.checked = single();
    box.addEventListener("change", () => switchSingle(box.checked));
  }

  // Paper shows the picture as it was sent, and so its sides.
  print(on) {
    for (const pane of this.panes.filter(({ film }) => film)) {
      pane.onPaper = on;
      pane.letters();
    }
  }

  disconnectedCallback() {
    this.leaving();
    this.left.abort();
    for (const pane of this.panes) pane.close();
  }

  // The small pictures of all images came with the page.
  pictured(image) {
    const small = this.querySelector(`[data-film="${image.key}"] img`);
    return small ? { ...image, glance: small.src } : image;
  }

  pane(element) {
    const pane = new Pane(element, { words: this.words, format: this.format, changed: (it) => it === this.active && this.panel.follow(it.film) });
    pane.stage.addEventListener("focus", () => this.attend(pane));
    new Gestures(pane.stage, this.gestures(pane));
    return pane;
  }

  begin(setup, first) {
    const at = this.films.findIndex((film) => film.info.number === (setup?.number ?? first));
    if (setup && at >= 0) this.films[at].restore(setup);
    this.show(Math.max(0, at));
  }

  // The pane that keys, buttons and fields act on.
  attend(pane) {
    this.active = pane;
    for (const each of this.panes) each.element.classList.toggle("active", each === pane);
    if (pane.film) this.panel.follow(pane.film);
  }

  show(at) {
    this.at = at;
    for (const [place, button] of this.buttons.entries()) button.setAttribute("aria-pressed", String(place === at));
    this.main.overlay = null;
    this.main.show(this.films[at]);
    this.overlay.lay(this.main);
  }

  step(by) {
    const film = this.films[this.at + by];
    if (!film) return;
    this.show(this.at + by);
    this.say(`${film.info.title}, ${this.at + 1} / ${this.films.length}`);
  }

  choose(tool) {
    this.tool = tool;
    this.dataset.tool = tool;
    for (const name of TOOLS) this.panel.press(name, name === tool);
    for (const pane of this.panes) pane.cursor = null;
  }

  preset(at) {
    const { film } = this.active;
    if (film.preset(at)) this.say(film.presets[at].label);
  }

  act(name) {
    const { active, overlay, prior, ruler } = this;
    const { film } = active;
    const acts = {
      in: () => film.view.zoomBy(ZOOM),
      out: () => film.view.zoomBy(1 / ZOOM),
      fit: () => film.view.fit(),
      reset: () => film.reset(),
      invert: () => { film.inverted = !film.inverted; },
      map: () => overlay.toggle(),
      nextMap: () => overlay.next(),
      fainter: () => overlay.fade(-1),
      stronger: () => overlay.fade(1),
      prior: () => { prior.toggle(); this.attend(this.main); },
      link: () => prior.link(),
      previous: () => this.step(-1),
      next: () => this.step(1),
      set: () => this.tool === "measure" && ruler.set(active),
      unmark: () => film.marks.pop(),
      cancel: () => ruler.cancel(active),
      help: () => this.querySelector("[data-help]").showModal(),
    };
    if (TOOLS.includes(name)) this.choose(name);
    else if (TURNS.includes(name)) film.view.turn(name);
    else if (name.startsWith("preset")) this.preset(Number(name.slice(-1)) - 1);
    else acts[name]();
    this.overlay.lay(this.main);
    this.touched();
  }

  change(name, value) {
    const { film } = this.active;
    const changes = {
      centre: () => film.setWindow({ centre: Number(value) }),
      width: () => film.setWindow({ width: Number(value) }),
      preset: () => this.preset(Number(value)),
      opacity: () => { this.overlay.opacity = Number(value) / 100; },
      method: () => this.overlay.choose(value),
      prior: () => this.prior.show(Number(value)),
    };
    if (value !== "" || name === "method") changes[name]();
    this.overlay.lay(this.main);
    this.touched();
  }

  // After a change to the film of the active pane: draw it, and the other along when they are linked.
  touched() {
    if (this.beside) this.prior.follow(this.active, this.active === this.main ? this.beside : this.main);
    this.active.draw();
  }

  key(event) {
    if (event.key === " " && event.target.matches("[data-stage]")) {
      event.preventDefault();
      if (!event.repeat) this.held = { dragged: false };
      return;
    }
    const wanted = asked(event);
    if (!wanted) return;
    event.preventDefault();
    if (wanted.action) this.act(wanted.action);
    else this.arrow(...wanted.arrow, wanted.shift);
  }

  arrow(x, y, shift) {
    const { film } = this.active;
    const step = shift ? 1 : CURSOR;
    if (this.tool === "measure") this.ruler.nudge(this.active, x * step, y * step);
    else if (shift) film.drawWindow(x * WINDOW, -y * WINDOW);
    else film.view.move(-x * MOVE, -y * MOVE);
    this.touched();
  }

  // Space alone resets; held while dragging, it moves.
  released(event) {
    if (event.key !== " " || !this.held) return;
    if (!this.held.dragged) this.act("reset");
    this.held = null;
  }

  gestures(pane) {
    return {
      tool: () => (this.held ? "move" : this.tool),
      begin: (tool, x, y) => {
        this.attend(pane);
        this.start = [x, y];
        pane.cursor = null;
        if (tool === "measure") this.ruler.begin(pane, x, y);
      },
      drag: (tool, dx, dy, x, y) => this.drag(pane, tool, [dx, dy], [x, y]),
      end: (tool) => {
        if (tool === "measure") this.ruler.end(pane);
        pane.draw();
      },
      pinch: (factor, x, y, dx, dy) => {
        pane.film.view.move(dx, dy);
        pane.film.view.zoomBy(factor, x, y);
        this.touched();
      },
      wheel: (turned, factor, event, x, y) => this.wheel(pane, turned, factor, event, [x, y]),
      hover: (point) => {
        pane.point = point;
        pane.draw();
      },
    };
  }

  drag(pane, tool, [dx, dy], [x, y]) {
    const { film } = pane;
    pane.point = [x, y];
    if (this.held) this.held.dragged = true;
    if (tool === "move") film.view.move(dx, dy);
    if (tool === "zoom") film.view.zoomBy(1.01 ** -dy, ...this.start);
    if (tool === "window") film.drawWindow(dx, -dy);
    if (tool === "measure") this.ruler.drag(pane, x, y);
    this.touched();
  }

  wheel(pane, turned, factor, event, at) {
    this.attend(pane);
    if (event.shiftKey) pane.film.drawWindow(-turned / 5, 0);
    else if (event.altKey) pane.film.drawWindow(0, -turned / 5);
    else pane.film.view.zoomBy(factor, ...at);
    this.touched();
  }
}

function read(id) {
  const written = document.getElementById(id);
  return written ? JSON.parse(written.textContent) : undefined;
}

function formatter() {
  const language = document.documentElement.lang || "en";
  return (value, digits = 0) =>
    new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value).replace("-", "−");
}

customElements.define("xray-viewer", XrayViewer);
