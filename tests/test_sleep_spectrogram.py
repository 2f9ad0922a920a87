"""The spectrogram of the scoring room: the right frequency at the right epoch, and nothing in a gap."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from ml.algorithms.sleep import spectrogram

RATE = 100


def wave(frequency: float, epochs: int) -> np.ndarray:
    """Return some epochs of a sine of 20 µV with a little noise."""
    t = np.arange(epochs * 30 * RATE) / RATE
    noise = np.random.default_rng(0).normal(0, 0.5, len(t))
    return (20 * np.sin(2 * np.pi * frequency * t) + noise).astype(np.float32)


@pytest.mark.parametrize("frequency", [1.0, 6.0, 13.5])
def test_a_wave_is_brightest_at_its_frequency(frequency: float) -> None:
    power = spectrogram.decibels(wave(frequency, 3))
    assert power.shape == (3, 60)
    assert {(row + 1) * 0.5 for row in power.argmax(axis=1)} <= {frequency, frequency + 0.5}


def test_a_gap_has_no_colour_and_the_others_keep_theirs() -> None:
    eeg = np.concatenate([wave(2, 2), wave(13, 2)])
    eeg[3000:3100] = np.nan
    said = json.loads(spectrogram.artefact(eeg, "C4-M1").content)
    drawn = np.frombuffer(base64.b64decode(said["levels"]), np.uint8).reshape(said["epochs"], -1)
    assert (said["label"], said["epochs"], said["frequencies"]) == ("C4-M1", 4, 60)
    assert set(drawn[1]) == {spectrogram.NOTHING}
    assert drawn[0].max() < spectrogram.NOTHING
    assert drawn[0].argmax() < drawn[3].argmax()


def test_nothing_recorded_at_all_is_drawn_as_nothing() -> None:
    assert set(spectrogram.levels(np.full(6000, np.nan, np.float32)).ravel()) == {spectrogram.NOTHING}
