// What stands beside the signals: the epoch in hand, what to check first, the figures.

import { Why } from "./why.js";

const SECONDS = 60;
const SHARES = 100;

export class Panel {
  constructor(room) {
    this.room = room;
    this.part = (name) => document.querySelector(`[data-${name}]`);
    this.words = room.words;
    this.why = new Why(room, this.part("why"));
  }

  text(name, value) {
    const part = this.part(name);
    if (part && part.textContent !== value) part.textContent = value;
    if (part?.hasAttribute("hidden") || part?.dataset.may) {
      part.dataset.may = "hide";
      part.hidden = !value;
    }
  }

  notice(text) {
    this.part("notice").hidden = !text;
    this.part("notice-text").textContent = text ?? "";
  }

  pages(pages, now) {
    const select = this.field("page");
    if (!select) return;
    if (!select.options.length) {
      const named = (seconds) => (seconds < 60 ? `${seconds} s` : seconds < 3600 ? `${seconds / 60} min` : "1 h");
      select.append(...pages.map((seconds) => new Option(named(seconds), seconds)));
    }
    select.value = String(now);
    this.choices();
  }

  field(name) {
    return document.querySelector(`[data-field="${name}"]`);
  }

  press(action, on) {
    for (const button of document.querySelectorAll(`[data-do="${action}"]`)) button.setAttribute("aria-pressed", String(on));
  }

  choices() {
    const { setup, stage, montage, format } = this.room;
    this.press("filters", setup.filters !== false);
    this.press("guides", setup.guides !== false);
    this.press("measure", Boolean(stage?.byKeys));
    const mains = this.field("mains");
    if (mains) mains.value = String(setup.mains ?? 0);
    this.field("advance").checked = setup.advance ?? true;
    const gain = stage?.chosen ? montage.gain(stage.chosen) : setup.gain ?? 1;
    if (this.part("gain")) this.part("gain").textContent = `× ${format(gain, gain < 1 || gain % 1 ? 2 : 0)}`;
  }

  // --- saving and standing --------------------------------------------------------------------

  saving(queue) {
    const { words } = this;
    // That an epoch was looked at is nothing a scorer counts.
    const count = queue.unsent.filter(({ kind }) => kind !== "seen").length || queue.unsent.length;
    const line = this.part("save");
    const kinds = {
      login: () => `▲ ${words.login.replace("{n}", count)}`,
      offline: () => `▲ ${words.unsent.replace("{n}", count)} ${words.offline}`,
    };
    let text = "";
    if (kinds[queue.problem]) text = kinds[queue.problem]();
    else if (count) text = `◔ ${words.unsent.replace("{n}", count)}`;
    else if (this.room.state?.scoring || queue.scoring) text = `✓ ${words.saved}`;
    line.textContent = text;
    line.classList.toggle("draft", Boolean(queue.problem));
    line.dataset.unsent = count;
    const refused = [...new Set(queue.refused.map(({ text: why }) => why))].join(" ");
    this.part("refused").hidden = !refused;
    this.text("refused-text", refused && `${words.refused} ${refused}`);
  }

  stand(state, fits) {
    const { words } = this;
    const tools = document.querySelector("[data-score-tools]");
    const writable = this.room.writable;
    tools.classList.toggle("read-only", !writable);
    for (const control of tools.querySelectorAll("button")) control.disabled = !writable;
    const reason = !fits ? words.superseded : state.signed ? words.signed : !state.may_score ? words.no_role : state.closed ? words.closed : "";
    this.notice(reason);
    this.part("scorer-state").textContent = this.whose(state);
    this.beginnings(state);
    for (const end of ["close", "withdraw"]) document.querySelector(`[data-do=${end}]`).hidden = !(writable && state.scoring);
    document.querySelector("[data-do=reopen]").hidden = !(state.may_score && state.closed && !state.signed);
    this.part("others").replaceChildren(...state.others.map((other) => {
      const line = document.createElement("li");
      line.textContent = `${other.closed ? "✓" : "◔"} ${other.scorer}: ${other.closed ? words.other_closed : words.other_open}`;
      return line;
    }));
  }

