"""Counting a report, in a worker."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from patients.erasure import OPEN
from patients.models import Erasure
from predictions.agreement import apart, births, nights, radiographs
from predictions.agreement.figures import Part, computed
from predictions.agreement.models import Disagreement, Report
from predictions.agreement.scope import Scope
from predictions.jobs import Ending
from predictions.models import Study

MOST_LISTED = 25
COLLECTORS: dict[str, Callable[[Scope], list[Part]]] = {
    "sleep": nights.collect,
    "chest_xray": radiographs.collect,
    "haemorrhage": births.collect,
}


def work(report: Report) -> Ending:
    """Count what was asked; the list of studies is written with the figures or not at all."""
    collect = COLLECTORS[report.algorithm]
    parts = collect(Scope.of(report))
    told = apart.told(report, parts, collect)
    figures = [computed(part) | ({"told_apart": True} if part.code in told else {}) for part in parts]
    return Ending({"figures": figures}, partial(_keep, report, parts))


def _keep(report: Report, parts: list[Part]) -> None:
    strongest = {}
    for part in parts:
        for said in part.said:
            known = strongest.get(said.study)
            if said.weight > (known[1] if known else 0.0):
                strongest[said.study] = (part.code, said.weight)
    # One may have been erased while the rest was counted; and what an erasure is to take stays as it is.
    going = Erasure.objects.filter(state__in=OPEN).values("patient")
    found = Study.objects.filter(pk__in=strongest).exclude(patient__in=going)
    there = set(found.values_list("pk", flat=True))
    listed = sorted(strongest.items(), key=lambda item: -item[1][1])[:MOST_LISTED]
    Disagreement.objects.bulk_create(
        Disagreement(report=report, study_id=study, part=code, weight=weight)
        for study, (code, weight) in listed
        if study in there
    )
