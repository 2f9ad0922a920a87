"""What a FHIR bundle says of a night: the hypnogram and its figures under the name of whoever made them.

A person's hypnogram and the figures of it are that person's; the draft beside it and what the signals were
screened for are the algorithm's and say so. Stages are sampled data, one number per epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from ml.algorithms.sleep import networks
from predictions.outputs import fhir_codes as codes
from predictions.outputs import night as nights
from predictions.outputs import night_figures, night_signals, wording
from predictions.outputs.fhir_base import SIMULATED, Resource, by_algorithm, reference, remarks
from predictions.outputs.night import Night

# As EDF numbers the stages of a hypnogram that is stored as a signal; "E" is FHIR's own for a missing value.
NUMBERS = {"W": "0", "N1": "1", "N2": "2", "N3": "3", "R": "5"}
MISSING = "E"
HYPNOGRAM, DRAFT, PANEL = "night/hypnogram", "night/draft", "night/panel"
PRELIMINARY = "preliminary"
UCUM = {
    "time": "min",
    "minutes": "min",
    "percent": "%",
    "count": "{count}",
    "per_hour": "/h",
    "per_minute": "/min",
    "seconds": "s",
    "hertz": "Hz",
    "microvolts": "uV",
    "burden": "%.min/h",
    "hours": "h",
}
"""Unit of a kind of figure in UCUM."""


def scorer(night: Night) -> str:
    """Return the name of the resource that is the scorer: the signer's own where they scored themselves."""
    signature = night.facts.signature
    return "signer" if signature and signature.signer_id == night.scoring.scorer_id else "scorer"


def by_person(night: Night) -> dict[str, Resource]:
    """Return what a person says of the night; nothing while the draft is what is reported."""
    if not night.scored:
        return {}
    own = _own(night)
    found = {HYPNOGRAM: _hypnogram(night, night.stages, own) | _remarks(night)}
    found[HYPNOGRAM]["derivedFrom"] = [reference(night.facts, DRAFT)]
    return found | _figures(night, own)


def measured(night: Night) -> dict[str, Resource]:
    """Return what the algorithm says of the night, and how far it agrees with a person."""
    facts = night.facts
    ours = by_algorithm(facts) | {"device": reference(facts, "device")} | _when(night)
    if night.scored:
        # What was put right is kept as it was: nobody signs it.
        found = {DRAFT: _hypnogram(night, night.draft, ours | {"status": PRELIMINARY})}
    else:
        found = {HYPNOGRAM: _hypnogram(night, night.stages, ours) | remarks(facts)}
        found |= _figures(night, ours | remarks(facts))
    for signal in night_signals.signals(night):
        for figure in signal.figures:
            if figure.value is not None:
                found[f"measured/{figure.key}"] = _quantity(night, figure, ours, screened=True) | remarks(
                    facts
                )
    return found


def compared(night: Night) -> dict[str, Resource]:
    """Return how far draft and person agree, and two scorers with each other: counted, not judged."""
    found = {}
    pairs = (
        ("agreement-draft", "Agreement of the AI draft with the reported hypnogram", night.agreement),
        ("agreement-scorers", "Agreement of two scorers", nights.scorers(night.facts)),
    )
    for code, display, agreed in pairs:
        if agreed is not None and agreed["kappa"]["value"] is not None:
            found[f"night/{code}"] = _agreement(night, code, display, agreed)
    return found


def panel(night: Night, members: Sequence[str]) -> Resource:
    """Return what holds the figures of a night together."""
    facts = night.facts
    base = _own(night) if night.scored else by_algorithm(facts) | _when(night) | remarks(facts)
    return {
        "resourceType": "Observation",
        **base,
        "code": codes.concept("night-panel", "Polysomnography panel", loinc="90568-7"),
        "hasMember": [reference(facts, name) for name in members],
    }


def simulated(night: Night) -> Resource:
    """Return the tag of what is of nobody; nothing for a recording of somebody."""
    return {"meta": {"tag": [SIMULATED]}} if night.result.get("simulated") else {}


def scored_at(night: Night) -> datetime:
    """Return when the person last worked on what is reported."""
    made = night.scoring
    return made.closed_at or made.started_at


def _own(night: Night) -> Resource:
    """Return what every resource has in common that the scorer is the author of."""
    facts = night.facts
    return {
        **simulated(night),
        "status": facts.status,
        "subject": reference(facts, "patient"),
        "performer": [reference(facts, scorer(night))],
        **_when(night),
    }


def _when(night: Night) -> Resource:
    """Return the day of the recording: its clock has no time zone, which a time of FHIR would need."""
    if night.start is None:
        return {"effectiveDateTime": night.facts.study.submitted_at.isoformat()}
    return {"effectiveDateTime": night.start.date().isoformat()}


