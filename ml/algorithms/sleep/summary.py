"""What is watched of a night: channels, length, artefacts, stages, and how sure the draft is of itself."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ml.algorithms.sleep.contract import EPOCH_SECONDS, SLOTS
from ml.contracts import Text
from ml.monitoring.watched import Row, Score, Study, Watched, number

STAGES = ("W", "N1", "N2", "N3", "R")
UNSURE = 0.6
WATCHED = (
    Watched("outcome", Text("Outcome of the analysis", "Issue de l’analyse"), numeric=False, levels={
        "answered": Text("answered", "répondue"), "refused": Text("refused", "refusée"),
    }),
    Watched("channels", Text("Channels staged", "Voies classées"), numeric=False),
    Watched("rate", Text("Sampling rate", "Fréquence d’échantillonnage"), numeric=False, unit="Hz"),
    Watched("hours", Text("Length of the recording", "Durée de l’enregistrement"), unit="h"),
    Watched("unusable", Text("Epochs that cannot be used", "Époques inutilisables"), unit="%"),
    Watched("segments", Text("Uninterrupted stretches", "Portions ininterrompues")),
    *(
        Watched(f"stage_{stage}", Text(f"Stage {stage}", f"Stade {stage}"), output=True, unit="%")
        for stage in STAGES
    ),
    Watched("confidence", Text("Mean confidence", "Confiance moyenne"), output=True, unit="%"),
    Watched("unsure", Text("Epochs under 60 % confidence", "Époques à moins de 60 % de confiance"),
            output=True, unit="%"),
    Watched("second", Text("Agreement with the trees (κ)", "Accord avec les arbres (κ)"), output=True),
)  # fmt: skip


def row(study: Study) -> Row:
    """Return the watched values of one night; of a refused one, that it was."""
    found: Row = dict.fromkeys(each.name for each in WATCHED)
    found["outcome"] = "refused" if study.refused else "answered"
    result = study.result
    if study.refused or not result.get("stages"):
        return found
    stages = result["stages"]
    shares = Counter(stage for stage in stages if stage in STAGES)
    staged = max(1, sum(shares.values()))
    best = confidences(result)
    channels = result.get("channels") or {}
    unusable = sum(run[1] for run in (result.get("quality") or {}).get("epochs", ()))
    found |= {
        "channels": "+".join(slot for slot in SLOTS if channels.get(slot)) or None,
        "rate": str(result["rate"]) if result.get("rate") else None,
        "hours": len(stages) * EPOCH_SECONDS / 3600,
        "unusable": min(100.0, 100 * unusable / len(stages)),
        "segments": float(len(result.get("segments") or [0])),
        **{f"stage_{stage}": 100 * shares[stage] / staged for stage in STAGES},
        "confidence": 100 * sum(best) / len(best) if best else None,
        "unsure": 100 * sum(one < UNSURE for one in best) / len(best) if best else None,
        "second": number((result.get("boosted") or {}).get("agreement")),
    }
    return found


def score(study: Study) -> Score | None:
    """Return the share of epochs that a scorer is expected to agree with: the mean best probability."""
    best = [] if study.refused else confidences(study.result)
    return Score(sum(best) / len(best)) if best else None


def confidences(result: Any) -> list[float]:
    """Return the probability of the drafted stage of every epoch that was staged."""
    return [max(one) for one in result.get("probabilities") or () if one]