  // Whose hypnogram is shown, and what the first key does.
  whose(state) {
    const { words } = this;
    const who = state.scorer ?? "";
    if (state.scoring) {
      const from = { scoring: words.began_with_scoring, signed: words.began_with_signed }[state.from];
      const said = [words.scoring_of.replace("{who}", who), from?.replace("{who}", state.from_scorer ?? ""), state.blind && !state.closed && words.apart];
      return said.filter(Boolean).join(" ");
    }
    const whom = state.from_scorer ?? who;
    const shown = { scoring: words.shows_scoring.replace("{who}", whom), signed: words.shows_signed }[state.from] ?? words.shows_draft;
    const scorer = state.from === "signed" && whom && words.scored_by.replace("{who}", whom);
    return [shown, scorer, this.room.writable && words.first_key].filter(Boolean).join(" ");
  }

  // What else a scoring can begin with while there is none: with a colleague's finished one it is a consensus.
  beginnings(state) {
    const { words } = this;
    const offers = [];
    if (this.room.writable && !state.scoring) {
      if (state.from !== "draft") offers.push(["draft", words.begin_draft]);
      const finished = state.others.filter(({ id, closed }) => closed && id);
      offers.push(...finished.map(({ id, scorer }) => [id, words.begin_scoring.replace("{who}", scorer)]));
    }
    const place = this.part("beginnings");
    place.hidden = !offers.length;
    place.replaceChildren(...offers.map(([from, text]) => {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "button small", textContent: text });
      button.addEventListener("click", () => this.room.begin(from));
      return button;
    }));
  }

  numbers(found) {
    const { format, words, scored } = this.room;
    for (const cell of document.querySelectorAll("[data-statistic]")) cell.textContent = shown(found?.[cell.dataset.statistic], cell.dataset.kind, format);
    const { night } = this.room;
    const clock = (seconds) => night.clock(seconds).slice(0, 5);
    const lights = [[scored.lightsOff, words.lights_off], [scored.lightsOn, words.lights_on]].filter(([seconds]) => seconds !== null);
    this.part("lights").textContent = lights.length ? lights.map(([seconds, word]) => `${word} ${clock(seconds)}`).join(" · ") : words.no_lights;
  }

  // --- the epoch in hand ------------------------------------------------------------------------

  epoch() {
    const { room, words } = this;
    const { night, scored, view, format } = room;
    const { epoch } = view;
    const stage = scored.stages[epoch];
    this.text("epoch-number", `${words.epoch} ${epoch + 1} / ${night.epochs}`);
    this.text("epoch-clock", night.clock(epoch * night.seconds));
    this.text("epoch-stage", stage);
    this.part("epoch-stage").className = `epoch-stage on-${stage}`;
    const draft = night.stages[epoch];
    const chance = night.chance(epoch, draft);
    this.text("epoch-draft", `${words.draft} ${draft}${chance === null ? "" : ` ${format(chance, 2)}`}${night.doubtful.has(epoch) ? ` · ${words.uncertain}` : ""}`);
    for (const name of ["W", "N1", "N2", "N3", "R"]) this.press(name, stage === name);
    this.press("unscored", stage === "?");
    this.press("arousal", scored.marked("arousal", epoch));
    this.press("artefact", scored.marked("artefact", epoch));
    this.press("lightsOff", scored.lightsOff !== null && Math.floor(scored.lightsOff / night.seconds) === epoch);
    this.press("lightsOn", scored.lightsOn !== null && Math.ceil(scored.lightsOn / night.seconds) - 1 === epoch);
    this.text("epoch-comment", scored.comment(epoch));
    this.text("turned", room.turned);
    const poor = night.qualityAt(epoch).map((reason) => words.quality[reason] ?? reason);
    this.text("epoch-quality", poor.length ? `▲ ${words.poor} ${poor.join(", ")}` : "");
    this.opinions(epoch);
    this.why.show(epoch);
    for (const [action, possible] of [["undo", scored.canUndo], ["redo", scored.canRedo]]) {
      for (const button of document.querySelectorAll(`[data-do="${action}"]`)) button.disabled = !(room.writable && possible);
    }
  }

  // How the derivations voted, and what the second model says.
  opinions(epoch) {
    const { night, format } = this.room;
    const { words } = this;
    const { jury } = night;
    let said = "";
    if (jury?.votes && typeof jury.disagreement[epoch] === "number") {
      const votes = jury.derivations.map((name, at) => `${name} ${jury.votes[at][epoch]}`);
      said = `${words.jury} ${votes.join(" · ")} – ${words.disagreement.replace("{n}", format(SHARES * jury.disagreement[epoch], 0))}`;
    }
    this.text("why-jury", said);
    const second = night.boosted?.[epoch];
    this.text("why-boosted", second ? `${words.boosted} ${second}${second === night.stages[epoch] ? "" : ` ▲ ${words.differs}`}` : "");
    const { opinion } = night;
    const third = opinion?.stages?.[epoch] ?? opinion?.why;
    const differs = opinion?.stages && third !== night.stages[epoch];
    this.text("why-opinion", third ? `${words.opinion.replace("{name}", opinion.name)} ${third}${differs ? ` ▲ ${words.differs}` : ""}` : "");
  }

  // --- what to look at first --------------------------------------------------------------------

  get first() {
    const { night, setup } = this.room;
    return night.order.slice(0, this.amount(night, setup));
  }

  amount(night, setup) {
    const offered = night.budget.map(({ epochs }) => epochs);
    if (!offered.length) return Math.min(night.order.length, night.uncertain.length);
    if (offered.includes(setup.budget)) return setup.budget;
    return offered.includes(night.asked) ? night.asked : offered[0];
  }

  budget() {
    const { room, words } = this;
    const { night, scored, format } = room;
    if (!this.first.length) return;
    this.part("budget").hidden = false;
    this.choice();
    const { first } = this;
    const done = first.filter((epoch) => scored.seen.has(epoch)).length;
    this.part("budget-sentence").textContent = words.budget.replace("{n}", format(first.length));
    const progress = this.part("budget-progress");
    progress.max = first.length || 1;
    progress.value = done;
    this.part("budget-count").textContent = words.budget_count.replace("{done}", format(done)).replace("{n}", format(first.length));
    const offer = night.budget.find(({ epochs }) => epochs === first.length);
    this.part("budget-kappa").textContent = offer?.expected_kappa
      ? words.budget_kappa.replace("{kappa}", format(offer.expected_kappa, 2)).replace("{low}", format(offer.low, 2)).replace("{high}", format(offer.high, 2))
      : "";
  }

  choice() {
    const { night, setup, format } = this.room;
    const select = this.field("budget");
    select.closest("label").hidden = night.budget.length < 2;
    if (!select.options.length) select.append(...night.budget.map(({ epochs, share }) => new Option(`${format(epochs)} (${shown(SHARES * share, "percent", (value) => format(value, 0))})`, epochs)));
    select.value = String(this.amount(night, setup));
  }

  nextToCheck() {
    const { scored, view } = this.room;
    return this.first.find((epoch) => !scored.seen.has(epoch) && epoch !== view.epoch);
  }

  signals(problem) {
    const { words } = this;
    const state = this.part("state");
    const text = problem === "late" ? words.loading : problem === 401 ? words.login_signals : problem ? words.no_signals : "";
    if (state.textContent !== text) state.textContent = text;
  }
}

// As the overview writes them: hours and minutes, minutes, percent, counts, per hour.
function shown(value, kind, format) {
  if (value === null || value === undefined) return "–";
  if (kind === "time" && value >= SECONDS) return `${Math.floor(Math.round(value) / SECONDS)} h ${String(Math.round(value) % SECONDS).padStart(2, "0")}`;
  if (kind === "time" || kind === "minutes") return `${format(value, 1)} min`;
  if (kind === "percent") return document.documentElement.lang === "fr" ? `${format(value, 1)}\u202f%` : `${format(value, 1)}%`;
  if (kind === "per_hour") return `${format(value, 1)} /h`;
  return format(value, 0);
}
