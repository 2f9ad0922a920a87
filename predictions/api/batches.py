"""Batches through the API: send, follow, take the result, withdraw, ask again, delete."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import get_language
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.exceptions import ParseError
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from clinic.accounts import confirm
from clinic.accounts.roles import Scope
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml import registry
from ml.contracts import Refused
from predictions.api.base import ApiView, require_whole_characters
from predictions.api.permissions import Door
from predictions.api.serializers import ProblemsSerializer, UploadField
from predictions.api.studies import UNKNOWN_ALGORITHM
from predictions.batches import access, downloads, intake, selectors, services
from predictions.batches.models import Batch, Item
from predictions.batches.words import IN_SILENCE, MOVED_ON, NO_RESULT, NOT_YET, NOTHING_TO_REPEAT

KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    required=True,
    description="Your own id of this batch, up to 64 characters. Sent again with the same files, names, "
    "columns and language it gives the same batch, with the day and the package of its first sending.",
)
ERRORS = {404: ProblemsSerializer, 422: ProblemsSerializer}
GONE = {404: ProblemsSerializer, 409: ProblemsSerializer}
OF_THE_STATE = (IN_SILENCE, MOVED_ON, NO_RESULT, NOT_YET, NOTHING_TO_REPEAT)


class NewBatchSerializer(serializers.Serializer):
    """Many cases at once: one table for an algorithm with a form; else images, recordings, ZIP archives."""

    algorithm = serializers.CharField(max_length=40)
    file = serializers.ListField(
        child=UploadField(allow_empty_file=True, max_length=None),
        help_text="A CSV file whose columns have the names of the fields; or, repeating the field, images "
        "(those of one DICOM study are answered together), EDF recordings, and ZIP archives of them",
    )
    columns = serializers.JSONField(
        required=False,
        default=dict,
        help_text="For a table: column → field, where a column is not called as its field. An empty field "
        "leaves a column aside, `reference` repeats it in the result. A column that is neither is refused",
    )


class CountsSerializer(serializers.Serializer):
    """How many rows are where."""

    rows = serializers.IntegerField()
    waiting = serializers.IntegerField()
    ok = serializers.IntegerField()
    refused = serializers.IntegerField()
    failed = serializers.IntegerField()
    withdrawn = serializers.IntegerField()


class BatchSerializer(serializers.ModelSerializer):
    """A batch and how far it is; it belongs to no patient."""

    counts = serializers.SerializerMethodField(help_text="Of its rows; one study of images is one row")
    problems = serializers.SerializerMethodField(help_text="Why nothing of it was answered")
    job = serializers.SerializerMethodField(
        help_text="Of a batch that failed as a whole: the number under which the log knows why; else null"
    )
    kept_until = serializers.SerializerMethodField(help_text="When it will be deleted, with its result")

    class Meta:
        model = Batch
        fields = (
            "id", "algorithm", "file_name", "file_count", "stage", "counts", "problems", "columns",
            "left_out", "package_version", "package_sha256", "created_at", "finished_at", "kept_until", "job",
        )  # fmt: skip

    @extend_schema_field(CountsSerializer)
    def get_counts(self, batch: Batch) -> dict[str, int]:
        """Return the counts."""
        return CountsSerializer(selectors.counts(batch)).data

    @extend_schema_field(ProblemsSerializer)
    def get_problems(self, batch: Batch) -> list[dict[str, str]]:
        """Return the problems in the language of the request."""
        return _said(batch)

    @extend_schema_field(OpenApiTypes.DATETIME)
    def get_kept_until(self, batch: Batch) -> Any:
        """Return when it is swept, written as the other times are."""
        return serializers.DateTimeField().to_representation(selectors.kept_until(batch))

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_job(self, batch: Batch) -> UUID | None:
        """Return what IT looks for in the log."""
        return selectors.failed_job(batch)


class RowSerializer(serializers.ModelSerializer):
    """A row that has no answer, and why."""

    row = serializers.IntegerField(source="number")
    reference = serializers.CharField(
        source="name", help_text="Your own number of the row, or the names of its files"
    )
    problems = serializers.SerializerMethodField()
    job = serializers.UUIDField(
        source="chunk_id", allow_null=True, help_text="The number under which the log knows of its work"
    )

    class Meta:
        model = Item
        fields = ("row", "reference", "state", "problems", "job")

    @extend_schema_field(ProblemsSerializer)
    def get_problems(self, item: Item) -> list[dict[str, str]]:
        """Return the problems in the language of the request."""
        return _said(item)


def _said(row: Batch | Item) -> list[dict[str, str]]:
    language = get_language() or "en"
    return [
        {
            "code": problem.code,
            "message": problem.message.to(language),
            "field": problem.field,
            "severity": str(problem.severity),
        }
        for problem in row.problem_list
    ]


class BatchDoor(ApiView):
    """Base of the views on one batch."""

    def batch(self, batch_id: UUID) -> Batch:
        """Return the batch for whoever sent it; a stranger gets 404."""
        return access.get_or_404(self.request.user, batch_id)

    def handle_exception(self, exc: Exception) -> Response:
        """Answer what does not fit where the batch is with 409."""
        response = super().handle_exception(exc)
        if isinstance(exc, Refused) and all(problem in OF_THE_STATE for problem in exc.problems):
            response.status_code = status.HTTP_409_CONFLICT
        return response


class BatchesView(ApiView, ListAPIView):
    """``/api/batches``."""

    doors = {"GET": Door(access.BATCHES, Scope.READ), "POST": Door(access.BATCHES, Scope.SUBMIT)}
    serializer_class = BatchSerializer
    queryset = Batch.objects.none()

    def get_queryset(self) -> Any:
        """Return the caller's own batches."""
        return access.for_user(self.request.user)

    @extend_schema(operation_id="batches_list", responses=BatchSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List your batches, latest first."""
        return super().get(request)

    @extend_schema(
        operation_id="batches_send",
        parameters=[KEY],
        request={"multipart/form-data": NewBatchSerializer},
        responses={202: BatchSerializer, 403: ProblemsSerializer, **ERRORS},
    )
    def post(self, request: Request) -> Response:
        """Have many cases answered; the batch is followed at the address in ``Location``.

        What is wrong with the columns of a table is told here, at ``columns.<name>``, and nothing is kept.
        What is wrong with one row is told of that row (``rows``), and the others are answered.
        """
        sent = NewBatchSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        fields = sent.validated_data
        if fields["algorithm"] not in registry.names():
            raise Refused(UNKNOWN_ALGORITHM)
        batch = intake.submit(
            user=request.user,
            algorithm=fields["algorithm"],
            files=request.FILES.getlist("file"),
            idempotency_key=request.headers.get("Idempotency-Key", ""),
            language=get_language() or "en",
            columns=_columns(fields["columns"]),
        )
        response = Response(BatchSerializer(batch).data, status=status.HTTP_202_ACCEPTED)
        response["Location"] = reverse("api-batch", args=[batch.pk])
        return response


class BatchView(BatchDoor):
    """``/api/batches/<id>``."""

    doors = {"GET": Door(access.BATCH, Scope.READ), "DELETE": Door(access.BATCH, Scope.SUBMIT)}

    @extend_schema(operation_id="batches_retrieve", responses={200: BatchSerializer, 404: ProblemsSerializer})
    def get(self, request: Request, batch_id: UUID) -> Response:
        """Read how far a batch is."""
        found = self.batch(batch_id)
        record(Action.VIEW, actor=request.user, kind="batch", object_id=str(found.pk))
        return Response(BatchSerializer(found).data)

    @extend_schema(operation_id="batches_delete", responses={204: None, 404: ProblemsSerializer})
    def delete(self, request: Request, batch_id: UUID) -> Response:
        """Delete a batch with everything it brought and everything that came of it."""
        services.delete(self.batch(batch_id), actor=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


class BatchRowsView(BatchDoor, ListAPIView):
    """``/api/batches/<id>/rows``."""

    doors = {"GET": Door(access.BATCH, Scope.READ)}
    serializer_class = RowSerializer
    queryset = Item.objects.none()

    def get_queryset(self) -> Any:
        """Return the rows of the batch without an answer."""
        return selectors.unanswered(self.batch(self.kwargs["batch_id"]))

    @extend_schema(
        operation_id="batches_rows",
        responses={200: RowSerializer(many=True), 404: ProblemsSerializer},
    )
    def get(self, request: Request, batch_id: UUID) -> Response:
        """List the rows that ended without an answer, each with every reason."""
        return super().get(request)


class BatchWithdrawView(BatchDoor):
    """``/api/batches/<id>/withdraw``."""

    doors = {"POST": Door(access.BATCH, Scope.SUBMIT)}

    @extend_schema(operation_id="batches_withdraw", request=None, responses={200: BatchSerializer, **GONE})
    def post(self, request: Request, batch_id: UUID) -> Response:
        """Take back the rows that nobody began; what is answered becomes the result."""
        found = self.batch(batch_id)
        services.withdraw(user=request.user, batch=found)
        found.refresh_from_db()
        return Response(BatchSerializer(found).data)


class BatchRetryView(BatchDoor):
    """``/api/batches/<id>/retry``."""

    doors = {"POST": Door(access.BATCH, Scope.SUBMIT)}

    @extend_schema(operation_id="batches_retry", request=None, responses={202: BatchSerializer, **GONE})
    def post(self, request: Request, batch_id: UUID) -> Response:
        """Have the failed and the withdrawn rows answered after all; a refused one has to be sent anew."""
        found = self.batch(batch_id)
        services.ask_again(user=request.user, batch=found)
        found.refresh_from_db()
        return Response(BatchSerializer(found).data, status=status.HTTP_202_ACCEPTED)


class BatchResultView(BatchDoor):
    """``/api/batches/<id>/result.<csv or parquet>``."""

    doors = {"GET": Door(access.BATCH, Scope.EXPORT)}

    @extend_schema(
        operation_id="batches_result",
        parameters=[
            OpenApiParameter("form", OpenApiTypes.STR, OpenApiParameter.PATH, enum=["csv", "parquet"])
        ],
        responses={(200, "*/*"): OpenApiTypes.BINARY, 403: ProblemsSerializer, **GONE},
    )
    def get(self, request: Request, batch_id: UUID, form: str) -> HttpResponseBase:
        """Download the result: a row for each row sent, with the version and SHA-256 of the package."""
        found = self.batch(batch_id)
        confirm.demand(request)
        return downloads.given(request.user, found, form)


def _columns(value: Any) -> dict[str, str]:
    """Return what a program says of the columns; in a multipart body it comes as text."""
    if isinstance(value, str):
        try:
            value = json.loads(value or "{}")
        except (ValueError, RecursionError):
            value = None
    if not isinstance(value, dict) or not all(isinstance(field, str) for field in value.values()):
        raise ParseError({"columns": ["not a JSON object of column and field"]})
    require_whole_characters(value)
    return value
