"""A new study: the form or the upload page of an algorithm, for one patient."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.methods import post_or_back
from clinic.rules import under
from ml.algorithms.sleep import mapping
from ml.contracts import Contract, InputKind, Problem, Refused, Text
from patients import access as records
from patients import services
from patients.models import Encounter, Patient
from predictions import access, answers, channel_mapping, forms, intake, outcomes
from predictions.models import Study
from predictions.views import drafts

UNPROCESSABLE = 422
# Says in the address of a form that it was sent already and something about it is asked.
ASKED = "asked"
# Names of channels, for a recording whose own names do not say what they are.
CHANNEL_OPTIONS = {channel_mapping.ALGORITHM: mapping.USES}

SENT_AS = Text("{said} (sent as {name})", "{said} (envoyé sous le nom {name})")
NUMBERED = re.compile(r"file\[(\d+)\]")

STILL_HOLDS = Problem(
    "not_confirmed",
    Text(
        "Say that the answers you did not change still hold, or change them.",
        "Indiquez que les réponses non modifiées restent exactes, ou modifiez-les.",
    ),
    field="still_holds",
)
STAY_IS_OVER = Problem(
    "stay_is_over",
    Text(
        "This stay has ended, so its assessments are closed. For a new admission, open a new encounter.",
        "Cette venue est terminée, ses évaluations sont closes. Pour une nouvelle admission, ouvrez une "
        "nouvelle venue.",
    ),
)


@under(access.SUBMISSION)
@require_http_methods(["GET", "HEAD", "POST"])
def study_new(request: HttpRequest, algorithm: str, patient: uuid.UUID) -> HttpResponse:
    """Show and take the form or the upload of one algorithm."""
    contract, person = access.require_submitter(request.user, algorithm, patient)
    if contract.input_kind is InputKind.FORM:
        return _form(request, contract, person)
    return _upload(request, contract, person)


@under(access.RESUBMISSION)
@require_http_methods(["GET", "HEAD", "POST"])
def study_reassess(request: HttpRequest, study_id: uuid.UUID) -> HttpResponse:
    """Show and take a further assessment in the same stay, beginning with the latest answers."""
    earlier = access.get_or_404(request.user, study_id)
    contract, person = access.require_submitter(request.user, earlier.algorithm, earlier.patient_id)
    if contract.input_kind is not InputKind.FORM:
        raise Http404
    return _form(request, contract, person, _latest(earlier))


@under(access.SUBMISSION)
@post_or_back("study_new", "algorithm", "patient")
def study_open_stay(request: HttpRequest, algorithm: str, patient: uuid.UUID) -> HttpResponse:
    """Open the stay that an assessment needs, and go back to the form with the answers given so far."""
    contract, person = access.require_submitter(request.user, algorithm, patient)
    unit = records.acting_units(request.user, person).filter(code=contract.unit).first()
    if unit is None or not outcomes.without_stay(contract, None):
        raise Http404
    values, previous = forms.posted(contract, request.POST, person), _previous(request, person)
    stay = outcomes.open_encounter(person, contract)
    if stay is None:
        came = forms.moment(contract, values, "admission_at") or timezone.now()
        stay = services.create_encounter(user=request.user, patient=person, unit=unit, started_at=came)
        messages.success(request, _("A stay was opened; your answers are kept."))
    values = forms.initial(contract, person, stay) | values
    drafts.save(request.user, algorithm, person.pk, values, previous)
    return _form_again(contract, person, previous)


@under(access.SUBMISSION)
@post_or_back("study_new", "algorithm", "patient")
def study_draft(request: HttpRequest, algorithm: str, patient: uuid.UUID) -> HttpResponse:
    """Keep a half-filled form; answer how many questions are known and what looks wrong so far."""
    contract, person = access.require_submitter(request.user, algorithm, patient)
    if contract.input_kind is not InputKind.FORM:
        raise Http404
    values = forms.posted(contract, request.POST, person)
    previous = _previous(request, person)
    saved_at = drafts.save(request.user, algorithm, person.pk, values, previous)
    problems = [problem for problem in forms.check(contract, values) if problem.field in values]
    context = _form_context(contract, person, values, problems, previous) | {"saved_at": saved_at}
    return render(request, "studies/form_live.html", context)


@under(access.SUBMISSION)
@post_or_back("study_new", "algorithm", "patient")
def study_draft_discard(request: HttpRequest, algorithm: str, patient: uuid.UUID) -> HttpResponse:
    """Start the form again with nothing but what the record says."""
    contract, person = access.require_submitter(request.user, algorithm, patient)
    drafts.forget(request.user, contract.name, person.pk)
    return _form_again(contract, person, _previous(request, person))


def _form_again(contract: Contract, patient: Patient, previous: Study | None) -> HttpResponse:
    if previous is not None:
        return redirect("study_reassess", previous.pk)
    return redirect("study_new", contract.name, patient.pk)


def _encounter(patient: Patient, contract: Contract, previous: Study | None = None) -> Encounter | None:
    if previous is not None and previous.encounter is not None:
        return previous.encounter
    return outcomes.open_encounter(patient, contract)


def _latest(study: Study) -> Study:
    """Return the latest form sent in the stay of ``study``, whose answers a reassessment begins with."""
    if study.encounter_id is None:
        return study
    same = Study.objects.filter(encounter=study.encounter_id, algorithm=study.algorithm)
    return same.select_related("encounter", "submitted_by").latest("submitted_at")


def _previous(request: HttpRequest, patient: Patient) -> Study | None:
    """Return the assessment that the form on the page began with, if it is one of this patient."""
    try:
        wanted = uuid.UUID(request.POST.get("previous", ""))
    except ValueError:
        return None
    return access.for_user(request.user).filter(pk=wanted, patient=patient).first()


def _closed(contract: Contract, patient: Patient, encounter: Encounter | None) -> Problem | None:
    """Return why no further assessment is taken in a stay."""
    if outcomes.birth_is_over(contract, patient, encounter):
        return outcomes.AFTER_BIRTH
    return STAY_IS_OVER if encounter is not None and encounter.ended_at is not None else None


def _form(
    request: HttpRequest, contract: Contract, patient: Patient, previous: Study | None = None
) -> HttpResponse:
    encounter = _encounter(patient, contract, previous)
    if closed := _closed(contract, patient, encounter):
        context = {"contract": contract, "patient": patient, "problem": closed, "study": previous}
        return render(request, "studies/closed.html", context)
    if request.method == "POST":
        return _take_form(request, contract, patient, previous)
    values, saved_at = drafts.read(request.user, contract.name, patient.pk, previous)
    _record_view(request, contract, patient)
    if saved_at and ASKED in request.GET:
        context = _questioned(contract, patient, values, previous, request.GET.get("still_holds") == "yes")
    else:
        if not values and previous is not None:
            values = answers.retyped(contract, previous.values) | forms.initial(contract, patient, None)
        values = values or forms.initial(contract, patient, encounter)
        context = _form_context(contract, patient, values, (), previous)
    if previous is None and encounter is not None:
        # A second form of the same stay may begin blank, but rarely should.
        context["assessed"] = encounter.studies.filter(algorithm=contract.name).first()
    return render(request, "studies/form.html", context | {"saved_at": saved_at, "key": uuid.uuid4().hex})


def _take_form(
    request: HttpRequest, contract: Contract, patient: Patient, previous: Study | None
) -> HttpResponse:
    """Submit the answers; or keep them and lead to the form that asks about them.

    The form is opened anew to ask, so that going back from the study later finds a page again.
    """
    values = forms.posted(contract, request.POST, patient)
    still_holds = request.POST.get("still_holds") == "yes"
    problems = _problems(contract, patient, values, previous, still_holds)
    confirmed = request.POST.get("confirmed") == forms.confirmation(problems)
    if forms.refusals(problems) or (forms.warnings(problems) and not confirmed):
        drafts.save(request.user, contract.name, patient.pk, values, previous)
        query = {ASKED: "yes"} | ({"still_holds": "yes"} if still_holds else {})
        return redirect(f"{request.path}?{urlencode(query)}")
    try:
        study = intake.submit(
            user=request.user,
            patient=patient,
            algorithm=contract.name,
            values=values,
            idempotency_key=_key(request),
            encounter=_encounter(patient, contract, previous),
        )
    except Refused as refusal:
        context = _form_context(contract, patient, values, refusal.problems, previous) | {
            "saved_at": drafts.save(request.user, contract.name, patient.pk, values, previous),
            "key": _key(request),
            "still_holds": still_holds,
            "refusals": forms.refusals(refusal.problems),
        }
        return render(request, "studies/form.html", context, status=UNPROCESSABLE)
    drafts.forget(request.user, contract.name, patient.pk)
    return redirect("study", study.pk)


def _problems(
    contract: Contract, patient: Patient, values: dict[str, str], previous: Study | None, still_holds: bool
) -> list[Problem]:
    problems = forms.check(contract, values) + forms.thin(contract, values)
    if outcomes.without_stay(contract, _encounter(patient, contract, previous)):
        problems.append(outcomes.NO_STAY)
    if previous is not None and not still_holds:
        problems.append(STILL_HOLDS)
    return problems


def _questioned(
    contract: Contract, patient: Patient, values: dict[str, str], previous: Study | None, still_holds: bool
) -> dict[str, Any]:
    """Return the form as it was sent, with what stopped it or is asked about it."""
    problems = _problems(contract, patient, values, previous, still_holds)
    refusals = forms.refusals(problems)
    return _form_context(contract, patient, values, problems, previous) | {
        "still_holds": still_holds,
        "asked": [] if refusals else forms.warnings(problems),
        "confirmation": forms.confirmation(problems),
        "refusals": refusals,
    }


def _form_context(
    contract: Contract,
    patient: Patient,
    values: dict[str, str],
    problems: Iterable[Problem],
    previous: Study | None = None,
) -> dict[str, Any]:
    known, asked = forms.known(contract, values)
    changed = None if previous is None else forms.changes(contract, previous.values, values)
    return {
        "contract": contract,
        "patient": patient,
        "previous": previous,
        "changed": changed,
        "groups": forms.groups(contract, values, problems, changed),
        "known": known,
        "counted": asked,
        "no_stay": outcomes.without_stay(contract, _encounter(patient, contract, previous)),
    }


def _upload(request: HttpRequest, contract: Contract, patient: Patient) -> HttpResponse:
    context = {
        "contract": contract,
        "patient": patient,
        "key": uuid.uuid4().hex,
        "channels": CHANNEL_OPTIONS.get(contract.name, ()),
        "brief": f"studies/brief/{contract.name}.html",
    }
    if request.method != "POST":
        _record_view(request, contract, patient)
        return render(request, "studies/upload.html", context)
    try:
        study = _take_upload(request, contract, patient)
    except Refused as refusal:
        return _upload_refused(request, context, _named(request, refusal.problems))
    address = reverse("study", args=[study.pk])
    return JsonResponse({"url": address}) if _asks_json(request) else redirect(address)


def _take_upload(request: HttpRequest, contract: Contract, patient: Patient) -> Study:
    return intake.submit(
        user=request.user,
        patient=patient,
        algorithm=contract.name,
        upload=request.FILES.getlist("file"),
        options=_options(request, contract),
        idempotency_key=_key(request),
        encounter=_encounter(patient, contract),
        confirm_mapping=True,
    )


def _named(request: HttpRequest, problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Add to a problem of one of several files the name its sender gave it; nobody else gets to see it."""
    names = [upload.name or "" for upload in request.FILES.getlist("file")]
    return tuple(_with_name(problem, names) for problem in problems)


