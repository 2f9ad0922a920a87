"""What in the signal spoke for each stage: bands taken away, one channel at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.algorithms.sleep import boosted, sequence, staging, wording
from ml.algorithms.sleep.contract import STAGES
from ml.algorithms.sleep.features import BANDS, N_BANDS, SLOTS, band_columns, network_inputs
from ml.algorithms.sleep.load import Recorded
from ml.contracts import Artefact, Explanation, Loaded, Text
from ml.package import Package

METHOD = "band_occlusion"
ARTEFACT = "contributions.json"
LISTED = 30
# A band is taken away in an epoch and the one on either side, in every ninth epoch at once: far
# enough apart not to be felt by each other, and a night needs nine passes per band.
_REACH, _PERIOD = 1, 9
_FLOOR = 1e-4


def explain(package: Package, loaded: Loaded, result: Mapping[str, Any]) -> Explanation:
    """Measure how much each band of each channel spoke for the stage of each epoch.

    A contribution is the fall of the log probability of the epoch's stage when the band, in this epoch
    and its two neighbours, is replaced by the night's median: above 0 it spoke for the stage, below 0
    against it. Beside it stand the exact Shapley values of the boosted trees for the same stage.

    Returns
    -------
    Explanation
        ``data``: ``slots``, ``bands``, ``stages`` (per stage the mean contribution and level by slot and
        band) and ``epochs`` (the 30 least certain: ``contributions``, ``levels`` in interquartile ranges of
        the night, ``neighbours`` the probability of the stage from the other epochs alone). The artefact
        ``contributions.json`` holds every epoch, with ``shapley`` (per epoch the trees' values by slot, band,
        now and neighbours; ``null`` without trees) and ``sentences``; zeros where nothing was staged.
    """
    recorded: Recorded = loaded.data
    mask, stages = staging.mask_of(recorded), staging.codes(result["stages"])
    parts = _Parts.empty(len(stages))
    model, trees = sequence.of(package, recorded.features, mask), boosted.of(package)
    for first, count in staging.segments_of(recorded):
        if count:
            rows = slice(first, first + count)
            parts.fill(rows, model, trees, recorded.features[rows], mask[rows], stages[rows])
    certainty = [1.0 if row is None else max(row) for row in result["probabilities"]]
    order = [i for i in np.argsort(certainty, kind="stable") if stages[i] >= 0][:LISTED]
    summary = {
        stage: _stage_summary(parts.contributions[stages == i], parts.levels[stages == i])
        for i, stage in enumerate(STAGES)
        if (stages == i).any()
    }
    data = {
        "unit": "log probability",
        "slots": list(SLOTS),
        "channels": [recorded.channels[slot] for slot in SLOTS],
        "bands": list(BANDS),
        "stages": summary,
        "epochs": [_epoch(int(i), result["stages"], parts) for i in order],
    }
    content = json.dumps(
        _every_epoch(parts, recorded, result["stages"], trees), separators=(",", ":"), ensure_ascii=False
    )
    return Explanation(
        method=METHOD,
        sentence=_sentence(summary, recorded),
        data=data,
        artefacts=(Artefact(ARTEFACT, "application/json", content.encode()),),
    )


@dataclass(frozen=True, slots=True)
class _Parts:
    """Reasons by epoch; zeros where nothing was staged."""

    contributions: np.ndarray
    neighbours: np.ndarray
    levels: np.ndarray
    shapley: np.ndarray

    @classmethod
    def empty(cls, epochs: int) -> _Parts:
        by_band = (epochs, len(SLOTS), N_BANDS)
        return cls(
            np.zeros(by_band), np.zeros(epochs), np.zeros(by_band), np.zeros((*by_band, boosted.N_TIMES))
        )

    def fill(
        self,
        rows: slice,
        model: sequence.SequenceModel,
        trees: boosted.Boosted | None,
        features: np.ndarray,
        mask: np.ndarray,
        stages: np.ndarray,
    ) -> None:
        """Compute the reasons of one stretch."""
        inputs = network_inputs(features, mask)
        self.contributions[rows], self.neighbours[rows] = occlusion(model, inputs, mask.any(axis=0), stages)
        self.levels[rows] = band_levels(inputs)
        if trees is not None:
            self.shapley[rows] = trees.shapley(boosted.inputs(features, mask), stages)


def _every_epoch(
    parts: _Parts, recorded: Recorded, stages: Sequence[str], trees: boosted.Boosted | None
) -> dict[str, Any]:
    now = parts.contributions if trees is None else parts.shapley[..., 0]
    around = np.zeros(len(stages)) if trees is None else parts.shapley[..., 1].sum(axis=(1, 2))
    channels = [recorded.channels[slot] for slot in SLOTS]
    sentences = [
        wording.reasons(stage, channels, now[i], parts.levels[i], float(around[i])).as_json()
        for i, stage in enumerate(stages)
    ]
    return {
        "slots": list(SLOTS),
        "bands": list(BANDS),
        "contributions": _rounded(parts.contributions.reshape(len(stages), -1)),
        "neighbours": _rounded(parts.neighbours),
        "times": ["now", "neighbours"],
        "shapley": None if trees is None else _rounded(parts.shapley.reshape(len(stages), -1)),
        "sentences": sentences,
    }


def occlusion(
    model: sequence.SequenceModel, inputs: np.ndarray, mask: np.ndarray, stages: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Take away each band of each filled slot in turn, then the whole epoch.

    Parameters
    ----------
    inputs
        Shape (epochs, 63).
    mask
        Shape (3,): filled slots.
    stages
        Shape (epochs,): the stage decided, 0..4.

    Returns
    -------
    contributions, neighbours
        Shape (epochs, 3, 5) in log probability; and shape (epochs,), the probability of the stage from
        the other epochs alone.
    """
    whole = _of_stage(model.probabilities(inputs[None])[0], stages)
    contributions = np.zeros((len(inputs), len(SLOTS), N_BANDS))
    for slot in np.flatnonzero(mask):
        for band in range(N_BANDS):
            without = _without(model, inputs, band_columns(int(slot), band), stages)
            contributions[:, slot, band] = _log(whole) - _log(without)
    everything = [
        c for slot in np.flatnonzero(mask) for b in range(N_BANDS) for c in band_columns(int(slot), b)
    ]
    return contributions, _without(model, inputs, everything, stages)


