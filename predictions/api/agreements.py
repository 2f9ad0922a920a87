"""Figures of agreement through the API, as their reader sees them on the page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from clinic.accounts.roles import Scope
from clinic.audit.models import Action
from clinic.audit.recording import record
from predictions.agreement import access, shown
from predictions.agreement.models import Report
from predictions.api.base import ApiView
from predictions.api.permissions import Door
from predictions.api.serializers import ProblemsSerializer

MOST_LISTED = 100


class AgreementSerializer(serializers.ModelSerializer):
    """A report, without its figures."""

    unit = serializers.SlugRelatedField(slug_field="code", read_only=True)

    class Meta:
        model = Report
        fields = ("id", "algorithm", "unit", "version", "since", "until", "state", "queued_at", "finished_at")


class PartSerializer(serializers.Serializer):
    """One comparison; ``withheld`` says why its figures are not shown to the caller."""

    code = serializers.CharField()
    title = serializers.DictField(child=serializers.CharField())
    note = serializers.DictField(child=serializers.CharField())
    withheld = serializers.DictField(child=serializers.CharField(), allow_null=True)
    pooled = serializers.DictField(allow_null=True)
    named = serializers.ListField(child=serializers.DictField())


class AgreementFiguresSerializer(AgreementSerializer):
    """A report with what the caller may see of its figures."""

    parts = PartSerializer(many=True)

    class Meta(AgreementSerializer.Meta):
        fields = (*AgreementSerializer.Meta.fields, "parts")


class AgreementsView(ApiView):
    """``/api/agreements``."""

    doors = {"GET": Door(access.READERS, Scope.READ)}

    @extend_schema(operation_id="agreements_list", responses={200: AgreementSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """List the latest reports of agreement of your units."""
        offers = access.offers(request.user)
        found = Report.objects.filter(
            algorithm__in=[contract.name for contract, _unit in offers],
            unit__in=[unit for _contract, unit in offers],
        )
        return Response(AgreementSerializer(found.select_related("unit")[:MOST_LISTED], many=True).data)


class AgreementView(ApiView):
    """``/api/agreements/<id>``."""

    doors = {"GET": Door(access.REPORT, Scope.READ)}

    @extend_schema(
        operation_id="agreements_retrieve",
        responses={200: AgreementFiguresSerializer, 404: ProblemsSerializer},
    )
    def get(self, request: Request, agreement_id: UUID) -> Response:
        """Read one report: pooled figures, and your own by name."""
        report = access.get_or_404(request.user, agreement_id)
        record(Action.VIEW, actor=request.user, kind=access.KIND, object_id=str(report.pk))
        parts = [_part(part) for part in shown.of(request.user, report)]
        return Response(AgreementSerializer(report).data | {"parts": parts})


def _part(part: shown.PartShown) -> dict[str, Any]:
    pooled = {key: value for key, value in part.found.items() if key not in ("named", "code")}
    return {
        "code": part.code,
        "title": part.title.as_json(),
        "note": part.note.as_json(),
        "withheld": part.withheld.as_json() if part.withheld else None,
        "pooled": None if part.withheld else pooled,
        "named": [{**one.found, "who": one.people} for one in part.named],
    }
