// The keyboard of the reading room. Keys act only while the focus is in the viewer (WCAG 2.1.4), and never where
// something is typed or chosen.

const ANYWHERE = {
  w: "window",
  z: "zoom",
  g: "move",
  d: "measure",
  "+": "in",
  "-": "out",
  "=": "fit",
  r: "right",
  l: "left",
  h: "horizontally",
  v: "vertically",
  i: "invert",
  1: "preset1",
  2: "preset2",
  3: "preset3",
  4: "preset4",
  o: "map",
  m: "nextMap",
  "[": "fainter",
  "]": "stronger",
  p: "prior",
  k: "link",
  "?": "help",
  PageUp: "previous",
  PageDown: "next",
};
const ON_THE_IMAGE = { Enter: "set", Delete: "unmark", Backspace: "unmark", Escape: "cancel" };
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const TYPING = "input:not([type=range]), select, textarea, dialog";

// Returns what a key press asks for: { action } or { arrow: [x, y], shift }, or null.
export function asked(event) {
  if (commands(event) || event.target.closest(TYPING)) return null;
  const onTheImage = event.target.matches("[data-stage]");
  if (onTheImage && ARROWS[event.key]) return { arrow: ARROWS[event.key], shift: event.shiftKey };
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const action = (onTheImage && ON_THE_IMAGE[key]) || ANYWHERE[key] || ANYWHERE[digit(event)];
  return action ? { action } : null;
}

// AltGr, with which a French keyboard writes the brackets, looks like Ctrl and Alt together.
function commands(event) {
  return (event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState("AltGraph");
}

// The upper row of a French keyboard gives digits only with Shift.
function digit({ code }) {
  return code.match(/^Digit([1-4])$/)?.[1];
}
