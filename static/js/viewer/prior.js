// An earlier examination of the same patient beside this one, on wish zoomed and moved along with it.

import { Film } from "./film.js";

export class Prior {
  constructor(root, priors, pane, { words, panel, say }) {
    this.root = root;
    this.priors = priors;
    this.pane = pane;
    this.words = words;
    this.panel = panel;
    this.say = say;
    this.linked = false;
  }

  get shown() {
    return Boolean(this.pane) && !this.pane.element.hidden;
  }

  toggle() {
    if (!this.priors.length) return;
    this.pane.element.hidden = this.shown;
    this.root.toggleAttribute("data-split", this.shown);
    this.panel.press("prior", this.shown);
    if (this.shown && !this.pane.film) this.show(0);
    this.say(this.shown ? this.words.prior_on : this.words.prior_off);
  }

  // `at` counts the images of all earlier examinations, the latest first.
  show(at) {
    const prior = this.priors[at];
    const link = this.root.querySelector("[data-prior-link]");
    link.href = prior.address;
    link.textContent = prior.label;
    this.pane.show(new Film(prior.image, this.words));
  }

  link() {
    this.linked = !this.linked;
    this.panel.press("link", this.linked);
    this.say(this.linked ? this.words.linked : this.words.unlinked);
  }

  // Follow a change in one pane with the other.
  follow(from, to) {
    if (!this.linked || !this.shown || !from.film || !to.film) return;
    to.film.view.shared = from.film.view.shared;
    to.draw();
  }
}
