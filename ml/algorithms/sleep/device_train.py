"""What tells a raw recording from a cleaned night, and its deep sleep from its wake: fitted fold by fold.

Fold ``k`` is fitted without its subjects and without the patients whose raw recordings are tied to it, so
that gate and tilt are judged as the networks are. Training only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from ml.algorithms.sleep import augmentation, device, excerpts
from ml.algorithms.sleep.bandpower import Night
from ml.algorithms.sleep.crossvalidation import Cohort
from ml.algorithms.sleep.device import Gate, Tilt
from ml.algorithms.sleep.features import BANDS
from ml.algorithms.sleep.patient_folds import folds_of
from ml.algorithms.sleep.raw_nights import RawCohort

_THETA, _BETA = (list(BANDS).index(band) for band in ("theta", "beta"))
# An electrode that is off must not drive the fit of a line.
_QUIETEST = -8.0
# Parts of a night that the gate learns from beside the whole of it, so that it reads the device and not which
# stages there are.
_PARTS = ("nap", "wake_n3", "wake_n2", "some_stages")
_COLOURED_PARTS = ("nap", "wake_n3", "wake_n2")
_CLEANED, _COLOURED, _RAW = range(3)
# One slope and one offset on a thousand epochs need none; the weight of each stage of each patient.
_UNREGULARISED, _PER_STAGE = 1e3, 100.0


def fit_gate(cohort: Cohort, raw: RawCohort, params: Mapping[str, Any]) -> Gate:
    """Fit the gate of every fold: raw recordings and nights in their colour against the nights as they are.

    Parameters
    ----------
    params
        The ``sleep`` parameters: ``folds``, ``seed`` and ``gate`` with its ``regularisation``.
    """
    folds = folds_of(cohort.subjects, params["folds"], params["seed"])
    rows: list[tuple[np.ndarray, int, int]] = []
    for night, k in zip(raw.nights, raw.folds, strict=True):
        rows.append((device.spread(night.features[:, 0]), _RAW, int(k)))
    for number, (night, k) in enumerate(zip(cohort.nights, folds, strict=True)):
        given = [one for one, fold in zip(raw.nights, raw.folds, strict=True) if fold == k]
        rows += [(device.spread(powers), kind, int(k)) for powers, kind in _examples(night, number, given)]
    x, kinds, fold = (np.array(column) for column in zip(*rows, strict=True))
    fitted = [_fit(x[fold != k], kinds[fold != k], params["gate"]) for k in range(params["folds"])]
    weights, offsets = zip(*fitted, strict=True)
    return Gate(np.stack(weights), np.array(offsets))


def _examples(night: Night, number: int, raw: list[Night]) -> Iterator[tuple[np.ndarray, int]]:
    """Band powers of the first EEG of a night and parts of it, as they are and in a recording's colour."""
    parts = excerpts.validation(night.labels, number) | {"night": np.arange(len(night.labels))}
    for name in (*_PARTS, "night"):
        if name in parts:
            yield night.features[parts[name], 0], _CLEANED
    for one in raw[:1]:
        coloured = augmentation.coloured_as(night.features, night.labels, one)
        if coloured is not night.features:
            for name in (*_COLOURED_PARTS, "night"):
                if name in parts:
                    yield coloured[parts[name], 0], _COLOURED


def _fit(x: np.ndarray, kinds: np.ndarray, settings: Mapping[str, Any]) -> tuple[np.ndarray, float]:
    """Fit one fold; the few raw recordings weigh as much as all coloured nights, both as the others."""
    unlike = kinds != _CLEANED
    weights = np.ones(len(x))
    weights[kinds == _RAW] = max((kinds == _COLOURED).sum(), 1) / max((kinds == _RAW).sum(), 1)
    for half in (unlike, ~unlike):
        weights[half] *= len(x) / 2 / weights[half].sum()
    scaler = StandardScaler().fit(x)
    model = LogisticRegression(C=settings["regularisation"], max_iter=2000)
    model.fit(scaler.transform(x), unlike, sample_weight=weights)
    slope = model.coef_[0] / scaler.scale_
    return slope, float(model.intercept_[0] - slope @ scaler.mean_)


def fit_tilts(raw: RawCohort, params: Mapping[str, Any]) -> list[Tilt]:
    """Fit the tilt of every fold: wake against deep sleep of the raw recordings, patients and stages alike.

    Parameters
    ----------
    params
        The ``sleep`` parameters: ``folds``, and ``gate`` with the ``tilt``, the share of the evidence used:
        the networks have heard most of it already.
    """
    return [_tilt(raw.without(k), params["gate"]["tilt"]) for k in range(params["folds"])]


def _tilt(nights: tuple[Night, ...], share: float) -> Tilt:
    rows, deep, weights = [], [], []
    for night in nights:
        own = {stage: night.labels == stage for stage in (excerpts.W, excerpts.N3)}
        logs = np.maximum(night.features[:, 0], _QUIETEST)
        for stage, which in own.items():
            rows.append((logs[:, _THETA] - logs[:, _BETA])[which])
            deep.append(np.full(which.sum(), stage == excerpts.N3))
            weights.append(np.full(which.sum(), _PER_STAGE / max(which.sum(), 1)))
    model = LogisticRegression(C=_UNREGULARISED)
    model.fit(np.concatenate(rows)[:, None], np.concatenate(deep), sample_weight=np.concatenate(weights))
    return Tilt(share / 2 * float(model.coef_[0, 0]), share / 2 * float(model.intercept_[0]))
