"""Units of the hospital and the members of staff who work in them."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from clinic.accounts.attempts import Attempts, LastCode
from clinic.accounts.roles import CLINICAL, Role, Scope

__all__ = ["ApiToken", "Attempts", "LastCode", "Notice", "Unit", "User"]


class Unit(models.Model):
    """A ward, room or laboratory: the border of who sees which patient."""

    code = models.SlugField(unique=True)
    name_fr = models.CharField(max_length=100)
    name_en = models.CharField(max_length=100)
    incidence = models.FloatField(
        null=True,
        blank=True,
        help_text=_("The unit's own incidence of the predicted outcome, between 0 and 1"),
    )
    flag_share = models.FloatField(
        null=True, blank=True, help_text=_("The share of patients the unit wants flagged, between 0 and 1")
    )
    prevalence = models.FloatField(
        null=True,
        blank=True,
        help_text=_("The share of patients sent to the unit who have what is looked for, between 0 and 1"),
    )

    leads = models.ManyToManyField(
        "accounts.User",
        blank=True,
        related_name="leads",
        help_text=_("Who is told when somebody opens a record of the unit in an emergency"),
    )

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name_fr if (get_language() or "").startswith("fr") else self.name_en


class User(AbstractUser):
    """A member of staff.

    Attributes
    ----------
    token_scopes
        What the token they came with was issued for; ``None`` for whoever came with a session. Not stored:
        it is of one request.
    """

    token_scopes: frozenset[str] | None = None

    role = models.CharField(max_length=20, choices=Role)
    units = models.ManyToManyField(Unit, blank=True, related_name="staff")
    language = models.CharField(max_length=2, blank=True, choices=[("fr", "Français"), ("en", "English")])
    demo = models.BooleanField(default=False, help_text=_("Made by the demo; refused in production"))
    temporary_password = models.BooleanField(
        default=False, help_text=_("Must be changed before anything else can be done")
    )
    session_generation = models.PositiveIntegerField(
        default=0, help_text="Counted up to end every session at once"
    )

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Bind a session to the password, as Django does, and to the generation of sessions."""
        bound = f"{self.session_generation} {self.password}"
        return salted_hmac("clinic.accounts.session", bound, secret=secret, algorithm="sha256").hexdigest()

    @property
    def clinical(self) -> bool:
        """Whether this person cares for patients."""
        return self.role in CLINICAL

    @property
    def label(self) -> str:
        """The name shown beside what this person did."""
        return self.get_full_name() or self.username


class ApiToken(models.Model):
    """What a program logs in with for a member of staff; the secret itself is kept nowhere."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="tokens")
    name = models.CharField(max_length=60)
    scopes = models.JSONField()
    secret_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256 of 256 random bits")
    hint = models.CharField(max_length=4, help_text="The end of the secret, to tell tokens apart")
    issued_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    warned_at = models.DateTimeField(
        null=True, blank=True, help_text="When the owner was told of its coming end"
    )
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-issued_at"]
        indexes = [models.Index(fields=["owner", "expires_at"])]

    def __str__(self) -> str:
        return f"{self.name} …{self.hint}"

    def serves(self, at: datetime) -> bool:
        """Whether it still opens anything."""
        return self.revoked_at is None and self.expires_at > at

    @property
    def serving(self) -> bool:
        """The same, now."""
        return self.serves(timezone.now())

    @property
    def scope_labels(self) -> list[str]:
        """The words of its scopes, in the language of the moment."""
        return [str(scope.label) for scope in Scope if scope.value in self.scopes]


class Notice(models.Model):
    """Something a member of staff has to know; kept after they have acknowledged it."""

    recipient = models.ForeignKey(User, on_delete=models.PROTECT, related_name="notices")
    at = models.DateTimeField(auto_now_add=True)
    text = models.JSONField(help_text="In both languages; it names no patient")
    link = models.CharField(max_length=200, blank=True)
    about = models.CharField(
        max_length=64, blank=True, help_text="kind:id of the record, named when it is read"
    )
    acknowledged_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["recipient", "acknowledged_at"])]