def _hypnogram(night: Night, stages: Sequence[str], base: Resource) -> Resource:
    draft = night.scored and stages is night.draft
    code = ("hypnogram-draft", "AI draft of the hypnogram") if draft else ("hypnogram", "Reported hypnogram")
    by_networks = networks.said(night.result) if draft or not night.scored else None
    numbered = ", ".join(f"{number} {stage}" for stage, number in NUMBERS.items())
    counted = f"{numbered}; {MISSING} unscored; one per epoch from the start of the recording"
    return {
        "resourceType": "Observation",
        **base,
        "code": codes.concept(*code),
        "method": {"text": ". ".join([counted, night.facts.say(by_networks)] if by_networks else [counted])},
        "valueSampledData": {
            "origin": {"value": 0},
            "period": 1000 * night.seconds,
            "dimensions": 1,
            "data": " ".join(NUMBERS.get(stage, MISSING) for stage in stages),
        },
        "component": list(_components(night, draft=draft)),
    }


def _components(night: Night, *, draft: bool) -> Iterator[Resource]:
    if night.start is not None:
        code = codes.concept("recording-start", "Start of the recording by its own clock")
        yield {"code": code, "valueTime": f"{night.start:%H:%M:%S}"}
    yield _component("epochs", "Epochs", len(night.stages), "{count}")
    if draft:
        return
    for local, display, at in (
        ("lights-off", "Lights off, from the start of the recording", night.lights_off),
        ("lights-on", "Lights on, from the start of the recording", night.lights_on),
    ):
        if at is not None:
            yield _component(local, display, at, "s")
    if night.scored:
        yield _component("epochs-changed", "Epochs changed by hand", len(night.changed), "{count}")
        artefacts = len(night.marked(night.artefacts))
        yield _component("epochs-artefact", "Epochs marked as artefact", artefacts, "{count}")


def _component(local: str, display: str, value: float, unit: str) -> Resource:
    return {"code": codes.concept(local, display), "valueQuantity": codes.quantity(value, unit)}


def _remarks(night: Night) -> Resource:
    """Return the scorer's comments, each with its epoch and time."""
    author = reference(night.facts, scorer(night))
    notes = [
        {"authorReference": author, "text": f"{night.clock(epoch * night.seconds)} ({epoch + 1}): {text}"}
        for epoch, text in night.comments
        if text.strip()
    ]
    return {"note": notes} if notes else {}


def _figures(night: Night, base: Resource) -> dict[str, Resource]:
    """Return the statistics of the reported hypnogram, in codes that were checked or in ours."""
    values = dict(night.statistics)
    values["light"] = values["n1"] + values["n2"]
    found = {}
    # From lights off to lights on TRT is the time in bed; over the whole recording it is not.
    in_bed = {} if None in (night.lights_off, night.lights_on) else {"trt": codes.TIME_IN_BED}
    for key, (loinc, display, unit) in codes.SLEEP.items():
        if values.get(key) is None:
            continue
        local = key.replace("_", "-")
        found[f"measured/{local}"] = {
            "resourceType": "Observation",
            **base,
            "code": codes.concept(local, display, loinc=in_bed.get(key, loinc)),
            "valueQuantity": codes.quantity(values[key], unit),
            "derivedFrom": [reference(night.facts, HYPNOGRAM)],
        }
    return found


def _quantity(night: Night, figure: night_figures.Figure, base: Resource, *, screened: bool) -> Resource:
    said = f"{figure.label.en} (screening)" if screened else figure.label.en
    return {
        "resourceType": "Observation",
        **base,
        "code": codes.concept(figure.key.replace("_", "-"), said),
        "valueQuantity": codes.quantity(figure.value, UCUM[figure.kind]),
        "method": {"text": night.facts.say(figure.formula)},
        "derivedFrom": [reference(night.facts, HYPNOGRAM)],
    }


def _agreement(night: Night, code: str, display: str, agreed: Mapping[str, Any]) -> Resource:
    kappa = agreed["kappa"]
    facts = night.facts
    bounds = [
        _component(f"kappa-{bound}", f"Cohen's kappa, 95 % interval, {word} bound", kappa[bound], "1")
        for bound, word in (("low", "lower"), ("high", "upper"))
        if kappa[bound] is not None
    ]
    compared_ = _component("epochs-compared", "Epochs that both scored", agreed["epochs"], "{count}")
    return {
        "resourceType": "Observation",
        "status": facts.status,
        "subject": reference(facts, "patient"),
        **_when(night),
        "code": codes.concept(code, f"{display}, Cohen's kappa"),
        "valueQuantity": codes.quantity(kappa["value"], "1"),
        "component": [*bounds, compared_],
        "note": [
            {"text": facts.say(text)} for text in (agreed.get("dependence"), wording.RESEARCH_USE) if text
        ],
    }
