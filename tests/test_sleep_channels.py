"""Channel names of many laboratories lead to the right inputs, by the rule of electrode position."""

import pytest

from ml.algorithms.sleep.channels import choose
from ml.algorithms.sleep.edf_header import Signal
from ml.algorithms.sleep.montage import default, jurors, kind
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


def test_each_input_can_be_named_even_as_a_difference():
    found, warnings = chosen("Aux 1", "Aux 2", "F4-M1", "O2-M1", frontal="Aux 1 − Aux 2", eog="none")
    assert found == {"eeg_frontal_central": "Aux 1 − Aux 2", "eeg_posterior": "O2-M1"}
    assert warnings == ["position_unknown"]
    alone, warnings = chosen("F4-M1", "O2-M1", frontal="O2-M1", posterior="none")
    assert alone == {"eeg_frontal_central": "O2-M1"}
    assert warnings == ["posterior_only", "against_position"]
    with pytest.raises(Refused, match="unknown_channel"):
        chosen("F4-M1", frontal="F4-M1 − Nothing")


def test_electrodes_numbered_by_ribbon_are_no_positions():
    ribbons = [f"{ribbon}{number}" for ribbon in "ABC" for number in range(1, 33)]
    assert chosen(*ribbons)[1] == ["own_numbering"]
    assert chosen("C3", "C4", "A1", "A2")[1] == []


@pytest.mark.parametrize(
    ("label", "unit", "expected"),
    [
        ("Débit nasal", "", "flow"), ("Pression nasale", "cmH2O", "flow"), ("Canule", "mbar", "flow"),
        ("Resp oro-nasal", "", "flow"), ("Airflow", "", "flow"), ("Thermistance", "", "flow"),
        ("Sangle thoracique", "uV", "effort"), ("Abdomen", "V", "effort"), ("THO", "uV", "effort"),
        ("Thorax", "uV", "effort"), ("ABD", "uV", "effort"), ("Chest", "V", "effort"),
        ("SaO2", "%", "spo2"), ("SpO2", "", "spo2"), ("Saturation", "%", "spo2"), ("SpO2", "uV", "other"),
        ("Jambe G", "uV", "leg"), ("EMG jambe droite", "uV", "leg"), ("LAT", "uV", "leg"),
        ("Ronflement", "", "snore"), ("Snoring", "cmH2O", "snore"), ("Position", "", "position"),
        ("ECG II", "mV", "ecg"), ("EKG", "uV", "ecg"), ("Menton", "uV", "emg"), ("EMG", "uV", "emg"),
        ("1-F", "V", "emg"), ("EOG(L)", "uV", "eog"), ("Œil gauche", "uV", "eog"), ("E2-M1", "V", "eog"),
        ("EEG Fpz-Cz", "uV", "eeg"), ("C3A2", "uV", "eeg"), ("M1", "uV", "eeg"),
        ("C3 Impédance", "Ohm", "other"),
        ("Heart Rate", "bpm", "other"), ("RIP Flow", "V/s", "other"), ("Pulse", "bpm", "other"),
    ],
)  # fmt: skip
def test_what_a_channel_is_by_its_name(label, unit, expected):
    assert kind(Signal(label, "", unit, -1, 1, -10, 10, "", 100)) == expected


def test_the_first_montage_is_in_the_order_of_the_manual():
    labels = [
        "SpO2", "ECG", "E2-M2", "E1-M2", "O2-M1", "C4-M1", "F4-M1", "F3-M2", "Chin", "Abdomen", "Thorax",
        "Nasal Pressure", "Leg L", "Leg R", "M1", "M2", "Position",
    ]  # fmt: skip
    signals = [
        Signal(label, "", "%" if label == "SpO2" else "uV", -1, 1, -10, 10, "", 100) for label in labels
    ]
    derivations, _warnings = choose(signals, {})
    shown = default(signals, derivations, {})
    assert [trace.label for trace in shown] == [
        "F4-M1", "C4-M1", "O2-M1", "F3-M2", "E1-M2", "E2-M2", "Chin", "ECG", "Nasal Pressure", "Thorax",
        "Abdomen", "SpO2", "Leg L", "Leg R",
    ]  # fmt: skip
    assert {trace.label: trace.slot for trace in shown if trace.slot} == {
        "F4-M1": "frontal", "O2-M1": "posterior", "E1-M2": "eog", "E2-M2": "eog", "Chin": "emg",
    }  # fmt: skip
    assert [t.label for t, _slot in jurors(signals, shown)] == ["F4-M1", "O2-M1", "C4-M1", "F3-M2"]
    assert "SpO2" not in [t.label for t in default(signals, derivations, {"spo2": "none"})]


def test_a_cap_of_the_brain_leaves_room_for_the_body():
    labels = [
        f"{name}-M1" for name in ("FP1", "FP2", "F3", "F4", "F7", "F8", "C3", "C4", "P3", "P4", "O1", "O2")
    ]
    labels += ["E1-M2", "E2-M2", "Chin", "ECG", "Thorax", "Abdomen", "Airflow", "Leg L", "Leg R", "Snore"]
    signals = [Signal(label, "", "uV", -1, 1, -10, 10, "", 100) for label in labels]
    derivations, _warnings = choose(signals, {})
    shown = default(signals, derivations, {})
    assert len(shown) <= 20
    assert {"frontal", "posterior", "eog", "emg"} <= {trace.slot for trace in shown}
    assert {"ECG", "Airflow", "Thorax", "Leg R"} <= {trace.label for trace in shown}


@pytest.mark.parametrize(("labels", "options"), [(["Flow"], {}), (["C3-A2"], {"eeg": "none"})])
def test_without_eeg_there_is_no_staging(labels, options):
    with pytest.raises(Refused, match="no_eeg"):
        chosen(*labels, **options)


def of(*labels):
    return [Signal(label, "", "uV", -1, 1, -10, 10, "", 100) for label in labels]


def test_an_electrode_sent_where_it_does_not_lie_is_warned_about():
    signals = of("C4-M1", "O2-M1")
    derivations, warnings = choose(signals, {"frontal": "O2-M1", "posterior": "C4-M1"})
    assert [d.label for d in derivations] == ["O2-M1", "C4-M1"]
    assert [w.code for w in warnings] == ["against_position", "against_position"]
    assert warnings[0].message.en.startswith("O2-M1 lies parietal or occipital and is read as frontal")
    assert choose(signals, {"frontal": "C4-M1", "posterior": "O2-M1"})[1] == []


def test_of_two_channels_with_one_label_it_is_said_which_was_read():
    (warning,) = choose(of("Pleth", "C4-M1", "O2-M1", "c4-m1"), {})[1]
    assert warning.code == "one_label_twice"
    assert "2 channels are called C4-M1; the one at place 2 of 4 was read" in warning.message.en
