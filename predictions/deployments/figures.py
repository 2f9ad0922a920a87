"""What a shadow has shown: both versions on the same live studies, counted, with intervals and no name."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import comb, sqrt
from statistics import mean, median, stdev
from typing import Any

from django.db.models import QuerySet

from ml import package as packages
from ml.algorithms.sleep import agreement
from ml.package import BrokenPackage
from ml.promotion import ShadowFigures
from predictions.deployments import compared, outcomes
from predictions.deployments.models import Deployment, ShadowAnswer
from predictions.first_read_counts import wilson
from predictions.models import JOB_PENDING, JobState, Prediction, StudyFile

NORMAL_95 = 1.96
FEWEST_NIGHTS = 5
"""Of fewer, drawing them again says nothing of the next one: two alike would give an interval of no width."""
REPEATS = 1000
SEED = 0


@dataclass(frozen=True, slots=True)
class Share:
    """A count of a whole with its 95 % Wilson interval; ``None`` of nothing."""

    count: int
    n: int

    @property
    def value(self) -> float | None:
        """In per cent."""
        return 100 * self.count / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """In per cent."""
        if not self.n:
            return None
        low, high = wilson(self.count, self.n)
        return 100 * low, 100 * high


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval, ``None`` where it cannot be given."""

    value: float
    n: int
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Scores:
    """How far two scores lie apart, shadow less service (Bland and Altman 1986).

    Parameters
    ----------
    difference
        Mean with its interval.
    limits
        Between which 95 % of the single differences lie; ``None`` of fewer than two.
    """

    difference: Estimate
    limits: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Nights:
    """Two hypnograms of the same nights.

    Parameters
    ----------
    alike
        Mean share of epochs with the same stage, in per cent, resampled by night.
    kappa
        Cohen's κ over all epochs, resampled by night.
    confusion
        Epochs by stage of the version in service (rows) and of the shadow (columns).
    """

    epochs: int
    alike: Estimate
    kappa: Estimate | None
    stages: Sequence[str]
    confusion: Sequence[tuple[str, Sequence[int]]]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Both versions against what was signed.

    Parameters
    ----------
    positives
        Of ``n``, how many had what the model looks for; ``None`` of nights.
    rows
        Per figure: its name, the version in service, the shadow.
    only_serving, only_shadow
        Studies in which only one of the two was right.
    p
        Of the exact test of McNemar that neither is right more often; ``None`` without such studies.
    """

    n: int
    positives: int | None
    rows: Sequence[tuple[str, Share, Share]]
    only_serving: int
    only_shadow: int
    p: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the page of a shadow says of it beside one version; ``None`` where there is nothing of the kind.

    Parameters
    ----------
    version
        Which answered the studies.
    serves
        Whether that one is in service now; else it was then, or it was on trial itself.
    """

    version: str
    serves: bool
    gate: ShadowFigures
    patients: int
    waiting: int
    same: Share
    table: Mapping[str, int]
    refused: Mapping[str, int]
    scores: Scores | None
    nights: Nights | None
    outcomes: Outcomes | None
    problems: Sequence[tuple[str, int]]


def figures(deployment: Deployment) -> ShadowFigures:
    """Return what the gate of a promotion asks of a shadow, beside the version in service; counts only."""
    return compare(deployment).gate


def compare(deployment: Deployment) -> Comparison:
    """Return a shadow and the version in service on the live studies that both looked at."""
    version, sha256 = _serving(deployment.algorithm)
    return _compare(deployment, version, sha256, serves=True)


def comparisons(deployment: Deployment) -> list[Comparison]:
    """Return a shadow beside each version that answered the studies it followed, the one in service first.

    What answered is another one for a canary's patients, and after a promotion: mixed, the figures would be
    of no version.
    """
    version, sha256 = _serving(deployment.algorithm)
    rows = _followed(deployment).exclude(serving_sha256=sha256).order_by("serving_version")
    others = rows.values_list("serving_version", "serving_sha256").distinct()
    return [
        _compare(deployment, version, sha256, serves=True),
        *(_compare(deployment, *other, serves=False) for other in others),
    ]


def _serving(algorithm: str) -> tuple[str, str]:
    """Return version and hash of what is in service, both empty while nothing whole is."""
    try:
        package = packages.load(algorithm)
    except BrokenPackage:
        return "", ""
    return package.version, package.sha256


def _followed(deployment: Deployment) -> QuerySet[ShadowAnswer]:
    return ShadowAnswer.objects.filter(deployment=deployment).exclude(state=JobState.WITHDRAWN)


