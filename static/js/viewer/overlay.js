// The maps over the image: which there are, which is shown and how strongly. Off until somebody asks for one, and
// not even on the page before the first read.

import { fetchMap } from "./pixels.js";

const FADE = 0.1;

export class Overlay {
  constructor(root, { maps = [], ramp = [], words = {} } = {}, { panel, say }) {
    this.root = root;
    this.words = words;
    this.panel = panel;
    this.say = say;
    this.maps = maps;
    this.colours = rgba(ramp);
    this.on = false;
    this.opacity = 0.6;
    this.method = maps[0]?.method ?? "";
    this.levels = new Map();
  }

  find(number) {
    return this.maps.find((map) => map.image === number && map.method === this.method);
  }

  toggle() {
    if (!this.maps.length) return;
    this.on = !this.on;
    this.say(this.on ? this.words.map_on : this.words.map_off);
  }

  // One map after the other, then none.
  next() {
    if (!this.maps.length) return;
    const methods = [...new Set(this.maps.map((map) => map.method)), ""];
    this.choose(methods[(methods.indexOf(this.on ? this.method : "") + 1) % methods.length]);
  }

  choose(method) {
    this.on = method !== "";
    if (this.on) this.method = method;
    this.say(this.on ? this.maps.find((map) => map.method === method).label : this.words.map_off);
  }

  fade(by) {
    if (!this.maps.length) return;
    this.opacity = Math.min(1, Math.max(0, this.opacity + by * FADE));
    this.say(`${this.words.opacity} ${Math.round(100 * this.opacity)} %`);
  }

  // Show in a pane what is to lie over its film now, and beside it what the colours mean.
  async lay(pane) {
    const { number } = pane.film.info;
    const map = this.on ? this.find(number) : undefined;
    this.show(number, map);
    const levels = map && (await this.fetched(map));
    if (pane.film.info.number !== number || map !== (this.on ? this.find(number) : undefined)) return;
    pane.overlay = levels ? { map: levels, ramp: this.colours, opacity: this.opacity } : null;
    pane.draw();
  }

  show(number, map) {
    this.panel.press("map", this.on);
    this.panel.set("opacity", Math.round(100 * this.opacity));
    this.panel.set("method", this.on ? this.method : "");
    for (const bar of this.root.querySelectorAll("[data-bar]")) bar.hidden = bar.dataset.bar !== (map ? `${number}-${map.method}` : "");
    const missing = this.root.querySelector("[data-no-map]");
    if (missing) missing.hidden = !this.on || Boolean(map);
  }

  async fetched(map) {
    if (!this.levels.has(map.url)) {
      try {
        this.levels.set(map.url, await fetchMap(map));
      } catch (error) {
        this.say(this.words.map_missing);
        console.warn(error.message);
      }
    }
    return this.levels.get(map.url);
  }
}

// Any number of colours as 256.
function rgba(ramp) {
  const colours = new Uint8Array(4 * 256);
  for (let at = 0; at < 256 && ramp.length; at += 1) {
    const hex = ramp[Math.round((at / 255) * (ramp.length - 1))];
    const parts = [1, 3, 5].map((from) => Number.parseInt(hex.slice(from, from + 2), 16));
    colours.set([...parts, 255], 4 * at);
  }
  return colours;
}
