// The tools beside the image: what they show follows the film, what is done with them is told to the viewer.

export class Panel {
  // `act(name)` carries out an action; `change(name, value)` takes a field.
  constructor(root, { act, change }) {
    this.root = root;
    for (const button of root.querySelectorAll("[data-do]")) {
      button.addEventListener("click", () => act(button.dataset.do));
    }
    for (const field of root.querySelectorAll("[data-field]")) {
      const event = field.type === "range" ? "input" : "change";
      if (field.type === "number") field.addEventListener("input", () => { this.typed = field; });
      field.addEventListener(event, () => {
        this.typed = null;
        change(field.dataset.field, field.value);
      });
    }
  }

  field(name) {
    return this.root.querySelector(`[data-field=${name}]`);
  }

  press(name, on) {
    for (const button of this.root.querySelectorAll(`[data-do=${name}]`)) button.setAttribute("aria-pressed", String(on));
  }

  // A field that is being typed in is left alone.
  set(name, value) {
    const field = this.field(name);
    if (field && field !== this.typed) field.value = value;
  }

  follow(film) {
    const digits = film.window.width < 20 ? 2 : 0;
    this.set("centre", Number(film.window.centre.toFixed(digits)));
    this.set("width", Number(film.window.width.toFixed(digits)));
    this.presets(film);
    this.press("invert", film.inverted);
  }

  presets(film) {
    const select = this.field("preset");
    if (this.listed !== film.presets) {
      this.listed = film.presets;
      const own = select.querySelector("[value='']");
      const options = film.presets.map((preset, at) => new Option(at < 4 ? `${at + 1} · ${preset.label}` : preset.label, at));
      select.replaceChildren(own, ...options);
    }
    this.set("preset", film.presetShown < 0 ? "" : film.presetShown);
  }
}
