"""What the room of the versions is told of this one: what is on trial, and what that has shown."""

from __future__ import annotations

from collections.abc import Iterator

from ml.promotion import ShadowFigures
from predictions.deployments.figures import figures
from predictions.deployments.models import Deployment, Mode, Standing
from predictions.deployments.selectors import running
from predictions.versions import aliases, shadows


def register_all() -> None:
    """Register with the room of the versions; called from ``AppConfig.ready``."""
    aliases.register(on_trial)
    shadows.register(shown)


def on_trial(algorithm: str) -> Iterator[tuple[str, str]]:
    """Yield each version of an algorithm that runs beside the serving one."""
    for deployment in running(algorithm):
        yield deployment.version, aliases.SHADOW


def shown(algorithm: str, version: str) -> ShadowFigures | None:
    """Return what the latest shadow of a version has shown, ``None`` when it never ran in one."""
    ran = Deployment.objects.filter(
        algorithm=algorithm,
        version=version,
        mode=Mode.SHADOW,
        standing__in=(Standing.RUNNING, Standing.ENDED),
    ).first()
    return figures(ran) if ran else None
