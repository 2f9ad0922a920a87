"""System checks of the audit's settings, run before every command and deployment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from clinic.audit import retention
from clinic.audit.anchors.targets import FileTarget, configured


@register(Tags.security)
def anchors_can_be_sent(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse targets that cannot be read, and none at all."""
    try:
        targets = configured()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="audit.E001")]
    if not targets:
        return [
            Error(
                "VIGIE_AUDIT_ANCHORS names no place for the anchors of the audit: nobody could show that its "
                "chain was made anew.",
                hint="Name at least a file: VIGIE_AUDIT_ANCHORS=file:/path/anchors.jsonl",
                id="audit.E002",
            )
        ]
    return []


@register(Tags.security)
def nothing_is_kept_for_less(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse a setting that would keep the details of events for less than is laid down."""
    return [Error(problem, id="audit.E003") for problem in retention.problems()]


@register(Tags.security, deploy=True)
def anchors_leave_the_machine(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Warn of a production whose anchors lie beside the database alone, unless somebody accepted that."""
    try:
        targets = configured()
    except ImproperlyConfigured:
        return []
    if not settings.PRODUCTION or settings.AUDIT_LOCAL_ANCHORS_ACCEPTED:
        return []
    if not all(isinstance(target, FileTarget) for target in targets):
        return []
    return [
        Warning(
            "Anchors of the audit go to files of this machine alone: whoever takes it over can rewrite both.",
            hint="Add a syslog server or a web address to VIGIE_AUDIT_ANCHORS, or say that it is accepted: "
            "VIGIE_ALLOW_LOCAL_ANCHORS=yes.",
            id="audit.W001",
        )
    ]
