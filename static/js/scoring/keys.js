// Which key does what. Everybody may choose their own, and switch those of a single character off (WCAG 2.1.4).

export const ACTIONS = {
  W: ["w", "0"],
  N1: ["1"],
  N2: ["2"],
  N3: ["3"],
  R: ["r", "4"],
  unscored: ["?"],
  accept: ["Enter"],
  arousal: ["a"],
  artefact: ["x"],
  comment: ["c"],
  undo: ["Ctrl+z"],
  redo: ["Ctrl+y", "Ctrl+Shift+z"],
  next: ["ArrowRight"],
  previous: ["ArrowLeft"],
  forward: ["Shift+ArrowRight"],
  back: ["Shift+ArrowLeft"],
  transition: ["Ctrl+ArrowRight"],
  transitionBack: ["Ctrl+ArrowLeft"],
  first: ["Home"],
  last: ["End"],
  pageDown: ["PageDown"],
  pageUp: ["PageUp"],
  uncertain: ["u"],
  budget: ["b"],
  lightsOff: ["l"],
  lightsOn: ["o"],
  larger: ["+"],
  smaller: ["-"],
  filters: ["f"],
  mains: ["n"],
  guides: ["g"],
  negativeUp: ["i"],
  shorter: ["["],
  longer: ["]"],
  measure: ["m"],
  help: ["h", "F1"],
};
const TYPING = "input:not([type=range], [type=radio], [type=checkbox]), select, textarea, [contenteditable]";
// Until the page is drawn again, the focus can still be in a window that was just closed.
const IN_A_CLOSED_WINDOW = "dialog:not([open])";
const ON_A_BUTTON = "button, a, summary, [type=checkbox], [type=radio]";

export class Keys {
  constructor(user) {
    this.place = `scoring-keys:${user}`;
    const kept = JSON.parse(localStorage.getItem(this.place) ?? "{}");
    this.own = kept.own ?? {};
    this.single = kept.single ?? true;
  }

  keep() {
    localStorage.setItem(this.place, JSON.stringify({ own: this.own, single: this.single }));
  }

  of(action) {
    return this.own[action] ?? ACTIONS[action].filter((key) => !Object.values(this.own).flat().includes(key));
  }

  // Returns the other action that has a key, if there is one.
  holder(key, action) {
    return Object.keys(ACTIONS).find((other) => other !== action && this.of(other).includes(key));
  }

  // Gives a key to an action; whichever had it gets the keys of this one for it.
  assign(action, key) {
    const former = this.of(action).filter((each) => each !== key);
    const other = this.holder(key, action);
    if (other) this.own[other] = [...this.of(other).filter((each) => each !== key), ...former];
    this.own[action] = [key];
    this.keep();
  }

  reset() {
    this.own = {};
    this.keep();
  }

  // Returns the action that a key press asks for, or null.
  asked(event) {
    if (event.defaultPrevented || document.querySelector("dialog[open]")) return null;
    const place = event.target.closest?.(IN_A_CLOSED_WINDOW) ? document.body : event.target;
    if (place.closest?.(TYPING) || (event.key === "Enter" && place.closest?.(ON_A_BUTTON))) return null;
    const names = named(event);
    if (!this.single && names[0].length === 1) return null;
    for (const name of names) {
      const found = Object.keys(ACTIONS).find((action) => this.of(action).includes(name));
      if (found) return found;
    }
    return null;
  }
}

// The names of a key press, the best first: the upper row of a French keyboard gives digits only with Shift.
export function named(event) {
  const plain = event.key.length === 1;
  const graph = event.getModifierState?.("AltGraph");
  const commanding = (event.ctrlKey || event.metaKey) && !graph;
  const modifiers = [commanding && "Ctrl", event.altKey && !graph && "Alt", event.shiftKey && (!plain || commanding) && "Shift"].filter(Boolean);
  const key = plain ? event.key.toLowerCase() : event.key;
  const names = [[...modifiers, key].join("+")];
  const digit = event.code?.match(/^Digit([0-9])$/)?.[1];
  if (digit && !modifiers.length) names.push(digit);
  return names;
}

const SHOWN = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", PageUp: "PgUp", PageDown: "PgDn", " ": "␣" };

export function shown(key) {
  const parts = key.endsWith("+") ? [...key.slice(0, -1).split("+").filter(Boolean), "+"] : key.split("+");
  return parts.map((part) => SHOWN[part] ?? (part.length === 1 ? part.toUpperCase() : part)).join(" ");
}
