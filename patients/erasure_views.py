"""Pages of erasures and legal holds: the request with its preview, the decision, the log that stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import copy_context
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.files import File
from django.core.files.storage import default_storage
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from clinic.accounts import confirm
from clinic.audit import naming
from clinic.audit.models import Action
from clinic.audit.recording import record, record_seen
from clinic.methods import post_or_back
from clinic.rules import under
from ml import registry
from ml.contracts import Refused
from patients import access, emergency, erasure, erasure_access
from patients.erasure import Subject
from patients.erasure_words import HELD
from patients.models import Erasure, ErasureState, Ground, LegalHold, Patient

MEBIBYTE = 1 << 20
OPEN = (ErasureState.REQUESTED, ErasureState.APPROVED)
UNPROCESSABLE = 422
SHOWN = 100


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _preview(subject: Subject) -> dict[str, Any]:
    rows = [
        {"title": shredder.title, "rows": amount.rows, "files": amount.files, "size": amount.size / MEBIBYTE}
        for shredder, amount in erasure.preview(subject)
    ]
    return {"going": [row for row in rows if row["rows"]], "events": erasure.events_about(subject)}


@under(erasure_access.CUSTODY)
@confirm.required(only_changes=True)
@require_http_methods(["GET", "POST"])
def patient_erasure(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Show what would go and what stays; ask for it."""
    patient = access.get_or_404(request.user, patient_id)
    studies = list(patient.studies.order_by("-submitted_at"))
    problems: tuple[Any, ...] = ()
    if request.method == "POST":
        try:
            asked = erasure.ask(
                user=request.user,
                patient=patient,
                ground=request.POST.get("ground", ""),
                reason=request.POST.get("reason", ""),
                study=_uuid(request.POST.get("study", "")),
                ours=[study.pk for study in studies],
            )
        except Refused as refusal:
            problems = refusal.problems
        else:
            messages.success(request, _("Asked for. Its export is being written."))
            return redirect("erasure", asked.pk)
    else:
        record(Action.VIEW, actor=request.user, patient=patient.pk, kind=erasure.KIND)
    shown = _preview(Subject(patient.pk)) | {
        "patient": patient,
        "studies": [(study, registry.contract(study.algorithm).title) for study in studies],
        "grounds": Ground.choices,
        "typed": request.POST,
        "holds": erasure.held(patient.pk).select_related("placed_by"),
        "under_way": erasure.open_erasure(patient.pk),
        "problems": problems,
        "may_release": request.user.leads.filter(patients=patient.pk).exists(),
    }
    return render(request, "patients/erasure.html", shown, status=UNPROCESSABLE if problems else 200)


