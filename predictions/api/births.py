"""Measured blood loss through the API: read what is recorded, record it, correct it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from clinic.accounts.roles import Scope
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import Problem, Refused, Text
from patients import access as records
from patients.models import Encounter
from predictions import access, outcomes
from predictions.api.base import ApiView
from predictions.api.permissions import Door
from predictions.api.serializers import ProblemsSerializer
from predictions.models import BloodLoss, LossMethod

NO_TIME_ZONE = Problem(
    "time_zone_missing",
    Text(
        "The time of the measurement says no time zone: write 2026-03-02T14:30+01:00, or Z for UTC.",
        "L’heure de la mesure n’indique pas de fuseau horaire : écrivez 2026-03-02T14:30+01:00, ou Z pour "
        "UTC.",
    ),
    field="measured_at",
)


class BloodLossSerializer(serializers.ModelSerializer):
    """A recorded blood loss; the latest number counts."""

    recorded_by = serializers.SlugRelatedField(slug_field="username", read_only=True)
    severe = serializers.BooleanField(help_text="1000 mL or more")

    class Meta:
        model = BloodLoss
        fields = (
            "number", "millilitres", "severe", "method", "measured_at", "recorded_by", "recorded_at",
            "reason",
        )  # fmt: skip


class NewBloodLossSerializer(serializers.Serializer):
    """A measurement; its limits are those of the page, and so are the reasons of a refusal."""

    millilitres = serializers.JSONField(help_text="Whole millilitres within 24 hours, 0 to 15000")
    method = serializers.ChoiceField(choices=LossMethod.choices)
    measured_at = serializers.CharField(max_length=40, help_text="ISO 8601, with a time zone")
    reason = serializers.CharField(
        max_length=outcomes.LONGEST_REASON,
        required=False,
        allow_blank=True,
        default="",
        help_text="Why the value before has to be corrected; needed once there is one",
    )
    confirmed = serializers.BooleanField(default=False, help_text="An unusual value was looked at again")
    after = serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Number of the row you read, 0 for none",
    )

    def validate_measured_at(self, value: str) -> str:
        """Refuse a time of no zone; what is no time at all is left to the measurement's own check."""
        try:
            read = datetime.fromisoformat(value.strip())
        except ValueError:
            return value
        if read.tzinfo is None:
            raise Refused(NO_TIME_ZONE)
        return value


class BloodLossView(ApiView):
    """``/api/patients/<id>/encounters/<id>/blood-loss``."""

    doors = {"GET": Door(records.RECORD, Scope.READ), "POST": Door(access.BLOOD_LOSS, Scope.SUBMIT)}

    @extend_schema(
        operation_id="blood_loss_list",
        responses={200: BloodLossSerializer(many=True), 404: ProblemsSerializer},
    )
    def get(self, request: Request, patient_id: UUID, encounter_id: UUID) -> Response:
        """Read what is recorded of a birth, the latest first; the former values were corrected."""
        encounter = _encounter(request, patient_id, encounter_id)
        record(
            Action.VIEW,
            actor=request.user,
            patient=patient_id,
            kind="blood_loss",
            object_id=str(encounter_id),
        )
        return Response(BloodLossSerializer(outcomes.of(encounter), many=True).data)

    @extend_schema(
        operation_id="blood_loss_record",
        request=NewBloodLossSerializer,
        responses={201: BloodLossSerializer, 404: ProblemsSerializer, 422: ProblemsSerializer},
    )
    def post(self, request: Request, patient_id: UUID, encounter_id: UUID) -> Response:
        """Record the blood loss of a birth, or with a reason the correction of one."""
        encounter = _encounter(request, patient_id, encounter_id)
        outcomes.require_recorder(request.user, encounter)
        sent = NewBloodLossSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        fields = dict(sent.validated_data)
        values = {name: fields.pop(name) for name in ("millilitres", "method", "measured_at")}
        row = outcomes.keep(user=request.user, encounter=encounter, values=values, **fields)
        return Response(BloodLossSerializer(row).data, status=status.HTTP_201_CREATED)


def _encounter(request: Request, patient_id: UUID, encounter_id: UUID) -> Encounter:
    patient = records.get_or_404(request.user, patient_id)
    encounter = patient.encounters.select_related("unit").filter(pk=encounter_id).first()
    if encounter is None:
        raise Http404
    return encounter
