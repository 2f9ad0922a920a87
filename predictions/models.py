"""A study and everything that happens to it: files, predictions, explanations, reviews, signatures."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from clinic.accounts.models import Unit
from ml import registry
from ml.contracts import Contract, Problem
from patients.models import Encounter, Patient
from predictions.states import State

# What the haemorrhage model predicts: 1000 mL or more within 24 hours.
SEVERE_ML = 1000


class Study(models.Model):
    """One question put to one algorithm about one patient."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    algorithm = models.CharField(max_length=40)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="studies")
    encounter = models.ForeignKey(
        Encounter, null=True, blank=True, on_delete=models.PROTECT, related_name="studies"
    )
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="studies")
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="studies"
    )
    submitted_at = models.DateTimeField()
    idempotency_key = models.CharField(max_length=64)
    fingerprint = models.CharField(
        max_length=64, help_text="Of what was sent: the same key must bring the same"
    )
    values = models.JSONField(default=dict, help_text="Checked field values of a form")
    options = models.JSONField(default=dict, help_text="Choices of the sender, such as channel names")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    problems = models.JSONField(default=list, help_text="Why it was refused or failed")
    warnings = models.JSONField(default=list, help_text="What intake noticed and a reader should know")
    answer = models.JSONField(null=True, help_text="What a refusal can say all the same; never a score")
    attempts = models.PositiveSmallIntegerField(default=0)
    deaths = models.PositiveSmallIntegerField(default=0, help_text="Workers lost while analysing it")
    lease = models.UUIDField(null=True, editable=False, help_text="Who is analysing it")
    lease_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True, help_text="When its message last went to the broker")
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-submitted_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["submitted_by", "idempotency_key"], name="one_study_per_idempotency_key"
            )
        ]
        indexes = [models.Index(fields=["state", "lease_until"]), models.Index(fields=["unit", "state"])]

    @property
    def contract(self) -> Contract:
        """The contract of its algorithm."""
        return registry.contract(self.algorithm)

    @property
    def file(self) -> StudyFile | None:
        """The first file sent, none for a form."""
        return next(iter(self.files.all()), None)

    @property
    def prediction(self) -> Prediction | None:
        """The answer that serves: the latest one."""
        return next(iter(self.predictions.all()), None)

    @property
    def problem_list(self) -> tuple[Problem, ...]:
        """The stored problems as dataclasses."""
        return tuple(Problem.from_json(problem) for problem in self.problems)


class StudyFile(models.Model):
    """One uploaded file of a study, under a generated name."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="files")
    number = models.PositiveSmallIntegerField(default=0, help_text="Place in the order sent, from 0")
    name = models.CharField(max_length=120, unique=True, help_text="Generated name in private storage")
    original_name = models.CharField(max_length=255, help_text="As sent; may identify, never logged")
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64, db_index=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["study", "number"], name="one_file_per_number"),
            # The same bytes twice are one image sent twice, never two views.
            models.UniqueConstraint(fields=["study", "sha256"], name="one_file_per_content"),
        ]


class Prediction(models.Model):
    """What one package answered for a study. Never changed once written."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="predictions")
    package_version = models.CharField(max_length=40)
    package_sha256 = models.CharField(max_length=64)
    result = models.JSONField()
    report = models.JSONField()
    problems = models.JSONField(default=list, help_text="Warnings that travel with the result")
    quality = models.JSONField(default=list)
    timings_ms = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "package_sha256"], name="one_prediction_per_study_and_package"
            )
        ]


class ExplanationStatus(models.TextChoices):
    """The explanation's own fate: its failure never loses a prediction."""

    OK = "ok", _("available")
    FAILED = "failed", _("failed")
    ABSENT = "absent", _("not computed")


class Explanation(models.Model):
    """Why the model said so."""

    prediction = models.OneToOneField(Prediction, on_delete=models.PROTECT, related_name="explanation")
    status = models.CharField(max_length=8, choices=ExplanationStatus)
    method = models.CharField(max_length=40, blank=True)
    sentence = models.JSONField(default=dict, help_text="In both languages")
    data = models.JSONField(default=dict)
    package_version = models.CharField(max_length=40)
    package_sha256 = models.CharField(max_length=64)


