"""Scoring a night through the API: how it stands, what a scorer does to it, and two scorings compared."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from clinic.accounts.roles import Scope
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import Refused
from predictions import access
from predictions.api.permissions import Door
from predictions.api.serializers import ProblemsSerializer
from predictions.api.studies import ERRORS, StudyDoor
from predictions.models import Kind, Origin, Study
from predictions.workspaces.sleep import checking, comparing, events, refusals, scoring, state

MOST = (1 << 31) - 1
STAGE = serializers.ChoiceField(choices=checking.VALUES)
SCORING = OpenApiParameter(
    "scoring",
    OpenApiTypes.UUID,
    description="A finished scoring that is open to you, or an earlier one of yours",
)
WHICH = [OpenApiParameter(name, OpenApiTypes.UUID) for name in ("first", "second")]


class MarkSerializer(serializers.Serializer):
    """An arousal or an artefact."""

    id = serializers.UUIDField(help_text="Of the event that set it")
    epoch = serializers.IntegerField(help_text="That it begins in, from 0")
    onset_s = serializers.FloatField(help_text="From the start of the recording")
    duration_s = serializers.FloatField(allow_null=True, help_text="Null where the whole epoch was marked")


class CommentSerializer(serializers.Serializer):
    """What was written beside an epoch."""

    id = serializers.UUIDField()
    epoch = serializers.IntegerField()
    text = serializers.CharField()


class ProgressSerializer(serializers.Serializer):
    """How much of what should be looked at first was looked at."""

    of = serializers.IntegerField(help_text="Epochs to look at first")
    seen = serializers.IntegerField(help_text="Of them paged to, or given a stage, be it the same one")
    left = serializers.ListField(child=serializers.IntegerField(), help_text="First to look at first")
    all_seen = serializers.IntegerField(help_text="Of the whole night")


class OtherSerializer(serializers.Serializer):
    """Who else scores the night."""

    id = serializers.UUIDField(allow_null=True, help_text="Null while you work apart")
    scorer = serializers.CharField()
    closed = serializers.BooleanField()


class ScoringSerializer(serializers.Serializer):
    """How a night stands for you."""

    scoring = serializers.UUIDField(allow_null=True, help_text="Yours; null before you begin")
    number = serializers.IntegerField(help_text="Of its last event")
    stages = serializers.ListField(child=STAGE, help_text="Per 30 s epoch from the start of the recording")
    changed = serializers.ListField(child=serializers.IntegerField(), help_text="Epochs unlike the draft")
    seen = serializers.ListField(child=serializers.IntegerField(), help_text="Epochs looked at")
    arousals = MarkSerializer(many=True)
    artefacts = MarkSerializer(many=True)
    comments = CommentSerializer(many=True)
    lights_off = serializers.FloatField(allow_null=True, help_text="Seconds from the start of the recording")
    lights_on = serializers.FloatField(allow_null=True)
    closed = serializers.BooleanField(help_text="Nothing can be added now")
    signed = serializers.BooleanField()
    may_score = serializers.BooleanField()
    can_undo = serializers.BooleanField()
    can_redo = serializers.BooleanField()
    scorer = serializers.CharField(allow_null=True, help_text="Whose it is; null for a draft")
    from_scorer = serializers.CharField(
        allow_null=True, help_text="Whose work it began with, or would begin with; null for a draft"
    )
    blind = serializers.BooleanField(allow_null=True, help_text="Begun without sight of another scoring")
    superseded = serializers.BooleanField(help_text="Made of an earlier analysis than the one that serves")
    statistics = serializers.DictField(help_text="Between lights off and lights on; minutes and percent")
    review = ProgressSerializer()
    others = OtherSerializer(many=True)

    def get_fields(self) -> dict[str, serializers.Field]:
        """Add ``from``, which cannot be an attribute of a class."""
        began = serializers.ChoiceField(choices=Origin.choices, help_text="What it began with")
        return super().get_fields() | {"from": began}


class NewScoringSerializer(serializers.Serializer):
    """What a scoring begins with."""

    def get_fields(self) -> dict[str, serializers.Field]:
        """Add ``from``, which cannot be an attribute of a class."""
        origin = serializers.CharField(
            required=False,
            allow_blank=True,
            default="",
            help_text="`draft`, `signed`, or the id of a finished scoring that is open to you; left out: "
            "what the scoring room shows you",
        )
        return super().get_fields() | {"from": origin}


class EventSerializer(serializers.Serializer):
    """One thing a scorer does; which fields count depends on its kind."""

    id = serializers.UUIDField(help_text="Your own id of it: sent again, it is the same event")
    kind = serializers.ChoiceField(choices=Kind.choices)
    epoch = serializers.IntegerField(required=False, min_value=0)
    value = serializers.ChoiceField(
        required=False,
        choices=(*checking.VALUES, *checking.ON_OFF),
        help_text="A stage, `?` for none; of a mark: on or off",
    )
    onset_s = serializers.FloatField(required=False, help_text="Of a mark of a stretch, with `duration_s`")
    duration_s = serializers.FloatField(required=False)
    seconds = serializers.FloatField(required=False, allow_null=True, help_text="Of lights off and lights on")
    text = serializers.CharField(required=False, max_length=checking.LONGEST_COMMENT, allow_blank=True)
    target = serializers.UUIDField(required=False, help_text="What to undo or redo; left out: the last act")
    at = serializers.DateTimeField(required=False, help_text="By your clock")


@extend_schema_field(EventSerializer)
class EventField(serializers.JSONField):
    """An event as it came: one that cannot be kept is refused by itself, not with its batch."""


class EventBatchSerializer(serializers.Serializer):
    """Events in the order they were done."""

    scoring = serializers.UUIDField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Left out: your open one, begun when there is none",
    )
    base = serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        min_value=0,
        max_value=MOST,
        help_text="Number of the last event you know of",
    )
    window = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=checking.LONGEST_WINDOW,
        help_text="Your own name of this client: undo and redo prefer what was done in it",
    )
    events = serializers.ListField(child=EventField(), min_length=1, max_length=refusals.MOST_EVENTS)


class RefusedEventSerializer(serializers.Serializer):
    """An event that was not kept, and why, in the language of the request."""

    id = serializers.CharField(allow_null=True)
    code = serializers.CharField()
    text = serializers.CharField()


class TakenSerializer(serializers.Serializer):
    """What became of a batch."""

    scoring = serializers.UUIDField()
    number = serializers.IntegerField()
    merged = serializers.BooleanField(
        help_text="Events you do not know of came in between: read the state again"
    )
    kept = serializers.ListField(child=serializers.UUIDField())
    refused = RefusedEventSerializer(many=True)
    closed = serializers.BooleanField()
    can_undo = serializers.BooleanField()
    can_redo = serializers.BooleanField()
    statistics = serializers.DictField()
    review = ProgressSerializer()


class EstimateSerializer(serializers.Serializer):
    """A figure with its 95 % interval."""

    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


class ComparedSerializer(serializers.Serializer):
    """One of the two scorings that are compared."""

    id = serializers.UUIDField()
    scorer = serializers.CharField()
    blind = serializers.BooleanField(help_text="Begun without sight of another scoring")
    from_scorer = serializers.CharField(allow_null=True, help_text="Whose work it began with")

    def get_fields(self) -> dict[str, serializers.Field]:
        """Add ``from``, which cannot be an attribute of a class."""
        began = serializers.ChoiceField(choices=Origin.choices, help_text="What it began with")
        return super().get_fields() | {"from": began}


class DifferenceSerializer(serializers.Serializer):
    """An epoch with two different stages."""

    epoch = serializers.IntegerField()
    first = STAGE
    second = serializers.ChoiceField(choices=checking.VALUES)


class ComparisonSerializer(serializers.Serializer):
    """Two finished scorings of one night, epoch by epoch; unscored epochs are left out of the figures."""

    scorings = ComparedSerializer(many=True)
    independent = serializers.BooleanField(help_text="Neither scorer saw the other’s work before theirs")
    dependence = serializers.CharField(allow_blank=True, help_text="Why they are not independent")
    epochs = serializers.IntegerField()
    left_out = serializers.IntegerField()
    kappa = EstimateSerializer()
    accuracy = EstimateSerializer()
    macro_f1 = EstimateSerializer()
    f1 = serializers.DictField(child=serializers.FloatField(allow_null=True))
    stages = serializers.ListField(child=serializers.CharField(), help_text="Order of rows and columns")
    confusion = serializers.ListField(child=serializers.ListField(child=serializers.IntegerField()))
    differ = serializers.ListField(child=serializers.IntegerField())
    list = DifferenceSerializer(many=True, help_text="Of the epochs that both scored: as many as `differ`")
    unscored = DifferenceSerializer(many=True, help_text="Epochs that one of the two left unscored")


class NightDoor(StudyDoor):
    """Base of the views on the scoring of one night."""

    def night(self, study_id: UUID) -> Study:
        """Return the study for the caller, who is recorded by what follows; of sleep, with a result."""
        study = self.study(study_id, None)
        if study.algorithm != scoring.ALGORITHM or study.prediction is None:
            raise Refused(refusals.NOT_A_NIGHT)
        return study

    def viewed(self, study: Study, kind: str, object_id: str = "") -> None:
        """Record that the caller looked at it."""
        record(
            Action.VIEW,
            actor=self.request.user,
            patient=study.patient_id,
            study=study.pk,
            kind=kind,
            object_id=object_id,
        )


class ScoringView(NightDoor):
    """``/api/studies/<id>/scoring``."""

    doors = {"GET": Door(access.STUDY, Scope.READ), "POST": Door(access.SCORING, Scope.REVIEW)}

    @extend_schema(
        operation_id="studies_scoring",
        parameters=[SCORING],
        responses={200: ScoringSerializer, 409: ProblemsSerializer, **ERRORS},
    )
    def get(self, request: Request, study_id: UUID) -> Response:
        """Read how a night stands for you, and how far other scorers are."""
        study = self.night(study_id)
        shown = state.of(request.user, study, _uuid(request, "scoring"))
        self.viewed(study, "scoring", shown["scoring"] or "")
        return Response(shown)

    @extend_schema(
        operation_id="studies_begin_scoring",
        request=NewScoringSerializer,
        responses={201: ScoringSerializer, 409: ProblemsSerializer, **ERRORS},
    )
    def post(self, request: Request, study_id: UUID) -> Response:
        """Begin a scoring; one that is open has to be closed first."""
        sent = NewScoringSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        study = self.night(study_id)
        begun = events.begin(user=request.user, study=study, origin=sent.validated_data["from"])
        return Response(state.of(request.user, study, begun.pk), status=status.HTTP_201_CREATED)


class ScoringEventsView(NightDoor):
    """``/api/studies/<id>/scoring/events``."""

    doors = {"POST": Door(access.SCORING, Scope.REVIEW)}

    @extend_schema(
        operation_id="studies_scoring_events",
        request=EventBatchSerializer,
        responses={200: TakenSerializer, 409: ProblemsSerializer, **ERRORS},
    )
    def post(self, request: Request, study_id: UUID) -> Response:
        """Keep what you did, in order; each event that cannot be kept is refused by itself."""
        sent = EventBatchSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        batch: dict[str, Any] = sent.validated_data
        taken = events.take(
            user=request.user,
            study=self.night(study_id),
            sent=batch["events"],
            scoring_id=batch["scoring"],
            base=batch["base"],
            window=batch["window"],
        )
        return Response(state.answer(taken))


class ScoringComparisonView(NightDoor):
    """``/api/studies/<id>/scoring/comparison``."""

    doors = {"GET": Door(access.STUDY, Scope.READ)}

    @extend_schema(
        operation_id="studies_scoring_comparison",
        parameters=WHICH,
        responses={200: ComparisonSerializer, 409: ProblemsSerializer, **ERRORS},
    )
    def get(self, request: Request, study_id: UUID) -> Response:
        """Compare two scorings once both are finished: those made apart, unless you name two."""
        study = self.night(study_id)
        first, second = (_uuid(request, name) for name in ("first", "second"))
        compared = comparing.compare(request.user, study, first, second)
        self.viewed(study, "scoring_comparison")
        return Response(compared)


def _uuid(request: Request, name: str) -> UUID | None:
    """Return an id from the query, or raise ``ValidationError`` with its name."""
    if name not in request.query_params:
        return None
    field = serializers.UUIDField()
    try:
        return field.run_validation(request.query_params[name])
    except serializers.ValidationError as error:
        raise serializers.ValidationError({name: error.detail}) from error
