// What every page does: menus that close, one submission per form, the age of what is shown.

import { leave } from "./kept.js";

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// A double click sends once; the page that comes back from the history may send again.
document.addEventListener("submit", (event) => {
  const form = event.target;
  // Not form.action: a field of that name, as in the search of the audit, stands before the address.
  if (form.getAttribute("method")?.toLowerCase() !== "post") return;
  if (form.getAttribute("action")?.endsWith("/logout/")) leave();
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// A page that refreshes itself must say when it no longer can, and must not show a log-in page inside itself.
const offline = document.getElementById("offline");
for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.addEventListener(name, () => { offline.hidden = false; });
}
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) offline.hidden = true;
});
window.addEventListener("online", () => { offline.hidden = true; });
document.addEventListener("htmx:beforeSwap", (event) => {
  const answered = event.detail.xhr.responseURL;
  if (!answered || new URL(answered).pathname !== offline.dataset.login) return;
  event.detail.shouldSwap = false;
  if (!document.querySelector("written-report")?.unsaved) document.querySelector("session-clock")?.look({ now: true });
});
