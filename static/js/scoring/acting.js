// What a scorer does: stages, marks, lights, comments, taking back; and what they choose of the page.

import { Moving, PAGES } from "./moving.js";

const MAINS = [0, 50, 60];
// Of several steps at once so many are named.
const MOST_SAID = 3;

export class Acting extends Moving {
  // Everything a scorer does passes here.
  act(fields) {
    if (!this.writable) {
      if (!this.state) this.panel.notice(this.words.not_yet);
      this.say(this.state ? this.words.read_only : this.words.not_yet);
      return false;
    }
    if (fields.kind !== "seen") this.turned = "";
    this.scored.apply(this.queue.add(fields));
    this.refresh();
    return true;
  }

  score(value) {
    const { epoch } = this.view;
    if (!this.act({ kind: "stage", epoch, value })) return;
    this.say(`${this.words.epoch} ${epoch + 1}: ${value}`);
    if (this.setup.advance ?? true) this.go(epoch + 1);
  }

  do_unscored() {
    this.score("?");
  }

  do_accept() {
    this.score(this.scored.stages[this.view.epoch]);
  }

  do_arousal() {
    this.mark("arousal");
  }

  do_artefact() {
    this.mark("artefact");
  }

  // Exactly the stretch that is measured, else the epoch: marked, or no more if it was.
  mark(kind) {
    const stretch = this.ruler.stretch(this.traces);
    if (stretch) {
      this.act({ kind, value: "on", onset_s: rounded(stretch.onset), duration_s: rounded(Math.min(stretch.duration, this.night.epochs * this.night.seconds - stretch.onset)) });
      this.ruler.clear();
      this.draw();
      return;
    }
    const { epoch } = this.view;
    this.act({ kind, epoch, value: this.scored.marked(kind, epoch) ? "off" : "on" });
  }

  do_comment() {
    if (this.writable) this.dialogs.comment(this.view.epoch);
    else this.say(this.words.read_only);
  }

  do_undo() {
    this.takeBack("undo", this.scored.canUndo);
  }

  do_redo() {
    this.takeBack("redo", this.scored.canRedo);
  }

  // A step of this page changes at once; one of before it was loaded when the server has said what it was.
  takeBack(kind, possible) {
    if (this.writable && !possible) {
      this.tell(kind === "undo" ? this.words.nothing : this.words.nothing_again);
      return;
    }
    const before = this.scored.copy();
    const blind = this.blind;
    if (!this.act({ kind })) return;
    if (blind || !this.turnedTo(before, kind)) this.blind = blind ?? { before, kind };
  }

  // Goes to what is another since then, and says what it was; returns whether there is anything.
  turnedTo(before, kind) {
    const changes = this.scored.since(before);
    if (!changes.length) return false;
    const { words } = this;
    const named = changes.map(({ kind: what, epoch, before: was, now }) => {
      const name = what === "stage" ? (kind === "undo" ? was : now) : words.actions[what];
      return epoch === null ? name : words.of_epoch.replace("{what}", name).replace("{n}", epoch + 1);
    });
    const more = named.length > MOST_SAID ? ["…"] : [];
    const { epoch } = changes.at(-1);
    if (epoch !== null) this.go(epoch);
    const text = (kind === "undo" ? words.taken_back : words.put_back);
    this.tell(text.replace("{what}", [...named.slice(0, MOST_SAID), ...more].join(", ")));
    return true;
  }

  // Said aloud, and to be read beside the epoch until the next act.
  tell(text) {
    this.turned = text;
    this.panel.epoch();
    this.say(text);
  }

  do_dismiss() {
    this.queue.dismiss();
  }

  // Begins a scoring with something else than what is shown.
  async begin(from) {
    const headers = { "Content-Type": "application/json", "X-CSRFToken": this.queue.token };
    const answer = await fetch(this.data.urls.begin, { method: "POST", headers, body: JSON.stringify({ from }) }).catch(() => null);
    if (answer?.ok && !answer.redirected) {
      this.stand(await answer.json());
      return;
    }
    const said = await answer?.json().catch(() => null);
    this.panel.notice(said?.text ?? this.words.no_begin);
  }

  do_lightsOff() {
    this.lights("lights_off", this.scored.lightsOff, this.view.epoch * this.night.seconds);
  }

  do_lightsOn() {
    this.lights("lights_on", this.scored.lightsOn, (this.view.epoch + 1) * this.night.seconds);
  }

  lights(kind, now, seconds) {
    const at = rounded(this.ruler.stretch(this.traces)?.onset ?? seconds);
    this.act({ kind, seconds: now === at ? null : at });
  }

  do_close() {
    if (this.act({ kind: "close" })) this.writable = false;
  }

  do_withdraw() {
    if (this.act({ kind: "withdraw" })) this.writable = false;
  }

  do_reopen() {
    this.queue.add({ kind: "reopen" });
  }

  do_larger() {
    this.gain(1);
  }

  do_smaller() {
    this.gain(-1);
  }

  gain(by, trace = this.stage.chosen) {
    this.montage.step(by, trace);
    this.kept();
  }

  do_filters() {
    this.setup.filters = this.setup.filters === false;
    this.refiltered();
  }

  do_mains() {
    const now = MAINS.indexOf(this.setup.mains ?? 0);
    this.setup.mains = MAINS[(now + 1) % MAINS.length];
    this.refiltered();
  }

  do_guides() {
    this.setup.guides = this.setup.guides === false;
    this.traces.guides = this.setup.guides;
    this.kept();
  }

  do_negativeUp() {
    this.setup.negativeUp = !(this.setup.negativeUp ?? true);
    this.kept();
  }

  do_shorter() {
    this.resize(PAGES[PAGES.indexOf(this.view.seconds) - 1]);
  }

  do_longer() {
    this.resize(PAGES[PAGES.indexOf(this.view.seconds) + 1]);
  }

  do_measure() {
    this.stage.measuring(!this.stage.byKeys);
    this.draw();
  }

  do_help() {
    this.dialogs.help();
  }

  do_channels() {
    this.dialogs.channels();
  }

  refiltered() {
    this.kept();
    this.prefetch();
  }
}

function rounded(seconds) {
  return Math.round(seconds * 100) / 100;
}
