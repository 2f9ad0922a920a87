// Where an image lies on the screen: the point of it that is in the middle of the pane, a zoom (1 fits the pane)
// and an orientation made of quarter turns and mirrorings. The image plane is measured in native pixels from the
// middle of the image; its height is stretched where pixels are not square.

const UPRIGHT = [1, 0, 0, 1];
export const TURNS = {
  right: [0, -1, 1, 0],
  left: [0, 1, -1, 0],
  horizontally: [-1, 0, 0, 1],
  vertically: [1, 0, 0, -1],
};
const LEAST = 0.5;
const MOST_PIXELS = 32;

const within = (value, low, high) => Math.min(high, Math.max(low, value));

export class View {
  // `aspect`: height of a pixel over its width.
  constructor(width, height, aspect = 1) {
    this.width = width;
    this.height = height;
    this.aspect = aspect;
    this.pane = { width: 1, height: 1 };
    this.reset();
  }

  reset() {
    this.orientation = UPRIGHT;
    this.fit();
  }

  fit() {
    this.zoom = 1;
    this.x = 0;
    this.y = 0;
  }

  // Screen pixels per native pixel.
  get scale() {
    const [a, b] = this.orientation;
    const wide = Math.abs(a) * this.width + Math.abs(b) * this.height * this.aspect;
    const high = Math.abs(b) * this.width + Math.abs(a) * this.height * this.aspect;
    return Math.min(this.pane.width / wide, this.pane.height / high) * this.zoom;
  }

  get mirrored() {
    const [a, b, c, d] = this.orientation;
    return a * d - b * c < 0;
  }

  // Clockwise turn in degrees of what is not mirrored: the turn comes after the mirroring left to right.
  get turned() {
    const [a, , c] = this.orientation;
    const along = this.mirrored ? [-a, -c] : [a, c];
    return (Math.round((Math.atan2(along[1], along[0]) * 180) / Math.PI) + 360) % 360;
  }

  turn(name) {
    const [a, b, c, d] = TURNS[name];
    const [e, f, g, h] = this.orientation;
    this.orientation = [a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h];
  }

  toScreen(x, y) {
    const [a, b, c, d] = this.orientation;
    const u = x - this.width / 2 - this.x;
    const v = (y - this.height / 2) * this.aspect - this.y;
    return [
      this.pane.width / 2 + this.scale * (a * u + b * v),
      this.pane.height / 2 + this.scale * (c * u + d * v),
    ];
  }

  toImage(screenX, screenY) {
    const [u, v] = this.plane(screenX - this.pane.width / 2, screenY - this.pane.height / 2);
    return [u + this.x + this.width / 2, (v + this.y) / this.aspect + this.height / 2];
  }

  // A distance on the screen as one in the image plane; an orientation is undone by its transpose.
  plane(screenX, screenY) {
    const [a, b, c, d] = this.orientation;
    return [(a * screenX + c * screenY) / this.scale, (b * screenX + d * screenY) / this.scale];
  }

  move(screenX, screenY) {
    const [u, v] = this.plane(screenX, screenY);
    this.x = within(this.x - u, -this.width / 2, this.width / 2);
    this.y = within(this.y - v, (-this.height * this.aspect) / 2, (this.height * this.aspect) / 2);
  }

  // Zoom about a point of the screen, which stays where it is; about the middle without one.
  zoomBy(factor, screenX = this.pane.width / 2, screenY = this.pane.height / 2) {
    const x = screenX - this.pane.width / 2;
    const y = screenY - this.pane.height / 2;
    const before = this.plane(x, y);
    const most = Math.max(1, (MOST_PIXELS / this.scale) * this.zoom);
    this.zoom = within(this.zoom * factor, LEAST, most);
    const after = this.plane(x, y);
    this.x += before[0] - after[0];
    this.y += before[1] - after[1];
    this.move(0, 0);
  }

  // The matrix [a, b, c, d, e, f] from device pixels to those of a raster over this image, `columns` × `rows`.
  sampling(ratio, columns, rows) {
    const fx = columns / this.width;
    const fy = rows / this.height;
    const [a, b, c, d] = this.orientation;
    const step = 1 / (this.scale * ratio);
    const [x0, y0] = this.toImage(0, 0);
    return [a * step * fx, c * step * fx, (b * step * fy) / this.aspect, (d * step * fy) / this.aspect, x0 * fx, y0 * fy];
  }

  // What another pane needs to show the same part: in shares of the image, whatever its size.
  get shared() {
    return {
      zoom: this.zoom,
      x: this.x / this.width,
      y: this.y / (this.height * this.aspect),
      orientation: this.orientation,
    };
  }

  set shared({ zoom, x, y, orientation }) {
    this.orientation = orientation;
    this.zoom = zoom;
    this.x = x * this.width;
    this.y = y * this.height * this.aspect;
  }
}
