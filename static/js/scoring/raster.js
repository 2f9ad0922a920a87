// Traces as vertical runs of pixels, one per column, softened at both ends: what a path of forty thousand corners looks
// like, at a tenth of its price. That is what lets a page be drawn within one frame.

export class Raster {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.colours = new Map();
  }

  // Takes the size of its canvas, in pixels of the screen, and begins with nothing.
  begin() {
    const { width, height } = this.canvas;
    if (this.image?.width !== width || this.image?.height !== height) {
      this.image = this.context.createImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    } else this.pixels.fill(0);
    Object.assign(this, { width, height });
  }

  end() {
    this.context.putImageData(this.image, 0, 0);
  }

  // A colour as the page writes it, as it stands in memory without its opacity.
  ink(css) {
    if (!this.colours.has(css)) {
      const probe = new OffscreenCanvas(1, 1).getContext("2d");
      probe.fillStyle = css;
      probe.fillRect(0, 0, 1, 1);
      const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
      this.colours.set(css, (blue << 16) | (green << 8) | red);
    }
    this.colour = this.colours.get(css);
  }

  // One column of a trace from one height to another, never thinner than `thick`.
  run(x, from, to, thick) {
    let top = from < to ? from : to;
    let bottom = from < to ? to : from;
    if (bottom - top < thick) {
      const middle = (top + bottom) / 2;
      top = middle - thick / 2;
      bottom = middle + thick / 2;
    }
    if (x < 0 || x >= this.width || bottom <= 0 || top >= this.height) return;
    const first = Math.max(0, Math.floor(top));
    const last = Math.min(this.height - 1, Math.floor(bottom));
    const { pixels, width, colour } = this;
    let at = first * width + x;
    for (let y = first; y <= last; y += 1, at += width) {
      const share = Math.min(1, Math.min(y + 1, bottom) - Math.max(y, top));
      const opacity = Math.round(share * 255);
      if (opacity > pixels[at] >>> 24) pixels[at] = (opacity << 24) | colour;
    }
  }
}