@under(erasure_access.CUSTODY)
@post_or_back("patient_erasure", "patient_id")
@confirm.required
def patient_hold(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Put a record under a legal hold."""
    patient = access.get_or_404(request.user, patient_id)
    try:
        erasure.hold(user=request.user, patient=patient, reason=request.POST.get("reason", ""))
    except Refused as refusal:
        messages.warning(request, refusal.problems[0].message.to(get_language() or ""))
    else:
        messages.success(request, _("The record is under a legal hold: nothing of it can be erased."))
    return redirect("patient_erasure", patient.pk)


@under(erasure_access.RELEASE)
@post_or_back("erasures")
@confirm.required
def hold_release(request: HttpRequest, hold_id: UUID) -> HttpResponse:
    """End a legal hold."""
    placed = get_object_or_404(LegalHold.objects.select_related("patient"), pk=hold_id, released_at=None)
    try:
        erasure.release(user=request.user, placed=placed)
    except Refused as refusal:
        messages.warning(request, refusal.problems[0].message.to(get_language() or ""))
    else:
        messages.success(request, _("The legal hold was released."))
    return redirect("erasures")


@under(erasure_access.OFFICE)
@require_safe
def erasures(request: HttpRequest) -> HttpResponse:
    """List erasures, open and past, and the legal holds that stand."""
    record(Action.VIEW, actor=request.user, kind=erasure.KIND)
    listed = [
        one
        for one in Erasure.objects.select_related("requested_by", "decided_by")[:SHOWN]
        if erasure_access.may_see(request.user, one)
    ]
    named = {one.patient for one in listed if one.state in OPEN}
    standing = LegalHold.objects.filter(released_at=None).select_related("placed_by")
    holds = [one for one in standing if erasure_access.may_release(request.user, one)]
    named |= {one.patient_id for one in holds}
    names = naming.names("patient", named)
    record_seen(
        Action.VIEW,
        actor=request.user,
        patients=named,
        kind=erasure.KIND,
        under=emergency.marks(request.user),
    )
    shown = {
        "erasures": [(one, names.get(one.patient, "")) for one in listed],
        "holds": [(one, names.get(one.patient_id, "")) for one in holds],
    }
    return render(request, "patients/erasures.html", shown)


@under(erasure_access.FOLLOWING)
@require_safe
def erasure_page(request: HttpRequest, erasure_id: UUID) -> HttpResponse:
    """Show one erasure: what goes, where it stands, what can be done next."""
    found = erasure_access.find_or_404(request.user, erasure_id)
    record(Action.VIEW, actor=request.user, patient=found.patient, kind=erasure.KIND, object_id=str(found.pk))
    return _page(request, found)


def _page(request: HttpRequest, found: Erasure, problems: tuple[Any, ...] = ()) -> HttpResponse:
    open_still = found.state in OPEN
    holds = erasure.held(found.patient)
    held = bool(holds) and open_still
    preview = _preview(Subject(found.patient, found.study)) if open_still else {}
    titles = {shredder.name: shredder.title for shredder in erasure.shredders()}
    answers_for = erasure_access.may_ask(request.user, found.patient)
    shown = preview | {
        "erasure": found,
        "patient": Patient.objects.filter(pk=found.patient).first() if answers_for else None,
        "gone": [
            (titles.get(name) or _("Details in the audit"), amount) for name, amount in found.log.items()
        ],
        # Two persons agree on somebody, not on a number of this database.
        "record": naming.names("patient", {found.patient}).get(found.patient, ""),
        "held": held,
        "refused": bool(problems),
        "open": open_still,
        "written": bool(found.export_name and found.content),
        "may_take": answers_for and bool(found.export_name and found.content),
        "busy": found.state == ErasureState.APPROVED and erasure.busy(Subject(found.patient, found.study)),
        "may_decide": found.state == ErasureState.REQUESTED
        and erasure_access.may_decide(request.user, found),
        "may_withdraw": found.state == ErasureState.REQUESTED and request.user.pk == found.requested_by_id,
        "mebibytes": found.size / MEBIBYTE,
        # That a hold protects the record stands above the decision, and once is enough.
        "problems": tuple(one for one in problems if not (held and one.code == HELD.code)),
    }
    return render(request, "patients/erasure_one.html", shown, status=UNPROCESSABLE if problems else 200)


DECISIONS: dict[str, Callable[..., None]] = {
    "approve": erasure.approve,
    "decline": erasure.decline,
    "withdraw": erasure.withdraw,
}


@under(erasure_access.FOLLOWING)
@post_or_back("erasure", "erasure_id")
@confirm.required
def erasure_decide(request: HttpRequest, erasure_id: UUID) -> HttpResponse:
    """Approve, decline or withdraw."""
    found = erasure_access.find_or_404(request.user, erasure_id)
    decide = DECISIONS.get(request.POST.get("decision", ""))
    if decide is None:
        raise Http404
    try:
        decide(user=request.user, erasure=found)
    except Refused as refusal:
        return _page(request, found, refusal.problems)
    messages.success(request, _("Saved."))
    return redirect("erasure", found.pk)


def _back(erasure_id: UUID) -> str:
    return reverse("erasure", args=[erasure_id])


@under(erasure_access.EXPORT)
@confirm.required(back=_back)
@require_GET
def erasure_export(request: HttpRequest, erasure_id: UUID) -> HttpResponseBase:
    """Give out everything that will go, as one ZIP; taken out is what was sent to the last byte."""
    found = erasure_access.find_or_404(request.user, erasure_id)
    if not (found.export_name and found.content):
        raise Http404
    stream = default_storage.checked(found.export_name)
    # The bytes go when the request is over for everything else: where it came from is kept for the record.
    context = copy_context()
    user = request.user

    def sent() -> None:
        context.run(erasure.taken, user=user, erasure=found)

    response = StreamingHttpResponse(_to_the_end(stream, sent), content_type="application/zip")
    response["Content-Length"] = str(found.size)
    response["Content-Disposition"] = f'attachment; filename="vigie-record-{found.pk.hex[:8]}.zip"'
    return response


def _to_the_end(stream: File, sent: Callable[[], None]) -> Iterator[bytes]:
    """Give out a file in chunks; ``sent`` once the last was taken, never where the reader left before."""
    with stream:
        yield from iter(lambda: stream.read(MEBIBYTE), b"")
    sent()


@under(erasure_access.FOLLOWING)
@require_safe
def erasure_certificate(request: HttpRequest, erasure_id: UUID) -> JsonResponse:
    """Give out the log of an erasure; it names nobody but staff."""
    found = erasure_access.find_or_404(request.user, erasure_id)
    response = JsonResponse(
        erasure.certificate(found), json_dumps_params={"indent": 1, "ensure_ascii": False}
    )
    response["Content-Disposition"] = f'attachment; filename="vigie-erasure-{found.pk.hex[:8]}.json"'
    return response
