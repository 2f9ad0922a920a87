"""The older interface: sixteen features, one epoch in, one stage out."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ml import package as packages
from ml.__main__ import main
from ml.algorithms.sleep import forest16, reader
from ml.contracts import Refused
from tests import mlflow_store
from tests.sleep_files import write_edf

UCDDB = Path(__file__).resolve().parents[2] / "shared" / "data" / "sleep" / "ucddb"


@pytest.fixture(scope="module")
def package():
    return packages.load("sleep", "forest-16-1.1.0")


def test_features_are_those_named():
    t = np.arange(6000) / 100
    x = forest16.features(np.sin(2 * np.pi * 10 * t) * 20 + 5, 100)
    assert x.shape == (2, 16)
    first = dict(zip(forest16.NAMES, x[0], strict=True))
    assert first["mean"] == pytest.approx(5, abs=1e-3)
    assert first["std"] == pytest.approx(20 / np.sqrt(2), rel=1e-3)
    assert first["alpha_power"] == pytest.approx(200, rel=0.02)
    assert first["alpha_ratio"] > 0.99
    assert np.isfinite(forest16.features(np.zeros(3000), 100)).all()


def test_the_answer_has_the_older_form(package):
    signal = np.random.default_rng(0).normal(0, 20, 3000).tolist()
    answer = forest16.predict_signal(package, signal, 100)
    assert set(answer) == {"prediction", "confidence", "probabilities", "processing_time_ms"}
    assert list(answer["probabilities"]) == ["Wake", "N1", "N2", "N3", "REM"]
    assert answer["confidence"] == max(answer["probabilities"].values())
    assert answer["probabilities"][answer["prediction"]] == answer["confidence"]
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    json.dumps(answer, allow_nan=False)


@pytest.mark.shared
def test_the_shipped_forest_knows_the_recordings_it_learned_from(package):
    """No figure of quality, only that features, graph and class names fit together."""
    path = UCDDB / "ucddb002_wake_n3_only.edf"
    header, signals = reader.read_header(path)
    x = reader.physical(reader.read_digital(path, header, signals, [0])[0], signals[0])
    names = {"W": "Wake"}
    truth = [names.get(line, line) for line in path.with_suffix(".txt").read_text().split()]
    epochs = range(0, len(truth), 5)
    answers = [
        forest16.predict_signal(package, x[i * 3840 : (i + 1) * 3840].tolist(), 128)["prediction"]
        for i in epochs
    ]
    assert np.mean([answer == truth[i] for answer, i in zip(answers, epochs, strict=True)]) > 0.85


@pytest.mark.parametrize(
    ("signal", "rate", "code"),
    [
        ([0.0] * 3000, 0, "sampling_rate"),
        ([0.0] * 3000, "100", "sampling_rate"),
        ([0.0] * 3000, True, "sampling_rate"),
        ([0.0, "x"] * 1500, 100, "signal_values"),
        ([float("nan")] * 3000, 100, "signal_values"),
        ([], 100, "signal_length"),
        ([0.0] * 10, 100, "signal_length"),
        ([0.0] * 7000, 100, "signal_length"),
        ([3e-5, -3e-5] * 1500, 100, "signal_flat"),
        ([3e4, -3e4] * 1500, 100, "signal_size"),
        ([3e6, 3e6 + 50] * 1500, 100, "signal_size"),
    ],
)
def test_a_wrong_call_is_refused_with_the_reason(package, signal, rate, code):
    with pytest.raises(Refused) as caught:
        forest16.predict_signal(package, signal, rate)
    assert [problem.code for problem in caught.value.problems] == [code]


def test_model_info_has_the_older_form(package):
    info = forest16.model_info(package)
    assert info["n_features"] == 16
    assert info["classes"] == ["Wake", "N1", "N2", "N3", "REM"]
    assert 0 < info["cohens_kappa"] < 1
    assert {"model_type", "accuracy", "f1_score", "training_date"} <= set(info)


def scored(folder: Path) -> Path:
    """Two patients, awake and in deep sleep, plainly drawn."""
    folder.mkdir()
    stages = ["W", "W", "N3", "N3"]
    for number in range(2):
        size = np.repeat([500, 500, 4000, 4000], 3000)
        samples = np.random.default_rng(number).normal(0, size).astype("<i2").reshape(-1, 1, 100)
        write_edf(folder / f"p{number}.edf", samples=samples)
        (folder / f"p{number}.txt").write_text("\n".join(stages), "utf-8")
    return folder


def test_a_package_is_written_over_only_when_asked(tmp_path, capsys):
    data, out = scored(tmp_path / "my pairs"), tmp_path / "out"
    call = ["train", "sleep", "--data", str(data), "--out", str(out), "--version", "9.9.9"]
    call += ["--param", "recipe=forest16"]
    with mlflow_store.apart(tmp_path / "mlflow"):
        assert main(call) == 0
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        manifest = out / "sleep" / "forest-16-9.9.9" / packages.MANIFEST
        before = manifest.read_bytes()
        assert main(call) == 2
        assert "is a package already: give another --version, or --force" in capsys.readouterr().err
        assert manifest.read_bytes() == before
        assert main([*call, "--force"]) == 0
        mlflow_store.assert_complete(packages.read(manifest.parent), curves=["fold_accuracy"])
    assert json.loads(manifest.read_text("utf-8"))["sha256"] == lines[0]["sha256"]
    # The figures come again from the folder they came from, not from the product's own.
    assert lines[1]["command"].endswith(f"--version forest-16-9.9.9 --data '{data}'")


@pytest.mark.parametrize("recipe", ["forest16", "cnn"])
def test_one_patient_alone_makes_no_package(recipe, tmp_path, capsys):
    """Nobody could be held out: it would carry no figure."""
    data, out = scored(tmp_path / "pairs"), tmp_path / "out"
    (data / "patients.csv").write_text("recording,patient\np0,A\np1,A\n", "utf-8")
    call = ["train", "sleep", "--data", str(data), "--out", str(out), "--version", "9.9.9"]
    assert main([*call, "--param", f"recipe={recipe}"]) == 2
    assert "2 recording(s) that can be learned from are of one patient" in capsys.readouterr().err
    assert not out.exists()


def test_the_forest_is_trained_without_tensorflow():
    asked = (
        "import sys; from ml import registry; registry.trainer('sleep', 'forest16'); print([*sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout
    assert "'ml.algorithms.sleep.forest16_train'" in loaded
    assert "'tensorflow'" not in loaded
    assert "'keras'" not in loaded
