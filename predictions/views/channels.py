"""Which channels of a recording would be read: told from its header alone, before the long upload."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from clinic.accounts.models import Unit
from clinic.methods import post_or_back
from clinic.rules import under
from ml import registry
from ml.algorithms.sleep import identity, mapping
from ml.algorithms.sleep.edf_header import Signal
from ml.concordance import check_identity
from ml.contracts import Contract, Problem, Refused
from patients.models import Patient
from predictions import access, channel_mapping

# Sizes beyond any file's: the number comes from an address.
_MOST_DIGITS = 15


@under(access.SUBMISSION)
@post_or_back("study_new", "algorithm", "patient")
def study_channels(request: HttpRequest, algorithm: str, patient: uuid.UUID) -> HttpResponse:
    """Answer the header of a recording with the channels that would be read, or with what is wrong.

    The body is the beginning of the file, ``size`` in the address the length of all of it. Where the address
    names channels, what is doubtful is said of these: they were chosen on the page.
    """
    contract, person = access.require_submitter(request.user, algorithm, patient)
    if contract.name != channel_mapping.ALGORITHM:
        raise Http404
    head = request.body[: mapping.LARGEST_HEADER]
    size = request.GET.get("size", "")
    if not (size.isascii() and size.isdigit() and len(size) <= _MOST_DIGITS):
        raise Http404
    chosen = {name: request.GET[name] for name in mapping.USES if name in request.GET}
    context = _read(contract, person, head, int(size), chosen)
    return render(request, "studies/channels.html", context)


def _read(
    contract: Contract, person: Patient, head: bytes, size: int, chosen: Mapping[str, str]
) -> dict[str, Any]:
    problems = registry.door(contract.name, "contract").screen(head, size)
    if problems:
        return {"problems": problems}
    try:
        header, signals = mapping.parse(head)
    except Refused as refusal:
        return {"problems": refusal.problems}
    told = check_identity(identity.of(header), person.identity)
    return {
        "problems": [told] if isinstance(told, Problem) else [],
        "seconds": header.seconds,
        "count": sum(not signal.annotations for signal in signals),
        **_uses(contract, signals, chosen),
    }


def _uses(contract: Contract, signals: tuple[Signal, ...], chosen: Mapping[str, str]) -> dict[str, Any]:
    unit = Unit.objects.get(code=contract.unit)
    known = channel_mapping.remembered(unit, mapping.labels(signals))
    taken = chosen or (known.options if known else {})
    rows = []
    for use in mapping.uses(signals):
        now = taken.get(use.name, mapping.NONE) if taken else use.found
        choices = use.choices if now in (mapping.NONE, *use.choices) else (now, *use.choices)
        rows.append({"name": use.name, "chosen": now, "choices": choices, "found": use.found})
    hints = mapping.problems(signals, taken)
    return {"uses": rows, "known": known, "none": mapping.NONE, "hints": hints}
