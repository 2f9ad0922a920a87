"""What the scoring room takes: the draft and what was found about it, the index of the signals, its words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ml.contracts import Text
from predictions import first_read
from predictions.models import Prediction, StoredArtefact, Study
from predictions.states import State
from predictions.storage import storage
from predictions.workspaces.sleep import room_words, scoring, state

SIGNALS = "signals.json"
PYRAMID = "pyramid.bin"
SPECTROGRAM = "spectrogram.json"
UNSCORED = "?"


def data(study: Study, prediction: Prediction) -> dict[str, Any]:
    """Return everything about one night that its room draws and that does not change while it is scored.

    Returns
    -------
    dict
        ``night`` (the draft, its probabilities and what else was found per epoch), ``signals`` (the index,
        or ``None`` for nights of which no signals were kept), ``urls``, ``words``.
    """
    names = set(prediction.artefacts.values_list("name", flat=True))
    return {
        "study": str(study.pk),
        "night": night(scoring.open_result(prediction)),
        "signals": index(prediction) if SIGNALS in names and study.file else None,
        "urls": urls(study, names),
        "words": room_words.words(),
    }


def night(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the draft of a night; results of before the room lack most of the rest."""
    epochs = len(result["stages"])
    jury = result.get("jury") or {}
    return {
        "stages": result["stages"],
        "probabilities": [row and [round(chance, 3) for chance in row] for row in result["probabilities"]],
        "seconds": result["epoch_seconds"],
        "start": result.get("start") or "",
        "segments": result.get("segments") or [[0, epochs]],
        "uncertain": result["uncertain"],
        "order": (result.get("review") or {}).get("order") or result["uncertain"],
        "budget": state.offered(result),
        "asked": len(state.to_look_at(result)),
        "jury": jury or None,
        "boosted": (result.get("boosted") or {}).get("stages"),
        "opinion": _yasa(result.get("opinion")),
        "poor": (result.get("quality") or {}).get("epochs") or [],
        "desaturations": _stretches(result.get("oxygen")),
        "breathing": _stretches(result.get("breathing")),
    }


def _yasa(opinion: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what a site's YASA says: its name and stages, or in words why it gave none."""
    if opinion is None:
        return None
    why = Text.from_json(opinion["why"]).to(get_language() or "") if opinion["stages"] is None else ""
    name = " ".join(part for part in ("YASA", opinion["version"]) if part)
    return {"name": f"{name}, {opinion['derivation']}", "stages": opinion["stages"], "why": why}


def _stretches(screened: Mapping[str, Any] | None) -> list[list[Any]]:
    """Return start and end, in seconds, and kind of what was screened for."""
    return [
        [event["start_s"], event["end_s"], event.get("kind", "")]
        for event in (screened or {}).get("events", ())
    ]


def index(prediction: Prediction) -> dict[str, Any] | None:
    """Return the index of the signals; ``None`` when there is none."""
    return _stored(prediction, SIGNALS)


def _stored(prediction: Prediction, name: str) -> dict[str, Any] | None:
    artefact = StoredArtefact.objects.filter(prediction=prediction, name=name).first()
    if artefact is None:
        return None
    with storage.open(artefact.stored_name) as stream:
        return json.load(stream)


def urls(study: Study, names: set[str]) -> dict[str, str]:
    """Return where the room asks for more; empty where there is nothing to ask for."""
    here = {
        name: reverse(f"scoring_{name}", args=[study.pk])
        for name in ("state", "begin", "events", "signals", "pyramid", "comparison")
    }
    return here | {
        "epoch": reverse("study_epoch", args=[study.pk, 0]),
        "study": reverse("study", args=[study.pk]),
        "spectrogram": reverse("study_artefact", args=[study.pk, SPECTROGRAM])
        if SPECTROGRAM in names and not first_read.silent(study)
        else "",
    }


def missing_signals(prediction: Prediction, study: Study) -> str:
    """Say why a room has no signals to show; empty where it has."""
    if StoredArtefact.objects.filter(prediction=prediction, name=SIGNALS).exists() and study.file:
        return ""
    if study.file is None or not study.file.original_name.lower().endswith((".edf", ".bdf", ".rec")):
        return _(
            "This night was sent as band powers: there are stages and figures, but no signals to look at."
        )
    if study.state == State.SIGNED:
        return _(
            "This night was analysed by an earlier version, which kept no index of its signals, and is "
            "signed as it stands. Analysed again from its page, it becomes a new study with its signals."
        )
    return _(
        "This night was analysed by an earlier version, which kept no index of its signals. Its stages can "
        "be scored without them. Analysed again from its page, it becomes a new study with its signals; "
        "scorings stay with this one."
    )
