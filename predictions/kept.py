"""Whether every package that gave an answer is still here, to give it again; see :mod:`ml.package_upkeep`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Tags, Warning, register

from clinic.checks import tables
from ml import package as packages
from ml import package_upkeep
from ml.package import BrokenPackage
from ml.package_upkeep import Copy
from predictions.models import Prediction

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answered:
    """A package that answers name by its hash."""

    algorithm: str
    version: str
    sha256: str

    @property
    def told(self) -> dict[str, str]:
        """What the log says of it."""
        return {"algorithm": self.algorithm, "version": self.version, "package": self.sha256}

    def __str__(self) -> str:
        return f"{self.algorithm} {self.version} ({self.sha256})"


def without_copy() -> list[Answered]:
    """Return every package that gave an answer and of which no copy lies among the kept ones."""
    rows = Prediction.objects.order_by().values_list("study__algorithm", "package_version", "package_sha256")
    named = (Answered(*row) for row in rows.distinct())
    return sorted((one for one in named if not package_upkeep.is_kept(one.sha256)), key=str)


def gone() -> list[Answered]:
    """Return those of which nothing is left here: neither a copy nor what it was a copy of."""
    return [one for one in without_copy() if not packages.is_here(one.algorithm, one.sha256)]


def look() -> None:
    """Keep anew what lost its copy, and say of what this cannot be done; a duty of the watch."""
    for one in without_copy():
        try:
            made = package_upkeep.mend(packages.by_sha256(one.algorithm, one.sha256))
        except BrokenPackage:
            here = packages.is_here(one.algorithm, one.sha256)
            log.error("package not kept" if here else "package of answers gone", extra=one.told)
            continue
        if made is not Copy.NOT_WRITTEN:
            log.warning("package kept anew", extra=one.told)


@register(Tags.database)
def answers_can_be_given_again(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Name the packages of answers of which nothing is left here."""
    # Before the first migration, which runs these checks too, nothing was answered.
    if not databases or Prediction._meta.db_table not in tables(databases):
        return []
    return [
        Warning(
            f"Answers were given by {one}, and no copy of it is here: they cannot be computed again.",
            hint=f"Bring packages/kept/{one.sha256} back from a backup.",
            id="predictions.W001",
        )
        for one in gone()
    ]
