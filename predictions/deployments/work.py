"""What a worker does for a shadow: the study once more with the version on trial, compared, kept unseen."""

from __future__ import annotations

import json
from typing import Any

from ml import runner
from ml.contracts import Outcome, Problem, Refused, Status, Text
from ml.package import BrokenPackage
from predictions import run
from predictions.deployments import compared
from predictions.deployments.models import ShadowAnswer
from predictions.jobs import Ending
from predictions.models import Prediction
from predictions.vault.damage import Damaged

BROKEN = Problem(
    "package_broken",
    Text(
        "The package on trial is missing, damaged or another one than was deployed. End the deployment.",
        "Le paquet à l’essai est absent, altéré ou différent de celui qui a été déployé. Mettez fin au "
        "déploiement.",
    ),
)
OTHER_EPOCHS = Problem(
    "other_epochs",
    Text(
        "The version on trial cut the night into other epochs than the one in service.",
        "La version à l’essai a découpé la nuit en d’autres époques que la version en service.",
    ),
)


def shadow(row: ShadowAnswer) -> Ending:
    """Run the version of a shadow on a live study and compare it with what the readers have.

    Raises
    ------
    ml.contracts.Refused
        When the package is not the one that was deployed, or the two answers do not describe the same night.
    """
    study, deployment = row.study, row.deployment
    try:
        with run.source_of(study) as source:
            outcome = runner.run(study.algorithm, source, version=deployment.version, explain=False)
    except BrokenPackage as error:
        raise Refused(BROKEN) from error
    except Damaged as error:
        raise Refused(*error.problems) from error
    if outcome.sha256 != deployment.package_sha256:
        raise Refused(BROKEN)
    refused = outcome.status is Status.REFUSED
    answered = Prediction.objects.filter(study=study, package_sha256=row.serving_sha256).first()
    return Ending(
        {
            "refused": refused,
            "refusals": [problem.code for problem in outcome.problems] if refused else [],
            "result": None if refused else _plain(outcome.result),
            "compared": _compared(study.algorithm, answered, outcome),
            "timings_ms": dict(outcome.timings_ms),
        }
    )


def _compared(algorithm: str, answered: Prediction | None, outcome: Outcome) -> dict[str, Any]:
    refused = outcome.status is Status.REFUSED
    if (endings := compared.refusals(answered is None, refused)) is not None:
        return endings
    try:
        return compared.of(algorithm, answered.result, _plain(outcome.result))
    except compared.Uncomparable as error:
        raise Refused(OTHER_EPOCHS) from error


def _plain(value: Any) -> Any:
    """Return ``value`` as JSON holds it; ``ValueError`` for NaN, which JSON lacks."""
    return json.loads(json.dumps(value, allow_nan=False))
