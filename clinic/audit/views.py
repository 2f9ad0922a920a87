"""Pages of the audit for administrators. Looking at the audit is itself recorded; nothing can be changed."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from clinic.audit import fhir, naming, selectors
from clinic.audit.access import READERS, confirmed
from clinic.audit.forms import AuditSearchForm
from clinic.audit.models import Action, Event
from clinic.audit.recording import record
from clinic.audit.seal import chain_state
from clinic.rules import under

EXPORTS = ((fhir.NDJSON, _("FHIR, one event a line (NDJSON)")), (fhir.BUNDLE, _("FHIR bundle (JSON)")))


def _posted(request: HttpRequest) -> QueryDict | None:
    """Return what was sent, also when it is empty; ``None`` when nothing was."""
    return request.POST if request.method == "POST" else None


def _before(request: HttpRequest) -> int | None:
    text = request.GET.get("before", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


@under(READERS)
@require_http_methods(["GET", "POST"])
def audit_search(request: HttpRequest) -> HttpResponse:
    """Show the latest events, or those searched for; by POST, because a name may be among the terms."""
    form = AuditSearchForm(_posted(request))
    terms: dict[str, object] = {}
    before = None
    if request.method == "POST" and form.is_valid():
        terms = {name: value for name, value in form.cleaned_data.items() if value}
        before = terms.pop("before", None)
    record(Action.SEARCH if terms else Action.VIEW, actor=request.user, kind="audit", detail=terms)
    found = Event.objects.none() if form.errors else selectors.events(**terms)
    context = {
        "form": form,
        "forms": EXPORTS,
        "terms": {name: request.POST.get(name, "") for name in terms},
        "page": selectors.page(found, before=before),
        "chain": chain_state(),
    }
    return render(request, "audit/search.html", context, status=422 if form.errors else 200)


@under(READERS)
@require_POST
@confirmed
def audit_export(request: HttpRequest) -> HttpResponseBase:
    """Give out the events searched for as FHIR AuditEvents, written while they are read; on record first."""
    form, wanted = AuditSearchForm(request.POST), request.POST.get("form", "")
    if not form.is_valid() or wanted not in fhir.MEDIA_TYPES:
        raise BadRequest("these are no terms of an export")
    terms = {name: value for name, value in form.cleaned_data.items() if value and name != "before"}
    events = selectors.events(**terms)
    record(Action.EXPORT, actor=request.user, kind="audit", detail={**terms, "form": wanted})
    response = StreamingHttpResponse(fhir.written(events, wanted), content_type=fhir.MEDIA_TYPES[wanted])
    name = f"audit-{timezone.localdate().isoformat()}{fhir.SUFFIXES[wanted]}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@under(READERS)
@require_GET
def audit_patient(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Show who opened a record."""
    record(Action.VIEW, actor=request.user, patient=patient_id, kind="audit")
    context = {
        "patient_id": patient_id,
        "name": naming.names("patient", {patient_id}).get(patient_id, ""),
        "people": selectors.who_opened(patient_id),
        "page": selectors.page(Event.objects.filter(patient=patient_id), before=_before(request)),
        "chain": chain_state(),
    }
    return render(request, "audit/patient.html", context)


@under(READERS)
@require_GET
def audit_person(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what a person opened and did."""
    person = get_object_or_404(get_user_model(), pk=pk)
    record(Action.VIEW, actor=request.user, kind="audit", object_id=str(pk), detail={"of": person.username})
    context = {
        "person": person,
        "records": selectors.what_was_opened(pk),
        "page": selectors.page(Event.objects.filter(actor=pk), before=_before(request)),
        "chain": chain_state(),
    }
    return render(request, "audit/person.html", context)
