"""A night from file to stages, reasons and report, through the runner as a worker calls it."""

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import edfio
import numpy as np
import pytest

from ml import package as packages
from ml import runner
from ml.algorithms.sleep import annotations, simulate
from ml.algorithms.sleep.contract import CONTRACT, STAGES
from ml.algorithms.sleep.features import band_columns, network_inputs
from ml.algorithms.sleep.load import load
from ml.algorithms.sleep.predict import uncertain
from ml.contracts import Identity, Source, Status
from ml.training.evaluation import stage_metrics

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
UCDDB = DATA / "sleep" / "ucddb"
MARIE = Identity("Exemple", "Marie", "4711", date(1980, 2, 1), "F")


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """A simulated night and the hypnogram it was made from."""
    path = tmp_path_factory.mktemp("night") / "night.edf"
    return path, simulate.write_night(path, hours=4, seed=3, identity=MARIE)


@pytest.fixture(scope="module")
def outcome(simulated):
    return runner.run("sleep", Source(path=simulated[0], record=MARIE))


def indices(stages):
    return np.array([STAGES.index(stage) for stage in stages])


def rescaled(path: Path, factor: float, out: Path) -> Path:
    """The same recording as if its amplifier were set ``factor`` times higher."""
    content = bytearray(path.read_bytes())
    n = int(content[252:256])
    for first in (256 + n * 104, 256 + n * 112):
        for i in range(n):
            if content[256 + 16 * i :].startswith(b"EDF Annotations"):
                continue
            at = slice(first + 8 * i, first + 8 * i + 8)
            content[at] = f"{float(content[at]) * factor:.6g}".ljust(8)[:8].encode()
    out.write_bytes(content)
    return out


def test_a_night_is_staged_explained_and_reported(outcome, simulated):
    assert outcome.status is Status.OK
    result = outcome.result
    assert len(result["stages"]) == len(simulated[1]) == len(result["probabilities"])
    assert set(result["stages"]) <= set(STAGES)
    assert np.allclose(np.sum(result["probabilities"], axis=1), 1, atol=1e-3)
    assert result["channels"]["eeg_frontal_central"] == "EEG F4-M1"
    assert result["start"] == "2026-01-05T22:45:00"
    assert outcome.explanation_status == "ok"
    json.dumps(result, allow_nan=False)
    json.dumps(outcome.explanation.data, allow_nan=False)
    json.dumps(outcome.report.as_json(), allow_nan=False)


def test_the_stages_of_a_simulated_night_follow_its_making(outcome, simulated):
    agreement = stage_metrics(indices(simulated[1]), indices(outcome.result["stages"]), repeats=2)
    assert agreement["kappa"].value > 0.6


def test_a_simulated_night_says_so_everywhere(outcome):
    assert outcome.result["simulated"] is True
    assert "simulated" in {finding.code for finding in outcome.quality}
    assert outcome.report.headline.en.startswith("SIMULATED")
    assert outcome.report.headline.fr.startswith("ENREGISTREMENT SIMULÉ")


def test_the_report_gives_both_definitions_and_both_languages(outcome):
    labels = [row.label for section in outcome.report.sections for row in section.rows]
    assert sum(label.en.startswith("Wake after sleep onset (WASO)") for label in labels) == 2
    assert all(label.fr for label in labels)
    values = {row.label.en: row.value for section in outcome.report.sections for row in section.rows}
    efficiency = values["Sleep efficiency (SE): 100 · TST / TRT"]
    assert "." in efficiency.en
    assert "," in efficiency.fr
    assert any("not a medical device" in limit.en for limit in outcome.report.limits)


def test_uncertain_epochs_are_listed_least_certain_first(outcome):
    confidence = np.max(outcome.result["probabilities"], axis=1)[outcome.result["uncertain"]]
    assert len(confidence)
    assert (np.diff(confidence) >= -1e-4).all()
    assert uncertain(np.array([[0.9, 0.1], [0.5, 0.5], [0.6, 0.4]]), 0.7) == [1, 2]


def test_explanations_name_bands_and_list_the_least_certain(outcome):
    data = outcome.explanation.data
    assert len(data["epochs"]) == 30
    assert data["epochs"][0]["epoch"] == outcome.result["uncertain"][0]
    deep = np.array(data["stages"]["N3"]["contributions"])
    slot, band = np.unravel_index(deep.argmax(), deep.shape)
    assert data["bands"][band] == "delta"
    assert data["stages"]["N3"]["levels"][slot][band] > 0
    assert "N3 : delta" in outcome.explanation.sentence.fr
    (artefact,) = outcome.explanation.artefacts
    every = json.loads(artefact.content)
    assert np.shape(every["contributions"]) == (len(outcome.result["stages"]), 15)


@pytest.mark.parametrize("factor", [0.01, 0.1, 10, 100])
def test_the_gain_of_the_amplifier_changes_nothing(factor, outcome, simulated, tmp_path):
    other = runner.run(
        "sleep", Source(path=rescaled(simulated[0], factor, tmp_path / "n.edf")), explain=False
    )
    assert other.result["stages"] == outcome.result["stages"]