def _compare(deployment: Deployment, version: str, sha256: str, *, serves: bool) -> Comparison:
    found = _followed(deployment).filter(serving_sha256=sha256)
    rows = _once(list(found.select_related("study__encounter").defer("result")))
    done = [row for row in rows if row.state == JobState.DONE]
    lost = [row for row in rows if row.state in (JobState.FAILED, JobState.REFUSED)]
    answered = [row for row in done if "refused" not in row.compared]
    judged = _judged(deployment.algorithm, answered)
    right = [pair for _positive, pair in judged]
    gate = ShadowFigures(
        since=min((row.queued_at for row in done), default=None),
        until=max((row.queued_at for row in done), default=None),
        studies=len(done),
        failed=len(lost),
        same=sum(row.compared["same"] for row in done),
        signed=len(judged),
        right=sum(shadow for _serving, shadow in right),
        serving_right=sum(serving for serving, _shadow in right),
        median_ms=_median(row.timings_ms.get("total") for row in done),
        serving_median_ms=_median(row.serving_ms for row in done),
    )
    night = deployment.algorithm == compared.NIGHTS
    return Comparison(
        version=version,
        serves=serves,
        gate=gate,
        patients=len({row.study.patient_id for row in done}),
        waiting=sum(row.state in JOB_PENDING for row in rows),
        same=Share(gate.same, gate.studies),
        table={} if night else _table(answered),
        refused=_refusals(done),
        scores=None if night or not answered else _scores(answered),
        nights=_nights(answered) if night and answered else None,
        outcomes=_outcomes(judged, night) if judged else None,
        problems=_counted(problem.code for row in lost for problem in row.problem_list),
    )


def _once(rows: Sequence[ShadowAnswer]) -> list[ShadowAnswer]:
    """Leave out what came again with the very same files: it is one recording, however often it was sent."""
    studies = [row.study_id for row in rows]
    files: dict[Any, set[str]] = {}
    for study, sha256 in StudyFile.objects.filter(study__in=studies).values_list("study", "sha256"):
        files.setdefault(study, set()).add(sha256)
    seen: set[frozenset[str]] = set()
    kept = []
    for row in rows:
        sent = frozenset(files.get(row.study_id, ()))
        if not sent or sent not in seen:
            kept.append(row)
        seen.add(sent)
    return kept


def _judged(algorithm: str, answered: Sequence[ShadowAnswer]) -> list[tuple[bool | None, outcomes.Right]]:
    """Return, of each study with an outcome, whether it was positive and which version was right."""
    truths = outcomes.truths(algorithm, answered)
    signed = [row for row in answered if row.study_id in truths]
    if algorithm == compared.NIGHTS:
        return [(None, right) for row in signed if (right := _night_right(row, truths[row.study_id]))]
    return [
        (truth, tuple(row.compared[who]["decision"] == truth for who in ("serving", "shadow")))
        for row in signed
        if (truth := truths[row.study_id]) is not None
    ]


def _night_right(row: ShadowAnswer, signed: Sequence[str]) -> outcomes.Right | None:
    """Return which version agrees with a signed night as well as two people do; ``None`` on other epochs."""
    serving = Prediction.objects.filter(study=row.study_id, package_sha256=row.serving_sha256)
    shadow = ShadowAnswer.objects.filter(pk=row.pk)
    both = [
        serving.values_list("result__stages", flat=True).get(),
        shadow.values_list("result__stages", flat=True).get(),
    ]
    if any(len(stages) != len(signed) for stages in both):
        return None
    shares = [agreement.compare(stages, signed, repeats=0).accuracy.value or 0 for stages in both]
    return compared.enough(shares[0]), compared.enough(shares[1])


def _table(answered: Iterable[ShadowAnswer]) -> dict[str, int]:
    """Return how often ``both``, only ``serving``, only ``shadow`` or ``neither`` was above its threshold."""
    found = dict.fromkeys(("both", "serving", "shadow", "neither"), 0)
    names = {(True, True): "both", (True, False): "serving", (False, True): "shadow"}
    for row in answered:
        pair = row.compared["serving"]["decision"], row.compared["shadow"]["decision"]
        found[names.get(pair, "neither")] += 1
    return found


def _refusals(done: Iterable[ShadowAnswer]) -> dict[str, int]:
    found = dict.fromkeys(("both", "serving", "shadow"), 0)
    names = {(True, True): "both", (True, False): "serving", (False, True): "shadow"}
    for row in done:
        if refused := row.compared.get("refused"):
            found[names[tuple(refused)]] += 1
    return found


