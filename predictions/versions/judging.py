"""The gate at work: a worker runs a proposed version and holds it against the bars."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from django.conf import settings

from clinic.accounts import notices
from clinic.accounts.models import Unit
from clinic.audit.models import Action
from clinic.audit.recording import WORKER, record
from ml import held_out, operating_points, promotion, smoke
from ml import package as packages
from ml.contracts import Text
from ml.package import BrokenPackage
from ml.promotion import Criterion, ShadowFigures, Verdict
from predictions.jobs import Ending
from predictions.versions import proposals, shadows
from predictions.versions.models import Proposal

REFUSED = Text(
    "Version {version} of “{title}” was refused by the gate; its page says why.",
    "La version {version} de «\u00a0{title}\u00a0» ne remplit pas les critères\u00a0; sa page dit pourquoi.",
)


def judge(row: Proposal) -> Ending:
    """Judge a proposed version and derive its operating point at the unit's settings."""
    shadow = shadows.figures(row.algorithm, row.version)
    verdict, point = _found(row, shadow)
    values = {
        "verdict": verdict.as_json(),
        "point": point,
        "shadow": _plain(shadow),
        "open": verdict.passed,
    }
    return Ending(values, write=partial(_tell, row, verdict))


def _found(row: Proposal, shadow: ShadowFigures | None) -> tuple[Verdict, dict[str, Any] | None]:
    try:
        candidate = packages.read(packages.load(row.algorithm, row.version).folder)
        if candidate.sha256 != row.package_sha256:
            raise BrokenPackage(f"package {row.algorithm} {row.version} is not the one that was proposed")
        serving = packages.load(row.algorithm, row.serving_version)
        bars = promotion.read_bars(settings.BASE_DIR / "params.yaml", row.algorithm)
        verdict = smoke.judge(candidate, serving, bars, shadow)
        point = operating_points.derive(candidate, _ward(row)).as_json() if candidate.serves else None
    except held_out.Unusable as error:
        return Verdict((Criterion(operating_points.CODE, False, error.said),)), None
    except BrokenPackage as error:
        said = Text(f"Its package cannot be used: {error}", f"Son paquet est inutilisable\u00a0: {error}")
        return Verdict((Criterion("whole", False, said),)), None
    return verdict, point


def _ward(row: Proposal) -> operating_points.Ward:
    unit = Unit.objects.filter(code=row.contract.unit).first()
    return operating_points.Ward(unit.incidence, unit.flag_share) if unit else operating_points.Ward()


def _tell(row: Proposal, verdict: Verdict) -> None:
    detail = {
        "algorithm": row.algorithm,
        "version": row.version,
        "sha256": row.package_sha256,
        "failed": [criterion.code for criterion in verdict.failed],
    }
    action: Callable[[], object] = partial(proposals.ask, row)
    if not verdict.passed:
        title = row.contract.title
        said = Text(
            REFUSED.en.format(version=row.version, title=title.en),
            REFUSED.fr.format(version=row.version, title=title.fr),
        )
        action = partial(notices.notify, [row.proposed_by], said, link=proposals.address(row))
    record(
        Action.ACCEPT if verdict.passed else Action.REJECT,
        actor_label=WORKER,
        kind=proposals.KIND,
        object_id=str(row.pk),
        detail=detail,
    )
    action()


def _plain(shadow: ShadowFigures | None) -> dict[str, Any] | None:
    if shadow is None:
        return None
    dated = {
        name: day and day.isoformat() for name, day in (("since", shadow.since), ("until", shadow.until))
    }
    return asdict(shadow) | dated
