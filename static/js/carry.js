// What was typed survives a change of language or colours, which loads the page again. It is kept for that one
// load only: nothing of a patient stays in a browser that others use after.

import * as typed from "./typed.js";

const SLOT = "carried";
const { user } = document.querySelector("session-clock").dataset;

// The page is loaded again without its question mark and what follows.
const [page] = typed.home().split("?");

typed.restore(user, page, null, SLOT);
for (const tool of document.querySelectorAll(".tools form[action*='/preferences/']")) {
  tool.addEventListener("submit", () => typed.keep(user, page, SLOT));
}
