// What stands typed in the forms of a page, kept in this tab (kept.js) over a log-in or a change of language and put
// back once. Forms that save themselves as one types, passwords, files and codes are left alone.

import * as kept from "./kept.js";

const NEVER = "[type=password], [type=file], [type=hidden], [type=submit], [autocomplete=one-time-code], [readonly]";
const SAVED_ELSEWHERE = "written-report, scoring-room, session-clock, [hx-post]:not(form), .tools, [data-unkept]";

function fields() {
  const found = [];
  for (const form of document.querySelectorAll("form")) {
    // Not form.method: a field of that name, as in the blood loss, stands before the attribute.
    if (form.getAttribute("method")?.toLowerCase() !== "post" || form.closest(SAVED_ELSEWHERE)) continue;
    for (const field of form.elements) {
      if (field.name && "value" in field && !(field instanceof HTMLButtonElement) && !field.matches(NEVER) && !field.closest(SAVED_ELSEWHERE)) found.push(field);
    }
  }
  return found;
}

// A field by its form, its name and, for choices, its value: ids are missing on some.
function placeOf(field) {
  const choice = isChoice(field) ? field.value : "";
  return JSON.stringify([field.form.getAttribute("action") ?? "", field.name, choice]);
}

function isChoice(field) { return field.type === "checkbox" || field.type === "radio"; }

// Where the forms of this page belong: one given back with a refusal stands at the address it was sent to.
export function home() {
  return document.documentElement.dataset.home ?? location.pathname + location.search;
}

// On a page given back with a refusal what was typed came with the page, so that nothing looks changed.
function givenBack() { return "givenBack" in document.documentElement.dataset; }

function changed(field) {
  if (isChoice(field)) return field.checked !== field.defaultChecked;
  if (field instanceof HTMLSelectElement) return selectChanged(field);
  return field.value !== field.defaultValue;
}

// Without a choice of the page's own a list of one answer stands at its first.
function selectChanged(field) {
  const options = [...field.options];
  const marked = field.multiple || options.some((one) => one.defaultSelected);
  return options.some((one, at) => one.selected !== (marked ? one.defaultSelected : at === 0));
}

function filled(field) { return isChoice(field) ? field.checked : field.value !== ""; }

function stateOf(field) {
  if (isChoice(field)) return field.checked;
  return field instanceof HTMLSelectElement ? [...field.selectedOptions].map((one) => one.value) : field.value;
}

// The page that asks who sits there carries a whole form in hidden fields: as a text and as a choice, whichever it was.
function carriedStates() {
  const action = document.documentElement.dataset.home ? location.pathname : "";
  return [...document.querySelectorAll("[data-typed]")].filter(({ value }) => value).flatMap(({ name, value }) => [
    [JSON.stringify([action, name, ""]), value],
    [JSON.stringify([action, name, value]), true],
  ]);
}

// What is empty or not chosen on a page given back was left so on purpose, and is kept beside what is filled.
export function keep(user, page, slot = "page") {
  const found = fields();
  const carried = carriedStates();
  if (!carried.length && !found.some((field) => changed(field) || (givenBack() && filled(field)))) return;
  const typed = givenBack() ? found : found.filter(changed);
  kept.put(user, `${slot}:${page}`, [...carried, ...typed.map((field) => [placeOf(field), stateOf(field)])]);
}

export function drop(user, page, slot = "page") { kept.drop(user, `${slot}:${page}`); }

export function restore(user, page, note, slot = "page") {
  const states = new Map(kept.get(user, `${slot}:${page}`) ?? []);
  drop(user, page, slot);
  for (const field of states.size ? fields() : []) {
    const state = states.get(placeOf(field));
    if (state === undefined || JSON.stringify(state) === JSON.stringify(stateOf(field))) continue;
    put(field, state);
    field.dispatchEvent(new Event("change", { bubbles: true }));
    if (!note?.hidden) continue;
    note.hidden = false;
    field.closest("form").before(note);
  }
}

function put(field, state) {
  if (isChoice(field)) field.checked = state;
  else if (field instanceof HTMLSelectElement) for (const one of field.options) one.selected = [state].flat().includes(one.value);
  else field.value = state;
}
