"""What people do to a result: first impression, report, opinion, signature, amendment; and another try."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from clinic.accounts import confirm
from clinic.methods import post_or_back
from clinic.rules import under
from ml.contracts import Problem, Refused, Text
from predictions import access, first_read, intake, reanalysis, review
from predictions import reading as reports
from predictions.models import Study
from predictions.states import NoSuchWay
from predictions.views import reading, studies
from predictions.workspaces.sleep import signing

UNPROCESSABLE = 422

# The ids of what is asked for in the review, by the names of the fields.
PLACES = {
    "verdict": "verdict",
    "reason": "reason",
    "comment": "comment",
    "later": "later",
    "hypnogram": "hypnogram",
    "impression": "first-read",
    "confidence": "confidence",
    "assessment": "assessment",
}

OTHER_RESULT = Problem(
    "other_result",
    Text(
        "There is a newer result than the one you were reading. Read it before you judge it.",
        "Il existe un résultat plus récent que celui que vous lisiez. Lisez-le avant de vous prononcer.",
    ),
)


@under(access.REVIEW)
@post_or_back("study", "study_id")
def study_first_read(request: HttpRequest, study_id: uuid.UUID) -> HttpResponse:
    """Commit what the reader sees before the answer; the answer follows."""
    return _act(request, study_id, _read_first, _("Your first impression is kept."))


@under(access.REVIEW)
@post_or_back("study", "study_id")
def study_reading(request: HttpRequest, study_id: uuid.UUID) -> HttpResponse:
    """Keep the report as typed; fill what is empty as normal, or take over a colleague's text, when asked.

    A save while typing answers with the block of the report alone, of which the page takes what is new.
    """
    if not request.htmx:
        return _act(request, study_id, _write, _("Your report is saved."))
    study = access.get_or_404(request.user, study_id)
    problems: tuple[Problem, ...] = ()
    try:
        _write(request, study)
    except Refused as refusal:
        problems = refusal.problems
    study.refresh_from_db()
    shown = studies.context(request.user, study)
    shown |= reading.context(request.user, study, request.POST if problems else None)
    shown["reading_problems"] = problems
    return render(request, "studies/reading.html", shown, status=UNPROCESSABLE if problems else 200)


@under(access.REVIEW)
@post_or_back("study", "study_id")
def study_review(request: HttpRequest, study_id: uuid.UUID) -> HttpResponse:
    """Keep an opinion on the result."""
    return _act(request, study_id, _give, _("Your opinion is kept."))


@under(access.SIGNATURE)
@post_or_back("study", "study_id")
def study_sign(request: HttpRequest, study_id: uuid.UUID) -> HttpResponse:
    """Sign the result, with the opinion sent along or the one already kept."""
    return _act(request, study_id, _sign, _("Signed."))


@under(access.SIGNATURE)
@post_or_back("study", "study_id")
def study_amend(request: HttpRequest, study_id: uuid.UUID) -> HttpResponse:
    """Open a signed study again."""
    return _act(request, study_id, _amend, _("Open again: judge the result and sign the next version."))


@under(access.RESUBMISSION)
@post_or_back("study", "study_id")
def study_retry(request: HttpRequest, study_id: uuid.UUID) -> HttpResponse:
    """Send a failed study to the workers again."""
    return _act(request, study_id, _retry, _("Sent again."))


@under(access.RESUBMISSION)
@post_or_back("study", "study_id")
def study_repeat(request: HttpRequest, study_id: uuid.UUID) -> HttpResponse:
    """Have the version in service analyse the files anew, and lead to the new study."""
    study = access.get_or_404(request.user, study_id)
    try:
        made = reanalysis.ask(user=request.user, study=study)
    except Refused as refusal:
        return _again(request, study, refusal.problems)
    messages.success(request, _("Sent to be analysed again, as a new study. The other one stays as it is."))
    return redirect("study", made.pk)


def _read_first(request: HttpRequest, study: Study) -> None:
    reading.keep(request.user, study, request.POST)
    first_read.commit(
        user=request.user,
        study=study,
        impression=request.POST.get("impression", ""),
        confidence=request.POST.get("confidence", ""),
    )


def _write(request: HttpRequest, study: Study) -> None:
    reading.save(request.user, study, request.POST)


def _give(request: HttpRequest, study: Study) -> None:
    _require_seen(request, study)
    reading.keep(request.user, study, request.POST)
    review.give(
        user=request.user,
        study=study,
        verdict=request.POST.get("verdict", ""),
        reason=request.POST.get("reason", ""),
        comment=request.POST.get("comment", ""),
    )


def _sign(request: HttpRequest, study: Study) -> None:
    later = request.POST.get("later", "")
    if access.may_sign(request.user, study):
        confirm.require(request)
        # Before the verdict is kept: whoever is stopped here has not judged anything yet.
        review.require_latest(study, later)
        reports.require_known(request.user, study, request.POST.get("known", ""))
        signing.require_choice(request.user, study, request.POST.get("hypnogram", ""))
    if request.POST.get("verdict"):
        _give(request, study)
    else:
        _require_seen(request, study)
        reading.keep(request.user, study, request.POST)
    review.sign(
        user=request.user,
        study=study,
        later=later,
        hypnogram=request.POST.get("hypnogram", ""),
        assessment=request.POST.get("assessment", ""),
    )


def _amend(request: HttpRequest, study: Study) -> None:
    confirm.require(request)
    review.amend(user=request.user, study=study, reason=request.POST.get("reason", ""))


def _retry(request: HttpRequest, study: Study) -> None:
    intake.retry(user=request.user, study=study)


def _require_seen(request: HttpRequest, study: Study) -> None:
    """Refuse a judgement of a result other than the one that was on the screen."""
    prediction = study.prediction
    if prediction is not None and request.POST.get("prediction") != str(prediction.pk):
        raise Refused(OTHER_RESULT)


def _act(
    request: HttpRequest, study_id: uuid.UUID, action: Callable[[HttpRequest, Study], Any], done: str
) -> HttpResponse:
    study = access.get_or_404(request.user, study_id)
    try:
        action(request, study)
    except Refused as refusal:
        return _again(request, study, refusal.problems)
    except NoSuchWay:
        messages.error(request, _("Somebody else was faster. This is how the study stands now."))
    else:
        messages.success(request, done)
    return redirect("study", study.pk)


def _place(request: HttpRequest, problem: Problem, parts: Mapping[str, str]) -> str:
    """Return the id of the field that a problem is about, empty for one about no field."""
    amends = request.resolver_match.view_name == "study_amend"
    if problem in (confirm.NEEDED, confirm.problem(request)):
        field = "password" if request.user.has_usable_password() else "code"
        return f"{'amend' if amends else 'sign'}-{field}"
    if amends and problem.field:
        return "amend-reason"
    return PLACES.get(problem.field, parts.get(problem.field, ""))


def _again(request: HttpRequest, study: Study, problems: tuple[Problem, ...]) -> HttpResponse:
    """Show the page with what is wrong and everything that was typed."""
    study.refresh_from_db()
    shown = studies.context(request.user, study)
    shown |= reading.context(request.user, study, request.POST)
    parts = {part.field.name: part.name for part in shown.get("reading_parts", ())}
    shown |= {"opinion": request.POST, "review_problems": problems}
    shown["review_links"] = [(problem, _place(request, problem, parts)) for problem in problems]
    shown["faulty"] = {problem.field for problem in problems} - {""}
    return render(request, "studies/page.html", shown, status=UNPROCESSABLE)
