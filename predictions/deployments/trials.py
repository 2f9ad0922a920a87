"""What a version that answers studies itself has shown, silent or as a canary: counts, and no name.

Only signed studies are held against an outcome, so that no figure tells of an answer that is still unseen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from django.db.models import Q, QuerySet
from django.utils import timezone

from ml.algorithms.sleep import agreement
from predictions.deployments import compared, outcomes
from predictions.deployments.figures import Share
from predictions.deployments.models import Allocation, Deployment, Mode
from predictions.models import Prediction, Signature, Study
from predictions.states import State


@dataclass(frozen=True, slots=True)
class Arm:
    """The studies of one side.

    Parameters
    ----------
    versions
        Which answered them.
    above
        How often the answer was above the operating point; ``None`` of nights, which have none. Of a silent
        deployment among signed studies alone: of one or two, a count would tell the answer.
    judged
        Signed studies with an outcome.
    rows
        Per figure against what was signed its name and share.
    median_ms
        Of an analysis; ``None`` without any.
    """

    versions: Sequence[str]
    patients: int
    answered: int
    refused: int
    failed: int
    above: Share | None
    signed: int
    judged: int
    rows: Sequence[tuple[str, Share]]
    median_ms: float | None


@dataclass(frozen=True, slots=True)
class Trial:
    """A deployment that answers, and, for a canary, the unit's other studies of the same time."""

    own: Arm
    others: Arm | None


def trial(deployment: Deployment) -> Trial:
    """Return what a silent or canary deployment has shown.

    A canary is set beside the studies that its unit sent meanwhile and another version answered. They are of
    other patients, drawn by chance: two groups, not one study judged twice.
    """
    allocated = Allocation.objects.filter(deployment=deployment, fell_back="").values("study")
    own = Study.objects.filter(pk__in=allocated)
    others = None
    if deployment.mode == Mode.CANARY and deployment.started_at is not None:
        meanwhile = Q(submitted_at__gte=deployment.started_at)
        meanwhile &= Q(submitted_at__lte=deployment.ended_at or timezone.now())
        unit = Study.objects.filter(meanwhile, algorithm=deployment.algorithm, unit=deployment.unit_id)
        others = _arm(deployment.algorithm, unit.exclude(pk__in=allocated))
    return Trial(_arm(deployment.algorithm, own, unseen=deployment.mode == Mode.SILENT), others)


def _arm(algorithm: str, found: QuerySet[Study], *, unseen: bool = False) -> Arm:
    studies = list(found.select_related("encounter"))
    answered = [study for study in studies if study.state in (State.READY, State.SIGNED)]
    last: dict[object, Prediction] = {}
    shown = Prediction.objects.filter(study__in=answered).order_by("created_at")
    for prediction in shown.defer("report", "quality", "runtime", *_heavy(algorithm)):
        last[prediction.study_id] = prediction
    signed = Signature.objects.filter(study__in=answered).values_list("study_id", flat=True)
    vouched = set(signed)
    truths = outcomes.of_studies(algorithm, [study for study in answered if study.pk in vouched])
    judged = [
        (truth, _right(algorithm, last[pk], truth))
        for pk, truth in truths.items()
        if truth is not None and pk in last
    ]
    known = [(truth, right) for truth, right in judged if right is not None]
    night = algorithm == compared.NIGHTS
    told = [one for pk, one in last.items() if pk in vouched or not unseen]
    times = [ms for one in last.values() if (ms := one.timings_ms.get("total")) is not None]
    return Arm(
        versions=sorted({one.package_version for one in last.values()}),
        patients=len({study.patient_id for study in answered}),
        answered=len(answered),
        refused=sum(study.state == State.REFUSED for study in studies),
        failed=sum(study.state == State.FAILED for study in studies),
        above=None if night else _share(compared.DECISIONS[algorithm](one.result) for one in told),
        signed=len(vouched),
        judged=len(known),
        rows=_rows(known, night),
        median_ms=median(times) if times else None,
    )


def _heavy(algorithm: str) -> tuple[str, ...]:
    """Return what is left in the database: the result of a night is hundreds of kilobytes."""
    return ("result",) if algorithm == compared.NIGHTS else ()


def _right(algorithm: str, prediction: Prediction, truth: object) -> bool | None:
    """Return whether an answer is what was signed; ``None`` of a night of other epochs."""
    if algorithm != compared.NIGHTS:
        return compared.DECISIONS[algorithm](prediction.result) == truth
    stages = Prediction.objects.values_list("result__stages", flat=True).get(pk=prediction.pk)
    if not isinstance(truth, list) or len(stages) != len(truth):
        return None
    return compared.enough(agreement.compare(stages, truth, repeats=0).accuracy.value or 0)


def _rows(judged: Sequence[tuple[object, bool]], night: bool) -> list[tuple[str, Share]]:
    rows = [("right", _share(right for _truth, right in judged))]
    if not night:
        rows += [
            ("sensitivity", _share(right for truth, right in judged if truth)),
            ("specificity", _share(right for truth, right in judged if not truth)),
        ]
    return rows


def _share(values: Iterable[bool]) -> Share:
    found = list(values)
    return Share(sum(found), len(found))
