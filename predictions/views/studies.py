"""One study: its page, which refreshes itself while the analysis runs, and its files."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from clinic.accounts.models import User
from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.rules import under
from predictions import access, answers, first_read, outcomes, reanalysis, review, selectors, verdicts
from predictions.deployments import selectors as deployments
from predictions.models import (
    GIVEN_REASONS,
    Explanation,
    FirstRead,
    Review,
    Scoring,
    StoredArtefact,
    Study,
    Verdict,
)
from predictions.states import PENDING, State
from predictions.stewardship import taken_back
from predictions.storage import storage
from predictions.views import documents, giving, reading
from predictions.workspaces import pages
from predictions.workspaces.sleep import epochs, night

"""How long a browser may keep a file of a result, which never changes; a refusal is never kept."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of a study's history."""

    at: datetime
    what: str
    who: str = ""
    note: str = ""


@under(access.STUDY)
@require_safe
def study(request: HttpRequest, study_id: uuid.UUID) -> HttpResponse:
    """Show a study."""
    found = access.get_or_404(request.user, study_id)
    _record_view(request.user, found)
    return render(request, "studies/page.html", context(request.user, found))


@under(access.STUDY)
@require_safe
def study_state(request: HttpRequest, study_id: uuid.UUID) -> HttpResponse:
    """Answer the page that asks every second: where it is, or the whole result once it is there."""
    found = access.get_or_404(request.user, study_id)
    if found.state in PENDING:
        return render(request, "studies/pending.html", _pending(found))
    _record_view(request.user, found)
    response = render(request, "studies/body.html", context(request.user, found))
    response["HX-Retarget"] = "#study"
    response["HX-Reswap"] = "outerHTML"
    return response


@under(access.STUDY)
@require_safe
def study_epoch(request: HttpRequest, study_id: uuid.UUID, index: int) -> HttpResponse:
    """Show one epoch of a night: its stage, its probabilities and what spoke for them."""
    found = access.get_or_404(request.user, study_id)
    prediction = found.prediction
    if prediction is None or found.algorithm != "sleep" or index >= len(prediction.result["stages"]):
        raise Http404
    if first_read.needed(request.user, found):
        return render(request, "deployments/silent_note.html")
    shown = {
        "study": found,
        "epoch": night.one(prediction.result, index),
        "contributions": epochs.contributions(prediction, index),
        "last": len(prediction.result["stages"]) - 1,
    }
    return render(request, "predictions/results/sleep_epoch.html", shown)


@under(access.STUDY)
@require_safe
def study_artefact(request: HttpRequest, study_id: uuid.UUID, name: str) -> HttpResponseBase:
    """Give out a picture or signal of the serving result; to a blind reader only what was sent."""
    found = access.get_or_404(request.user, study_id)
    if not first_read.shown_blind(name):
        try:
            first_read.require(request.user, found)
        except first_read.Blind as refusal:
            return giving.not_yet(request, found, refusal)
    artefact = StoredArtefact.objects.filter(prediction=found.prediction, name=name).first()
    if artefact is None:
        raise Http404
    record(
        Action.VIEW,
        actor=request.user,
        patient=found.patient_id,
        study=found.pk,
        kind="artefact",
        object_id=name,
    )
    return giving.stored(artefact.stored_name, media_type=artefact.media_type, size=artefact.size)


def context(user: User, found: Study) -> dict[str, Any]:
    """Return everything the page of a study shows to ``user``; nothing of the answer to a blind reader."""
    prediction = found.prediction
    blind = first_read.needed(user, found)
    silent = first_read.silent(found)
    shared = {
        "study": found,
        "patient": found.patient,
        "contract": found.contract,
        "prediction": prediction,
        "blind": blind,
        "silent": silent,
        "given": _given(found) if silent else [],
        "silent_to_come": found.state in PENDING and deployments.is_silent(found.unit_id, found.algorithm),
        "history": history(found, blind=blind),
        "may_retry": found.state == State.FAILED and access.may_submit(user, found.contract),
        # Which study it repeats says more than that the file was sent before.
        "sent_before": None if found.repeats else selectors.sent_before(found),
        "repeated_as": reanalysis.later(found).first(),
        "repeat_with": reanalysis.offered(user, found),
        "taken_back": taken_back.of(found),
        "damage": [] if found.state in PENDING else storage.damage(_files(found)),
        "result_template": f"predictions/results/{found.algorithm}.html",
        **_pending(found),
    }
    if prediction is None:
        return shared
    explanation = None if blind else Explanation.objects.filter(prediction=prediction).first()
    return (
        shared
        | _reviewing(user, found)
        | reading.context(user, found)
        | ({} if blind else documents.panel(user, found))
        | _birth(user, found)
        | {
            "explanation": explanation,
            "drawing": {}
            if silent and not found.contract.blind_first
            else pages.drawing(user, found.algorithm, prediction, explanation),
            "beside": pages.beside(user, found),
        }
    )


