"""Patients through the API. What identifies somebody travels in bodies, never in addresses."""

from __future__ import annotations

from uuid import UUID

from django.db import IntegrityError, transaction
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from clinic.accounts.roles import Scope
from clinic.audit.models import Action
from clinic.audit.recording import record, record_seen
from ml.contracts import Problem, Refused, Text
from patients import access as records
from patients import emergency, services
from patients.models import Patient
from patients.selectors import search
from predictions.api.base import ApiView
from predictions.api.permissions import Door
from predictions.api.serializers import (
    NewPatientSerializer,
    PatientSearchSerializer,
    PatientSerializer,
    ProblemsSerializer,
    ResearchSerializer,
)

MOST_FOUND = 50

TAKEN = Problem(
    "record_number_taken",
    Text(
        "This record number belongs to another patient.", "Ce numéro de dossier est celui d’un autre patient."
    ),
    field="record_number",
)
FOREIGN_UNIT = Problem(
    "not_your_unit",
    Text("You can only register patients in your own units.", "Vous ne pouvez inscrire que dans vos unités."),
    field="units",
)


class PatientsView(ApiView, ListAPIView):
    """``/api/patients``."""

    doors = {"GET": Door(records.CARERS, Scope.READ), "POST": Door(records.CARERS, Scope.SUBMIT)}
    serializer_class = PatientSerializer
    queryset = Patient.objects.none()

    def get_queryset(self) -> object:
        """Return the patients of the caller's units."""
        return records.for_user(self.request.user).prefetch_related("units")

    @extend_schema(operation_id="patients_list", responses={200: PatientSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """List the patients of your units, a page at a time."""
        response = super().get(request)
        for patient in response.data["results"]:
            record(Action.VIEW, actor=request.user, patient=UUID(patient["id"]), kind="patient")
        return response

    @extend_schema(
        operation_id="patients_create",
        request=NewPatientSerializer,
        responses={201: PatientSerializer, 422: ProblemsSerializer},
    )
    def post(self, request: Request) -> Response:
        """Register a patient in one or more of your units."""
        sent = NewPatientSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        fields = dict(sent.validated_data)
        codes = set(fields.pop("units"))
        units = list(request.user.units.filter(code__in=codes))
        if len(units) != len(codes):
            raise Refused(FOREIGN_UNIT)
        try:
            with transaction.atomic():
                patient = services.create_patient(user=request.user, units=units, **fields)
        except IntegrityError as error:
            raise Refused(TAKEN) from error
        return Response(PatientSerializer(patient).data, status=status.HTTP_201_CREATED)


class PatientSearchView(ApiView):
    """``/api/patients/search``."""

    doors = {"POST": Door(records.CARERS, Scope.READ)}

    @extend_schema(
        operation_id="patients_search",
        request=PatientSearchSerializer,
        responses={200: PatientSerializer(many=True)},
    )
    def post(self, request: Request) -> Response:
        """Find patients by name, record number or birth date; at most fifty."""
        sent = PatientSearchSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        found = list(search(request.user, **sent.validated_data).prefetch_related("units")[:MOST_FOUND])
        record(
            Action.SEARCH,
            actor=request.user,
            kind="patient",
            detail={**sent.validated_data, "found": [str(patient.pk) for patient in found]},
        )
        patients = {patient.pk for patient in found}
        opened = emergency.marks(request.user)
        record_seen(Action.SEARCH, actor=request.user, patients=patients, kind="patient", under=opened)
        return Response(PatientSerializer(found, many=True).data)


class PatientView(ApiView):
    """``/api/patients/<id>``."""

    doors = {
        "GET": Door(records.RECORD, Scope.READ),
        "PATCH": Door(records.OWN_RECORD, Scope.SUBMIT),
    }

    @extend_schema(
        operation_id="patients_retrieve", responses={200: PatientSerializer, 404: ProblemsSerializer}
    )
    def get(self, request: Request, patient_id: UUID) -> Response:
        """Read one patient."""
        patient = records.get_or_404(request.user, patient_id)
        record(Action.VIEW, actor=request.user, patient=patient.pk, kind="patient")
        return Response(PatientSerializer(patient).data)

    @extend_schema(
        operation_id="patients_research",
        request=ResearchSerializer,
        responses={200: PatientSerializer, 404: ProblemsSerializer},
    )
    def patch(self, request: Request, patient_id: UUID) -> Response:
        """Record what the patient, once told, says of learning from their data without their name."""
        patient = records.get_or_404(request.user, patient_id)
        sent = ResearchSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        units = list(patient.units.all())
        services.update_patient(user=request.user, patient=patient, units=units, **sent.validated_data)
        return Response(PatientSerializer(patient).data)
