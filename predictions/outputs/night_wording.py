"""How a night is said in one sentence, the same in every document."""

from __future__ import annotations

from typing import Any

from ml.contracts import Text
from predictions.outputs import night as nights
from predictions.outputs import night_figures
from predictions.outputs import night_words as said
from predictions.outputs.night import Night


def filled(night: Night, text: Text, **values: Any) -> str:
    """Write a text with its values, those of ours in the language of the document too."""
    say = night.facts.say
    plain = {key: say(value) if isinstance(value, Text) else value for key, value in values.items()}
    return say(text).format(**plain)


def headline(night: Night) -> str:
    """Say how long the person slept, and before it what keeps that from being a finding."""
    found = night.statistics
    tst, trt, se = (
        night_figures.written(found[key], kind)
        for key, kind in (("tst", "time"), ("trt", "time"), ("se", "percent"))
    )
    before = [said.SIMULATED] if night.result.get("simulated") else []
    before += [] if night.scored else [said.DRAFT]
    if night.under_way:
        before.append(said.UNDER_WAY.format(who=", ".join(night.under_way)))
    if not any(stage in nights.STAGES for stage in night.stages):
        main = said.NOTHING_SCORED
    else:
        main = said.SLEPT if found["tst"] else said.NO_SLEEP
    return "".join(map(night.facts.say, before)) + filled(night, main, tst=tst, trt=trt, se=se)
