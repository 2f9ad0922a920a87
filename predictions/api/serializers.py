"""What travels in and out, from which the OpenAPI description is made."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from clinic.accounts.roles import Scope
from ml import registry
from patients.models import Patient, Research, Sex
from patients.validators import validate_birth_date, validate_name, validate_record_number
from predictions import intake, reading, selectors
from predictions.models import (
    GIVEN_REASONS,
    FirstRead,
    Prediction,
    ReportedHypnogram,
    Review,
    Signature,
    Study,
    Verdict,
)
from predictions.stewardship import taken_back
from predictions.workspaces.sleep import reported, scoring


class ProblemSerializer(serializers.Serializer):
    """One reason, in the language of the request."""

    code = serializers.CharField()
    message = serializers.CharField()
    field = serializers.CharField(allow_blank=True)
    severity = serializers.ChoiceField(choices=["refuse", "warn"])


class ProblemsSerializer(serializers.Serializer):
    """Every error has this shape."""

    problems = ProblemSerializer(many=True)


class CredentialsSerializer(serializers.Serializer):
    """Log-in of a program."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=256, trim_whitespace=False)
    code = serializers.CharField(
        max_length=16, required=False, allow_blank=True, default="", help_text="Second factor"
    )
    scopes = serializers.MultipleChoiceField(
        choices=Scope.choices,
        default=(Scope.READ, Scope.SUBMIT, Scope.REVIEW),
        allow_empty=False,
        help_text="What the token is for; one for `sign` or `emergency` lives 15 minutes, one for `export` "
        "an hour, others 12 hours",
    )
    name = serializers.CharField(
        max_length=60, default="api", help_text="By which you will know the token again"
    )


class TokenSerializer(serializers.Serializer):
    """To be sent as ``Authorization: Token ...``."""

    token = serializers.CharField(help_text="Shown this once")
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices))
    expires_at = serializers.DateTimeField()


class PatientSerializer(serializers.ModelSerializer):
    """A patient as the record holds them."""

    units = serializers.SlugRelatedField(slug_field="code", many=True, read_only=True)

    class Meta:
        model = Patient
        fields = (
            "id",
            "record_number",
            "family_name",
            "given_name",
            "birth_date",
            "sex",
            "units",
            "research",
            "research_at",
        )


class NewPatientSerializer(serializers.Serializer):
    """A patient to be created in units of the caller."""

    record_number = serializers.CharField(max_length=32, validators=[validate_record_number])
    family_name = serializers.CharField(max_length=100, validators=[validate_name])
    given_name = serializers.CharField(max_length=100, validators=[validate_name])
    birth_date = serializers.DateField(validators=[validate_birth_date])
    sex = serializers.ChoiceField(choices=Sex.choices)
    units = serializers.ListField(child=serializers.SlugField(), allow_empty=False, max_length=10)
    research = serializers.ChoiceField(
        choices=Research.choices,
        default=Research.UNKNOWN,
        help_text="What the patient, once told, says of learning from their data without their name",
    )


class ResearchSerializer(serializers.Serializer):
    """What a patient says of learning from their data."""

    research = serializers.ChoiceField(choices=Research.choices, required=False)


class PatientSearchSerializer(serializers.Serializer):
    """What is known of the person sought."""

    name = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    record_number = serializers.CharField(max_length=32, required=False, allow_blank=True, default="")
    birth_date = serializers.DateField(required=False, allow_null=True, default=None)


@extend_schema_field(OpenApiTypes.BINARY)
class UploadField(serializers.FileField):
    """A file in a multipart body, described as bytes and not as the address it would be read from."""


class NewStudySerializer(serializers.Serializer):
    """A question to an algorithm: ``values`` for a form, ``file`` (multipart) for a recording or images."""

    algorithm = serializers.CharField(max_length=40)
    patient = serializers.UUIDField()
    encounter = serializers.UUIDField(
        required=False,
        allow_null=True,
        default=None,
        help_text="The stay; when left out, the one that goes on in the unit of the algorithm, which the "
        "answer names. An assessment of a birth that has none is taken with the warning `no_stay`",
    )
    values = serializers.JSONField(required=False, default=dict)
    options = serializers.JSONField(
        required=False,
        default=dict,
        help_text="For a recording, which channel is what by its label: frontal, posterior, eog, emg, spo2, "
        'flow; "A − B" is a difference, "none" leaves one out. Without any, as the unit confirmed it for '
        "these labels before, else by the labels alone.",
    )
    confirm_mapping = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Say true only where a person looked at the channels that `options` name: the unit then "
        "remembers them, in your name, for recordings with the same labels",
    )
    file = serializers.ListField(
        child=UploadField(allow_empty_file=True, max_length=None),
        required=False,
        help_text="Repeat the field for each image of one X-ray study, at most as many as `max_files` of the "
        "algorithm; the order is kept, and problems name a file by its place",
    )


