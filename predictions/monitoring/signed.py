"""Outcomes that people signed, each beside what the model had said; in a worker.

An outcome belongs to the days in which it became known, and counts in one window: two verdicts in a row share
none. Of each patient the first one counts.

Who signs an X-ray or scores a night has usually seen the answer, so agreement is somewhat flattered; a blood
loss is measured by somebody else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta

from clinic.accounts.models import Unit
from ml import registry
from ml.monitoring import watched
from ml.monitoring.assembling import Outcomes
from predictions import outcomes as births
from predictions.models import BloodLoss, JobState, Prediction, Signature, Study, Verdict
from predictions.monitoring.days import ONE_DAY, Days
from predictions.monitoring.models import Report

TRAILING = timedelta(days=180)
"""Outcomes are rarer than studies and come later: they add up until there are enough, for half a year."""

Pair = tuple[object, tuple[float, float]]
"""Whose it is; what was expected and what it was."""


def outcomes(algorithm: str, unit: Unit, days: Days, sha256: str) -> Outcomes:
    """Return what was said and what it was, of studies that one package answered.

    Parameters
    ----------
    days
        Those in which an outcome must have become known; see :func:`since`.
    """
    read = SOURCES.get(algorithm)
    pairs = watched.firsts(read(unit, days, sha256)) if read and sha256 else []
    by_study = algorithm == SLEEP
    return Outcomes([one[0] for one in pairs], [one[1] for one in pairs], by_study=by_study)


def since(row: Report, sha256: str) -> date:
    """Return from which day on outcomes count for a window.

    For one of every day from the day after the window in which enough of them were there last, under this
    version: what was judged once is not judged again. For days that somebody chose, those days.
    """
    if not row.daily:
        return row.first_day
    earlier = Report.objects.filter(algorithm=row.algorithm, unit=row.unit, asked_by=None)
    done = earlier.filter(state=JobState.DONE, last_day__lt=row.first_day).order_by("-last_day")
    back = row.last_day - TRAILING
    for last, content in done.filter(last_day__gte=back).values_list("last_day", "content").iterator():
        if content["calibration"] and content["sha256"] == sha256:
            return last + ONE_DAY
    return back


def _births(unit: Unit, days: Days, sha256: str) -> Iterator[Pair]:
    """Pair the last assessment before each birth with its measured blood loss as it was last corrected."""
    begin, end = days.moments
    first = BloodLoss.objects.filter(number=1, encounter__unit=unit)
    measured = first.filter(recorded_at__gte=begin, recorded_at__lt=end)
    for encounter, loss in births.latest_of(measured.values_list("encounter_id", flat=True)).items():
        known = births.end_of_minute(loss.measured_at)
        asked = Study.objects.filter(encounter=encounter, algorithm=births.ALGORITHM, submitted_at__lt=known)
        answers = Prediction.objects.filter(study__in=asked)
        answer = answers.select_related("study").order_by("-study__submitted_at", "-created_at").first()
        if answer is not None and answer.package_sha256 == sha256:
            yield from _pair(births.ALGORITHM, answer.study.patient_id, answer, float(loss.severe))


def _radiographs(unit: Unit, days: Days, sha256: str) -> Iterator[Pair]:
    """Pair each signed X-ray with what its signer holds it to be."""
    for signature in _signatures(CHEST, unit, days, sha256):
        verdict, label = signature.review.verdict, signature.prediction.result.get("label")
        if verdict != Verdict.CANNOT_ASSESS:
            event = (label == "PNEUMONIA") is (verdict == Verdict.AGREE)
            yield from _pair(CHEST, signature.study.patient_id, signature.prediction, float(event))


def _nights(unit: Unit, days: Days, sha256: str) -> Iterator[Pair]:
    """Pair each night that somebody scored with the share of epochs in which the draft said the same."""
    for signature in _signatures(SLEEP, unit, days, sha256):
        hypnogram = signature.hypnogram
        if hypnogram is None or hypnogram.scoring_id is None or not hypnogram.agreement:
            continue
        if (share := hypnogram.agreement["accuracy"]["value"]) is not None:
            yield from _pair(SLEEP, signature.study.patient_id, signature.prediction, float(share))


def _signatures(algorithm: str, unit: Unit, days: Days, sha256: str) -> Iterator[Signature]:
    """Yield the last signature of every study that was first signed in these days, the first study first."""
    begin, end = days.moments
    found = Signature.objects.filter(study__algorithm=algorithm, study__unit=unit, version=1)
    known = found.filter(signed_at__gte=begin, signed_at__lt=end).values("study_id")
    rows = Signature.objects.filter(study__in=known, signed_at__lt=end)
    rows = rows.order_by("study__submitted_at", "study_id", "-version")
    last = None
    whole = rows.select_related("study", "prediction", "review", "hypnogram")
    for signature in whole.iterator(chunk_size=20):
        if signature.study_id != last and signature.prediction.package_sha256 == sha256:
            yield signature
        last = signature.study_id


def _pair(algorithm: str, patient: object, answer: Prediction, observed: float) -> Iterator[Pair]:
    if answer.result.get("simulated"):
        return
    score = registry.door(algorithm, "summary").score(watched.Study(result=answer.result))
    if score is not None:
        yield patient, (score.expected, observed)


CHEST, SLEEP = "chest_xray", "sleep"
SOURCES: dict[str, Callable[[Unit, Days, str], Iterator[Pair]]] = {
    births.ALGORITHM: _births,
    CHEST: _radiographs,
    SLEEP: _nights,
}
