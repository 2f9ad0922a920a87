"""Documents through the API: order one, follow it, take it out of the house."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import FileResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from clinic.accounts import confirm
from clinic.accounts.roles import Scope
from ml.contracts import LANGUAGES, Problem, Text
from predictions import access, first_read
from predictions.api.permissions import Door
from predictions.api.serializers import ProblemsSerializer
from predictions.api.studies import ERRORS, Conflict, StudyDoor
from predictions.models import Document, DocumentState
from predictions.outputs import ordering, registry
from predictions.storage import storage

NOT_WRITTEN = Problem(
    "document_not_ready",
    Text(
        "This document is not written yet, or could not be. Read its state.",
        "Ce document n’est pas encore rédigé, ou n’a pas pu l’être. Consultez son état.",
    ),
)


class NewDocumentSerializer(serializers.Serializer):
    """What to write out, for whom to read."""

    kind = serializers.ChoiceField(choices=[(kind.code, kind.label.en) for kind in registry.KINDS.values()])
    language = serializers.ChoiceField(choices=LANGUAGES, help_text="The reader's")
    version = serializers.IntegerField(
        min_value=1,
        required=False,
        allow_null=True,
        default=None,
        help_text="Number of a signed version; when left out, the study as it stands: the latest signed "
        "version, or the draft",
    )


class DocumentSerializer(serializers.ModelSerializer):
    """A document and how far it is; a draft is thrown away after a day."""

    language = serializers.ChoiceField(choices=LANGUAGES)
    version = serializers.SerializerMethodField(help_text="Signed version it shows; null for a draft")
    problems = serializers.JSONField(help_text="Why it failed, in both languages")
    file_name = serializers.SerializerMethodField(help_text="Says nothing of the patient")
    created_by = serializers.SlugRelatedField(slug_field="username", read_only=True)

    class Meta:
        model = Document
        fields = (
            "id", "kind", "language", "version", "state", "problems", "file_name", "media_type", "size",
            "sha256", "created_by", "created_at",
        )  # fmt: skip

    def get_version(self, document: Document) -> int | None:
        """Return the number of the signed version."""
        return document.signature.version if document.signature else None

    def get_file_name(self, document: Document) -> str:
        """Return the name of the file."""
        return ordering.file_name(document)


class DocumentsView(StudyDoor):
    """``/api/studies/<id>/documents``."""

    doors = {"GET": Door(access.STUDY, Scope.READ), "POST": Door(access.STUDY, Scope.READ)}

    @extend_schema(
        operation_id="documents_list",
        responses={200: DocumentSerializer(many=True), 404: ProblemsSerializer, 409: ProblemsSerializer},
    )
    def get(self, request: Request, study_id: UUID) -> Response:
        """List the documents of every signed version and of the present draft, the latest first.

        Of an image that is read blind, 409 until you committed a first impression (``first-read``).
        """
        study = self.study(study_id)
        first_read.require(request.user, study)
        return Response(DocumentSerializer(ordering.shown(request.user, study), many=True).data)

    @extend_schema(
        operation_id="documents_order",
        request=NewDocumentSerializer,
        responses={
            200: DocumentSerializer,
            202: DocumentSerializer,
            403: ProblemsSerializer,
            409: ProblemsSerializer,
            **ERRORS,
        },
    )
    def post(self, request: Request, study_id: UUID) -> Response:
        """Have a document written; its state is followed at the address in ``Location``.

        The document of a signed version is written once: ordered again, it comes at once, with 200. The
        anonymised copy of a recording (`edf_anonymous`) is of no version, kept for a day, and 403 to roles
        that do not score such studies; the study for research (`deidentified`) likewise, for those who sign.
        """
        study = self.study(study_id, None)
        sent = NewDocumentSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        wanted: dict[str, Any] = sent.validated_data
        document = ordering.order(
            user=request.user,
            study=study,
            kind=wanted["kind"],
            language=wanted["language"],
            version=str(wanted["version"] or ""),
        )
        there = document.state == DocumentState.READY
        code = status.HTTP_200_OK if there else status.HTTP_202_ACCEPTED
        response = Response(DocumentSerializer(document).data, status=code)
        response["Location"] = reverse("api-document", args=[study.pk, document.pk])
        return response


class DocumentView(StudyDoor):
    """``/api/studies/<id>/documents/<id>``."""

    doors = {"GET": Door(access.STUDY, Scope.READ)}

    @extend_schema(
        operation_id="documents_retrieve",
        responses={200: DocumentSerializer, 404: ProblemsSerializer, 409: ProblemsSerializer},
    )
    def get(self, request: Request, study_id: UUID, document_id: UUID) -> Response:
        """Read how far a document is."""
        document = ordering.find_or_404(request.user, self.study(study_id), document_id)
        return Response(DocumentSerializer(document).data)


class DocumentContentView(StudyDoor):
    """``/api/studies/<id>/documents/<id>/content``."""

    doors = {"GET": Door(access.STUDY, Scope.EXPORT)}

    @extend_schema(
        operation_id="documents_content",
        responses={
            (200, "*/*"): OpenApiTypes.BINARY,
            403: ProblemsSerializer,
            404: ProblemsSerializer,
            409: ProblemsSerializer,
        },
    )
    def get(self, request: Request, study_id: UUID, document_id: UUID) -> FileResponse:
        """Download a document that is ready."""
        document = ordering.find_or_404(request.user, self.study(study_id, None), document_id)
        if document.state != DocumentState.READY:
            raise Conflict(NOT_WRITTEN)
        confirm.demand(request)
        ordering.recorded_download(request.user, document)
        return FileResponse(
            storage.checked(document.stored_name),
            as_attachment=True,
            filename=ordering.file_name(document),
            content_type=document.media_type,
        )
