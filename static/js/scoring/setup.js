// What one person chose of the scoring room, in this browser, and the name of this window.

export function kept(user) {
  try {
    return JSON.parse(localStorage.getItem(place(user)) ?? "{}");
  } catch {
    return {};
  }
}

export function keep(user, setup) {
  localStorage.setItem(place(user), JSON.stringify(setup));
}

// The same after a reload: undo takes back what was done in this window.
export function windowName(study) {
  const place = `scoring-window:${study}`;
  const name = sessionStorage.getItem(place) ?? Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  sessionStorage.setItem(place, name);
  return name;
}

function place(user) {
  return `scoring-setup:${user}`;
}
