"""Versions on trial for tests: the serving package under another version, deployed by the two who decide."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from django.utils import timezone

from clinic.accounts.models import Unit, User
from clinic.accounts.roles import Role
from ml import package as packages
from ml import registry, smoke
from ml.contracts import Refused
from ml.package import Package
from predictions.deployments import services
from predictions.deployments.models import Allocation, Deployment, Mode
from predictions.models import Study
from predictions.versions import gate, proposals
from tests import factories, promotions

NEW = "9.9.1"


def version(name: str = NEW, *, algorithm: str = "haemorrhage", **changed: Any) -> Package:
    """Write the serving package under another version into the site's own store."""
    serving = packages.load(algorithm)
    folder = packages.SITE / algorithm / name
    shutil.copytree(serving.folder, folder)
    (folder / packages.MANIFEST).unlink()
    left_out = ("files", "sha256", "created")
    manifest = {key: value for key, value in serving.manifest.items() if key not in left_out}
    return packages.write(folder, manifest | {"version": name} | changed)


def damage(package: Package) -> None:
    """Flip a bit of a package's first file; nothing that was verified before is remembered."""
    file = package.folder / next(iter(package.manifest["files"]))
    content = bytearray(file.read_bytes())
    content[0] ^= 1
    file.write_bytes(content)
    packages._verified.cache_clear()


def deployed(
    mode: str,
    *,
    algorithm: str = "haemorrhage",
    of: str = NEW,
    share: int | None = None,
    steward: User | None = None,
    second: User | None = None,
) -> Deployment:
    """Deploy a version: a steward proposes, and who signs in the unit approves what answers studies."""
    contract = registry.contract(algorithm)
    unit: Unit = factories.unit(contract.unit)
    steward = steward or _person("trial-steward", Role.STEWARD)
    if mode == Mode.CANARY:
        judged(of, algorithm=algorithm, steward=steward)
    made = services.propose(
        user=steward,
        algorithm=algorithm,
        unit=unit,
        version=of,
        mode=mode,
        share=share,
        reason="To see how it does here",
    )
    if mode != Mode.SHADOW:
        second = second or _person("trial-second", Role(contract.sign_roles[0]), unit)
        services.approve(user=second, deployment=made, reason="Fine", threshold=threshold(made))
        made.refresh_from_db()
    return made


def judged(of: str = NEW, *, algorithm: str = "haemorrhage", steward: User | None = None) -> None:
    """Have the gate judge a version; the proposal that asked for it is taken back, its verdict stays."""
    package = packages.load(algorithm, of)
    serving = packages.load(algorithm)
    if gate.judgement(algorithm, package.sha256, serving.sha256):
        return
    smoke.record(package)
    steward = steward or _person("trial-steward", Role.STEWARD)
    proposal = promotions.proposed(steward, package)
    if proposal.open:
        proposals.withdraw(user=steward, proposal=proposal)


def threshold(made: Deployment) -> str:
    """Return what the second person writes to confirm a canary's operating point; empty for what has none."""
    return promotions.confirmation(made.judgement) if made.judgement else ""


def _person(name: str, role: Role, *units: Unit) -> User:
    return User.objects.filter(username=name).first() or factories.staff(name, role, *units)


def silenced(study: Study) -> Study:
    """Put a study under the silent evaluation of its unit, which begins with the first."""
    algorithm = study.algorithm
    running = Deployment.objects.filter(algorithm=algorithm, mode=Mode.SILENT).first()
    deployment = running or deployed(
        Mode.SILENT, algorithm=algorithm, of=packages.champion_version(algorithm)
    )
    Allocation.objects.create(study=study, deployment=deployment, silent=True, at=timezone.now())
    return study


def codes(error: pytest.ExceptionInfo[Refused]) -> list[str]:
    """Return why something was refused."""
    return [problem.code for problem in error.value.problems]
