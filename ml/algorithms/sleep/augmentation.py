"""Training windows that differ from the training nights as other laboratories' recordings do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ml.algorithms.sleep import excerpts
from ml.algorithms.sleep.bandpower import Night
from ml.algorithms.sleep.features import N_BANDS, N_INPUTS, SLOTS, network_inputs

N_STAGES = 5
# How often a training window sees which slots: most nights of a laboratory have all, a Holter has one.
SUBSETS = {
    (True, True, True): 0.35,
    (True, False, False): 0.25,
    (True, False, True): 0.15,
    (True, True, False): 0.10,
    (False, True, False): 0.10,
    (False, True, True): 0.05,
}
_WAKE, _REM = 0, 4
# Eye movements: at most this much power against the night's median delta, scattered over the epochs, in REM
# sleep half of it; by band (blinks are below 3 Hz), and frontal more than posterior.
_MOST_EYES, _EYES_SPREAD, _EYES_IN_REM = 3.0, 0.8, 0.5
_EYES_BANDS = np.array([1.0, 0.15, 0.02, 0.01, 0.01], np.float32)
_EYES_AT = (1.0, 0.3)
# Wake of at most three hours is put before and after sleep.
_LONGEST_WAKE = 360
# Fewer epochs of a stage say nothing of how a device shows it; how far a contrast is stretched or shrunk.
_FEWEST_OF_STAGE = 10
_CONTRASTS = (0.5, 2.0)


def augmented_windows(
    nights: Sequence[Night], params: Mapping[str, Any], rng: np.random.Generator, raw: Sequence[Night] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Cut every night into windows, each changed a little.

    The wake around sleep is cut or repeated before the night is normalised, because the training
    nights were cropped to 30 min around sleep by their labels and real recordings are not. Some nights are
    cut to an excerpt, and then normalised by what is left of them.

    Parameters
    ----------
    raw
        Raw recordings of wake and deep sleep: excerpts of them are learned too, and some nights get their
        colour.

    Returns
    -------
    inputs, labels
        Shapes (windows, window, 63) and (windows, window), in random order.
    """
    changed = [_changed(night, params, rng, raw) for night in nights]
    changed += [_raw_excerpt(night, params, rng) for night in raw for _ in range(params["raw_repeats"])]
    inputs, labels, masks = [], [], []
    for features, stages, mask in changed:
        for x, y in _windows(network_inputs(features, mask), stages, params["window"], rng):
            inputs.append(x)
            labels.append(y)
            masks.append(mask)
    order = rng.permutation(len(inputs))
    x = jittered(np.stack(inputs)[order], params, rng, np.stack(masks)[order])
    return x, np.stack(labels)[order]


