"""Whether a report, held beside those already given, would tell of fewer people than any may alone.

Two pooled reports whose periods or versions differ by little are one person's figures by subtraction. The
periods of all that were given cut time into pieces; a part is pooled only where each piece it makes known,
of each version where reports differ by it, is empty or holds enough for a figure of its own: whatever is
added and subtracted then comes to no less. In a worker only: each piece is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

from predictions.agreement import services, shown
from predictions.agreement.figures import Part
from predictions.agreement.models import Report
from predictions.agreement.scope import Scope
from predictions.models import JOB_PENDING, JobState

Collect = Callable[[Scope], list[Part]]


def told(report: Report, parts: Iterable[Part], collect: Collect) -> set[str]:
    """Return the codes of the parts of ``parts`` that may not be pooled beside what was given.

    Parameters
    ----------
    collect
        Counts a scope; called once for each piece.
    """
    own = Scope.of(report)
    others = Report.objects.filter(algorithm=report.algorithm, unit=report.unit).exclude(pk=report.pk)
    given = [(one, Scope.of(one)) for one in others]
    counted: dict[Scope, dict[str, Part]] = {}
    found = set()
    for part in parts:
        if _few(part):
            continue
        beside = _joined(own, [scope for one, scope in given if _known(one, part.code, report)])
        for piece in _pieces(own, beside) if beside else ():
            if piece not in counted:
                counted[piece] = {each.code: each for each in collect(piece)}
            if counted[piece][part.code].said and _few(counted[piece][part.code]):
                found.add(part.code)
                break
    return found


def _known(one: Report, code: str, report: Report) -> bool:
    """Return whether a part of another report is shown pooled, or may be while this one is counted."""
    if one.state in JOB_PENDING:
        return (one.queued_at, str(one.pk)) < (report.queued_at, str(report.pk))
    figures: list[dict[str, Any]] = one.figures or [] if one.state == JobState.DONE else []
    return any(part["code"] == code and part["studies"] and not shown.too_few(part) for part in figures)


def _joined(own: Scope, scopes: list[Scope]) -> list[Scope]:
    """Return the scopes that overlap ``own``, and those that overlap these in turn."""
    found, left = [own], scopes
    for scope in found:
        found += [one for one in left if one.overlaps(scope)]
        left = [one for one in left if not one.overlaps(scope)]
    return found[1:]


def _pieces(own: Scope, beside: list[Scope]) -> Iterator[Scope]:
    scopes = [own, *beside]
    cuts = sorted({moment for scope in scopes for moment in (scope.since, scope.until)})
    versions = {scope.version for scope in scopes}
    each = versions if len(versions) == 1 else set(services.versions(own.algorithm))
    for since, until in pairwise(cuts):
        for version in sorted(each):
            piece = replace(own, version=version, since=since, until=until)
            if any(scope.overlaps(piece) for scope in scopes):
                yield piece


def _few(part: Part) -> bool:
    studies = {said.study for said in part.said}
    people = {person for said in part.said for person in said.people}
    return shown.too_few({"studies": len(studies), "people": len(people)}) is not None
