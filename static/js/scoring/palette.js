// The colours of the page for a canvas: a token may hold two colours, and only an element knows which counts.

export const STAGES = ["W", "N1", "N2", "N3", "R"];
export const LEVELS = { W: 0, R: 1, N1: 2, N2: 3, N3: 4 };

export function palette(host) {
  const colours = {};
  for (const element of host.querySelectorAll("[data-ink]")) colours[element.dataset.ink] = getComputedStyle(element).color;
  return colours;
}

// Sizes a canvas to its box and returns a pen in CSS pixels, or null while it has none.
export function pen(canvas, height = canvas.clientHeight) {
  const width = canvas.clientWidth;
  if (!width || !height) return null;
  const ratio = window.devicePixelRatio || 1;
  const size = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = `12px ${getComputedStyle(canvas).fontFamily}`;
  return { context, width, height };
}
