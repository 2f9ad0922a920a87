// Distances on the image. They are kept in native pixels and written in millimetres only where the file gives a
// spacing, with the plane it holds for.

const SVG = "http://www.w3.org/2000/svg";
const ARM = 8;
const LEAST = 3;
const BELOW = 18;
const LETTER = 7;

// Draws and takes measures on whatever pane it is told of, by pointer or by the keyboard's cursor.
export class Ruler {
  constructor({ words, format, say }) {
    this.writing = { words, format };
    this.say = say;
  }

  begin({ film }, x, y) {
    const point = onFilm(film, x, y);
    film.marks.push({ from: point, to: point, open: true });
  }

  drag({ film }, x, y) {
    const open = film.marks.at(-1);
    if (open?.open) open.to = onFilm(film, x, y);
  }

  // A click measures nothing.
  end({ film }) {
    const mark = film.marks.at(-1);
    if (!mark?.open) return;
    delete mark.open;
    const [from, to] = [mark.from, mark.to].map((point) => film.view.toScreen(...point));
    if (Math.hypot(from[0] - to[0], from[1] - to[1]) < LEAST) film.marks.pop();
    else this.say(distance(mark, film.info, this.writing));
  }

  // The first press sets where the measure begins, the second where it ends.
  set(pane) {
    pane.cursor ??= middle(pane);
    if (pane.film.marks.at(-1)?.open) this.end(pane);
    else this.begin(pane, ...pane.cursor);
  }

  cancel(pane) {
    if (pane.film.marks.at(-1)?.open) pane.film.marks.pop();
    pane.cursor = null;
  }

  nudge(pane, x, y) {
    const { width, height } = pane.film.view.pane;
    const [left, top] = pane.cursor ?? middle(pane);
    const { film } = pane;
    const [column, row] = film.view.toScreen(...onFilm(film, left + x, top + y));
    pane.cursor = [Math.min(width, Math.max(0, column)), Math.min(height, Math.max(0, row))];
    this.drag(pane, ...pane.cursor);
  }
}

function middle({ film }) {
  const { width, height } = film.view.pane;
  return [width / 2, height / 2];
}

// Nothing is measured beside the picture.
function onFilm({ view, info }, x, y) {
  const [column, row] = view.toImage(x, y);
  return [Math.min(info.width, Math.max(0, column)), Math.min(info.height, Math.max(0, row))];
}

export function distance({ from, to }, { spacing, unmeasured }, { words, format }) {
  const dx = to[0] - from[0];
  const dy = to[1] - from[1];
  if (!spacing) return `${format(Math.hypot(dx, dy))} ${unmeasured}`;
  const millimetres = Math.hypot(dx * spacing.column, dy * spacing.row);
  return `${format(millimetres, 1)} mm (${words[spacing.plane]})`;
}

export function drawMarks(svg, { film, cursor, words, format }) {
  const drawn = film.marks.flatMap((mark) => line(mark, film, { words, format }));
  svg.replaceChildren(...drawn, ...(cursor ? crosshair(cursor) : []));
}

function line(mark, film, writing) {
  const [x1, y1] = film.view.toScreen(...mark.from);
  const [x2, y2] = film.view.toScreen(...mark.to);
  const ends = [[x1, y1], [x2, y2]].map(([cx, cy]) => shape("circle", { cx, cy, r: 3 }));
  const label = shape("text", { "text-anchor": "middle" });
  label.textContent = distance(mark, film.info, writing);
  place(label, (x1 + x2) / 2, Math.max(y1, y2) + BELOW, film.view.pane);
  return [shape("line", { x1, y1, x2, y2, class: "under" }), shape("line", { x1, y1, x2, y2 }), ...ends, label];
}

// Under the line, and whole within the pane.
function place(label, x, y, { width, height }) {
  const half = Math.min(width / 2, (label.textContent.length * LETTER) / 2 + BELOW);
  label.setAttribute("x", Math.min(width - half, Math.max(half, x)));
  label.setAttribute("y", Math.min(height - BELOW, Math.max(BELOW, y)));
}

function crosshair([x, y]) {
  const d = `M${x - ARM} ${y}H${x + ARM}M${x} ${y - ARM}V${y + ARM}`;
  return [shape("path", { d, class: "under" }), shape("path", { d })];
}

function shape(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
