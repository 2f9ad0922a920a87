"""A reader's own words through the API: the first impression, and the report that is signed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from clinic.accounts.roles import Scope
from ml.contracts import LANGUAGES
from predictions import access, first_read, reading
from predictions.api.permissions import Door
from predictions.api.serializers import REPORT_TEXTS, FirstReadSerializer, ProblemsSerializer
from predictions.api.studies import ERRORS, StudyDoor
from predictions.models import Confidence, Impression, Study


class NewFirstReadSerializer(serializers.Serializer):
    """What you see before the answer."""

    impression = serializers.ChoiceField(choices=Impression.choices)
    confidence = serializers.ChoiceField(choices=Confidence.choices)


class FirstReadStateSerializer(serializers.Serializer):
    """Whether the answer waits for your first impression, and the pictures to read."""

    needed = serializers.BooleanField(help_text="Nothing of the answer reaches you before")
    first_read = FirstReadSerializer(allow_null=True)
    pictures = serializers.ListField(child=serializers.CharField(), help_text="Names of artefacts")


@extend_schema_field(REPORT_TEXTS)
class TextsField(serializers.DictField):
    """Text by part, each part by its name."""

    child = serializers.CharField(allow_blank=True, trim_whitespace=False)


class NewReportSerializer(serializers.Serializer):
    """The report as it is now: every part you leave out is empty."""

    texts = TextsField(help_text="Text by part")
    language = serializers.ChoiceField(choices=LANGUAGES)
    seen = serializers.IntegerField(
        min_value=0,
        required=False,
        allow_null=True,
        default=None,
        help_text="`number` of the save that your text was typed over, as `GET` gave it: when you saved "
        "another text since, from elsewhere, 409 and nothing is saved. When left out, nobody asks",
    )


class LabelSerializer(serializers.Serializer):
    """A name in both languages."""

    en = serializers.CharField()
    fr = serializers.CharField()


class ReportPartSerializer(serializers.Serializer):
    """A part of the report and what you have written there."""

    name = serializers.CharField(help_text="Key of `texts`")
    label = LabelSerializer(help_text="What readers see as its heading")
    required = serializers.BooleanField(help_text="Must be written before you sign")
    text = serializers.CharField()


class ReportSerializer(serializers.Serializer):
    """What you have written, and what each part is called."""

    number = serializers.IntegerField(help_text="Of your latest save, 0 before the first")
    language = serializers.CharField()
    saved_at = serializers.DateTimeField(allow_null=True)
    parts = ReportPartSerializer(many=True)


class FirstReadView(StudyDoor):
    """``/api/studies/<id>/first-read``."""

    doors = {"GET": Door(access.STUDY, Scope.READ), "POST": Door(access.REVIEW, Scope.REVIEW)}

    @extend_schema(operation_id="studies_first_read", responses={200: FirstReadStateSerializer, **ERRORS})
    def get(self, request: Request, study_id: UUID) -> Response:
        """Read whether your first impression is awaited, and which pictures there are to read."""
        study = self.study(study_id)
        own = first_read.of(request.user, study)
        return Response(
            {
                "needed": first_read.needed(request.user, study),
                "first_read": FirstReadSerializer(own).data if own else None,
                "pictures": _pictures(study),
            }
        )

    @extend_schema(
        operation_id="studies_commit_first_read",
        request=NewFirstReadSerializer,
        responses={201: FirstReadSerializer, 409: ProblemsSerializer, **ERRORS},
    )
    def post(self, request: Request, study_id: UUID) -> Response:
        """Commit what you see before the answer; it cannot be changed afterwards."""
        sent = NewFirstReadSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        kept = first_read.commit(user=request.user, study=self.study(study_id, None), **sent.validated_data)
        return Response(FirstReadSerializer(kept).data, status=status.HTTP_201_CREATED)


class ReportView(StudyDoor):
    """``/api/studies/<id>/report``."""

    doors = {"GET": Door(access.STUDY, Scope.READ), "PUT": Door(access.REVIEW, Scope.REVIEW)}

    @extend_schema(operation_id="studies_report", responses={200: ReportSerializer, **ERRORS})
    def get(self, request: Request, study_id: UUID) -> Response:
        """Read what you have written so far, part by part."""
        return Response(_report(self.study(study_id), request))

    @extend_schema(
        operation_id="studies_write_report",
        request=NewReportSerializer,
        responses={200: ReportSerializer, 409: ProblemsSerializer, **ERRORS},
    )
    def put(self, request: Request, study_id: UUID) -> Response:
        """Save your report; your signature stands for the latest save.

        With `seen`, 409 when another save of yours came in between: read the report again and merge.
        """
        sent = NewReportSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        study = self.study(study_id, None)
        reading.save(
            user=request.user,
            study=study,
            values=sent.validated_data["texts"],
            language=sent.validated_data["language"],
            seen=sent.validated_data["seen"],
        )
        return Response(_report(study, request))


def _pictures(study: Study) -> list[str]:
    if study.prediction is None:
        return []
    names = study.prediction.artefacts.order_by("name").values_list("name", flat=True)
    return [name for name in names if first_read.shown_blind(name)]


def _report(study: Study, request: Request) -> dict[str, Any]:
    working = reading.working(request.user, study, request.user.language or "en")
    report = {
        "number": working.number,
        "language": working.language,
        "saved_at": working.saved_at,
        "parts": [
            {
                "name": field.name,
                "label": field.label.as_json(),
                "required": field.required,
                "text": working.fields[field.name],
            }
            for field in study.contract.reading
        ],
    }
    return ReportSerializer(report).data