def _given(found: Study) -> list[tuple[str, str]]:
    """Return label and answer of what the form was sent with, in words; nothing for anything else."""
    return [
        (answers.label(field, name), answers.told(field, name, found.values[name]))
        for field in found.contract.fields
        for name in answers.names(field)
        if found.values.get(name) not in (None, "")
    ]


def _files(found: Study) -> list[str]:
    """Return the names of the files that belong to a study and its serving result."""
    names = [file.name for file in found.files.all()]
    made = StoredArtefact.objects.filter(prediction=found.prediction)
    return names + (list(made.values_list("stored_name", flat=True)) if found.prediction else [])


def _birth(user: User, found: Study) -> dict[str, Any]:
    """Return what may still be done about the birth that an assessment is of."""
    stay = found.encounter
    if found.algorithm != outcomes.ALGORITHM or stay is None:
        return {}
    over = outcomes.latest(stay) is not None
    return {
        "may_reassess": not over and stay.ended_at is None and access.may_submit(user, found.contract),
        "may_record_loss": outcomes.takes_blood_loss(stay) and access.may_record_loss(user, stay),
    }


def _pending(found: Study) -> dict[str, Any]:
    return {"study": found, "pending": found.state in PENDING, "position": selectors.position(found)}


def _reviewing(user: User, found: Study) -> dict[str, Any]:
    open_to_review = found.state == State.READY
    last = found.signatures.select_related("signer", "review", "reading", "hypnogram__scoring__scorer").last()
    return {
        "signature": last if found.state == State.SIGNED else None,
        # The version that stands while its correction is written.
        "corrected": last if open_to_review else None,
        "opinion": _opinion_of(review.standing(user, found, last)),
        "may_review": open_to_review and access.may_review(user, found),
        "may_sign": open_to_review and access.may_sign(user, found),
        "later": selectors.later_assessment(found) if open_to_review else None,
        "hypnograms": pages.to_sign(user, found) if open_to_review else [],
        "may_amend": found.state == State.SIGNED and access.may_sign(user, found),
        "verdicts": Verdict.choices,
        "reasons": GIVEN_REASONS,
    }


def _opinion_of(given: Review | None) -> dict[str, str]:
    if given is None:
        return {}
    return {"verdict": given.verdict, "reason": given.reason, "comment": given.comment}


def history(found: Study, *, blind: bool = False) -> list[Moment]:
    """Return what happened to a study, latest first.

    Parameters
    ----------
    blind
        Leave out what colleagues saw in it and thought of its answer.
    """
    asked = _("asked to be analysed again") if found.repeats_with else _("submitted")
    moments = [Moment(found.submitted_at, asked, found.submitted_by.label)]
    moments += [_repeated(other) for other in reanalysis.later(found)]
    for prediction in found.predictions.all():
        moments.append(Moment(prediction.created_at, _("analysed"), note=prediction.package_version))
    if not blind:
        given = Review.objects.filter(prediction__study=found).select_related("author")
        moments += [_opinion(one) for one in given]
        moments += [_impression(read) for read in found.first_reads.select_related("reader")]
    moments += [_scored(made) for made in found.scorings.select_related("scorer") if made.closed_at]
    for signature in found.signatures.select_related("signer"):
        what = _("signed version %(n)d") % {"n": signature.version}
        moments.append(Moment(signature.signed_at, what, signature.signer.label))
        amendment = getattr(signature, "amendment", None)
        if amendment is not None:
            # Why it is corrected says what was thought of the answer.
            why = "" if blind else amendment.reason
            moments.append(Moment(amendment.opened_at, _("opened again"), amendment.opened_by.label, why))
    if found.state in (State.FAILED, State.REFUSED) and found.finished_at:
        moments.append(Moment(found.finished_at, State(found.state).label))
    return sorted(moments, key=lambda moment: moment.at, reverse=True)


def _repeated(other: Study) -> Moment:
    what = _("had analysed again by %(version)s, as a new study") % {"version": other.repeats_with}
    return Moment(other.submitted_at, what, other.submitted_by.label)


def _opinion(given: Review) -> Moment:
    said = [verdicts.line(given, get_language() or "")]
    said += [given.comment] if given.comment else []
    return Moment(given.created_at, _("reviewed"), given.author.label, " · ".join(said))


def _scored(made: Scoring) -> Moment:
    what = _("left a scoring unfinished") if made.unfinished else _("scored the night")
    return Moment(made.closed_at, what, made.scorer.label)


def _impression(read: FirstRead) -> Moment:
    said = f"{read.get_impression_display()} · {read.get_confidence_display()}"
    return Moment(read.at, _("first read"), read.reader.label, said)


def _record_view(user: User, found: Study) -> None:
    record(Action.VIEW, actor=user, patient=found.patient_id, study=found.pk, kind="study")
