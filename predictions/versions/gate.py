"""What the gate has said of a package, for whoever else may let it answer studies."""

from __future__ import annotations

import re

from ml.contracts import Problem, Refused, Text
from predictions.models.job import JobState
from predictions.versions.models import Proposal

DECIMALS = 4
"""With which an operating point is shown, and has to be written to be confirmed."""
WRITTEN = re.compile(rf"\d+[.,]\d{{{DECIMALS}}}")

NO_THRESHOLD = Problem(
    "threshold_missing",
    Text(
        "Write the operating point as the page shows it, with its four decimals: it is what you confirm.",
        "Écrivez le point de fonctionnement tel que la page le montre, avec ses quatre décimales : c’est ce "
        "que vous confirmez.",
    ),
    field="threshold",
)
OTHER_THRESHOLD = Problem(
    "threshold_differs",
    Text(
        "This is not the operating point of this version. Look at it again, then write it, or decline.",
        "Ce n’est pas le point de fonctionnement de cette version. Revoyez-le, puis écrivez-le, ou refusez.",
    ),
    field="threshold",
)


def judgement(algorithm: str, sha256: str, serving_sha256: str) -> Proposal | None:
    """Return the latest proposal in which a package was judged against another one, passed or not."""
    judged = Proposal.objects.filter(
        algorithm=algorithm,
        package_sha256=sha256,
        serving_sha256=serving_sha256,
        state=JobState.DONE,
        verdict__isnull=False,
    )
    return judged.first()


def confirmed(proposal: Proposal, written: str) -> float:
    """Return the operating point of a judged version, as a second person wrote it.

    Parameters
    ----------
    written
        With a point or a comma and four decimals: a number that was typed whole was looked at.

    Raises
    ------
    ml.contracts.Refused
        When it is not written so, or is another one.
    """
    text = written.strip()
    if not WRITTEN.fullmatch(text):
        raise Refused(NO_THRESHOLD)
    point = proposal.operating_point
    value = float(text.replace(",", "."))
    if point is None or value != round(point.value, DECIMALS):
        raise Refused(OTHER_THRESHOLD)
    return value
