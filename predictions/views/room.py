"""The scoring room of a night: its page, and the samples and envelopes that its canvas asks for."""

from __future__ import annotations

import json
import re
import struct
import uuid
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.core.cache import cache
from django.core.files.base import File
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from clinic.accounts.models import User
from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.rules import under
from ml.algorithms.sleep import agreement, pages
from ml.contracts import Problem, Refused, Text
from predictions import access, first_read
from predictions.models import Prediction, StoredArtefact, Study
from predictions.storage import CHUNK_BYTES, storage
from predictions.workspaces.sleep import compared, events, room, scoring, tables

LOOKED_SECONDS = 3600
RANGE = re.compile(r"bytes=(\d+)-(\d*)")
WIDTHS = {2: 2, 3: 4}
"""Bytes of a sample in the file, and as it is sent: what a browser can read at once."""
INKS = (
    *("W", "N1", "N2", "N3", "R", "ink", "slate", "line", "grid", "guide", "sunken", "panel", "accent"),
    *("attention", "attentionText", "draft", "arousal", "artefact", "poor", "eog", "emg"),
)
"""Colours that the canvases draw with, each an element of the page."""

WRONG_WINDOW = Problem(
    "wrong_window",
    Text(
        "Ask for from and seconds (numbers) and channels (numbers of the index, with commas), and for less "
        "at once.",
        "Indiquez from et seconds (des nombres) et channels (numéros de l’index, séparés par des virgules), "
        "et demandez moins à la fois.",
    ),
)


@under(access.STUDY)
@require_safe
def scoring_room(request: HttpRequest, study_id: uuid.UUID) -> HttpResponse:
    """Show the scoring room of a night."""
    found, prediction = _night(request.user, study_id)
    record(Action.VIEW, actor=request.user, patient=found.patient_id, study=found.pk, kind="scoring_room")
    return render(request, "scoring/room.html", context(request.user, found, prediction))


def context(user: User, found: Study, prediction: Prediction) -> dict[str, Any]:
    """Return what the page of the room is made from."""
    silent = first_read.silent(found)
    drafted = scoring.draft(prediction).statistics if silent else prediction.result["statistics"]
    return {
        "study": found,
        "patient": found.patient,
        "contract": found.contract,
        "prediction": prediction,
        "room": room.data(found, prediction) | {"user": str(user.pk)},
        "missing_signals": room.missing_signals(prediction, found),
        "statistics": tables.statistics(drafted),
        "stages": tables.stages(drafted),
        "inks": INKS,
        "silent": silent,
        "signature": found.signatures.select_related("signer").last(),
    }


@under(access.STUDY)
@require_safe
def scoring_signals(request: HttpRequest, study_id: uuid.UUID) -> HttpResponse:
    """Give out samples of some channels as the file holds them.

    The answer is binary: four bytes with the length of a description (little-endian), the description
    ``{"windows": [{"number", "rate", "onset_s", "width", "bytes"}, ...]}``, then the samples of one window
    after the other, little-endian integers of ``width`` bytes.
    """
    found, prediction = _night(request.user, study_id)
    index = room.index(prediction)
    if index is None or found.file is None:
        raise Http404
    _looked(request.user, found)
    try:
        start, seconds = float(request.GET.get("from", "")), float(request.GET.get("seconds", ""))
        numbers = [int(number) for number in request.GET.get("channels", "").split(",")]
        with storage.open(found.file.name) as stream:
            windows = pages.read(stream, index, numbers, start, seconds)
    except ValueError:
        return _refused(request, WRONG_WINDOW)
    width = WIDTHS[index["channels"][0]["width"]]
    described = [
        {"number": w.number, "rate": w.rate, "onset_s": w.onset_s, "width": width, "bytes": len(w.data)}
        for w in windows
    ]
    head = json.dumps({"windows": described}).encode()
    body = b"".join([struct.pack("<I", len(head)), head, *(window.data for window in windows)])
    return HttpResponse(body, content_type="application/octet-stream")


def _refused(request: HttpRequest, problem: Problem) -> JsonResponse:
    said = problem.message.to(request.LANGUAGE_CODE)
    return JsonResponse({"code": problem.code, "message": said}, status=HTTPStatus.BAD_REQUEST)


@under(access.STUDY)
@require_safe
def scoring_comparison(request: HttpRequest, study_id: uuid.UUID) -> HttpResponse:
    """Show two finished scorings beside each other, and how far the draft was changed."""
    found, prediction = _night(request.user, study_id)
    record(
        Action.VIEW, actor=request.user, patient=found.patient_id, study=found.pk, kind="scoring_comparison"
    )
    shared = {
        "study": found,
        "patient": found.patient,
        "contract": found.contract,
        "prediction": prediction,
        "own": compared.with_draft(request.user, found),
        "may_begin": events.may_begin(request.user, found),
        "yardstick": agreement.yardstick_in_words(),
    }
    try:
        shown = shared | {"pair": compared.pair(request.user, found)}
    except Refused as refusal:
        shown = shared | {"problems": refusal.problems}
    return render(request, "scoring/comparison.html", shown)


@under(access.STUDY)
@require_safe
def scoring_pyramid(request: HttpRequest, study_id: uuid.UUID) -> HttpResponse:
    """Give out a range of the envelopes of a night."""
    found, prediction = _night(request.user, study_id)
    artefact = StoredArtefact.objects.filter(prediction=prediction, name=room.PYRAMID).first()
    if artefact is None:
        raise Http404
    _looked(request.user, found)
    first, last = _range(request, artefact.size)
    if first >= artefact.size or last < first:
        return HttpResponse(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
    partial = "Range" in request.headers
    response = StreamingHttpResponse(
        _bytes(storage.open(artefact.stored_name), first, last + 1 - first),
        content_type=artefact.media_type,
        status=HTTPStatus.PARTIAL_CONTENT if partial else HTTPStatus.OK,
    )
    response["Content-Length"] = last + 1 - first
    response["Accept-Ranges"] = "bytes"
    if partial:
        response["Content-Range"] = f"bytes {first}-{last}/{artefact.size}"
    return response


def _range(request: HttpRequest, size: int) -> tuple[int, int]:
    asked = RANGE.fullmatch(request.headers.get("Range", ""))
    if asked is None:
        return 0, size - 1
    return int(asked[1]), min(int(asked[2] or size), size - 1)


def _bytes(opened: File, first: int, count: int) -> Iterator[bytes]:
    """Return a range in pieces, the first of them read at once: a damage there is still said in words."""
    opened.seek(first)
    begun = opened.read(min(CHUNK_BYTES, count))

    def rest() -> Iterator[bytes]:
        left = count
        with opened as stream:
            chunk = begun
            while chunk:
                left -= len(chunk)
                yield chunk
                chunk = stream.read(min(CHUNK_BYTES, left))

    return rest()


def _night(user: User, study_id: uuid.UUID) -> tuple[Study, Prediction]:
    found = access.get_or_404(user, study_id)
    if found.prediction is None or found.algorithm != "sleep":
        raise Http404
    return found, found.prediction


def _looked(user: User, found: Study) -> None:
    """Record once an hour that somebody looks at signals: pages are turned many times a second."""
    if cache.add(f"scoring-signals:{user.pk}:{found.pk}", 1, LOOKED_SECONDS):
        record(Action.VIEW, actor=user, patient=found.patient_id, study=found.pk, kind="signals")
