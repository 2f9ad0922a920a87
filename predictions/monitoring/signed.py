"""Outcomes that people signed, each beside what the model had said; in a worker.

Who signs an X-ray or scores a night has usually seen the answer, so agreement is somewhat flattered; a blood
loss is measured by somebody else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from clinic.accounts.models import Unit
from ml import registry
from ml.monitoring import watched
from ml.monitoring.assembling import Outcomes
from predictions import outcomes as births
from predictions.models import BloodLoss, Prediction, Signature, Study, Verdict
from predictions.monitoring.days import Days

TRAILING = timedelta(days=180)
"""Outcomes are rarer than studies and come later: half a year of them counts."""

Pair = tuple[float, float]


def outcomes(algorithm: str, unit: Unit, days: Days, sha256: str) -> Outcomes:
    """Return what was said and what it was, of studies that one package answered.

    Parameters
    ----------
    days
        Outcomes signed up to the last of them, and no more than half a year before it, count.
    """
    back = Days(days.last - TRAILING, days.last)
    read = SOURCES.get(algorithm)
    pairs = list(read(unit, back, sha256)) if read and sha256 else []
    by_study = algorithm == SLEEP
    return Outcomes([one[0] for one in pairs], [one[1] for one in pairs], by_study=by_study)


def _births(unit: Unit, days: Days, sha256: str) -> Iterator[Pair]:
    """Pair the last assessment before each birth with its measured blood loss as it was last corrected."""
    begin, end = days.moments
    first = BloodLoss.objects.filter(number=1, encounter__unit=unit)
    measured = first.filter(recorded_at__gte=begin, recorded_at__lt=end)
    for encounter, loss in births.latest_of(measured.values_list("encounter_id", flat=True)).items():
        known = births.end_of_minute(loss.measured_at)
        asked = Study.objects.filter(encounter=encounter, algorithm=births.ALGORITHM, submitted_at__lt=known)
        answers = Prediction.objects.filter(study__in=asked)
        answer = answers.order_by("-study__submitted_at", "-created_at").first()
        if answer is not None and answer.package_sha256 == sha256:
            yield from _pair(births.ALGORITHM, answer, float(loss.severe))


def _radiographs(unit: Unit, days: Days, sha256: str) -> Iterator[Pair]:
    """Pair each signed X-ray with what its signer holds it to be."""
    for signature in _signatures(CHEST, unit, days, sha256):
        verdict, label = signature.review.verdict, signature.prediction.result.get("label")
        if verdict != Verdict.CANNOT_ASSESS:
            event = (label == "PNEUMONIA") is (verdict == Verdict.AGREE)
            yield from _pair(CHEST, signature.prediction, float(event))


def _nights(unit: Unit, days: Days, sha256: str) -> Iterator[Pair]:
    """Pair each night that somebody scored with the share of epochs in which the draft said the same."""
    for signature in _signatures(SLEEP, unit, days, sha256):
        hypnogram = signature.hypnogram
        if hypnogram is None or hypnogram.scoring_id is None or not hypnogram.agreement:
            continue
        if (share := hypnogram.agreement["accuracy"]["value"]) is not None:
            yield from _pair(SLEEP, signature.prediction, float(share))


def _signatures(algorithm: str, unit: Unit, days: Days, sha256: str) -> Iterator[Signature]:
    """Yield the signature that counts of every study: its last one."""
    begin, end = days.moments
    found = Signature.objects.filter(study__algorithm=algorithm, study__unit=unit, signed_at__lt=end)
    found = found.filter(signed_at__gte=begin, prediction__package_sha256=sha256)
    last = None
    rows = found.order_by("study_id", "-version").select_related("prediction", "review", "hypnogram")
    for signature in rows.iterator(chunk_size=20):
        if signature.study_id != last:
            yield signature
        last = signature.study_id


def _pair(algorithm: str, answer: Prediction, observed: float) -> Iterator[Pair]:
    if answer.result.get("simulated"):
        return
    score = registry.door(algorithm, "summary").score(watched.Study(result=answer.result))
    if score is not None:
        yield score.expected, observed


CHEST, SLEEP = "chest_xray", "sleep"
SOURCES: dict[str, Callable[[Unit, Days, str], Iterator[Pair]]] = {
    births.ALGORITHM: _births,
    CHEST: _radiographs,
    SLEEP: _nights,
}