@pytest.mark.parametrize(("eeg", "eog"), [("EEG F4-M1", "none"), ("EEG F4-M1", ""), ("EEG O2-M1", "none")])
def test_fewer_channels_still_stage(eeg, eog, simulated):
    fewer = runner.run("sleep", Source(path=simulated[0], options={"eeg": eeg, "eog": eog}), explain=False)
    agreement = stage_metrics(indices(simulated[1]), indices(fewer.result["stages"]), repeats=2)
    assert agreement["kappa"].value > 0.4


def test_another_persons_recording_is_stopped(simulated):
    other = Identity("Autre", "Jean", "815", date(1950, 1, 1), "M")
    stopped = runner.run("sleep", Source(path=simulated[0], record=other))
    assert stopped.status is Status.REFUSED
    assert stopped.result is None
    assert [problem.code for problem in stopped.problems] == ["identity_mismatch"]


def test_band_powers_are_staged_like_the_recording_they_come_from(outcome, simulated, tmp_path):
    loaded = load(Source(path=simulated[0]), packages.load("sleep"))
    np.savez(tmp_path / "n.npz", features=loaded.data.features)
    again = runner.run("sleep", Source(path=tmp_path / "n.npz"))
    assert again.result["stages"] == outcome.result["stages"]
    assert again.explanation_status == "ok"


def test_inputs_are_free_of_gain_and_name_their_columns():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(50, 3, 10)).astype(np.float32)
    louder = features.copy()
    louder[:, 0, :5] += 3
    mask = np.array([True, False, True])
    assert np.allclose(network_inputs(louder, mask), network_inputs(features, mask), atol=1e-5)
    changed = features.copy()
    changed[7, 2, 3] += 0.5
    moved = np.abs(network_inputs(changed, mask) - network_inputs(features, mask))[7] > 0.1
    assert moved[band_columns(2, 3)[0]]
    assert moved[band_columns(2, 3)[2]]


WORKER = """
import resource, sys
from pathlib import Path
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
from ml import runner
from ml.contracts import Source
outcome = runner.run("sleep", Source(path=Path(sys.argv[1])))
heavy = {"tensorflow", "keras", "mne", "sklearn", "shap", "mlflow", "pandas", "edfio"} & set(sys.modules)
print(outcome.status, outcome.explanation_status, *sorted(heavy))
"""


def test_a_worker_stages_within_its_memory_and_without_the_training_stack(simulated):
    limit = str(CONTRACT.limits.memory_bytes)
    done = subprocess.run([sys.executable, "-c", WORKER, simulated[0], limit], capture_output=True, text=True)
    assert done.stdout.split() == ["ok", "ok"], done.stderr


def test_a_simulated_night_is_the_same_for_the_same_seed(tmp_path):
    one, two, three = (tmp_path / name for name in "abc")
    stages = simulate.write_night(one, hours=0.5, seed=1)
    assert simulate.write_night(two, hours=0.5, seed=1) == stages
    simulate.write_night(three, hours=0.5, seed=2)
    assert one.read_bytes() == two.read_bytes() != three.read_bytes()
    assert load(Source(path=one), None).identity.empty
    with pytest.raises(ValueError, match="30 s"):
        simulate.write_night(one, hours=0.001)


@pytest.fixture(scope="module")
def ucddb018():
    """The hypnogram of a real night of another laboratory, as it was recorded."""
    source = Source(path=UCDDB / "ucddb018_night.edf")
    return runner.run("sleep", source, explain=False).result["stages"]


@pytest.mark.shared
def test_a_real_night_of_another_laboratory(ucddb018):
    labels = annotations.read_hypnogram(UCDDB / "ucddb018_hypnogram.edf")
    scored = labels >= 0
    found = stage_metrics(labels[scored], indices(ucddb018)[: len(labels)][scored], repeats=2)
    assert found["kappa"].value >= 0.75


@pytest.mark.shared
@pytest.mark.parametrize("factor", [0.01, 0.1, 10, 100])
def test_a_real_night_is_staged_alike_at_any_gain(factor, ucddb018, tmp_path):
    path = rescaled(UCDDB / "ucddb018_night.edf", factor, tmp_path / "n.edf")
    assert runner.run("sleep", Source(path=path), explain=False).result["stages"] == ucddb018


@pytest.mark.shared
@pytest.mark.parametrize("factor", [0.01, 100])
def test_a_real_night_written_anew_at_another_gain_is_staged_alike(factor, ucddb018, tmp_path):
    """The samples themselves multiplied and rounded again to 16 bits over their own range."""
    recorded = edfio.read_edf(UCDDB / "ucddb018_night.edf")
    signals = [
        edfio.EdfSignal(
            s.data * factor, s.sampling_frequency, label=s.label, physical_dimension=s.physical_dimension
        )
        for s in recorded.signals
    ]
    edfio.Edf(signals).write(tmp_path / "n.edf")
    found = runner.run("sleep", Source(path=tmp_path / "n.edf"), explain=False).result["stages"]
    assert np.mean(np.array(found) != ucddb018[: len(found)]) <= 0.002


@pytest.mark.shared
def test_a_hypnogram_is_read_from_annotations():
    labels = annotations.read_hypnogram(UCDDB / "ucddb018_hypnogram.edf")
    assert len(labels) == 822
    assert labels[0] == 0
    assert labels[5820 // 30] == 1
