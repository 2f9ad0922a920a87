"""What ends by itself when another version is put into service, forward or back."""

from __future__ import annotations

from django.utils import timezone

from clinic.accounts import notices
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import Text
from predictions.deployments import shadows
from predictions.deployments.models import ENDINGS, OPEN, Deployment, Mode, Standing
from predictions.stewardship.models import Decision, ServingDecision
from predictions.versions.access import deciders

WHY = {
    Decision.SERVE: Text(
        "Version {new} was put into service in the place of {old}.",
        "La version {new} a été mise en service à la place de {old}.",
    ),
    Decision.ROLL_BACK: Text(
        "The unit went back from {old} to version {new}.",
        "Retour de {old} à la version {new}.",
    ),
}
TOLD = Text(
    "{title}: the {mode} of version {version} in {unit} ended with it. {why}",
    "{title} : le déploiement ({mode}) de la version {version} dans {unit} a pris fin de ce fait. {why}",
)
MODES = {Mode.CANARY: Text("canary", "canari"), Mode.SHADOW: Text("shadow", "ombre")}


def follow(made: ServingDecision) -> None:
    """End what a decision leaves without sense; in its transaction, so that both happen or neither.

    A canary, running or proposed, was judged against, and draws its patients from, the version that serves no
    more; whoever goes back in the night wants the version they named to answer everybody. A shadow of the
    version that now serves would be compared with itself. A silent evaluation shows nobody anything and goes
    on.
    """
    open_ones = Deployment.objects.filter(algorithm=made.algorithm, standing__in=OPEN, mode__in=MODES)
    for deployment in open_ones.select_related("unit"):
        if deployment.mode == Mode.CANARY or deployment.version == made.version:
            _end(deployment, made)


def _end(deployment: Deployment, made: ServingDecision) -> None:
    why = WHY[Decision(made.decision)].format(new=made.version, old=made.replaced_version)
    ended = Deployment.objects.filter(pk=deployment.pk, standing=deployment.standing).update(
        standing=ENDINGS[Standing(deployment.standing)],
        ended_by=made.decided_by,
        ended_at=timezone.now(),
        end_reason=f"{made.replaced_version} → {made.version}. {made.reason}",
    )
    if not ended:
        return
    shadows.withdraw_waiting(deployment)
    record(
        Action.WITHDRAW,
        actor=made.decided_by,
        kind="deployment",
        object_id=str(deployment.pk),
        detail={
            "algorithm": deployment.algorithm,
            "unit": deployment.unit.code,
            "mode": deployment.mode,
            "share": deployment.share,
            "version": deployment.version,
            "sha256": deployment.package_sha256,
            "reason": why.en,
        },
    )
    people = {deployment.proposed_by}
    if deployment.mode == Mode.CANARY:
        # Whoever reads studies learns of no shadow.
        people |= {made.decided_by, *deciders(deployment.algorithm)}
    notices.notify(people, _told(deployment, why), link=f"/deployments/{deployment.pk}/")


def _told(deployment: Deployment, why: Text) -> Text:
    title, unit, mode = deployment.contract.title, deployment.unit, MODES[Mode(deployment.mode)]
    return Text(
        TOLD.en.format(
            title=title.en, mode=mode.en, version=deployment.version, unit=unit.name_en, why=why.en
        ),
        TOLD.fr.format(
            title=title.fr, mode=mode.fr, version=deployment.version, unit=unit.name_fr, why=why.fr
        ),
    )
