"""What makes a whole draft doubtful, in words: derivations that see another night, stages no night has.

They are told from a result, not from the signals.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from ml.algorithms.sleep import agreement, wording
from ml.algorithms.sleep.statistics import UNSCORED
from ml.contracts import Problem, Severity, Text

LOW_KAPPA = 0.4
"""Up to here agreement is "fair" at best (Landis and Koch 1977); two people reach 0.7 and more."""
LONG_SECONDS = 3 * 3600
NEARLY_ALL = 0.95

OTHER_NIGHT = Text(
    "Staged alone, these derivations see quite another night than the draft (κ below 0.4): {names}. Check "
    "the channels and the signals before you rely on the draft.",
    "Analysées seules, ces dérivations montrent une tout autre nuit que le brouillon (κ inférieur à 0,4) : "
    "{names}. Vérifiez les voies et les signaux avant de vous fier au brouillon.",
)
ONE_STAGE = Text(
    "Nearly all of these {hours} h were staged as {stage}: hardly any night looks so. Check the channels and "
    "the signals before you rely on the draft.",
    "Presque la totalité de ces {hours} h a été classée en {stage} : une nuit n’a guère cet aspect. Vérifiez "
    "les voies et les signaux avant de vous fier au brouillon.",
)


def doubts(result: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Return warnings about a whole draft; none of a night that looks like one."""
    return (*_one_stage(result), *_other_nights(result))


def _one_stage(result: Mapping[str, Any]) -> tuple[Problem, ...]:
    staged = Counter(stage for stage in result["stages"] if stage != UNSCORED)
    seconds = staged.total() * result["epoch_seconds"]
    if seconds <= LONG_SECONDS:
        return ()
    ((stage, count),) = staged.most_common(1)
    if count < NEARLY_ALL * staged.total():
        return ()
    hours, name = wording.number(seconds / 3600, 1), wording.STAGE_NAMES[stage]
    message = Text(
        ONE_STAGE.en.format(hours=hours.en, stage=name.en), ONE_STAGE.fr.format(hours=hours.fr, stage=name.fr)
    )
    return (Problem("one_stage", message, severity=Severity.WARN),)


def _other_nights(result: Mapping[str, Any]) -> tuple[Problem, ...]:
    jury = result.get("jury")
    if not jury:
        return ()
    names = [
        name
        for name, votes in zip(jury["derivations"], jury["votes"], strict=True)
        if _low(agreement.compare(votes, result["stages"], repeats=0).kappa.value)
    ]
    if not names:
        return ()
    return (Problem("other_night", OTHER_NIGHT.format(names=", ".join(names)), severity=Severity.WARN),)


def _low(kappa: float | None) -> bool:
    return kappa is not None and kappa < LOW_KAPPA
