"""What the room of the versions is told of this one: what is on trial, and what that has shown."""

from __future__ import annotations

from collections.abc import Iterator

from ml.contracts import Text
from ml.promotion import ShadowFigures
from predictions.deployments import ending
from predictions.deployments.figures import figures
from predictions.deployments.models import Deployment, Mode, Standing
from predictions.deployments.selectors import running
from predictions.stewardship import serving
from predictions.versions import aliases, beside, shadows

ANSWERS = {
    Mode.CANARY: Text(
        "Version {version}, a canary, answers {share} % of the patients of {unit}.",
        "La version {version}, en canari, répond pour {share} % des patients de {unit}.",
    ),
    Mode.SILENT: Text(
        "Version {version} answers in {unit} silently: nobody sees an answer before the study is signed.",
        "La version {version} répond dans {unit} en silence : nul ne voit de réponse avant la signature de "
        "l’étude.",
    ),
}
MODES = {Mode.SHADOW: aliases.SHADOW, Mode.SILENT: aliases.SILENT, Mode.CANARY: aliases.CANARY}


def register_all() -> None:
    """Register with the room of the versions; called from ``AppConfig.ready``."""
    aliases.register(on_trial)
    shadows.register(shown)
    beside.register(answering)
    serving.on_change(ending.follow)


def on_trial(algorithm: str) -> Iterator[tuple[str, str]]:
    """Yield each version of an algorithm that is deployed now, with its mode."""
    for deployment in running(algorithm):
        yield deployment.version, MODES[Mode(deployment.mode)]


def answering(algorithm: str) -> Iterator[beside.Beside]:
    """Yield each deployment of an algorithm that answers studies now."""
    for deployment in running(algorithm).filter(mode__in=ANSWERS):
        mode, unit = Mode(deployment.mode), deployment.unit
        said, share = ANSWERS[mode], deployment.share
        yield beside.Beside(
            deployment.version,
            Text(
                said.en.format(version=deployment.version, share=share, unit=unit.name_en),
                said.fr.format(version=deployment.version, share=share, unit=unit.name_fr),
            ),
            ends=mode == Mode.CANARY,
        )


def shown(algorithm: str, version: str) -> ShadowFigures | None:
    """Return what the latest shadow of a version has shown, ``None`` when none has shown anything.

    One that was ended before it met a study says nothing, neither for the version nor against it.
    """
    ran = Deployment.objects.filter(algorithm=algorithm, version=version, mode=Mode.SHADOW)
    for shadow in ran.filter(standing__in=(Standing.RUNNING, Standing.ENDED)):
        found = figures(shadow)
        if shadow.running or found.studies or found.failed:
            return found
    return None