def _scores(answered: Sequence[ShadowAnswer]) -> Scores:
    apart = [100 * (row.compared["shadow"]["score"] - row.compared["serving"]["score"]) for row in answered]
    middle, n = mean(apart), len(apart)
    if n < 2:
        return Scores(Estimate(middle, n), None)
    spread = stdev(apart)
    half = NORMAL_95 * spread / sqrt(n)
    limits = middle - NORMAL_95 * spread, middle + NORMAL_95 * spread
    return Scores(Estimate(middle, n, middle - half, middle + half), limits)


def _nights(answered: Sequence[ShadowAnswer]) -> Nights:
    kept = [row.compared for row in answered if row.compared["epochs"]]
    tables = [one["confusion"] for one in kept]
    shares = [100 * one["alike"] / one["epochs"] for one in kept]
    whole = _added(tables)
    return Nights(
        epochs=sum(one["epochs"] for one in kept),
        alike=_resampled(shares, mean),
        kappa=_resampled(tables, lambda sample: _kappa(_added(sample)))
        if _kappa(whole) is not None
        else None,
        stages=agreement.STAGES,
        confusion=list(zip(agreement.STAGES, whole, strict=True)),
    )


def _resampled(values: Sequence[Any], figure: Callable[[Sequence[Any]], float | None]) -> Estimate:
    """Return a figure with the percentiles of it over resampled nights; no interval of too few."""
    value, n = figure(values), len(values)
    if n < FEWEST_NIGHTS:
        return Estimate(value or 0.0, n)
    draw = random.Random(SEED)  # noqa: S311 - a bootstrap, no secret
    drawn = (figure(draw.choices(values, k=n)) for _ in range(REPEATS))
    defined = sorted(one for one in drawn if one is not None)
    last = len(defined) - 1
    return Estimate(value or 0.0, n, defined[round(0.025 * last)], defined[round(0.975 * last)])


def _added(tables: Iterable[Sequence[Sequence[int]]]) -> list[list[int]]:
    whole = [[0] * len(agreement.STAGES) for _ in agreement.STAGES]
    for table in tables:
        whole = [[a + b for a, b in zip(*rows, strict=True)] for rows in zip(whole, table, strict=True)]
    return whole


def _kappa(table: Sequence[Sequence[int]]) -> float | None:
    """Return Cohen's κ (Cohen 1960) of a confusion table; ``None`` where chance alone agrees on all."""
    n = sum(map(sum, table))
    if not n:
        return None
    same = sum(row[at] for at, row in enumerate(table)) / n
    chance = sum(sum(row) * sum(column) for row, column in zip(table, zip(*table, strict=True), strict=True))
    by_chance = chance / n**2
    return (same - by_chance) / (1 - by_chance) if by_chance < 1 else None


def _outcomes(judged: Sequence[tuple[bool | None, outcomes.Right]], night: bool) -> Outcomes:
    only_serving = sum(pair == (True, False) for _positive, pair in judged)
    only_shadow = sum(pair == (False, True) for _positive, pair in judged)
    rows = [("right", *_shares(judged))]
    if not night:
        rows += [
            ("sensitivity", *_shares([one for one in judged if one[0]])),
            ("specificity", *_shares([one for one in judged if not one[0]])),
        ]
    return Outcomes(
        n=len(judged),
        positives=None if night else sum(bool(positive) for positive, _pair in judged),
        rows=rows,
        only_serving=only_serving,
        only_shadow=only_shadow,
        p=_mcnemar(only_serving, only_shadow),
    )


def _shares(judged: Sequence[tuple[bool | None, outcomes.Right]]) -> tuple[Share, Share]:
    serving = sum(pair[0] for _positive, pair in judged)
    shadow = sum(pair[1] for _positive, pair in judged)
    return Share(serving, len(judged)), Share(shadow, len(judged))


def _mcnemar(one: int, other: int) -> float | None:
    """Return the two-sided p of the exact test (McNemar 1947, binomial) over discordant pairs."""
    n = one + other
    if not n:
        return None
    tail = sum(comb(n, k) for k in range(min(one, other) + 1)) / 2**n
    return min(1.0, 2 * tail)


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _counted(codes: Iterable[str]) -> list[tuple[str, int]]:
    found: dict[str, int] = {}
    for code in codes:
        found[code] = found.get(code, 0) + 1
    return sorted(found.items(), key=lambda pair: -pair[1])
