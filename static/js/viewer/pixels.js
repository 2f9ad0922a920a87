// The numbers of an image, and smaller copies of them: a large image shown small is averaged before it is windowed,
// so that nothing flickers or is missed between two pixels of the screen.

const TYPES = { uint8: Uint8Array, uint16: Uint16Array };

export class Pixels {
  constructor(width, height, data, { slope = 1, intercept = 0, inverted = false, depth = "full" } = {}) {
    this.width = width;
    this.height = height;
    this.data = data;
    this.slope = slope;
    this.intercept = intercept;
    this.inverted = inverted;
    this.depth = depth;
    this.levels = [{ width, height, data, shrunk: 1 }];
  }

  // Halved `n` times, as far as halving makes sense.
  level(n) {
    const most = Math.max(0, Math.floor(Math.log2(Math.min(this.width, this.height))) - 4);
    const wanted = Math.min(n, most);
    while (this.levels.length <= wanted) this.levels.push(halved(this.levels.at(-1)));
    return this.levels[wanted];
  }

  // The modality value at a share of the width and of the height, null outside.
  valueAt(x, y) {
    if (x < 0 || y < 0 || x >= 1 || y >= 1) return null;
    const given = this.data[Math.floor(y * this.height) * this.width + Math.floor(x * this.width)];
    return given * this.slope + this.intercept;
  }
}

function halved({ width, height, data, shrunk }) {
  const columns = Math.ceil(width / 2);
  const rows = Math.ceil(height / 2);
  const small = new data.constructor(columns * rows);
  for (let row = 0, to = 0; row < rows; row += 1) {
    const upper = 2 * row * width;
    const lower = Math.min(2 * row + 1, height - 1) * width;
    for (let column = 0; column < columns; column += 1, to += 1) {
      const left = 2 * column;
      const right = Math.min(left + 1, width - 1);
      small[to] = (data[upper + left] + data[upper + right] + data[lower + left] + data[lower + right] + 2) >> 2;
    }
  }
  return { width: columns, height: rows, data: small, shrunk: 2 * shrunk };
}

// The raster at the depth it was sent in.
export async function fetchRaster(raster, signal) {
  const answer = await fetch(raster.url, { signal });
  if (!answer.ok) throw new Error(`pixels: ${answer.status}`);
  const plain = answer.body.pipeThrough(new DecompressionStream("gzip"));
  const data = new TYPES[raster.type](await new Response(plain).arrayBuffer());
  if (data.length !== raster.width * raster.height) throw new Error("pixels: another size than announced");
  return new Pixels(raster.width, raster.height, data, raster);
}

// The picture for the screen, for as long as the raster is on its way or where there is none.
export async function fromPicture(picture) {
  await picture.decode();
  const { data, width, height } = read(picture);
  const grey = Uint8Array.from({ length: width * height }, (_, at) => data[4 * at]);
  return new Pixels(width, height, grey, { depth: "screen" });
}

// A map as levels 0–255 over the whole image. An older result has a coloured picture instead, whose opacity tells
// the level: `strongest` is the opacity of the highest one.
export async function fetchMap(map, signal) {
  const answer = await fetch(map.url, { signal });
  if (!answer.ok) throw new Error(`map: ${answer.status}`);
  const bitmap = await createImageBitmap(await answer.blob(), { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const { data, width, height } = read(bitmap);
  const channel = map.strongest ? 3 : 0;
  const scale = map.strongest ? 1 / map.strongest : 1;
  const levels = Uint8Array.from({ length: width * height }, (_, at) => Math.min(255, data[4 * at + channel] * scale));
  return { width, height, data: levels };
}

function read(picture) {
  const canvas = document.createElement("canvas");
  canvas.width = picture.naturalWidth ?? picture.width;
  canvas.height = picture.naturalHeight ?? picture.height;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(picture, 0, 0);
  return pen.getImageData(0, 0, canvas.width, canvas.height);
}
