// One image of a study: its pixels, and how a reader has set it up.

import { View } from "./geometry.js";
import { fetchRaster, fromPicture } from "./pixels.js";
import { allowed, presets } from "./windowing.js";

const SCREEN = { centre: 127.5, width: 255, function: "LINEAR_EXACT" };

export class Film {
  constructor(info, words) {
    this.info = info;
    this.words = words;
    this.view = new View(info.width, info.height, info.aspect);
    this.marks = [];
    this.pixels = null;
    this.presets = [];
    this.reset();
  }

  // The window the image came with, or that of the picture shown until its numbers are here.
  get original() {
    const raster = this.pixels?.depth === "full" ? this.info.pixels : null;
    if (!raster) return SCREEN;
    const { table: number, ...window } = raster.default;
    return allowed({ ...window, function: raster.function, table: raster.tables[number] });
  }

  reset() {
    this.view.reset();
    this.wanted = null;
    this.window = this.original;
    this.inverted = false;
  }

  // First the picture that is on the page already, then the numbers. `changed` is called whenever there is more to
  // draw; the promise is kept when only the picture could be had.
  async load(picture, signal, changed) {
    if (this.pixels?.depth === "full") return true;
    try {
      this.take(await fromPicture(picture));
      changed();
      if (!this.info.pixels) return false;
      this.take(await fetchRaster(this.info.pixels, signal));
    } catch (error) {
      if (!signal.aborted) this.settle(error);
      return false;
    }
    changed();
    return true;
  }

  // Without its numbers the picture is what there is to window.
  settle(error) {
    console.warn(error.message);
    this.info = { ...this.info, pixels: null };
    if (this.pixels) this.take(this.pixels);
  }

  take(pixels) {
    this.pixels = pixels;
    const known = pixels.depth === "full" || !this.info.pixels;
    this.window = (known && this.wanted) || this.original;
    this.presets = known ? presets(this) : [];
  }

  preset(number) {
    if (!this.presets[number]) return false;
    const { label, ...window } = this.presets[number];
    this.window = window;
    return true;
  }

  get presetShown() {
    const { centre, width, table } = this.window;
    return this.presets.findIndex((one) => one.centre === centre && one.width === width && one.table?.label === table?.label);
  }

  // A window of one's own takes the place of a lookup table.
  setWindow(change) {
    this.window = allowed({ ...this.window, ...change, table: undefined });
  }

  // By a distance on the screen, to the right for less contrast, up for a brighter image.
  drawWindow(right, up) {
    if (!this.presets.length) return;
    const widest = Math.max(...this.presets.map(({ width }) => width));
    const step = Math.max(this.window.width, widest / 50) / 400;
    const brighter = this.pixels?.inverted ? 1 : -1;
    this.setWindow({ centre: this.window.centre + brighter * up * step, width: this.window.width + right * step });
  }

  valueAt(x, y) {
    return this.pixels?.valueAt(x / this.info.width, y / this.info.height) ?? null;
  }

  // Kept over one loading of the page, so that a first read or a change of language does not undo the set-up.
  get kept() {
    const window = this.pixels?.depth === "full" || !this.info.pixels ? this.window : null;
    return { number: this.info.number, view: this.view.shared, window, inverted: this.inverted };
  }

  // A window waits for the numbers it is meant for.
  restore({ view, window, inverted }) {
    this.view.shared = view;
    this.wanted = window;
    this.inverted = inverted;
  }
}
