"""What of a patient this room erases: the answers of shadows, and which version a study went to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from patients.erasure import Archive, Shredder, Subject, register
from predictions.deployments.models import Allocation, ShadowAnswer
from predictions.shredders import studies


def _shadow_answers(subject: Subject) -> Sequence[QuerySet[Any]]:
    return [ShadowAnswer.objects.order_by().filter(study__in=studies(subject))]


def _allocations(subject: Subject) -> Sequence[QuerySet[Any]]:
    return [Allocation.objects.filter(study__in=studies(subject))]


def _export(name: str, rows: Any) -> Any:
    def export(subject: Subject, archive: Archive) -> None:
        archive.put(f"{name}.json", [list(found.values()) for found in rows(subject)])

    return export


def register_all() -> None:
    """Register with :mod:`patients.erasure`; both go before the studies they refer to."""
    register(
        Shredder(
            "shadow_answers", _("Answers of versions on trial, which no reader saw"), 45, _shadow_answers,
            (ShadowAnswer,), export=_export("shadow_answers", _shadow_answers),
        )
    )  # fmt: skip
    register(
        Shredder(
            "allocations", _("Which version on trial a study went to"), 46, _allocations, (Allocation,),
            export=_export("allocations", _allocations),
        )
    )  # fmt: skip
