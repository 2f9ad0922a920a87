"""What the report of a night shows: the drawing, the figures with their formulas, and who scored what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from ml.algorithms.sleep import networks
from ml.algorithms.sleep import wording as words
from ml.algorithms.sleep.wording import SLOT_NAMES
from ml.contracts import Text
from predictions.models import ExplanationStatus
from predictions.outputs import night as nights
from predictions.outputs import night_drawing, night_figures, night_signals, wording
from predictions.outputs import night_words as said
from predictions.outputs.facts import Facts
from predictions.outputs.night import Night
from predictions.outputs.night_figures import Figure
from predictions.outputs.night_signals import Signal
from predictions.outputs.night_wording import filled, headline
from predictions.outputs.pdf_shared import common
from predictions.outputs.pdf_words import WORDS
from predictions.outputs.typeset import softened

DRAWING = "night.svg"
WAVES = "microstructure"

Rows = list[list[str]]


def content(facts: Facts, folder: Path) -> dict[str, Any]:
    """Return what ``night.typ`` shows, every text already in the language of the document.

    Parameters
    ----------
    folder
        Where the drawing is put, beside the template.
    """
    night = nights.of(facts)
    (folder / DRAWING).write_text(night_drawing.svg(night, night_drawing.saturation(night)), "utf-8")
    shared = common(facts)
    said_first = headline(night)
    if night.scored:
        # A dissent is about the draft: above a person's own hypnogram it would seem to be about that.
        shared["dissent"] = None
        shared["words"]["verdict"] = facts.say(said.VERDICT_ON_DRAFT)
    return shared | {
        "words": shared["words"] | {key: facts.say(text) for key, text in said.WORDS.items()},
        "title": facts.say(said.TITLE),
        "state": wording.state(facts, night.scorer),
        "short_state": wording.state(facts, night.scorer, short=True),
        "headline": said_first,
        "recording": _recording(night),
        "drawing": DRAWING,
        "drawing_alt": filled(night, said.ALT, said=said_first),
        "statistics": _statistics(night),
        "stages": _stages(night),
        "beside": [[part for part in pair if part["rows"] or part["notes"]] for pair in _beside(night)],
        "waves": _waves(night),
        "agreement": _agreement(night),
        "comments": _comments(night),
        "explanation": "" if night.scored else _explanation(facts),
    }


def _explanation(facts: Facts) -> str:
    """Return why the model says so: part of a draft, not of what a person scored."""
    found = facts.explanation
    if found is None or found.status != ExplanationStatus.OK:
        return facts.say(WORDS["no_explanation"])
    return facts.say(found.sentence)


def _recording(night: Night) -> Rows:
    """Return when it was recorded, the lights, and whose hypnogram is reported."""
    rows = [
        (said.RECORDED, _recorded(night)),
        (said.LIGHTS, _lights(night)),
        (said.HYPNOGRAM, _whose(night)),
        (said.CHANNELS, _channels(night)),
    ]
    if by_networks := networks.said(night.result):
        rows.append((said.NETWORKS, night.facts.say(by_networks)))
    if jury := night.result.get("jury"):
        rows.append((said.DERIVATIONS, ", ".join(jury["derivations"])))
    return [[night.facts.say(label), text] for label, text in rows]


def _recorded(night: Night) -> str:
    length = words.minutes(night.duration / 60)
    if night.start is None:
        return filled(night, said.NO_START, length=length)
    end = night.start + timedelta(seconds=night.duration)
    return filled(
        night,
        said.FROM_TO,
        day=wording.day(night.start.date(), night.facts.language),
        start=f"{night.start:%H:%M:%S}",
        end=f"{end:%H:%M:%S}",
        length=length,
    )


def _lights(night: Night) -> str:
    if night.lights_off is None and night.lights_on is None:
        return night.facts.say(said.WHOLE)
    off, on = (
        night.facts.say(said.NOT_ENTERED) if at is None else night.clock(at)
        for at in (night.lights_off, night.lights_on)
    )
    return filled(night, said.LIGHTS_SAID, off=off, on=on)


def _whose(night: Night) -> str:
    epochs, unscored = len(night.stages), night.stages.count(nights.UNSCORED)
    if not night.scored:
        text = filled(night, said.UNTOUCHED, uncertain=len(night.result.get("uncertain", ())), epochs=epochs)
    elif night.changed:
        share = night_figures.number(100 * len(night.changed) / epochs, 1, "%")
        text = filled(
            night, said.SCORED_BY, who=night.scorer, changed=len(night.changed), epochs=epochs, share=share
        )
    else:
        text = filled(night, said.SCORED_AS_IS, who=night.scorer)
    if not unscored:
        return text
    length = words.minutes(unscored * night.seconds / 60)
    return f"{text}. {filled(night, said.UNSCORED, count=unscored, length=length)}"


def _channels(night: Night) -> str:
    say = night.facts.say
    named = [
        f"{label} ({say(SLOT_NAMES[slot])})" if slot in SLOT_NAMES else label
        for slot, label in night.result.get("channels", {}).items()
        if label
    ]
    return ", ".join(named) or "–"


def _statistics(night: Night) -> list[dict[str, str]]:
    """Return one row per statistic; a second definition stands in a row of its own below."""
    return [_figure(night, figure) for figure in night_figures.sleep(night)]


def _figure(night: Night, figure: Figure) -> dict[str, Any]:
    say = night.facts.say
    return {
        "label": say(figure.label),
        "value": say(figure.written),
        "formula": say(figure.formula),
        "source": say(figure.source),
        "second": figure.second,
    }


def _stages(night: Night) -> Rows:
    """Return stage, time, share of TST and of SPT and, beside a person's hypnogram, the draft's time."""
    found = {figure.key: figure for figure in night_figures.stages(night)}
    rows = []
    for stage, name in nights.STAGE_NAMES.items():
        key = {"W": "wake", nights.UNSCORED: "unscored"}.get(stage, stage.lower())
        if stage == nights.UNSCORED and not found[key].value:
            continue
        shares = [found.get(f"{key}_percent"), found.get(f"{key}_percent_of_spt")]
        row = [name, found[key].written, *(share.written if share else Text("", "") for share in shares)]
        if night.scored:
            drafted = night.draft_statistics
            row.append(night_figures.written(drafted[key], "time"))
        rows.append([night.facts.say(cell) for cell in row])
    return rows


def _beside(night: Night) -> Iterator[list[dict[str, Any]]]:
    """Yield the small tables that stand two and two: what was screened, what was marked."""
    measured = [_signal(night, one) for one in night_signals.signals(night) if one.code != WAVES]
    yield measured
    yield [
        _section(night, said.EVENTS, _events(night)),
        _section(night, said.SIGNAL, _defects(night)),
    ]


def _section(night: Night, title: Text, rows: Rows, *notes: Text | Mapping[str, str]) -> dict[str, Any]:
    say = night.facts.say
    return {"title": say(title), "rows": rows, "notes": [say(note) for note in notes]}


def _signal(night: Night, found: Signal) -> dict[str, Any]:
    """Return label with its formula, and value, of what a signal holds."""
    say = night.facts.say
    rows = [[say(figure.label), say(figure.formula), say(figure.written)] for figure in found.figures]
    return _section(night, found.title, rows, *found.notes)


def _waves(night: Night) -> dict[str, Any] | None:
    """Return spindles and slow waves as one table, a row per stage; ``None`` where nobody looked for them."""
    found = next((one for one in night_signals.signals(night) if one.code == WAVES), None)
    if found is None:
        return None
    by_key, say = {figure.key: figure for figure in found.figures}, night.facts.say
    rows = []
    for kind, name in night_signals.MICRO_LABELS.items():
        for stage, where in night_signals.STAGES.items():
            figures = [
                by_key.get(f"{kind}_{measure}_{stage}") for measure, *_ in night_signals.MICRO_MEASURES
            ]
            if figures[0] is None:
                continue
            counted = say(figures[0].formula)
            cells = [say(figure.written) if figure else "–" for figure in figures]
            rows.append([f"{say(name)}, {say(where)}", counted, *cells])
    return _section(night, found.title, rows, *found.notes) if rows or found.notes else None


def _events(night: Night) -> Rows:
    if not night.scored:
        return []
    say, epochs = night.facts.say, len(night.marked(night.artefacts))
    arousals = str(len(night.arousals)) if night.arousals else say(said.NOT_SCORED)
    return [[say(said.AROUSALS), "", arousals], [say(said.ARTEFACTS), "", str(epochs)]]


def _agreement(night: Night) -> Rows:
    rows = []
    if night.agreement is not None:
        rows.append([night.facts.say(said.DRAFT_AGREES), _agreed(night, night.agreement)])
    if found := nights.scorers(night.facts):
        first, second = found["names"]
        label = filled(night, said.SCORERS_AGREE, first=first, second=second)
        why = found["dependence"]
        how = f" – {night.facts.say(why)}" if why else f" ({night.facts.say(said.APART)})"
        rows.append([label + how, _agreed(night, found)])
    for name, found in night.opinions:
        label = filled(night, said.WITH_REPORTED, name=name)
        rows.append([label, _agreed(night, found)])
    return rows


def _agreed(night: Night, found: Mapping[str, Any]) -> str:
    kappa, accuracy = found["kappa"], found["accuracy"]["value"]
    interval = ""
    if kappa["low"] is not None:
        interval = filled(
            night, said.INTERVAL, **{k: night_figures.number(kappa[k], 2) for k in ("low", "high")}
        )
    value = said.UNDEFINED if kappa["value"] is None else night_figures.number(kappa["value"], 2)
    share = night_figures.number(None if accuracy is None else 100 * accuracy, 1, "%")
    return filled(night, said.KAPPA, value=value, interval=interval, accuracy=share, epochs=found["epochs"])


def _defects(night: Night) -> Rows:
    """Return how many epochs have which defect of the signal."""
    say, epochs = night.facts.say, len(night.stages)
    counted = Counter(reason for reasons in night.reasons.values() for reason in set(reasons))
    rows = []
    for code, count in counted.most_common():
        share = night_figures.number(100 * count / epochs, 1, "%")
        label = say(said.REASONS[code]) if code in said.REASONS else code
        rows.append([label, "", filled(night, said.OF_EPOCHS, count=count, share=share)])
    return rows + _by_trace(night)


def _by_trace(night: Night) -> Rows:
    """Return the defects of each trace that has any."""
    say, rows = night.facts.say, []
    for trace, counts in night.defects.items():
        named = ((say(said.REASONS[code]) if code in said.REASONS else code, n) for code, n in counts.items())
        rows.append([trace, "", ", ".join(f"{name} {n}" for name, n in named)])
    return rows


def _comments(night: Night) -> Rows:
    return [
        [
            filled(night, said.COMMENT_AT, clock=night.clock(epoch * night.seconds), number=epoch + 1),
            softened(text),
        ]
        for epoch, text in night.comments
    ]
