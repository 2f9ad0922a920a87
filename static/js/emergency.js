// The time left of an emergency access, and the way out of the record once it has ended.

const bar = document.querySelector(".emergency");
const left = bar.querySelector("[data-left]");
const until = Date.parse(bar.dataset.until);
const MINUTE = 60_000;

function tell() {
  const minutes = Math.floor((until - Date.now()) / MINUTE);
  if (until <= Date.now()) {
    // Nothing of the record stays on the screen: the server would not show it any more either.
    document.getElementById("main").replaceChildren();
    location.replace(bar.dataset.after);
    return;
  }
  const words = left.dataset.words.replace("{h}", Math.floor(minutes / 60)).replace("{m}", minutes % 60);
  left.textContent = `(${words})`;
  setTimeout(tell, Math.min(MINUTE / 2, until - Date.now() + 500));
}

tell();
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && until <= Date.now()) tell();
});
