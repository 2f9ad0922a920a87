// Enter goes on to the next question: only the button sends. Without this script Enter does nothing.

const form = document.getElementById("questions");

form.addEventListener("keydown", (event) => {
  const field = event.target;
  if (event.key !== "Enter" || event.isComposing || !(field instanceof HTMLInputElement)) return;
  event.preventDefault();
  next(field)?.focus();
});

function next(field) {
  const fields = [...form.elements].filter((one) => !one.disabled && one.type !== "hidden");
  const after = fields.slice(fields.indexOf(field) + 1).find((one) => one.name !== field.name || !field.name);
  if (after?.type !== "radio") return after;
  return form.querySelector(`[name="${after.name}"]:checked`) ?? after;
}
