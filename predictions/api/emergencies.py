"""Opening a record in an emergency through the API, by the rules of the page, and ending that."""

from __future__ import annotations

from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from clinic.accounts import confirm
from clinic.accounts.roles import Scope
from ml.contracts import Problem, Refused, Text
from patients import access as records
from patients import emergency, emergency_search
from patients.models import EmergencyAccess, EmergencyReason
from predictions.api.base import ApiView
from predictions.api.errors import shown
from predictions.api.permissions import Door
from predictions.api.serializers import PatientSerializer, ProblemsSerializer

ENDED = Problem(
    "emergency_ended",
    Text("The emergency access had ended already.", "L’accès en urgence avait déjà pris fin."),
)


class NewEmergencySerializer(serializers.Serializer):
    """Exactly whose record, by its whole number or by name and birth date, and why."""

    record_number = serializers.CharField(max_length=32, required=False)
    family_name = serializers.CharField(max_length=100, required=False)
    given_name = serializers.CharField(max_length=100, required=False)
    birth_date = serializers.DateField(required=False)
    category = serializers.ChoiceField(choices=EmergencyReason.choices)
    reason = serializers.CharField(
        min_length=emergency_search.SHORTEST_REASON,
        max_length=500,
        help_text="The lead of the patient's unit reads it",
    )


class EmergencySerializer(serializers.Serializer):
    """What was opened, and until when."""

    id = serializers.UUIDField(allow_null=True, help_text="Null where the record was open to you anyway")
    expires_at = serializers.DateTimeField(allow_null=True)
    patient = PatientSerializer()


class EmergencyView(ApiView):
    """``/api/patients/emergency``."""

    doors = {"POST": Door(records.CARERS, Scope.EMERGENCY)}

    @extend_schema(
        operation_id="emergency_open",
        request=NewEmergencySerializer,
        responses={
            200: EmergencySerializer,
            201: EmergencySerializer,
            403: ProblemsSerializer,
            422: ProblemsSerializer,
        },
    )
    def post(self, request: Request) -> Response:
        """Open the record of one patient of another unit for four hours; the leads of its units are told.

        Everything that is done there is marked in the audit. With 200 the record was open to you already.
        """
        sent = NewEmergencySerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        identity = dict(sent.validated_data)
        category, reason = identity.pop("category"), identity.pop("reason")
        if problems := emergency_search.check(identity, reason):
            raise Refused(*problems)
        confirm.demand(request, request.data)
        patient = emergency_search.the_patient(request.user, identity)
        found = emergency.current(request.user, patient)
        new = found is None and not records.answers_for(request.user, patient.pk)
        if new:
            found = emergency_search.opened(request.user, patient, reason, category)
        answer = {
            "id": found.pk if found else None,
            "expires_at": found.expires_at if found else None,
            "patient": patient,
        }
        code = status.HTTP_201_CREATED if new else status.HTTP_200_OK
        return Response(EmergencySerializer(answer).data, status=code)


class EmergencyEndView(ApiView):
    """``/api/patients/emergency/<id>``."""

    # Giving up what one opened needs no scope: also a program that has lost its own may.
    doors = {"DELETE": Door(records.CARERS, None)}

    @extend_schema(
        operation_id="emergency_end",
        request=None,
        responses={204: None, 404: ProblemsSerializer, 409: ProblemsSerializer},
    )
    def delete(self, request: Request, access_id: UUID) -> Response:
        """End an emergency access of yours now."""
        own = EmergencyAccess.objects.select_related("user").filter(user=request.user)
        if not emergency.end(get_object_or_404(own, pk=access_id)):
            return Response(shown([ENDED]), status=status.HTTP_409_CONFLICT)
        return Response(status=status.HTTP_204_NO_CONTENT)
