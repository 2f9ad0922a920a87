"""Channel names of many laboratories lead to the right inputs, by the rule of electrode position."""

import pytest

from ml.algorithms.sleep.channels import choose
from ml.algorithms.sleep.edf_header import Signal
from ml.contracts import Refused


def chosen(*labels, **options):
    signals = [Signal(label, "", unit, -1, 1, -10, 10, "", 100) for label, unit in map(_with_unit, labels)]
    derivations, warnings = choose(signals, options)
    return {d.slot: d.label for d in derivations}, [w.code for w in warnings]


def _with_unit(label):
    return label if isinstance(label, tuple) else (label, "uV")


@pytest.mark.parametrize(
    ("labels", "frontal", "posterior", "eog", "emg"),
    [
        (
            ["EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal", "Resp oro-nasal", "EMG submental"],
            "EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal", "EMG submental",
        ),
        (["C3A2", "C4A1", "EOG(L)", "EOG(R)", "EMG"], "C4A1", None, "EOG(L) − EOG(R)", "EMG"),
        (
            ["EOG gauche", "EOG droit", "C3", "A2", "O1", "Menton", "Jambe G"],
            "C3 − A2", "O1 − A2", "EOG gauche − EOG droit", "Menton",
        ),
        (
            ["EEG C4-A1", "E1-M2", "E2-M2", "Chin1-Chin2", "LAT", "F4-M1", "O2-M1"],
            "F4-M1", "O2-M1", "E1-M2 − E2-M2", "Chin1-Chin2",
        ),
        (["F4M1", "O2M1", "E1M2"], "F4M1", "O2M1", "E1M2", None),
        (["EEG F3-A2", "EEG LOC-A2", "EEG ROC-A2"], "EEG F3-A2", None, "EEG LOC-A2 − EEG ROC-A2", None),
        (["Œil gauche", "Cz-Ref", "EMG jambe"], "Cz-Ref", None, "Œil gauche", None),
    ],
)  # fmt: skip
def test_montages_are_recognised(labels, frontal, posterior, eog, emg):
    found, _ = chosen(*labels)
    expected = {"eeg_frontal_central": frontal, "eeg_posterior": posterior, "eog": eog, "emg_chin": emg}
    assert found == {slot: label for slot, label in expected.items() if label}


def test_impedances_and_other_quantities_are_no_eeg():
    found, _ = chosen("C3 Impédance", ("C4-M1", "Ohm"), ("F4-M1 (Imp)", "V"), "C3-M2")
    assert found == {"eeg_frontal_central": "C3-M2"}


def test_a_posterior_or_unknown_position_is_warned_about():
    assert chosen("O2-M1", "EOG")[1] == ["posterior_only"]
    assert chosen("EEG", "EOG")[1] == ["position_unknown"]
    assert chosen("T3-A2")[1] == ["position_unknown"]
    assert chosen("C3-A2")[1] == []


def test_named_channels_override_the_guess_and_none_leaves_a_kind_out():
    found, _ = chosen("F4-M1", "C4-M1", "O2-M1", "E1-M2", "Chin", "Aux", eeg="c4-m1", eog="none", emg="Aux")
    assert found == {"eeg_frontal_central": "C4-M1", "emg_chin": "Aux"}
    both, _ = chosen("F4-M1", "C4-M1", "O2-M1", eeg="C4-M1, O2-M1")
    assert both == {"eeg_frontal_central": "C4-M1", "eeg_posterior": "O2-M1"}
    strange, warnings = chosen("Sensor 1", "E1-M2", eeg="Sensor 1")
    assert strange["eeg_frontal_central"] == "Sensor 1"
    assert warnings == ["position_unknown"]


@pytest.mark.parametrize(("labels", "options"), [(["Flow"], {}), (["C3-A2"], {"eeg": "none"})])
def test_without_eeg_there_is_no_staging(labels, options):
    with pytest.raises(Refused, match="no_eeg"):
        chosen(*labels, **options)