class StoredArtefact(models.Model):
    """A file the analysis produced (preview, heat map, signal), in private storage."""

    prediction = models.ForeignKey(Prediction, on_delete=models.PROTECT, related_name="artefacts")
    name = models.CharField(max_length=60)
    media_type = models.CharField(max_length=60)
    stored_name = models.CharField(max_length=120, unique=True)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["prediction", "name"], name="one_artefact_per_name")]


class Verdict(models.TextChoices):
    """What a reader thinks of a result."""

    AGREE = "agree", _("Agree")
    DISAGREE = "disagree", _("Disagree")
    CANNOT_ASSESS = "cannot_assess", _("Cannot assess")


class Reason(models.TextChoices):
    """Why a reader disagrees or cannot assess."""

    CLINICAL = "clinical", _("Clinical information the model does not have")
    POOR_INPUT = "poor_input", _("Poor input")
    FALSE_POSITIVE = "false_positive", _("Known false positive")
    PREFERENCE = "preference", _("Patient preference")
    OTHER = "other", _("Other")


class Impression(models.TextChoices):
    """What a reader sees in an X-ray before anything of the algorithm."""

    NORMAL = "normal", _("Normal")
    PNEUMONIA = "pneumonia", _("Pneumonia")
    OTHER = "other", _("Other abnormality")
    CANNOT_ASSESS = "cannot_assess", _("Cannot assess")


class Confidence(models.TextChoices):
    """How sure a reader is of a first impression."""

    SURE = "sure", _("Sure")
    FAIRLY = "fairly", _("Fairly sure")
    UNSURE = "unsure", _("Unsure")


class FirstRead(models.Model):
    """A reader's own impression, committed before the answer was shown to them; written once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="first_reads")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="first_reads")
    prediction = models.ForeignKey(
        Prediction, on_delete=models.PROTECT, related_name="first_reads", help_text="Which it preceded"
    )
    impression = models.CharField(max_length=14, choices=Impression)
    confidence = models.CharField(max_length=8, choices=Confidence)
    at = models.DateTimeField()

    class Meta:
        ordering = ["at"]
        constraints = [models.UniqueConstraint(fields=["study", "reader"], name="one_first_read_per_reader")]


class ReadingReport(models.Model):
    """One saved version of what somebody writes of a study; written once, the next save is the next row."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="reading_reports")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reading_reports"
    )
    number = models.PositiveIntegerField(help_text="1, and one more per save of this author")
    fields = models.JSONField(default=dict, help_text="By field of the contract's reading")
    language = models.CharField(max_length=2, choices=[("fr", "Français"), ("en", "English")])
    saved_at = models.DateTimeField()

    class Meta:
        ordering = ["saved_at", "number"]
        constraints = [
            models.UniqueConstraint(fields=["study", "author", "number"], name="one_reading_per_number")
        ]


class Review(models.Model):
    """One reader's opinion of one prediction; a changed mind is a new row."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    prediction = models.ForeignKey(Prediction, on_delete=models.PROTECT, related_name="reviews")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reviews")
    verdict = models.CharField(max_length=14, choices=Verdict)
    reason = models.CharField(max_length=14, choices=Reason, blank=True)
    comment = models.TextField(blank=True)
    changed_mind = models.BooleanField(
        null=True, help_text="Whether it departs from the first read; null without one, or when neither says"
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["created_at"]


class Signature(models.Model):
    """A signed version of a study's report; immutable. An amendment is the next version."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="signatures")
    version = models.PositiveSmallIntegerField()
    prediction = models.ForeignKey(Prediction, on_delete=models.PROTECT, related_name="signatures")
    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="signatures")
    signer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="signatures")
    signed_at = models.DateTimeField()
    amendment_reason = models.TextField(blank=True)
    reading = models.ForeignKey(
        ReadingReport,
        null=True,
        on_delete=models.PROTECT,
        related_name="signatures",
        help_text="The version of the written report that was signed; none where none is written",
    )
    first_read = models.ForeignKey(
        FirstRead, null=True, on_delete=models.PROTECT, related_name="signatures", help_text="The signer's"
    )
    content_version = models.PositiveSmallIntegerField(
        default=1, help_text="Which canonical content the hash is of: 2 holds report and first read"
    )
    content_sha256 = models.CharField(max_length=64, help_text="Of the canonical signed content")

    class Meta:
        ordering = ["version"]
        constraints = [models.UniqueConstraint(fields=["study", "version"], name="one_signature_per_version")]


