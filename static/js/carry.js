// What was typed survives a change of language or colours, which loads the page again. It is kept for that one
// load only: nothing of a patient stays in a browser that others use after.

const KEY = "carried";
const NEVER = new Set(["csrfmiddlewaretoken", "after", "confirmed"]);
const form = document.querySelector("form[data-carried]");

restore();
for (const tool of document.querySelectorAll(".tools form[action*='/preferences/']")) {
  tool.addEventListener("submit", () => {
    const typed = [...new FormData(form)].filter(([name]) => !NEVER.has(name));
    sessionStorage.setItem(KEY, JSON.stringify({ page: location.pathname, typed }));
  });
}

function restore() {
  const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  sessionStorage.removeItem(KEY);
  if (!form || kept?.page !== location.pathname) return;
  for (const [name, value] of kept.typed) {
    const field = form.elements[name];
    if (field) field.value = value;
  }
}
