"""YASA as a second opinion: asked only where it is installed, wanted and the scale is plausible."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml import package as packages
from ml.__main__ import main
from ml.algorithms.sleep import load, opinion, predict
from ml.algorithms.sleep.recorded import Recorded
from ml.contracts import Loaded, Source
from tests.sleep_files import write_edf

STAGES = ["W"] * 12
# Stands where YASA's environment would: says N2 of every epoch of every part it is given.
STAND_IN = """#!{python}
import io, json, sys
import numpy as np
sent = np.load(io.BytesIO(sys.stdin.buffer.read()))
parts = [sent[name] for name in sorted(sent.files) if name.startswith("part_")]
print("a line that some library prints")
print(json.dumps({{"version": "0.0", "stages": [["N2"] * (len(part) // 3000) for part in parts]}}))
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "python"
    path.write_text(STAND_IN.format(python=sys.executable), "utf-8")
    path.chmod(0o755)
    monkeypatch.setenv(opinion.SWITCH, str(path))
    return path


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(opinion.SWITCH, str(tmp_path / "nowhere"))


def night(amplitude: float = 20.0, **changes: object) -> Recorded:
    eeg = np.random.default_rng(0).normal(0, amplitude, 12 * 3000).astype(np.float32)
    recorded = Recorded(
        np.zeros((12, 3, 10)),
        np.ones(3, bool),
        {},
        segments=((0, 12),),
        eeg=eeg,
        eeg_label="C3-A2",
        opinion=True,
    )
    return replace(recorded, **changes)


@pytest.mark.usefixtures("stand_in")
def test_its_stages_lie_beside_ours_with_the_agreement() -> None:
    found = opinion.of(night(), ["N2"] * 6 + ["W"] * 6)
    assert found["stages"] == ["N2"] * 12
    assert (found["by"], found["version"], found["derivation"]) == ("yasa", "0.0", "C3-A2")
    assert found["agreement"] == 0


@pytest.mark.usefixtures("stand_in")
def test_stretches_are_staged_apart_and_short_ones_not_at_all() -> None:
    eeg = np.random.default_rng(0).normal(0, 20, 30 * 3000).astype(np.float32)
    eeg[11 * 3000 : 12 * 3000] = np.nan
    found = opinion.of(night(eeg=eeg, segments=((0, 11), (12, 4), (17, 13))), ["W"] * 30)
    assert found["stages"] == ["N2"] * 11 + ["?"] * 6 + ["N2"] * 13
    assert "five minutes" in opinion.of(night(segments=((0, 4),)), STAGES)["why"]["en"]


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize("factor", [0.01, 100])
def test_a_wrong_scale_is_said_instead_of_staged(factor: float) -> None:
    found = opinion.of(night(20 * factor), STAGES)
    assert found["stages"] is None
    assert "unit in the file looks wrong" in found["why"]["en"]
    assert "unité du fichier" in found["why"]["fr"]


@pytest.mark.parametrize("program", ["raise SystemExit(1)", "print('no JSON')", ""])
def test_a_second_opinion_that_fails_does_not_cost_the_first(stand_in: Path, program: str) -> None:
    stand_in.write_text(f"#!{sys.executable}\n{program}\n", "utf-8")
    assert opinion.of(night(), STAGES)["why"]["en"] == "YASA gave no answer."


@pytest.mark.usefixtures("nowhere")
def test_without_yasa_the_result_carries_nothing_and_the_option_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = write_edf(tmp_path / "night.edf")
    package = packages.load("sleep")
    assert predict.predict(package, load.load(Source(path=path), package))["opinion"] is None
    assert main(["predict", "sleep", str(path), "--opinion", "yasa"]) == 2
    assert "YASA is not here" in capsys.readouterr().err
    assert main(["predict", "german_credit", "--values", "{}", "--opinion", "yasa"]) == 2
    assert "option of sleep" in capsys.readouterr().err


@pytest.mark.usefixtures("stand_in")
def test_the_site_switches_it_on_and_a_sender_off(tmp_path: Path) -> None:
    path = write_edf(tmp_path / "night.edf")
    package = packages.load("sleep")

    def asked(**options: str) -> dict | None:
        loaded: Loaded = load.load(Source(path=path, options=options), package)
        return predict.predict(package, loaded)["opinion"]

    assert asked()["stages"] == ["N2"] * 20
    assert asked(opinion="none") is None


@pytest.mark.skipif(not opinion.installed(), reason="YASA is not installed; `make yasa`")
@pytest.mark.long
def test_yasa_itself_answers() -> None:
    found = opinion.of(night(), STAGES)
    assert found["version"] == "0.8.1"
    assert set(found["stages"]) <= {"W", "N1", "N2", "N3", "R"}
    assert len(found["stages"]) == 12
