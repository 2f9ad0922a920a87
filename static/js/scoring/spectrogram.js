// The spectrogram of the night as the analyser wrote it: one column per epoch, coloured here.

// A ramp that grows evenly lighter, from night to straw, as red, green, blue at equal steps.
const RAMP = [[13, 22, 42], [28, 54, 96], [32, 96, 134], [52, 140, 140], [110, 181, 130], [190, 212, 120], [250, 236, 160]];
const NOTHING = 255;

// Resolves to a canvas of one pixel per epoch and frequency, or null.
export async function spectrogram(url) {
  if (!url) return null;
  const answer = await fetch(url).catch(() => null);
  if (!answer?.ok) return null;
  const said = await answer.json();
  const levels = Uint8Array.from(atob(said.levels), (letter) => letter.charCodeAt(0));
  const rows = said.frequencies;
  const columns = said.epochs;
  const canvas = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  for (let column = 0; column < columns; column += 1) {
    for (let row = 0; row < rows; row += 1) {
      const level = levels[column * rows + row];
      if (level !== NOTHING) image.data.set([...colour(level / (NOTHING - 1)), 255], 4 * ((rows - 1 - row) * columns + column));
    }
  }
  context.putImageData(image, 0, 0);
  return { canvas, highest: said.highest_hz, label: said.label };
}

function colour(share) {
  const at = Math.min(share, 0.9999) * (RAMP.length - 1);
  const below = Math.floor(at);
  return RAMP[below].map((value, i) => Math.round(value + (RAMP[below + 1][i] - value) * (at - below)));
}