class Amendment(models.Model):
    """A signed study opened again: who, when, why. The next signature closes it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    signature = models.OneToOneField(Signature, on_delete=models.PROTECT, related_name="amendment")
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="amendments"
    )
    opened_at = models.DateTimeField()
    reason = models.TextField()


class InquiryKind(models.TextChoices):
    """What is asked through the APIs kept compatible with the seeds."""

    SLEEP_EPOCH = "sleep_epoch", _("Stage of one epoch")
    SLEEP_MODEL = "sleep_model", _("Description of the sleep model")
    CREDIT = "credit", _("Credit applications")
    WHAT_IF = "what_if", _("What if an answer were another one")


class Inquiry(models.Model):
    """A short question, answered by a worker while the web process waits; then deleted."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=12, choices=InquiryKind)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(db_index=True)
    question = models.JSONField()
    answer = models.JSONField(null=True)
    problems = models.JSONField(default=list)
    answered_at = models.DateTimeField(null=True)


class LossMethod(models.TextChoices):
    """How blood loss was measured, the most exact first."""

    WEIGHED = "weighed", _("weighed")
    COLLECTOR = "collector", _("collector bag")
    ESTIMATED = "estimated", _("estimated by eye")


class BloodLoss(models.Model):
    """Blood lost within 24 hours of the birth of one encounter; a correction is the next row."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    encounter = models.ForeignKey(Encounter, on_delete=models.PROTECT, related_name="blood_losses")
    number = models.PositiveSmallIntegerField(help_text="1, and one more for each correction")
    millilitres = models.PositiveIntegerField()
    method = models.CharField(max_length=10, choices=LossMethod)
    measured_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()
    reason = models.TextField(blank=True, help_text="Why the row before it had to be corrected")

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["encounter", "number"], name="one_blood_loss_per_number")
        ]

    @property
    def severe(self) -> bool:
        """Whether it is what the model predicts."""
        return self.millilitres >= SEVERE_ML


class DocumentState(models.TextChoices):
    """How far a document is."""

    REQUESTED = "requested", _("being written")
    READY = "ready", _("ready")
    FAILED = "failed", _("failed")


class Document(models.Model):
    """A result written out for use outside: one kind, one language, one version (or the unsigned draft)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="documents")
    prediction = models.ForeignKey(Prediction, on_delete=models.PROTECT, related_name="documents")
    signature = models.ForeignKey(
        Signature,
        null=True,
        on_delete=models.PROTECT,
        related_name="documents",
        help_text="The signed version it shows; none for a draft",
    )
    kind = models.CharField(max_length=20, help_text="A kind of predictions.outputs.registry")
    language = models.CharField(max_length=2, choices=[("fr", "Français"), ("en", "English")])
    state = models.CharField(max_length=10, choices=DocumentState, default=DocumentState.REQUESTED)
    problems = models.JSONField(default=list, help_text="Why it failed")
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, help_text="When its message last went to the broker")
    stored_name = models.CharField(max_length=120, blank=True)
    media_type = models.CharField(max_length=60, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.BigIntegerField(default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["signature", "kind", "language"],
                condition=models.Q(signature__isnull=False),
                name="one_document_per_signed_version",
            )
        ]
        indexes = [models.Index(fields=["state", "sent_at"])]

    @property
    def problem_list(self) -> tuple[Problem, ...]:
        """The stored problems as dataclasses."""
        return tuple(Problem.from_json(problem) for problem in self.problems)


class Draft(models.Model):
    """A half-filled form, kept for whoever fills it in, so that a session may end in the middle of it."""

    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="drafts")
    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="drafts")
    algorithm = models.CharField(max_length=40)
    values = models.JSONField(default=dict, help_text="As typed, unchecked")
    saved_at = models.DateTimeField()

    class Meta:
        ordering = ["-saved_at"]
        constraints = [
            models.UniqueConstraint(fields=["author", "patient", "algorithm"], name="one_draft_per_form")
        ]