def _with_name(problem: Problem, names: list[str]) -> Problem:
    numbered = NUMBERED.fullmatch(problem.field)
    if numbered is None:
        return problem
    name, said = names[int(numbered[1])], problem.message
    message = Text(SENT_AS.en.format(said=said.en, name=name), SENT_AS.fr.format(said=said.fr, name=name))
    return replace(problem, message=message)


def _options(request: HttpRequest, contract: Contract) -> dict[str, Any]:
    typed = {
        name: request.POST.get(name, "").strip()[: forms.LONGEST]
        for name in CHANNEL_OPTIONS.get(contract.name, ())
    }
    return {name: value for name, value in typed.items() if value}


def _upload_refused(
    request: HttpRequest, context: dict[str, Any], problems: tuple[Problem, ...]
) -> HttpResponse:
    if _asks_json(request):
        language = get_language() or "en"
        sentences = [problem.message.to(language) for problem in problems]
        return JsonResponse({"problems": sentences}, status=UNPROCESSABLE)
    return render(request, "studies/upload.html", context | {"problems": problems}, status=UNPROCESSABLE)


def _asks_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "").startswith("application/json")


def _key(request: HttpRequest) -> str:
    """Return the key the page was made with, so that a double click is one study."""
    return request.POST.get("key", "")[:64] or uuid.uuid4().hex


def _record_view(request: HttpRequest, contract: Contract, patient: Patient) -> None:
    record(Action.VIEW, actor=request.user, patient=patient.pk, kind="form", object_id=contract.name)
