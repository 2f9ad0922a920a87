"""What the scoring room draws from: windows of the original file, and the pyramid made of it."""

from __future__ import annotations

import io
import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal as dsp

from ml.algorithms.sleep import pages, pyramid
from ml.algorithms.sleep.load import load
from ml.algorithms.sleep.resampling import Resampler
from ml.contracts import Source
from tests.sleep_files import Channel, recording

RATES = {"F4-M1": 200, "C3": 512, "M2": 512, "E1-M2": 50, "SpO2": 1, "Nasal Pressure": 25}


def channels(bdf=False):
    most = 2**23 if bdf else 2**15
    found = [
        Channel(label, rate, "uV" if rate > 30 else "", physical=(-500, 500)) for label, rate in RATES.items()
    ]
    found[4].physical, found[4].unit = (0, 100), "%"
    found[4].digital = (0, 1000)
    found[4].samples = np.tile(np.arange(900, 960), 10)
    found[0].samples = np.random.default_rng(5).integers(-most, most, 600 * 200)
    return found


@pytest.fixture(scope="module", params=[False, True], ids=["edf", "bdf"])
def night(request, tmp_path_factory):
    """A mixed recording with two gaps, its channels, its index and its pyramid."""
    onsets = [i + (0 if i < 100 else 100 if i < 400 else 200.5) for i in range(600)]
    shown = channels(request.param)
    content = recording(shown, onsets=onsets, interrupted=True, bdf=request.param)
    path = tmp_path_factory.mktemp("night") / "night"
    path.write_bytes(content)
    loaded = load(Source(path=path), None)
    files = {artefact.name: artefact.content for artefact in loaded.artefacts}
    return content, shown, json.loads(files["signals.json"]), files["pyramid.bin"], loaded


def test_the_index_says_where_everything_is(night):
    content, _shown, index, _bins, _loaded = night
    assert index["header_bytes"] + index["records"] * index["record_bytes"] == len(content)
    assert [s["onset_s"] for s in index["segments"]] == [0, 200, 600.5]
    assert [s["records"] for s in index["segments"]] == [100, 300, 200]
    assert [(c["label"], c["rate"]) for c in index["channels"]] == list(RATES.items())
    assert index["seconds"] == 800.5
    labels = [trace["label"] for trace in index["montage"]]
    assert labels == ["F4-M1", "C3 − M2", "E1-M2", "Nasal Pressure", "SpO2"]
    oximeter = index["channels"][4]
    assert (oximeter["kind"], oximeter["unit"]) == ("spo2", "%")
    assert 900 * oximeter["gain"] + oximeter["bias"] == pytest.approx(90, abs=0.01)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    start=st.floats(-50, 900), seconds=st.floats(0, 120),
    asked=st.lists(st.sampled_from(range(6)), min_size=1, max_size=4),
)  # fmt: skip
def test_a_window_is_what_the_file_holds_there(night, start, seconds, asked):
    content, shown, index, _bins, _loaded = night
    windows = pages.read(io.BytesIO(content), index, asked, start, seconds)
    width = "<i4" if index["format"] == "bdf" else "<i2"
    for number in dict.fromkeys(asked):
        rate = list(RATES.values())[number]
        mine = [w for w in windows if w.number == number]
        expected = 0
        for segment in index["segments"]:
            first, count = segment["record"] * rate, segment["records"] * rate
            times = segment["onset_s"] + np.arange(count) / rate
            slack = 1e-6 / rate
            inside = (times >= start - slack) & (times < start + seconds - slack)
            if not inside.any():
                continue
            window = mine[expected]
            expected += 1
            values = shown[number].samples
            if values is None:
                values = _noise(number, rate, index["format"] == "bdf")
            part = np.asarray(values)[first : first + count][inside]
            assert np.array_equal(np.frombuffer(window.data, width), part)
            assert window.onset_s == pytest.approx(times[inside][0], abs=1e-6)
            assert window.rate == rate
        assert len(mine) == expected


