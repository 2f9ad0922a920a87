"""Short questions of programs and pages: stored by the web process, answered by a worker, then deleted.

The web process imports no numerical library, so the APIs kept compatible with the seeds wait here for a
worker. Only the number of the question travels through the broker.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from clinic.accounts.models import User
from ml import package as packages
from ml import registry, runner
from ml.contracts import Limits, Problem, Refused, Source, Status, Text
from ml.package import BrokenPackage
from predictions import queue
from predictions.limits import TooSlow, within
from predictions.models import Inquiry, InquiryKind, Prediction

log = logging.getLogger(__name__)

SLEEP_VERSION = "forest-16-1.1.0"
LIMITS = Limits(seconds=settings.INQUIRY_SECONDS, memory_bytes=1 << 30)
POLL_SECONDS = (0.02, 0.25)

NOBODY_ANSWERS = Problem(
    "no_answer",
    Text(
        "No worker answered within {seconds} seconds. Ask again; if it happens again, tell IT.",
        "Aucun analyseur n’a répondu en {seconds} secondes. Réessayez ; si cela se reproduit, prévenez le "
        "service informatique.",
    ).format(seconds=settings.INQUIRY_SECONDS),
)
DEFECT = Problem(
    "internal",
    Text("The analyser stopped on a defect of its own.", "L’analyseur s’est arrêté sur un défaut interne."),
)


PACKAGE_GONE = Problem(
    "package_gone",
    Text(
        "The model version of this assessment is no longer here, and another one would answer another "
        "question. Reassess her to use the present version.",
        "La version du modèle de cette évaluation n’est plus disponible, et une autre répondrait à une autre "
        "question. Réévaluez la patiente pour utiliser la version actuelle.",
    ),
)


class NoAnswer(Exception):
    """No worker answered in time."""


def ask(kind: InquiryKind, *, user: User, question: Mapping[str, Any]) -> Any:
    """Have a question answered by a worker and return the answer.

    Raises
    ------
    ml.contracts.Refused
        With the reasons, when the question cannot be answered.
    NoAnswer
        When no worker answered within ``INQUIRY_SECONDS`` of the settings.
    """
    inquiry = Inquiry.objects.create(kind=kind, asked_by=user, asked_at=timezone.now(), question=question)
    try:
        if not _answered(inquiry, settings.INQUIRY_SECONDS):
            raise NoAnswer
    except Inquiry.DoesNotExist as gone:
        # Swept away: a clock was set forward by hours while somebody waited.
        raise NoAnswer from gone
    finally:
        Inquiry.objects.filter(pk=inquiry.pk).delete()
    if inquiry.problems:
        raise Refused(*(Problem.from_json(problem) for problem in inquiry.problems))
    return inquiry.answer


def _answered(inquiry: Inquiry, seconds: float) -> bool:
    """Send it, wait for the answer; as long as there is no broker, try to send it again."""
    pause, longest = POLL_SECONDS
    deadline = time.monotonic() + seconds
    sent = False
    while time.monotonic() < deadline:
        sent = sent or queue.send_inquiry(inquiry)
        inquiry.refresh_from_db(fields=["answer", "problems", "answered_at"])
        if inquiry.answered_at:
            return True
        time.sleep(pause)
        pause = min(2 * pause, longest)
    return False


def answer(inquiry_id: UUID) -> None:
    """Answer a question in a worker; one that nobody waits for any more is left alone."""
    inquiry = Inquiry.objects.filter(pk=inquiry_id, answered_at=None).first()
    if inquiry is None:
        return
    answered, problems = _attempt(inquiry)
    Inquiry.objects.filter(pk=inquiry_id).update(
        answer=answered, problems=[problem.as_json() for problem in problems], answered_at=timezone.now()
    )


def _attempt(inquiry: Inquiry) -> tuple[Any, tuple[Problem, ...]]:
    try:
        with within(LIMITS):
            return ANSWERS[InquiryKind(inquiry.kind)](inquiry.question), ()
    except Refused as refusal:
        return None, refusal.problems
    except TooSlow:
        return None, (NOBODY_ANSWERS,)
    except Exception as error:
        # Whoever waits must hear that something broke; the log keeps type and place.
        log.error("question not answered", exc_info=error, extra={"task": inquiry.kind})
        return None, (DEFECT,)


def _credit(question: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [_credit_answer(application) for application in question["data"]]


def _credit_answer(application: Mapping[str, Any]) -> dict[str, Any]:
    outcome = runner.run("german_credit", Source(values=application), explain=False)
    answer = {"version": outcome.version, "status": str(outcome.status)}
    if outcome.status is Status.OK:
        answer |= dict(outcome.result or {})
    return answer | {"problems": [problem.as_json() for problem in outcome.problems]}


def _sleep_epoch(question: Mapping[str, Any]) -> dict[str, Any]:
    package = packages.load("sleep", SLEEP_VERSION)
    forest = registry.door("sleep", "forest16")
    return forest.predict_signal(package, question["signal"], question["sampling_rate"])


def _sleep_model(question: Mapping[str, Any]) -> dict[str, Any]:
    return registry.door("sleep", "forest16").model_info(packages.load("sleep", SLEEP_VERSION))


def _what_if(question: Mapping[str, Any]) -> dict[str, Any]:
    """Answer with the very package of the prediction, so that only the answers differ."""
    prediction = Prediction.objects.select_related("study").get(pk=question["prediction"])
    study = prediction.study
    try:
        package = packages.by_sha256(study.algorithm, prediction.package_sha256)
    except BrokenPackage as error:
        raise Refused(PACKAGE_GONE) from error
    door = registry.door(study.algorithm, "what_if")
    return door.answer(package, study.values, study.options, question["changes"])


ANSWERS: dict[InquiryKind, Callable[[Mapping[str, Any]], Any]] = {
    InquiryKind.CREDIT: _credit,
    InquiryKind.SLEEP_EPOCH: _sleep_epoch,
    InquiryKind.SLEEP_MODEL: _sleep_model,
    InquiryKind.WHAT_IF: _what_if,
}
