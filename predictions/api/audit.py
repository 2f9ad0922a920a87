"""The audit for a repository of events: FHIR AuditEvents, one a line, for those who may read the audit."""

from __future__ import annotations

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from clinic.accounts import confirm
from clinic.accounts.roles import Scope
from clinic.audit import fhir, selectors
from clinic.audit.access import READERS
from clinic.audit.classes import ActionClass
from clinic.audit.models import Action
from clinic.audit.recording import record
from predictions.api.base import ApiView
from predictions.api.permissions import Door
from predictions.api.serializers import ProblemsSerializer


class AuditFilterSerializer(serializers.Serializer):
    """Which events; everything may be left out."""

    after = serializers.IntegerField(min_value=0, required=False, help_text="Only events after this number")
    first = serializers.DateField(required=False, help_text="From this day, where the hospital is")
    last = serializers.DateField(required=False, help_text="To this day")
    kind = serializers.ChoiceField(choices=ActionClass.choices, required=False, help_text="Class of actions")
    emergency = serializers.BooleanField(required=False, help_text="Emergency accesses only")


class AuditEventsView(ApiView):
    """``/api/audit-events``."""

    doors = {"GET": Door(READERS, Scope.EXPORT)}

    @extend_schema(
        operation_id="audit_events",
        parameters=[AuditFilterSerializer],
        responses={
            (200, "*/*"): OpenApiTypes.BINARY,
            400: ProblemsSerializer,
            403: ProblemsSerializer,
        },
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Give events out as FHIR R4B AuditEvents (IHE BALP), oldest first, one JSON a line."""
        filters = AuditFilterSerializer(data=request.query_params)
        filters.is_valid(raise_exception=True)
        terms = {name: value for name, value in filters.validated_data.items() if value}
        confirm.demand(request)
        record(Action.EXPORT, actor=request.user, kind="audit", detail={**terms, "form": fhir.NDJSON})
        after = terms.pop("after", 0)
        events = selectors.events(**terms).filter(pk__gt=after)
        return StreamingHttpResponse(
            fhir.written(events, fhir.NDJSON), content_type=fhir.MEDIA_TYPES[fhir.NDJSON]
        )