def _noise(number, rate, bdf):
    most = 2**23 if bdf else 2**15
    return np.random.default_rng(number).normal(0, most / 16, 600 * rate).astype(np.int32)


@pytest.mark.parametrize(
    ("asked", "start", "seconds"), [([9], 0, 30), ([0], float("nan"), 30), ([1], 0, 1e6), ([0], 0, np.inf)]
)
def test_what_cannot_be_given_is_refused(night, asked, start, seconds):
    content, _shown, index, _bins, _loaded = night
    with pytest.raises(ValueError, match=r"window|channels"):
        pages.read(io.BytesIO(content), index, asked, start, seconds)


def level(index, bins, trace, number):
    found = index["pyramid"]["levels"][number]
    at = found["offset"] + 4 * trace * found["bins"]
    pairs = np.frombuffer(bins, "<i2", 2 * found["bins"], at).reshape(-1, 2)
    return found["seconds"], pairs


def test_the_pyramid_holds_lowest_and_highest_and_says_where_nothing_was_recorded(night):
    _content, _shown, index, bins, _loaded = night
    oximeter = [trace["label"] for trace in index["montage"]].index("SpO2")
    step = index["montage"][oximeter]["pyramid_step"]
    seconds, pairs = level(index, bins, oximeter, 2)
    assert seconds == 4
    # 90.0 to 95.9 % in tenths, again every minute.
    assert pairs[0] * step == pytest.approx([90.0, 90.3], abs=0.02)
    assert pairs[10] * step == pytest.approx([94.0, 94.3], abs=0.02)
    assert (pairs[26:49] == pyramid.NOTHING).all()
    assert (pairs[50:124] != pyramid.NOTHING).all()
    assert sum(4 * found["bins"] * 5 for found in index["pyramid"]["levels"]) == len(bins)
    for number in range(1, len(index["pyramid"]["levels"])):
        _seconds, coarse = level(index, bins, oximeter, number)
        _seconds, fine = level(index, bins, oximeter, number - 1)
        some = fine[:4][fine[:4, 0] != pyramid.NOTHING]
        assert coarse[0, 0] == some[:, 0].min()
        assert coarse[0, 1] == some[:, 1].max()


@pytest.mark.parametrize(("hertz", "left"), [(10.0, 1.0), (0.05, 0.1), (90.0, 0.15)])
def test_a_trace_is_drawn_through_its_filter(hertz, left):
    builder = pyramid.Builder(512, (0.3, 35.0), 120)
    wave = (100 * np.sin(2 * np.pi * hertz * np.arange(120 * 512) / 512)).astype(np.float32)
    for start in range(0, 120, 10):
        builder.feed(start, wave[start * 512 : (start + 10) * 512], fresh=start == 0)
    swing = (builder.high - builder.low)[80:].max() / 200
    assert swing == pytest.approx(left, abs=0.12)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    rate=st.sampled_from([50, 100, 128, 200, 256, 500, 512]),
    cuts=st.lists(st.integers(1, 59), max_size=5, unique=True),
)
def test_resampling_in_pieces_is_resampling_in_one_go(rate, cuts):
    x = np.random.default_rng(1).normal(size=60 * rate).astype(np.float32)
    edges = [0, *sorted(cuts), 60]
    sampler = Resampler(rate, 100.0, 60)
    for first, end in pairwise(edges):
        sampler.feed(first, end - first, x[first * rate : end * rate], fresh=first == 0, last=end == 60)
    assert np.isfinite(sampler.out).all()
    divisor = np.gcd(100, rate)
    up, down = 100 // divisor, rate // divisor
    # The first and the last value go on for ever: a step at either end would ring.
    whole = dsp.resample_poly(np.pad(x, 50 * down, "edge"), up, down)[50 * up : -50 * up]
    assert np.allclose(sampler.out, whole, atol=1e-4)
