"""Decrypt every stored file and verify every package, and name what is damaged before somebody needs it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ml import package_upkeep
from ml.package_upkeep import Place
from predictions import kept
from predictions.vault import upkeep
from predictions.vault.checks import unfit
from predictions.vault.upkeep import Outcome

EVERY = 500
DAMAGED = 3
FILES = (
    "files do not open: put the key back where it is missing (storage_key_missing); bring any other back "
    "from a backup, files/<name> in it to the same name below private/"
)
GONE = (
    "packages that gave answers are gone: bring packages/kept/<sha256> back from a backup, or these answers "
    "cannot be computed again"
)
PACKAGES = {
    Place.SHIPPED: "shipped packages are damaged: install this release again",
    Place.HERE: "packages trained here are damaged: bring packages/<algorithm>/<version> back from a backup",
    Place.KEPT: (
        "kept packages are damaged: where another copy is whole, manage.py replay of an answer of theirs "
        "replaces them; otherwise bring packages/kept/<sha256> back from a backup"
    ),
}


class Command(BaseCommand):
    """Writes nothing, holds up nobody, gives nothing out. Exit 3: some file or package is damaged or gone."""

    help = __doc__
    # Under the wrong key it has to name the files that need another one.
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Read everything through; fail when something does not open."""
        if problem := unfit():
            self.stderr.write(f"the storage key does not fit: {problem}")
        outcome = upkeep.verify(self._progress)
        self.stdout.write(f"{outcome.done:,} files open, {len(outcome.damaged):,} do not.")
        for line in outcome.damaged:
            self.stderr.write(line)
        told = [FILES] if outcome.damaged else []
        told += [PACKAGES[place] for place in self._damaged_packages()]
        if gone := kept.gone():
            self.stderr.write("\n".join(f"gone: {one}" for one in gone))
            told.append(GONE)
        if told:
            raise CommandError("; ".join(told), returncode=DAMAGED)

    def _damaged_packages(self) -> list[Place]:
        """Name every damaged package; return where such ones lie."""
        checked = list(package_upkeep.verify())
        damaged = [one for one in checked if one.problem]
        self.stdout.write(f"{len(checked) - len(damaged):,} packages are whole, {len(damaged):,} are not.")
        for one in damaged:
            self.stderr.write(f"{one.place}: {one.problem} ({one.folder})")
        return sorted({one.place for one in damaged})

    def _progress(self, outcome: Outcome) -> None:
        seen = outcome.done + outcome.gone + len(outcome.damaged)
        if seen % EVERY == 0:
            self.stdout.write(f"{seen:,} files …")
