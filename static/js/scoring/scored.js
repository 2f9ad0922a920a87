// What stands of the night now: what the server knows, and what was done since and is on its way.

const ACTS = ["stage", "arousal", "artefact", "comment", "lights_off", "lights_on"];

// A step that was made before this page was loaded.
const BLIND = { epoch: null };

export class Scored {
  constructor(night) {
    this.night = night;
    this.stages = [...night.stages];
    this.arousals = [];
    this.artefacts = [];
    this.comments = [];
    this.lightsOff = null;
    this.lightsOn = null;
    this.seen = new Set();
    this.done = [];
    this.undone = [];
    this.canUndo = false;
    this.canRedo = false;
  }

  // Takes over what the server says. A page just loaded puts on top what was not sent yet; later on, what this page did
  // itself can still be taken back.
  load(state, unsent) {
    this.stages = [...state.stages];
    this.arousals = [...(state.arousals ?? [])];
    this.artefacts = [...(state.artefacts ?? [])];
    this.comments = [...(state.comments ?? [])];
    this.lightsOff = state.lights_off ?? null;
    this.lightsOn = state.lights_on ?? null;
    for (const epoch of [...(state.seen ?? []), ...(state.looked_at ?? []), ...(state.changed ?? [])]) this.seen.add(epoch);
    this.canUndo = Boolean(state.can_undo);
    this.canRedo = Boolean(state.can_redo);
    for (const act of unsent ?? []) this.apply(act);
  }

  get marks() {
    const { seconds } = this.night;
    const timed = (kind) => ({ onset_s: onset, duration_s: duration }) => ({ kind, onset, duration: duration ?? seconds });
    return [...this.arousals.map(timed("arousal")), ...this.artefacts.map(timed("artefact"))];
  }

  comment(epoch) {
    return this.comments.find((comment) => comment.epoch === epoch)?.text ?? "";
  }

  marked(kind, epoch) {
    const start = epoch * this.night.seconds;
    const end = start + this.night.seconds;
    return this.marks.some((mark) => mark.kind === kind && mark.onset < end && mark.onset + mark.duration > start);
  }

  apply(act) {
    if (ACTS.includes(act.kind)) {
      this.done.push(this.change(act));
      this.undone = [];
      this.canUndo = true;
      this.canRedo = false;
    } else if (act.kind === "undo") this.move(this.done, this.undone);
    else if (act.kind === "redo") this.move(this.undone, this.done);
    else if (act.kind === "seen") this.seen.add(act.epoch);
  }

  // Takes the last one back, or puts it back. What this page does not know of any more only the server can: a step
  // without a change keeps its place.
  move(from, to) {
    const step = from.pop() ?? BLIND;
    to.push(step === BLIND ? BLIND : step.again());
    this.canUndo = this.done.length > 0 || this.canUndo;
    this.canRedo = this.undone.length > 0;
  }

  // What stands, for saying later what is another.
  copy() {
    const { stages, arousals, artefacts, comments, lightsOff, lightsOn } = this;
    return { stages: [...stages], arousals, artefacts, comments, lightsOff, lightsOn };
  }

  // Returns what is gone of a copy and what there is instead: what kind, of which epoch (null for lights), from what to what.
  since(copy) {
    const found = [];
    for (const [epoch, stage] of copy.stages.entries()) {
      if (stage !== this.stages[epoch]) found.push({ kind: "stage", epoch, before: stage, now: this.stages[epoch] });
    }
    for (const kind of ["arousal", "artefact", "comment"]) {
      const keys = (list) => new Map(list.map((one) => [[one.epoch, one.onset_s, one.duration_s, one.text].join("|"), one.epoch]));
      const [before, now] = [keys(copy[`${kind}s`]), keys(this[`${kind}s`])];
      for (const [key, epoch] of [...before, ...now]) if (before.has(key) !== now.has(key)) found.push({ kind, epoch });
    }
    if (copy.lightsOff !== this.lightsOff) found.push({ kind: "lightsOff", epoch: null });
    if (copy.lightsOn !== this.lightsOn) found.push({ kind: "lightsOn", epoch: null });
    return found;
  }

  // Returns how to take the change back; that again returns how to take that back.
  change(act) {
    const { kind, epoch } = act;
    if (kind === "stage") return this.swap(() => this.stages[epoch], (value) => { this.stages[epoch] = value; this.seen.add(epoch); }, act.value, epoch);
    if (kind === "lights_off") return this.swap(() => this.lightsOff, (value) => { this.lightsOff = value; }, act.seconds);
    if (kind === "lights_on") return this.swap(() => this.lightsOn, (value) => { this.lightsOn = value; }, act.seconds);
    if (kind === "comment") return this.swap(() => this.comments, (value) => { this.comments = value; }, this.commented(act), epoch);
    const name = `${kind}s`;
    return this.swap(() => this[name], (value) => { this[name] = value; }, this.remarked(this[name], act), epoch ?? Math.floor(act.onset_s / this.night.seconds));
  }

  swap(get, set, value, epoch = null) {
    const before = get();
    set(value);
    return { epoch, again: () => this.swap(get, set, before, epoch) };
  }

  commented({ id, epoch, text }) {
    const others = this.comments.filter((comment) => comment.epoch !== epoch);
    return text ? [...others, { id, epoch, text }].sort((a, b) => a.epoch - b.epoch) : others;
  }

  remarked(marks, { id, epoch, onset_s: given, duration_s: duration = null, value }) {
    const { seconds } = this.night;
    const onset = given ?? epoch * seconds;
    const end = onset + (duration ?? seconds);
    if (value === "off") return marks.filter((mark) => mark.onset_s >= end || mark.onset_s + (mark.duration_s ?? seconds) <= onset);
    const kept = marks.filter((mark) => given !== undefined || mark.duration_s !== null || mark.onset_s !== onset);
    return [...kept, { id, epoch: Math.floor(onset / seconds), onset_s: onset, duration_s: duration }].sort((a, b) => a.onset_s - b.onset_s);
  }
}
