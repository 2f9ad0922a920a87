// Text that is not saved yet, kept in this tab alone until it is: a reload or an ended session must not lose it.
// It goes when it is saved, signed, at log-out, and when somebody else works in this tab.

const PREFIX = "unsaved:";
let left = false;

export function put(user, study, text) {
  if (left) return;
  sessionStorage.setItem(`${PREFIX}${user}:${study}`, JSON.stringify(text));
}

export function get(user, study) {
  return JSON.parse(sessionStorage.getItem(`${PREFIX}${user}:${study}`) ?? "null");
}

export function drop(user, study) {
  sessionStorage.removeItem(`${PREFIX}${user}:${study}`);
}

export function dropOthers(user) {
  forget((key) => !key.startsWith(`${PREFIX}${user}:`));
}

export function dropStudy(study) {
  forget((key) => key.endsWith(`:${study}`));
}

// At log-out: a save that is still under way keeps nothing any more.
export function leave() {
  left = true;
  forget();
}

export function forget(which = () => true) {
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith(PREFIX) && which(key)) sessionStorage.removeItem(key);
  }
}