def _changed(
    night: Night, params: Mapping[str, Any], rng: np.random.Generator, raw: Sequence[Night]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, labels and mask of a night changed as other laboratories' are."""
    x, y = night.features, night.labels
    if rng.random() < params["change_wake"]:
        x, y = other_wake(night, rng)
    if rng.random() < params["eye_movements"]:
        x = with_eye_movements(x, y, rng)
    x = other_contrast(x, params["contrast_jitter"], rng)
    coloured = bool(raw) and rng.random() < params["raw_colour"]
    if coloured:
        x = coloured_as(x, y, raw[rng.integers(len(raw))])
    if rng.random() < params["excerpts"]:
        rows = excerpts.drawn(y, rng)
        x, y = x[rows], y[rows]
    if not coloured and rng.random() < params["swap_eeg"]:
        x = x[:, [1, 0, 2]]
    if not coloured and rng.random() < params["between_eeg"]:
        x = between_electrodes(x, rng)
    # Only the first EEG has the colour of the raw recording, and it shall be met alone as there: else the
    # network learns that a single EEG records nothing but wake and deep sleep.
    mask = np.array([True, not coloured, not coloured])
    return other_device(x, params["device_jitter"], rng), y, mask


def _raw_excerpt(
    night: Night, params: Mapping[str, Any], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, labels and mask of a stretch of wake and one of deep sleep of a raw recording."""
    rows = excerpts.of_share(night.labels, excerpts.N3, rng)
    x = other_contrast(night.features[rows], params["contrast_jitter"], rng)
    return other_device(x, params["device_jitter"], rng), night.labels[rows], night.mask


def _windows(
    x: np.ndarray, y: np.ndarray, size: int, rng: np.random.Generator
) -> list[tuple[np.ndarray, np.ndarray]]:
    short = max(0, size - len(x))
    x, y = np.pad(x, ((0, short), (0, 0))), np.pad(y, (0, short), constant_values=-100)
    starts = np.arange(rng.integers(0, size), len(x) - size + 1, size)
    return [
        (x[start : start + size], y[start : start + size])
        for start in (*starts, rng.integers(0, len(x) - size + 1))
    ]


def coloured_as(features: np.ndarray, labels: np.ndarray, raw: Night) -> np.ndarray:
    """Give the first EEG of a night the colour and contrast of a raw recording.

    Band by band the log power is stretched and shifted so that wake and deep sleep lie where they lie in the
    raw recording; the other stages follow. So the network also meets on that device the stages that nobody
    has scored there, and does not learn that it records nothing but wake and deep sleep.

    Parameters
    ----------
    features
        Shape (epochs, 3, 10); the shares follow in :func:`other_device`.
    labels
        Shape (epochs,).
    raw
        A recording with its first EEG; unchanged comes back when either has hardly any wake or deep sleep.
    """
    own, wanted = _anchors(features, labels), _anchors(raw.features, raw.labels)
    if own is None or wanted is None:
        return features
    span = own[1] - own[0]
    span = np.where(np.abs(span) < 1e-3, 1e-3, span)
    slope = np.clip((wanted[1] - wanted[0]) / span, *_CONTRASTS)
    moved = features.copy()
    moved[:, 0, :N_BANDS] = wanted.mean(axis=0) + slope * (features[:, 0, :N_BANDS] - own.mean(axis=0))
    return moved


def _anchors(features: np.ndarray, labels: np.ndarray) -> np.ndarray | None:
    """Median log powers of wake and of deep sleep, first EEG; shape (2, 5)."""
    rows = [labels == stage for stage in (_WAKE, excerpts.N3)]
    if min(int(own.sum()) for own in rows) < _FEWEST_OF_STAGE:
        return None
    return np.stack([np.median(features[own, 0, :N_BANDS], axis=0) for own in rows])


def other_wake(night: Night, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Shorten or lengthen (up to three hours a side) the wake before and after sleep."""
    asleep = np.flatnonzero(night.labels > _WAKE)
    if not asleep.size:
        return night.features, night.labels
    pieces = [np.arange(asleep[0], asleep[-1] + 1)]
    around = {"before": np.arange(asleep[0]), "after": np.arange(asleep[-1] + 1, len(night.labels))}
    for side, wake in around.items():
        if not wake.size:
            continue
        most = max(_LONGEST_WAKE, wake.size + 1)
        wanted = int(rng.choice([rng.integers(0, wake.size + 1), rng.integers(wake.size, most)]))
        # Counted away from sleep, and turned round at each end so that neighbours stay neighbours.
        away = wake[::-1] if side == "before" else wake
        run = np.concatenate([away, away[::-1]] * (wanted // (2 * wake.size) + 1))[:wanted]
        pieces = [run[::-1], *pieces] if side == "before" else [*pieces, run]
    rows = np.concatenate(pieces)
    return night.features[rows], night.labels[rows]


def with_eye_movements(features: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add the slow power of blinks and eye movements to the EEG of wake and, less, of REM sleep.

    They were taken out of the training nights by independent components, and no laboratory does that: there
    wake has more delta, and deep sleep stands out less.

    Parameters
    ----------
    features
        Shape (epochs, 3, 10): band powers; the shares follow in :func:`other_device`.
    labels
        Shape (epochs,): stages.
    """
    moved = features.copy()
    awake = np.select([labels == _WAKE, labels == _REM], [1.0, _EYES_IN_REM], 0.0)
    amount = awake * rng.uniform(0, _MOST_EYES) * rng.lognormal(0, _EYES_SPREAD, len(labels))
    for slot, reach in enumerate(_EYES_AT):
        usual = np.exp(np.median(features[:, slot, 0]))
        power = np.exp(features[:, slot, :N_BANDS]) + (usual * reach * amount)[:, None] * _EYES_BANDS
        moved[:, slot, :N_BANDS] = np.log(power)
    return moved


def other_contrast(features: np.ndarray, spread: float, rng: np.random.Generator) -> np.ndarray:
    """Shrink or stretch how far the epochs of a night lie apart, all bands of a channel alike.

    The delta of deep sleep stands out less with age and in fragmented sleep. What the network reads against
    the night's own spread stays; the rest moves, the shares in :func:`other_device`.

    Parameters
    ----------
    spread
        Standard deviation of the natural log of the factor.
    """
    changed = features.copy()
    logs = changed[:, :, :N_BANDS]
    middle = np.median(logs, axis=0)
    factor = np.exp(rng.normal(-spread / 2, spread, (1, features.shape[1], 1))).astype(np.float32)
    changed[:, :, :N_BANDS] = middle + factor * (logs - middle)
    return changed


def between_electrodes(features: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Move the first EEG towards the second: a central electrode lies between a frontal and a posterior one.

    Log powers are mixed linearly after the mean of each channel (its gain) is taken away; the shares follow
    in :func:`other_device`.
    """
    logs = features[:, :2, :N_BANDS]
    logs = logs - logs.mean(axis=(0, 2), keepdims=True)
    share = np.float32(rng.uniform(0, 1))
    moved = features.copy()
    moved[:, 0, :N_BANDS] = (1 - share) * logs[:, 0] + share * logs[:, 1]
    return moved


def other_device(features: np.ndarray, spread: float, rng: np.random.Generator) -> np.ndarray:
    """Shift each band of each channel by one offset for the whole night, shares of power included.

    Another electrode, reference or filter raises some bands against others. Where only the logs move, as in
    :func:`jittered`, a network learns to trust the shares, which move as much on a real device.

    Parameters
    ----------
    features
        Shape (epochs, 3, 10): band powers.
    spread
        Standard deviation of the offsets in natural log power.
    """
    offset = rng.normal(0, spread, (1, features.shape[1], N_BANDS)).astype(np.float32)
    logs = features[:, :, :N_BANDS] + offset
    powers = np.exp(logs - logs.max(axis=2, keepdims=True))
    return np.concatenate([logs, powers / powers.sum(axis=2, keepdims=True)], axis=2)


def jittered(
    x: np.ndarray, params: Mapping[str, Any], rng: np.random.Generator, masks: np.ndarray
) -> np.ndarray:
    """Add noise, offsets per channel and band, and drop channels, window by window.

    Offsets stand for other electrodes, filters and amplifiers; they are constant over a window.

    Parameters
    ----------
    masks
        Shape (windows, 3): which slots there are; a window without all of them keeps those it has.
    """
    windows = len(x)
    # Plain and night-scaled, by slot, log and relative, by band: the order of ``network_inputs``.
    view = x[..., : N_INPUTS - len(SLOTS)].reshape(windows, -1, 2, len(SLOTS), 2, N_BANDS)
    view = view + rng.normal(0, params["noise"], view.shape).astype(np.float32)
    offset = rng.normal(0, params["gain_jitter"], (windows, 1, 1, len(SLOTS), 1, 1))
    offset = offset + rng.normal(0, params["band_jitter"], (windows, 1, 1, len(SLOTS), 1, N_BANDS))
    # Only log powers shift; relative powers are shares and are left to the noise.
    view[:, :, :, :, :1] += offset.astype(np.float32)
    subsets = list(SUBSETS)
    chosen = rng.choice(len(subsets), windows, p=list(SUBSETS.values()))
    kept = np.where(masks.all(axis=1, keepdims=True), np.asarray(subsets)[chosen], masks).astype(np.float32)
    view *= kept[:, None, None, :, None, None]
    given = np.broadcast_to(kept[:, None], (windows, x.shape[1], len(SLOTS)))
    return np.concatenate([view.reshape(windows, x.shape[1], -1), given], axis=2).astype(np.float32)
