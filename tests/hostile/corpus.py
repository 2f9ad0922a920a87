"""Every hostile input by intake, and the fixed choice of them that is tried each time."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from functools import cache

from tests.hostile import films, forms, jpegs, pictures, recordings, scorings, tables
from tests.hostile.case import Case, Intake, Wrong, only_once

MAKERS = {
    Intake.EDF: lambda: recordings.cases(Intake.EDF),
    Intake.BDF: lambda: recordings.cases(Intake.BDF),
    Intake.DICOM: films.cases,
    Intake.PNG: pictures.cases,
    Intake.JPEG: jpegs.cases,
    Intake.CREDIT: lambda: tables.cases(Intake.CREDIT),
    Intake.BIRTHS: lambda: tables.cases(Intake.BIRTHS),
    Intake.FORM: lambda: forms.cases(Intake.FORM),
    Intake.APPLICATION: lambda: forms.cases(Intake.APPLICATION),
    Intake.EVENTS: scorings.cases,
}
FILES = (Intake.EDF, Intake.BDF, Intake.DICOM, Intake.PNG, Intake.JPEG)
TABLES = (Intake.CREDIT, Intake.BIRTHS)
BODIES = (Intake.FORM, Intake.APPLICATION, Intake.EVENTS)
OF_EACH_KIND = 3


@cache
def of(intake: Intake) -> tuple[Case, ...]:
    """Return every hostile input of an intake."""
    return tuple(only_once(MAKERS[intake]()))


def sample(intake: Intake, each: int = OF_EACH_KIND) -> list[Case]:
    """Return the same few inputs of each kind of wrong every time; what is a bomb or has a hole all."""
    kinds: dict[Wrong, list[Case]] = defaultdict(list)
    for case in of(intake):
        kinds[case.wrong].append(case)
    chosen = []
    for kind, found in kinds.items():
        drawn = sorted(found, key=lambda case: hashlib.sha256(case.id.encode()).digest())
        chosen += found if kind in (Wrong.BOMB, Wrong.SPARSE) else drawn[:each]
    return chosen