class StudySerializer(serializers.ModelSerializer):
    """Where a study is on its journey."""

    unit = serializers.SlugRelatedField(slug_field="code", read_only=True)
    submitted_by = serializers.SlugRelatedField(slug_field="username", read_only=True)
    position = serializers.SerializerMethodField(help_text="Place in the queue, 0 once it runs")
    repeated_by = serializers.SerializerMethodField(help_text="Studies that analyse its files again")
    problems = serializers.SerializerMethodField(
        help_text="Severity `refuse`: why it was refused or failed. Severity `warn`: what was unusual about "
        "what you sent (a value outside the usual limits, no stay); it was taken without asking back, so "
        "show it to whoever typed it"
    )

    class Meta:
        model = Study
        fields = (
            "id", "algorithm", "patient", "encounter", "unit", "submitted_by", "submitted_at", "state",
            "position", "problems", "attempts", "started_at", "finished_at", "repeats", "repeats_with",
            "repeated_by",
        )  # fmt: skip

    def get_repeated_by(self, study: Study) -> list[UUID]:
        """Return which studies analyse its files again."""
        return [one.pk for one in study.repetitions.all()]

    def get_position(self, study: Study) -> int:
        """Return the place in the queue."""
        return selectors.position(study)

    def get_problems(self, study: Study) -> list[dict[str, Any]]:
        """Return why it was refused or failed, and what was unusual about it, in both languages."""
        return [*study.problems, *intake.noticed(study)]


def _parts() -> dict[str, dict[str, Any]]:
    """Return the parts of every report that a reader writes, as properties of an object."""
    return {
        field.name: {
            "type": "string",
            "maxLength": reading.LONGEST,
            "description": f"{field.label.en} ({contract.name})"
            + (", needed to sign" if field.required else ""),
        }
        for contract in registry.contracts(clinical=True)
        for field in contract.reading
    }


REPORT_TEXTS = {"type": "object", "properties": _parts(), "additionalProperties": False}


class FirstReadSerializer(serializers.ModelSerializer):
    """What a reader saw before the answer."""

    reader = serializers.SlugRelatedField(slug_field="username", read_only=True)

    class Meta:
        model = FirstRead
        fields = ("reader", "impression", "confidence", "at")


class ReviewSerializer(serializers.ModelSerializer):
    """An opinion on a result."""

    author = serializers.SlugRelatedField(slug_field="username", read_only=True)

    class Meta:
        model = Review
        fields = ("id", "author", "verdict", "reason", "comment", "changed_mind", "created_at")


class NewReviewSerializer(serializers.Serializer):
    """An opinion to give."""

    verdict = serializers.ChoiceField(choices=Verdict.choices)
    reason = serializers.ChoiceField(choices=GIVEN_REASONS, required=False, allow_blank=True, default="")
    comment = serializers.CharField(required=False, allow_blank=True, default="", max_length=10_000)


class NewSignatureSerializer(serializers.Serializer):
    """What a signer knows; the body may be left out."""

    later = serializers.UUIDField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Id of the latest assessment of the same stay, when this is an earlier one that is signed "
        "nevertheless; without it the answer is 422 with the code `superseded`",
    )
    hypnogram = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=64,
        help_text="Of a night, which one you sign: `draft`, `signed` (as the version before an amendment), "
        "or the id of a scoring; left out, your own scoring, else the only finished one, else the draft. "
        "With several to choose from the answer is 422 with the code `hypnogram_choice`, for a scoring "
        "that is not closed yet `hypnogram_not_finished`",
    )
    assessment = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=10_000,
        help_text="Under a silent evaluation, your own assessment: the answer is shown once you signed. "
        "Needed for a form; without it the answer is 422 with the code `assessment_missing`",
    )


class SignedHypnogramSerializer(serializers.ModelSerializer):
    """The hypnogram that was signed, and how far the draft agrees with it."""

    scorer = serializers.CharField(
        source="scoring.scorer.username", default=None, help_text="Null where the draft was signed"
    )

    class Meta:
        model = ReportedHypnogram
        fields = ("scorer", "scoring", "content", "agreement")


class SignatureSerializer(serializers.ModelSerializer):
    """A signed version, with the report that its signer wrote."""

    signer = serializers.SlugRelatedField(slug_field="username", read_only=True)
    report = serializers.SerializerMethodField(help_text="Text by part, empty where none is written")
    hypnogram = SignedHypnogramSerializer(allow_null=True, help_text="Of a night; null for other studies")

    class Meta:
        model = Signature
        fields = (
            "version", "signer", "signed_at", "amendment_reason", "report", "hypnogram", "content_sha256",
        )  # fmt: skip

    @extend_schema_field(REPORT_TEXTS)
    def get_report(self, signature: Signature) -> dict[str, str]:
        """Return what was written and signed."""
        return signature.reading.fields if signature.reading else {}