def band_levels(inputs: np.ndarray) -> np.ndarray:
    """Log power of each band against the night, in interquartile ranges; shape (epochs, 3, 5)."""
    return np.stack(
        [inputs[:, [band_columns(slot, band)[2] for band in range(N_BANDS)]] for slot in range(len(SLOTS))],
        axis=1,
    )


def _without(
    model: sequence.SequenceModel, inputs: np.ndarray, columns: Sequence[int], stages: np.ndarray
) -> np.ndarray:
    """Probability of each epoch's stage when columns around it are at the night's median."""
    median = np.median(inputs[:, columns], axis=0)
    changed = np.repeat(inputs[None], _PERIOD, axis=0)
    for phase, rows in _rows(len(inputs)):
        changed[phase, rows[:, None], columns] = median
    probabilities = model.probabilities(changed)
    own = np.arange(len(inputs))
    return _of_stage(probabilities[own % _PERIOD, own], stages)


def _rows(epochs: int) -> Iterator[tuple[int, np.ndarray]]:
    """For each phase, the epochs to change: every ninth with its neighbours."""
    for phase in range(_PERIOD):
        centres = np.arange(phase, epochs, _PERIOD)
        near = (centres[:, None] + np.arange(-_REACH, _REACH + 1)).ravel()
        yield phase, near[(near >= 0) & (near < epochs)]


def _of_stage(probabilities: np.ndarray, stages: np.ndarray) -> np.ndarray:
    return probabilities[np.arange(len(stages)), stages]


def _log(probability: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(probability, _FLOOR))


def _stage_summary(contributions: np.ndarray, levels: np.ndarray) -> dict[str, Any]:
    return {
        "epochs": len(contributions),
        "contributions": _rounded(contributions.mean(axis=0)),
        "levels": _rounded(np.median(levels, axis=0)),
    }


def _epoch(i: int, stages: Sequence[str], parts: _Parts) -> dict[str, Any]:
    return {
        "epoch": i,
        "stage": stages[i],
        "contributions": _rounded(parts.contributions[i]),
        "levels": _rounded(parts.levels[i]),
        "neighbours": round(float(parts.neighbours[i]), 2),
    }


def _sentence(summary: Mapping[str, Any], recorded: Recorded) -> Text:
    """Name the strongest reason for each stage of the night."""
    parts = []
    for stage, found in summary.items():
        contributions = np.array(found["contributions"])
        slot, band = np.unravel_index(contributions.argmax(), contributions.shape)
        if contributions[slot, band] <= 0:
            continue
        strong = found["levels"][slot][band] >= 0
        label, name = recorded.channels[SLOTS[slot]], wording.BAND_NAMES[list(BANDS)[band]]
        parts.append(Text(
            f"{stage}: {'strong' if strong else 'weak'} {name.en}, {label}",
            f"{stage} : {name.fr} {'forte' if strong else 'faible'}, {label}",
        ))  # fmt: skip
    if not parts:
        return Text(
            "No single band decided; the stages rest on the course of the night.",
            "Aucune bande n’a décidé seule ; les stades reposent sur le déroulement de la nuit.",
        )
    return Text(
        "What spoke most for each stage, against the rest of this night: "
        + "; ".join(p.en for p in parts)
        + ".",
        "Ce qui a le plus parlé pour chaque stade, par rapport au reste de la nuit : "
        + " ; ".join(p.fr for p in parts)
        + ".",
    )


def _rounded(values: np.ndarray) -> list:
    return np.round(values.astype(float), 2).tolist()
