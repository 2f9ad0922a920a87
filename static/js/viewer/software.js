// Drawing without a graphics card: the same sums as the shader in webgl.js, pixel by pixel.

import { shade } from "./windowing.js";

const BLACK = 0xff000000;

export class SoftwareRenderer {
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d", { alpha: false });
  }

  draw({ level, matrix, curve, inverted, map, mapMatrix, ramp, opacity }) {
    const { width, height } = this.canvas;
    const image = this.pen.createImageData(width, height);
    const out = new Uint32Array(image.data.buffer);
    const bright = shade(curve, inverted);
    const [a, b, c, d, e, f] = matrix;
    const [ma, mb, mc, md, me, mf] = mapMatrix;
    for (let row = 0, to = 0; row < height; row += 1) {
      for (let column = 0; column < width; column += 1, to += 1) {
        const u = column + 0.5;
        const v = row + 0.5;
        const x = a * u + b * v + e;
        const y = c * u + d * v + f;
        if (x < 0 || y < 0 || x >= level.width || y >= level.height) {
          out[to] = BLACK;
          continue;
        }
        const grey = 255 * bright(between(level, x, y));
        const share = map ? between(map, ma * u + mb * v + me, mc * u + md * v + mf) / 255 : 0;
        out[to] = share ? blended(grey, ramp, share, opacity) : grey255(grey);
      }
    }
    this.pen.putImageData(image, 0, 0);
  }
}

function grey255(grey) {
  const level = Math.round(grey);
  return BLACK | (level << 16) | (level << 8) | level;
}

// The stronger the evidence, the more of its colour: where there is none, the image is left as it is.
function blended(grey, ramp, share, opacity) {
  const colour = 4 * Math.round(255 * share);
  const weight = opacity * share;
  const mix = (channel) => Math.round(grey + (ramp[colour + channel] - grey) * weight);
  return BLACK | (mix(2) << 16) | (mix(1) << 8) | mix(0);
}

// Bilinear between the middles of pixels.
function between({ width, height, data }, x, y) {
  const left = Math.floor(x - 0.5);
  const top = Math.floor(y - 0.5);
  const right = x - 0.5 - left;
  const below = y - 0.5 - top;
  const x0 = left < 0 ? 0 : left;
  const y0 = (top < 0 ? 0 : top) * width;
  const x1 = left + 1 < width ? left + 1 : width - 1;
  const y1 = (top + 1 < height ? top + 1 : height - 1) * width;
  const upper = data[y0 + x0] * (1 - right) + data[y0 + x1] * right;
  const lower = data[y1 + x0] * (1 - right) + data[y1 + x1] * right;
  return upper * (1 - below) + lower * below;
}
