"""Reading versions and proposals, for the pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404

from clinic.accounts.models import User
from ml import package as packages
from ml import registry
from ml.contracts import Contract
from ml.package import BrokenPackage, Package
from predictions.models.job import JobState
from predictions.stewardship.models import ServingDecision
from predictions.versions.aliases import aliases, seen_by
from predictions.versions.models import Mirroring, ModelVersion, Proposal


@dataclass(frozen=True, slots=True)
class Listed:
    """A version as the list shows it.

    Parameters
    ----------
    row
        ``None`` while the registry does not know it.
    package
        ``None`` when it is broken, or gone from the disk.
    broken
        Why.
    """

    version: str
    row: ModelVersion | None
    package: Package | None
    broken: str
    aliases: frozenset[str]

    @property
    def sha256(self) -> str:
        """Hash of the package on disk, else of the one that was; empty for one never seen whole."""
        if self.package:
            return self.package.sha256
        return self.row.package_sha256 if self.row else ""


@dataclass(frozen=True, slots=True)
class Model:
    """An algorithm with its versions and what is proposed."""

    contract: Contract
    versions: tuple[Listed, ...]
    open: Proposal | None


def models(user: User | None = None) -> list[Model]:
    """Return every algorithm with its versions, newest first; see :func:`listed`."""
    return [
        Model(contract, tuple(listed(contract.name, user)), open_proposal(contract.name))
        for contract in registry.contracts()
    ]


def get(algorithm: str, version: str) -> ModelVersion | None:
    """Return the registered version, that of the package now on disk where there were several."""
    rows = ModelVersion.objects.filter(algorithm=algorithm, version=version)
    package = load(algorithm, version)
    return rows.filter(package_sha256=package.sha256).first() if package else rows.first()


def load(algorithm: str, version: str) -> Package | None:
    """Return a verified package, ``None`` when there is none that this code can read."""
    try:
        return packages.load(algorithm, version)
    except BrokenPackage:
        return None


def whole(proposal: Proposal) -> tuple[Package | None, str]:
    """Return the package that was proposed, read from the disk now, or why it is not whole any more."""
    try:
        found = packages.read(packages.load(proposal.algorithm, proposal.version).folder)
    except BrokenPackage as error:
        return None, str(error)
    if found.sha256 != proposal.package_sha256:
        return (
            found,
            f"{proposal.algorithm} {proposal.version}: {proposal.package_sha256[:8]} → {found.sha256[:8]}",
        )
    return found, ""


def package_or_404(algorithm: str, version: str) -> Package:
    """Return a verified package; raises ``Http404`` when there is none."""
    found = load(algorithm, version) if version in packages.versions(algorithm) else None
    if found is None:
        raise Http404
    return found


def broken(algorithm: str, version: str) -> str:
    """Return what is broken in a package that lies here; empty for one that is whole, or not here."""
    if version not in packages.versions(algorithm):
        return ""
    try:
        packages.load(algorithm, version)
    except BrokenPackage as error:
        return str(error)
    return ""


def proposals(algorithm: str) -> QuerySet[Proposal]:
    """Return the proposals of an algorithm, latest first."""
    return Proposal.objects.filter(algorithm=algorithm).select_related(
        "proposed_by", "answered_by", "serving_decision"
    )


def open_proposal(algorithm: str) -> Proposal | None:
    """Return the proposal that is judged or waits for an answer."""
    return proposals(algorithm).filter(open=True).first()


def get_or_404(algorithm: str, proposal_id: UUID) -> Proposal:
    """Return a proposal; raises ``Http404`` when there is no such."""
    found = proposals(algorithm).filter(pk=proposal_id).first()
    if found is None:
        raise Http404
    return found


def told_mlflow() -> datetime | None:
    """Return when MLflow's registry was last told of an algorithm, ``None`` when never."""
    told = Mirroring.objects.filter(state=JobState.DONE).order_by("-finished_at")
    return told.values_list("finished_at", flat=True).first()


def previous(algorithm: str, version: str) -> Package | None:
    """Return what a version is compared with: for another than the serving one the serving one; for that
    one what it replaced, else the newest other version made before it."""
    champion = load(algorithm, "") if version else None
    if champion is not None and champion.version != version:
        return champion
    put = ServingDecision.objects.filter(algorithm=algorithm, version=version).first()
    if put is not None and (former := load(algorithm, put.replaced_version)):
        return former
    return _made_before(algorithm, champion) if champion else None


def _made_before(algorithm: str, package: Package) -> Package | None:
    others = (load(algorithm, version) for version in packages.versions(algorithm))
    earlier = [
        other
        for other in others
        if other and other.serves and other.manifest["created"] < package.manifest["created"]
    ]
    return max(earlier, key=lambda other: other.manifest["created"], default=None)


def listed(algorithm: str, user: User | None = None) -> list[Listed]:
    """Return the versions of an algorithm, newest first.

    Parameters
    ----------
    user
        Who reads the list, see :func:`predictions.versions.aliases.seen_by`; ``None`` for all names.
    """
    named = {
        version: frozenset(names) if user is None else seen_by(user, names)
        for version, names in aliases(algorithm).items()
    }
    rows = {row.version: row for row in reversed(ModelVersion.objects.filter(algorithm=algorithm))}
    found = []
    for version in {*packages.versions(algorithm), *rows}:
        package, broken = None, ""
        try:
            package = packages.load(algorithm, version)
        except BrokenPackage as error:
            broken = str(error)
        row = rows.get(version)
        found.append(Listed(version, row, package, broken, named.get(version, frozenset())))
    return sorted(found, key=_made, reverse=True)


def _made(version: Listed) -> str:
    return version.package.manifest["created"] if version.package else ""
