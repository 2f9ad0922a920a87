"""Events, their payloads and the chain of seals over them.

An event row is written in the transaction of the change it describes; ``seal.py`` chains committed
events later. A payload can be erased without breaking the chain: the seal commits to its salted hash.
"""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Action(models.TextChoices):
    """What was done."""

    LOGIN = "login", _("logged in")
    LOGOUT = "logout", _("logged out")
    LOGIN_FAILED = "login_failed", _("failed to log in")
    REFUSED = "refused", _("was refused")
    SEARCH = "search", _("searched")
    CREATE = "create", _("created")
    VIEW = "view", _("opened")
    UPDATE = "update", _("changed")
    DOWNLOAD = "download", _("downloaded")
    SUBMIT = "submit", _("submitted")
    RETRY = "retry", _("submitted again")
    PREDICT = "predict", _("analysed")
    EXPLAIN = "explain", _("explained")
    REFUSE_INPUT = "refuse_input", _("refused the input of")
    FAIL = "fail", _("failed to analyse")
    REVIEW = "review", _("reviewed")
    SIGN = "sign", _("signed")
    AMEND = "amend", _("amended")
    UPLOAD = "upload", _("uploaded")
    TRAIN = "train", _("trained")
    ACCEPT = "accept", _("accepted")
    REJECT = "reject", _("did not accept")
    SERVE = "serve", _("put into service")
    ROLL_BACK = "roll_back", _("returned to the former version")
    DISCARD = "discard", _("deleted")
    BREAK_GLASS = "break_glass", _("opened in an emergency")
    END_ACCESS = "end_access", _("ended the emergency access to")
    REAUTHENTICATE = "reauthenticate", _("confirmed who they are")
    LOCK = "lock", _("was locked out of")
    EXPORT = "export", _("exported")
    HOLD = "hold", _("put under legal hold")
    RELEASE = "release", _("released from legal hold")
    REQUEST = "request", _("asked for")
    APPROVE = "approve", _("approved")
    DECLINE = "decline", _("declined")
    ERASE = "erase", _("erased")
    ISSUE = "issue", _("issued")
    REVOKE = "revoke", _("revoked")
    DEPLOY = "deploy", _("began to run")
    WITHDRAW = "withdraw", _("ended the running of")
    REPLAY = "replay", _("replayed")
    BACK_UP = "back_up", _("backed up")
    RESTORE = "restore", _("restored")
    ADMIN = "admin", _("administered")


class Event(models.Model):
    """One thing somebody did; never changed, never deleted (triggers see to it)."""

    at = models.DateTimeField()
    action = models.CharField(max_length=20, choices=Action)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    actor_label = models.CharField(max_length=150)
    role = models.CharField(max_length=20, blank=True)
    patient = models.UUIDField(null=True)
    study = models.UUIDField(null=True, db_index=True)
    kind = models.CharField(max_length=40, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    address = models.GenericIPAddressField(null=True)
    request = models.CharField(max_length=32, blank=True)
    payload_hash = models.CharField(max_length=64, blank=True, help_text="Empty without a payload")
    emergency = models.UUIDField(null=True, help_text="The emergency access under which it was done, if any")
    token = models.CharField(
        max_length=40, blank=True, default="", db_default="", help_text="Id of the token that called, if any"
    )

    class Meta:
        ordering = ["id"]
        # Pages walk backwards by id, so each filter needs its column with the id behind it.
        indexes = [
            models.Index(fields=["actor", "id"]),
            models.Index(fields=["patient", "id"]),
            models.Index(fields=["at"]),
            models.Index(
                fields=["id"], condition=models.Q(emergency__isnull=False), name="audit_event_emergency"
            ),
        ]


class Payload(models.Model):
    """Details of an event, kept apart so that an erasure leaves the chain intact.

    ``content`` is text, not a JSON column: PostgreSQL would store ``1e20`` in its own way and the hash
    over it would no longer agree.
    """

    event = models.OneToOneField(Event, on_delete=models.PROTECT, related_name="payload")
    salt = models.CharField(max_length=64)
    content = models.TextField(help_text="Canonical JSON, exactly as it was hashed")

    @property
    def data(self) -> dict[str, Any]:
        """The details as they were recorded."""
        return json.loads(self.content)


class Redaction(models.Model):
    """A payload that was deleted in good order: the triggers let no other go.

    The event that records the redaction commits to the ids of all the payloads it took, so that a row
    smuggled in here shows.
    """

    event = models.OneToOneField(Event, on_delete=models.PROTECT, related_name="redaction")
    by = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="redacted")


class Waiting(models.Model):
    """An event that no seal covers yet: written with the event, removed with its sealing.

    With it the sealer never has to search the whole table for gaps that transactions leave when they
    commit out of the order of their ids.
    """

    event = models.OneToOneField(Event, primary_key=True, on_delete=models.PROTECT, related_name="waiting")


class Seal(models.Model):
    """One link of the chain: position, event, the previous hash and its own."""

    position = models.BigIntegerField(unique=True)
    event = models.OneToOneField(Event, on_delete=models.PROTECT, related_name="seal")
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)
    sealed_at = models.DateTimeField()

    class Meta:
        ordering = ["position"]


class Head(models.Model):
    """The end of the chain, kept apart from it: one row, so that links cut off the end are missed."""

    position = models.BigIntegerField()
    event = models.BigIntegerField(help_text="Id of the last event sealed; a number, as the event may vanish")
    hash = models.CharField(max_length=64)


class Anchor(models.Model):
    """What was signed about the chain, to be kept where nobody who can change the database can reach."""

    number = models.BigIntegerField(unique=True)
    position = models.BigIntegerField(help_text="Of the last seal it covers")
    statement = models.TextField(help_text="One line of JSON, exactly as it was signed")
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["number"]


class AnchorTarget(models.Model):
    """A place outside where anchors go, and how far it got them."""

    name = models.CharField(max_length=500, unique=True)
    sent = models.BigIntegerField(default=0, help_text="Number of the last anchor it took")
    leased_until = models.DateTimeField(null=True, help_text="Until when one process alone sends to it")
    failures = models.PositiveIntegerField(default=0, help_text="In a row")
    failing_since = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=200, blank=True, help_text="Why the last attempt failed")


class Alarm(models.Model):
    """Something about the audit that somebody has to see to, from when it began until it was over."""

    code = models.CharField(max_length=40)
    begun_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-begun_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["code"], condition=models.Q(ended_at=None), name="one_open_alarm_of_a_kind"
            )
        ]


class Verification(models.Model):
    """What ``verify_audit`` found, for the line on the audit page."""

    at = models.DateTimeField()
    since = models.BigIntegerField(
        default=1, db_default=1, help_text="Seal it began with; only 1 walks the whole chain"
    )
    seals = models.BigIntegerField()
    finding = models.TextField(blank=True, help_text="The first bad row; empty when all was well")

    class Meta:
        ordering = ["-at"]
        get_latest_by = "at"
