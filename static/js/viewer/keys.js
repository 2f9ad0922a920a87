// The keyboard of the reading room. Keys act wherever the focus is, but never where something is typed or chosen, nor
// behind a dialog; those of a single character can be switched off (WCAG 2.1.4).

const SWITCH = "reading-room-keys";
const OFF = "off";

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
const TYPING = "input:not([type=range], [type=radio], [type=checkbox]), select, textarea, dialog, [contenteditable]";

// Returns what a key press asks for: { action } or { arrow: [x, y], shift }, or null.
export function asked(event) {
  if (event.defaultPrevented || commands(event) || event.target.closest(TYPING)) return null;
  if (document.querySelector("dialog[open]")) return null;
  if (event.key.length === 1 && !single()) return null;
  // Outside of the viewer these scroll the page.
  if (event.key.startsWith("Page") && !event.target.closest("xray-viewer")) return null;
  const onTheImage = event.target.matches("[data-stage]");
  if (onTheImage && ARROWS[event.key]) return { arrow: ARROWS[event.key], shift: event.shiftKey };
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const action = (onTheImage && ON_THE_IMAGE[key]) || ANYWHERE[key] || ANYWHERE[digit(event)];
  return action ? { action } : null;
}

// Whether keys of a single character act: this browser's choice, and they do until it says otherwise.
export function single() {
  return localStorage.getItem(SWITCH) !== OFF;
}

export function switchSingle(on) {
  if (on) localStorage.removeItem(SWITCH);
  else localStorage.setItem(SWITCH, OFF);
}

// AltGr, with which a French keyboard writes the brackets, looks like Ctrl and Alt together.
function commands(event) {
  return (event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState("AltGraph");
}

// The upper row of a French keyboard gives digits only with Shift.
function digit({ code }) {
  return code.match(/^Digit([1-4])$/)?.[1];
}
