"""Who opened a record, for the patient: as a page, a table for a spreadsheet, and a PDF."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_POST, require_safe

from clinic.accounts import confirm
from clinic.audit.access import READERS
from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.rules import under
from ml.contracts import LANGUAGES, Refused, Text
from patients import disclosure
from patients.models import Patient
from predictions import disclosing
from predictions.models import Disclosure, DocumentState
from predictions.outputs.csv_cells import written
from predictions.outputs.disclosure_words import COLUMNS, EMERGENCY, when
from predictions.views import giving

ROWS = 500
CSV_COLUMNS = (
    Text("first", "premier"),
    Text("last", "dernier"),
    Text("who", "qui"),
    Text("role", "rôle"),
    Text("what", "quoi"),
    Text("times", "fois"),
    Text("emergency", "urgence"),
)


def _back(patient_id: UUID, **_: Any) -> str:
    return reverse("disclosure", args=[patient_id])


@under(READERS)
@require_safe
def disclosure_page(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Show the list as the patient will read it, and what was written out of it."""
    patient = get_object_or_404(Patient, pk=patient_id)
    language = _language(request)
    record(Action.VIEW, actor=request.user, patient=patient.pk, kind="audit")
    rows = [
        {
            "when": when(access, language),
            "who": access.who.to(language),
            "role": access.role.to(language) if access.role else "",
            "what": access.what.to(language),
            "times": access.times,
            "emergency": access.emergency,
        }
        for access, _ in zip(disclosure.accesses(patient.pk), range(ROWS), strict=False)
    ]
    context = {
        "patient": patient,
        "rows": rows,
        "more": len(rows) == ROWS,
        "summary": disclosure.summary(patient.pk),
        "language": language,
        "columns": {key: text.to(language) for key, text in COLUMNS.items()},
        "emergency": EMERGENCY.to(language),
    }
    return render(request, "audit/disclosure.html", context | _written(request, patient.pk))


@under(READERS)
@require_safe
def disclosure_files(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Show the panel of files; it asks for itself again until nothing is being written."""
    return render(request, "audit/disclosure_files.html", _written(request, patient_id))


@under(READERS)
@require_POST
def disclosure_order(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Have the PDF written."""
    patient = get_object_or_404(Patient, pk=patient_id)
    try:
        disclosing.order(user=request.user, patient=patient, language=request.POST.get("language", ""))
    except Refused as refusal:
        shown = _written(request, patient.pk) | {"problems": refusal.problems}
        return render(request, "audit/disclosure_files.html", shown, status=422)
    if request.htmx:
        return render(request, "audit/disclosure_files.html", _written(request, patient.pk))
    return redirect("disclosure", patient.pk)


@under(READERS)
@require_safe
@confirm.required(back=_back)
def disclosure_file(request: HttpRequest, patient_id: UUID, disclosure_id: UUID) -> HttpResponseBase:
    """Give the PDF out, to whoever ordered it."""
    found = get_object_or_404(Disclosure, pk=disclosure_id, patient=patient_id, created_by=request.user)
    if found.state != DocumentState.READY:
        raise Http404
    disclosing.recorded_download(request.user, found)
    response = giving.stored(found.stored_name, media_type="application/pdf", size=found.size)
    response["Content-Disposition"] = f'attachment; filename="vigie-access-{found.language}.pdf"'
    return response


@under(READERS)
@require_safe
@confirm.required(back=_back)
def disclosure_csv(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Give the whole list out as a table, in the language asked for."""
    patient = get_object_or_404(Patient, pk=patient_id)
    language = _language(request)
    detail = {"language": language, "form": "csv"}
    record(Action.DOWNLOAD, actor=request.user, patient=patient.pk, kind=disclosing.KIND, detail=detail)
    rows: list[tuple[Any, ...]] = [tuple(text.to(language) for text in CSV_COLUMNS)]
    for access in disclosure.accesses(patient.pk):
        rows.append(
            (
                access.first.isoformat(timespec="seconds"),
                access.last.isoformat(timespec="seconds"),
                access.who.to(language),
                access.role.to(language) if access.role else "",
                access.what.to(language),
                access.times,
                EMERGENCY.to(language) if access.emergency else "",
            )
        )
    response = HttpResponse(written(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="vigie-access-{language}.csv"'
    return response


def _language(request: HttpRequest) -> str:
    """Return the language of the list: the one asked for, or that of the screen."""
    wanted = request.GET.get("language", "")
    return wanted if wanted in LANGUAGES else (get_language() or "en")[:2]


def _written(request: HttpRequest, patient_id: UUID) -> dict[str, Any]:
    found = disclosing.of(request.user, patient_id)
    return {
        "patient_id": patient_id,
        "files": found,
        "pending": any(one.state == DocumentState.REQUESTED for one in found),
        "language": _language(request),
    }
