// How a reader has set up an image survives the next loading of the page (after a first read, a change of language).
// Kept are a study's number and geometry, of the last study alone: nothing of a patient.

const KEY = "reading-room";

export function keep(study, film) {
  sessionStorage.setItem(KEY, JSON.stringify({ study, film: film?.kept ?? null }));
}

export function kept(study) {
  const found = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  sessionStorage.removeItem(KEY);
  return found?.study === study ? found.film : null;
}
