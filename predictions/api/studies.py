"""Studies through the API: submit, follow, read, review, sign."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.http import FileResponse, Http404
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import ParseError
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from clinic.accounts import confirm
from clinic.accounts.roles import Scope
from clinic.audit.models import Action
from clinic.audit.recording import record, record_seen
from ml import registry
from ml.contracts import Problem, Refused, Text
from ml.registry import UnknownAlgorithm
from patients import access as records
from patients.models import Encounter
from predictions import access, first_read, intake, reading, reanalysis, review
from predictions.api.base import ApiView, require_whole_characters
from predictions.api.permissions import Door
from predictions.api.serializers import (
    AmendmentSerializer,
    NewReviewSerializer,
    NewSignatureSerializer,
    NewStudySerializer,
    ProblemsSerializer,
    ResultSerializer,
    ReviewSerializer,
    SignatureSerializer,
    StudySerializer,
)
from predictions.models import Prediction, Study
from predictions.outputs import ordering
from predictions.states import NoSuchWay, State
from predictions.storage import storage
from predictions.workspaces.sleep import comparing, refusals

KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    required=True,
    description="Your own id of this submission, up to 64 characters; sent again, it gives the same study.",
)
FILTERS = [
    OpenApiParameter("state", OpenApiTypes.STR, enum=State.values),
    OpenApiParameter("algorithm", OpenApiTypes.STR),
    OpenApiParameter("patient", OpenApiTypes.UUID),
]
ERRORS = {404: ProblemsSerializer, 422: ProblemsSerializer}

NO_RESULT = Problem(
    "no_result",
    Text(
        "This study has no result: see its state and problems.",
        "Cette étude n’a pas de résultat : voyez son état et ses problèmes.",
    ),
)
WRONG_STATE = Problem(
    "wrong_state",
    Text(
        "The state of this study does not allow that. Read it again.",
        "L’état de cette étude ne le permet pas. Relisez-la.",
    ),
)
# Refusals of other rooms that sending something else would not mend: 409 here, whichever door was knocked at.
OF_THE_STATE = (
    first_read.COMMITTED,
    first_read.NOT_AWAITED,
    reading.NOT_WRITTEN,
    reading.OTHER_WINDOW,
    reading.COLLEAGUE_WROTE,
    review.NOT_OPEN,
    ordering.NO_RESULT,
    *reanalysis.REFUSALS,
    *refusals.STATE_REFUSALS,
    refusals.NOT_A_NIGHT,
    comparing.APART,
)
UNKNOWN_ALGORITHM = Problem(
    "unknown_algorithm",
    Text("There is no algorithm of that name.", "Il n’existe pas d’algorithme de ce nom."),
    field="algorithm",
)
UNKNOWN_ENCOUNTER = Problem(
    "unknown_encounter",
    Text("There is no such encounter of this patient.", "Cette venue du patient n’existe pas."),
    field="encounter",
)


class StudyDoor(ApiView):
    """Base of the views on one study."""

    def study(self, study_id: UUID, action: Action | None = Action.VIEW) -> Study:
        """Return the study for the caller, recorded; a stranger gets 404."""
        study = access.get_or_404(self.request.user, study_id)
        if action:
            record(action, actor=self.request.user, patient=study.patient_id, study=study.pk, kind="study")
        return study

    def handle_exception(self, exc: Exception) -> Response:
        """Turn a way that the study cannot take into a conflict, in words."""
        if isinstance(exc, NoSuchWay):
            exc = Conflict(WRONG_STATE)
        response = super().handle_exception(exc)
        if isinstance(exc, Conflict | first_read.Blind) or _of_the_state(exc):
            response.status_code = status.HTTP_409_CONFLICT
        return response


def _of_the_state(error: Exception) -> bool:
    """Whether a request was refused for how the study stands alone, and not for what was sent."""
    return isinstance(error, Refused) and all(problem in OF_THE_STATE for problem in error.problems)


class Conflict(Refused):
    """A request that does not fit the state of the study."""


class StudiesView(ApiView, ListAPIView):
    """``/api/studies``."""

    doors = {"GET": Door(access.STUDIES, Scope.READ), "POST": Door(access.STUDIES, Scope.SUBMIT)}
    serializer_class = StudySerializer
    queryset = Study.objects.none()

    def get_queryset(self) -> Any:
        """Return the studies the caller may see, filtered by the query.

        Those of a record opened in an emergency only when that patient is named: a list of several cannot
        be marked in the audit as seen under it.
        """
        query, user = self.request.query_params, self.request.user
        patient = _named(query.get("patient", ""))
        found = access.for_user(user).filter(patient_id=patient) if patient else access.of_units(user)
        for name, known in (("state", State.values), ("algorithm", registry.names())):
            if value := query.get(name):
                if value not in known:
                    raise ParseError({name: [f"must be one of {', '.join(known)}"]})
                found = found.filter(**{name: value})
        return found.prefetch_related("repetitions")

    @extend_schema(operation_id="studies_list", parameters=FILTERS, responses=StudySerializer(many=True))
    def get(self, request: Request) -> Response:
        """List studies, latest first."""
        response = super().get(request)
        seen = [str(study["id"]) for study in response.data["results"]]
        # Nothing shown, nothing opened: the record's own list of accesses does not grow by it.
        patient = _named(request.query_params.get("patient", "")) if seen else None
        record(Action.SEARCH, actor=request.user, patient=patient, kind="study", detail={"found": seen})
        if patient is None:
            patients = {study["patient"] for study in response.data["results"]}
            record_seen(Action.SEARCH, actor=request.user, patients=patients, kind="study")
        return response

    @extend_schema(
        operation_id="studies_submit",
        parameters=[KEY],
        request={"application/json": NewStudySerializer, "multipart/form-data": NewStudySerializer},
        responses={202: StudySerializer, **ERRORS},
    )
    def post(self, request: Request) -> Response:
        """Submit a study; its state is followed at the address in ``Location``."""
        sent = NewStudySerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        fields = dict(sent.validated_data)
        patient = records.get_or_404(request.user, fields["patient"])
        try:
            study = intake.submit(
                user=request.user,
                patient=patient,
                algorithm=fields["algorithm"],
                values=_object(fields["values"], "values"),
                options=_object(fields["options"], "options"),
                upload=request.FILES.getlist("file"),
                encounter=_encounter(patient.pk, fields["encounter"]),
                idempotency_key=request.headers.get("Idempotency-Key", ""),
                confirm_mapping=fields["confirm_mapping"],
            )
        except UnknownAlgorithm as error:
            raise Refused(UNKNOWN_ALGORITHM) from error
        response = Response(StudySerializer(study).data, status=status.HTTP_202_ACCEPTED)
        response["Location"] = reverse("api-study", args=[study.pk])
        return response


class StudyView(StudyDoor):
    """``/api/studies/<id>``."""

    doors = {"GET": Door(access.STUDY, Scope.READ)}

    @extend_schema(operation_id="studies_retrieve", responses={200: StudySerializer, **ERRORS})
    def get(self, request: Request, study_id: UUID) -> Response:
        """Read where a study is."""
        return Response(StudySerializer(self.study(study_id)).data)


class ResultView(StudyDoor):
    """``/api/studies/<id>/result``."""

    doors = {"GET": Door(access.STUDY, Scope.READ)}

    @extend_schema(
        operation_id="studies_result",
        responses={200: ResultSerializer, 404: ProblemsSerializer, 409: ProblemsSerializer},
    )
    def get(self, request: Request, study_id: UUID) -> Response:
        """Read the answer with its reasons, the package that gave it, reviews and signatures.

        Of a night ``result`` and ``report`` stay the draft's; what was scored or signed is ``reported``.
        Of an image that is read blind, 409 until you committed a first impression (``first-read``).
        """
        study = self.study(study_id)
        prediction = _prediction(study)
        first_read.require(request.user, study)
        return Response(ResultSerializer(prediction, context={"user": request.user}).data)


class ArtefactView(StudyDoor):
    """``/api/studies/<id>/artefacts/<name>``."""

    doors = {"GET": Door(access.STUDY, Scope.EXPORT)}

    @extend_schema(
        operation_id="studies_artefact",
        responses={(200, "*/*"): OpenApiTypes.BINARY, 409: ProblemsSerializer, **ERRORS},
    )
    def get(self, request: Request, study_id: UUID, name: str) -> FileResponse:
        """Download a file of the answer; pictures of what was sent also before a first impression."""
        study = self.study(study_id, None)
        prediction = _prediction(study)
        if not first_read.shown_blind(name):
            first_read.require(request.user, study)
        artefact = {stored.name: stored for stored in prediction.artefacts.all()}.get(name)
        if artefact is None:
            raise Http404
        record(
            Action.DOWNLOAD,
            actor=request.user,
            patient=study.patient_id,
            study=study.pk,
            kind="artefact",
            object_id=name,
        )
        stream = storage.checked(artefact.stored_name)
        return FileResponse(stream, as_attachment=True, filename=name, content_type=artefact.media_type)


class ReviewView(StudyDoor):
    """``/api/studies/<id>/review``."""

    doors = {"POST": Door(access.REVIEW, Scope.REVIEW)}

    @extend_schema(
        operation_id="studies_review",
        request=NewReviewSerializer,
        responses={201: ReviewSerializer, 409: ProblemsSerializer, **ERRORS},
    )
    def post(self, request: Request, study_id: UUID) -> Response:
        """Say whether you agree, disagree (with a reason) or cannot assess."""
        sent = NewReviewSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        given = review.give(user=request.user, study=self.study(study_id, None), **sent.validated_data)
        return Response(ReviewSerializer(given).data, status=status.HTTP_201_CREATED)


class SignView(StudyDoor):
    """``/api/studies/<id>/sign``."""

    doors = {"POST": Door(access.SIGNATURE, Scope.SIGN)}

    @extend_schema(
        operation_id="studies_sign",
        request=NewSignatureSerializer,
        responses={201: SignatureSerializer, 403: ProblemsSerializer, 409: ProblemsSerializer, **ERRORS},
    )
    def post(self, request: Request, study_id: UUID) -> Response:
        """Sign the result with your verdict and, where one is written, your report."""
        sent = NewSignatureSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        later = sent.validated_data["later"]
        study = self.study(study_id, None)
        confirm.demand(request, request.data)
        signature = review.sign(
            user=request.user,
            study=study,
            later=str(later) if later else "",
            hypnogram=sent.validated_data["hypnogram"],
            assessment=sent.validated_data["assessment"],
        )
        return Response(SignatureSerializer(signature).data, status=status.HTTP_201_CREATED)


class AmendView(StudyDoor):
    """``/api/studies/<id>/amend``."""

    doors = {"POST": Door(access.SIGNATURE, Scope.SIGN)}

    @extend_schema(
        operation_id="studies_amend",
        request=AmendmentSerializer,
        responses={200: StudySerializer, 403: ProblemsSerializer, 409: ProblemsSerializer, **ERRORS},
    )
    def post(self, request: Request, study_id: UUID) -> Response:
        """Open a signed study again, with a reason."""
        sent = AmendmentSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        study = self.study(study_id, None)
        confirm.demand(request, request.data)
        review.amend(user=request.user, study=study, **sent.validated_data)
        return Response(StudySerializer(study).data)


class RetryView(StudyDoor):
    """``/api/studies/<id>/retry``."""

    doors = {"POST": Door(access.RESUBMISSION, Scope.SUBMIT)}

    @extend_schema(
        operation_id="studies_retry",
        request=None,
        responses={202: StudySerializer, 409: ProblemsSerializer, **ERRORS},
    )
    def post(self, request: Request, study_id: UUID) -> Response:
        """Have a failed study analysed again."""
        study = intake.retry(user=request.user, study=self.study(study_id, None))
        return Response(StudySerializer(study).data, status=status.HTTP_202_ACCEPTED)


class RepeatView(StudyDoor):
    """``/api/studies/<id>/repeat``."""

    doors = {"POST": Door(access.RESUBMISSION, Scope.SUBMIT)}

    @extend_schema(
        operation_id="studies_repeat",
        request=None,
        responses={202: StudySerializer, 409: ProblemsSerializer, **ERRORS},
    )
    def post(self, request: Request, study_id: UUID) -> Response:
        """Have the version in service analyse the files of an answered study, as a new study beside it.

        The new one names the old one in ``repeats``; the old answer, its signatures and its scorings stay as
        they are. Asked again, it is the same new study.
        """
        study = reanalysis.ask(user=request.user, study=self.study(study_id, None))
        response = Response(StudySerializer(study).data, status=status.HTTP_202_ACCEPTED)
        response["Location"] = reverse("api-study", args=[study.pk])
        return response


def _named(patient: str) -> UUID | None:
    """Return the patient a list is asked for, ``None`` for all."""
    try:
        return UUID(patient) if patient else None
    except ValueError as error:
        raise ParseError("patient: not a UUID") from error


def _prediction(study: Study) -> Prediction:
    if study.prediction is None:
        raise Conflict(NO_RESULT)
    return study.prediction


def _encounter(patient: UUID, encounter: UUID | None) -> Encounter | None:
    if encounter is None:
        return None
    found = Encounter.objects.filter(pk=encounter, patient_id=patient).first()
    if found is None:
        raise Refused(UNKNOWN_ENCOUNTER)
    return found


def _object(value: Any, field: str) -> dict[str, Any]:
    """Return a JSON object; in a multipart body it comes as text."""
    if isinstance(value, str):
        try:
            value = json.loads(value or "{}")
        except (ValueError, RecursionError):
            value = None
    if not isinstance(value, dict):
        raise ParseError({field: ["not a JSON object"]})
    require_whole_characters(value)
    return value
