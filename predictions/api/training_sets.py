"""Training sets through the API: which were asked for, what came of them, and the file for a steward."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from clinic.accounts import confirm
from clinic.accounts.roles import Scope
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import Refused
from predictions.api.base import ApiView
from predictions.api.permissions import Door
from predictions.api.serializers import ProblemsSerializer
from predictions.feedback import access, downloads, services
from predictions.feedback.models import Request as Asked
from predictions.models import JobState

MOST_LISTED = 100


class TrainingSetSerializer(serializers.ModelSerializer):
    """A training set from the question to the file; nobody in it is named."""

    state = serializers.CharField(help_text="asked, approved, declined or withdrawn")
    asked_by = serializers.SerializerMethodField()
    decided_by = serializers.SerializerMethodField(help_text="Empty before")
    written = serializers.SerializerMethodField(
        help_text="How far the worker is with the file; empty before it is approved"
    )
    size = serializers.SerializerMethodField(help_text="Bytes")
    sha256 = serializers.SerializerMethodField(help_text="Of the file; empty before it is written")
    counts = serializers.SerializerMethodField(help_text="Examples, patients, and what was left out and why")
    withdrawn = serializers.SerializerMethodField(
        help_text="Pseudonyms to take out of copies: these no longer agree, or were erased"
    )
    kept_until = serializers.SerializerMethodField(help_text="When the file is deleted; null without one")

    class Meta:
        model = Asked
        fields = (
            "id", "algorithm", "number", "purpose", "invented", "state", "reason", "asked_by", "asked_at",
            "decided_by", "decided_at", "written", "size", "sha256", "counts", "withdrawn", "kept_until",
        )  # fmt: skip

    @extend_schema_field(serializers.CharField())
    def get_asked_by(self, asked: Asked) -> str:
        """Return who asked."""
        return asked.asked_by.label

    @extend_schema_field(serializers.CharField())
    def get_decided_by(self, asked: Asked) -> str:
        """Return who decided."""
        return asked.decided_by.label if asked.decided_by else ""

    @extend_schema_field(serializers.ChoiceField(choices=["", *JobState.values]))
    def get_written(self, asked: Asked) -> str:
        """Return the state of the work."""
        return asked.made.state if asked.made else ""

    @extend_schema_field(serializers.IntegerField())
    def get_size(self, asked: Asked) -> int:
        """Return the size of the file."""
        return asked.made.size if asked.made else 0

    @extend_schema_field(serializers.CharField())
    def get_sha256(self, asked: Asked) -> str:
        """Return the checksum of the file."""
        return asked.made.sha256 if asked.made else ""

    @extend_schema_field(serializers.DictField())
    def get_counts(self, asked: Asked) -> dict[str, Any]:
        """Return what is in it."""
        return asked.made.counts if asked.made else {}

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_withdrawn(self, asked: Asked) -> list[str]:
        """Return who is to be taken out."""
        if asked.made is None:
            return []
        gone = asked.made.included.filter(withdrawn_at__isnull=False).values_list("name", flat=True)
        return sorted({*gone, *asked.made.counts.get(services.ERASED, ())})

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_kept_until(self, asked: Asked) -> str | None:
        """Return when it is swept."""
        made = asked.made
        if made is None or not made.stored_name or made.finished_at is None:
            return None
        return serializers.DateTimeField().to_representation(made.finished_at + services.KEPT)


class TrainingSetsView(ApiView):
    """``/api/training-sets``."""

    doors = {"GET": Door(access.FOLLOWERS, Scope.READ)}

    @extend_schema(operation_id="training_sets_list", responses={200: TrainingSetSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """List the latest training sets that were asked for, of the algorithms you follow."""
        found = Asked.objects.filter(algorithm__in=access.algorithms(request.user))
        found = found.select_related("asked_by", "decided_by")[:MOST_LISTED]
        return Response(TrainingSetSerializer(found, many=True).data)


class TrainingSetView(ApiView):
    """``/api/training-sets/<id>``."""

    doors = {"GET": Door(access.REQUEST, Scope.READ)}

    @extend_schema(
        operation_id="training_sets_retrieve", responses={200: TrainingSetSerializer, 404: ProblemsSerializer}
    )
    def get(self, request: Request, request_id: UUID) -> Response:
        """Read one: who asked and decided, what is in the file and whom to take out of copies."""
        asked = access.get_or_404(request.user, request_id)
        record(Action.VIEW, actor=request.user, kind=access.KIND, object_id=str(asked.pk))
        return Response(TrainingSetSerializer(asked).data)


class TrainingSetFileView(ApiView):
    """``/api/training-sets/<id>/file``."""

    doors = {"GET": Door(access.STEWARDS, Scope.EXPORT)}

    def handle_exception(self, exc: Exception) -> Response:
        """Answer 409 where the file cannot leave the house now."""
        response = super().handle_exception(exc)
        if isinstance(exc, Refused):
            response.status_code = status.HTTP_409_CONFLICT
        return response

    @extend_schema(
        operation_id="training_sets_file",
        responses={
            (200, "application/zip"): OpenApiTypes.BINARY,
            403: ProblemsSerializer,
            404: ProblemsSerializer,
            409: ProblemsSerializer,
        },
    )
    def get(self, request: Request, request_id: UUID) -> HttpResponseBase:
        """Download the file, on record; 409 once it is deleted, or while somebody in it is held."""
        asked = access.get_or_404(request.user, request_id)
        confirm.demand(request)
        return downloads.given(request.user, asked)
