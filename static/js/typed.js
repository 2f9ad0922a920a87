// What stands typed in the forms of a page, kept in this tab (kept.js) over a log-in and put back once. Forms that save
// themselves as one types, passwords, files and codes are left alone.

import * as kept from "./kept.js";

const NEVER = "[type=password], [type=file], [type=hidden], [type=submit], [autocomplete=one-time-code], [readonly]";
const SAVED_ELSEWHERE = "written-report, scoring-room, session-clock, [hx-post]:not(form), .tools, [data-unkept]";

function fields() {
  const found = [];
  for (const form of document.querySelectorAll("form")) {
    if (form.method !== "post" || form.closest(SAVED_ELSEWHERE)) continue;
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

function changed(field) {
  if (isChoice(field)) return field.checked !== field.defaultChecked;
  if (field instanceof HTMLSelectElement) return [...field.options].some((one) => one.selected !== one.defaultSelected) && field.selectedIndex > 0;
  return field.value !== field.defaultValue;
}

function stateOf(field) {
  if (isChoice(field)) return field.checked;
  return field instanceof HTMLSelectElement ? [...field.selectedOptions].map((one) => one.value) : field.value;
}

export function keep(user, page) {
  const found = fields();
  if (!found.some(changed)) return;
  kept.put(user, `page:${page}`, found.filter(changed).map((field) => [placeOf(field), stateOf(field)]));
}

export function drop(user, page) { kept.drop(user, `page:${page}`); }

export function restore(user, page, note) {
  const states = new Map(kept.get(user, `page:${page}`) ?? []);
  drop(user, page);
  for (const field of states.size ? fields() : []) {
    if (!states.has(placeOf(field))) continue;
    put(field, states.get(placeOf(field)));
    field.dispatchEvent(new Event("change", { bubbles: true }));
    if (!note.hidden) continue;
    note.hidden = false;
    field.closest("form").before(note);
  }
}

function put(field, state) {
  if (isChoice(field)) field.checked = state;
  else if (field instanceof HTMLSelectElement) for (const one of field.options) one.selected = state.includes(one.value);
  else field.value = state;
}