class ReportedNightSerializer(serializers.Serializer):
    """What is reported of a night, as its page shows it to the caller: the stages of a person or the draft's.

    ``result`` and ``report`` beside it are the draft's, whatever became of it since.
    """

    source = serializers.ChoiceField(choices=["draft", "scoring"], help_text="A person's scoring or none")
    state = serializers.ChoiceField(
        choices=["open", "closed", "signed"],
        help_text="`open`: not signed, and no scorer finished it; `closed`: a scorer did; `signed`",
    )
    scorer = serializers.CharField(allow_null=True, help_text="Username; null for the draft")
    scoring = serializers.UUIDField(allow_null=True)
    headline = serializers.DictField(child=serializers.CharField(), help_text="In both languages")
    stages = serializers.ListField(child=serializers.CharField(), help_text="W, N1, N2, N3, R, ? per epoch")
    lights_off = serializers.FloatField(allow_null=True, help_text="Seconds from the start of the recording")
    lights_on = serializers.FloatField(allow_null=True)
    arousals = serializers.ListField(child=serializers.DictField())
    artefacts = serializers.ListField(child=serializers.DictField())
    statistics = serializers.DictField(help_text="Of these stages between these lights, as in `result`")


class AmendmentSerializer(serializers.Serializer):
    """Why a signed study is opened again."""

    reason = serializers.CharField(max_length=2000)


class ResultSerializer(serializers.ModelSerializer):
    """An answer with its reasons, the package that gave it, and what people made of it."""

    study = serializers.UUIDField(source="study_id")
    status = serializers.SerializerMethodField(help_text="draft until signed")
    reported = serializers.SerializerMethodField(
        help_text="Of a night, what stands signed, else what is scored if it is open to you, else the draft; "
        "null for other studies"
    )
    problems = serializers.SerializerMethodField(
        help_text="Warnings that belong to the answer; `version_taken_back` once people went back from its "
        "version: have it analysed or assessed again before it is signed"
    )
    explanation = serializers.SerializerMethodField()
    artefacts = serializers.SerializerMethodField()
    first_reads = FirstReadSerializer(source="study.first_reads", many=True)
    reviews = ReviewSerializer(many=True)
    signatures = SignatureSerializer(source="study.signatures", many=True)

    class Meta:
        model = Prediction
        fields = (
            "study", "status", "package_version", "package_sha256", "reported", "result", "report",
            "problems", "quality", "explanation", "artefacts", "first_reads", "reviews", "signatures",
            "timings_ms", "created_at",
        )  # fmt: skip
        extra_kwargs = {
            "result": {"help_text": "Of the algorithm. Of a night it is the draft's: see `reported`"},
            "report": {"help_text": "The same in words, of a night the draft's"},
        }

    def get_status(self, prediction: Prediction) -> str:
        """Return ``signed`` or ``draft``."""
        return "signed" if prediction.study.state == "signed" else "draft"

    @extend_schema_field(ReportedNightSerializer(allow_null=True))
    def get_reported(self, prediction: Prediction) -> dict[str, Any] | None:
        """Return what stands of a night for the caller."""
        if prediction.study.algorithm != scoring.ALGORITHM:
            return None
        return reported.of(self.context["user"], prediction.study)

    @extend_schema_field(ProblemSerializer(many=True))
    def get_problems(self, prediction: Prediction) -> list[dict[str, Any]]:
        """Return what the algorithm warned of, and what became of its version since."""
        mark = taken_back.mark(prediction.study)
        return [*prediction.problems, *([mark.as_json()] if mark else ())]

    def get_explanation(self, prediction: Prediction) -> dict[str, Any]:
        """Return the explanation with its own status."""
        explanation = prediction.explanation
        return {
            "status": explanation.status,
            "method": explanation.method,
            "sentence": explanation.sentence,
            "data": explanation.data,
        }

    def get_artefacts(self, prediction: Prediction) -> list[dict[str, Any]]:
        """Return the files of the answer by name."""
        return list(prediction.artefacts.values("name", "media_type", "size", "sha256"))


class AlgorithmSerializer(serializers.Serializer):
    """An algorithm and the package that serves."""

    name = serializers.CharField()
    title = serializers.DictField()
    purpose = serializers.DictField()
    input_kind = serializers.CharField()
    unit = serializers.CharField(allow_blank=True)
    version = serializers.CharField(allow_blank=True)
    sha256 = serializers.CharField(allow_blank=True)
    queue = serializers.CharField()
    submit_roles = serializers.ListField(child=serializers.CharField())
    sign_roles = serializers.ListField(child=serializers.CharField())
    suffixes = serializers.ListField(child=serializers.CharField())
    upload_bytes = serializers.IntegerField(help_text="Of one file at most")
    study_bytes = serializers.IntegerField(help_text="Of all files of a study together at most")
    max_files = serializers.IntegerField(help_text="Files that one study may bring; 0 for a form")
    form = serializers.ListField(child=serializers.DictField(), help_text="Fields of the form, in order")
