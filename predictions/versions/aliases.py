"""What versions are called: champion, challenger, and what each does beside the champion."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from ml import package as packages
from ml.package import BrokenPackage
from predictions.versions.models import Proposal

CHAMPION, CHALLENGER = "champion", "challenger"
SHADOW, SILENT, CANARY = "shadow", "silent", "canary"

Source = Callable[[str], Iterable[tuple[str, str]]]

_sources: list[Source] = []


def register(source: Source) -> None:
    """Add a source of aliases; called from ``AppConfig.ready``.

    Parameters
    ----------
    source
        ``source(algorithm)`` gives pairs of version and alias.
    """
    _sources.append(source)


def seen_by(user: User, names: Iterable[str]) -> frozenset[str]:
    """Return the names that ``user`` may read: whoever reads studies learns of no shadow."""
    return frozenset(names) - (frozenset() if user.role == Role.STEWARD else {SHADOW})


def aliases(algorithm: str) -> dict[str, set[str]]:
    """Return the aliases of every version of an algorithm that has one."""
    found: dict[str, set[str]] = defaultdict(set)
    try:
        found[packages.champion_version(algorithm)].add(CHAMPION)
    except BrokenPackage:
        # Without a serving package there is no champion: the pages say so elsewhere.
        found.clear()
    for version in Proposal.objects.filter(algorithm=algorithm, open=True).values_list("version", flat=True):
        found[version].add(CHALLENGER)
    for source in _sources:
        for version, alias in source(algorithm):
            found[version].add(alias)
    return dict(found)
