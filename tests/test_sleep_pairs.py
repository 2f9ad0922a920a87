"""Any folder of recordings with hypnograms: what is read, and the sentence for what does not fit."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from ml.algorithms.sleep import pairs, stage_tables
from ml.contracts import Refused
from ml.training.data import DataMissing
from tests.sleep_files import Channel, recording, write_edf

EPOCHS = 4


def night(folder: Path, name: str, epochs: int = EPOCHS, **main: str) -> Path:
    """A recording whose noise is its own."""
    draw = np.random.default_rng(list(name.encode()))
    samples = draw.normal(0, 2000, (30 * epochs, 1, 100)).astype("<i2")
    return write_edf(folder / name, samples=samples, **main)


def hypnogram(folder: Path, name: str, words: list[str], **main: str) -> Path:
    notes = [(30 * i, word) for i, word in enumerate(words)]
    path = folder / name
    path.write_bytes(recording([], records=len(words), record_seconds=30, notes=notes, **main))
    return path


def read(folder: Path) -> tuple[dict[str, list[int]], dict[str, str]]:
    """Labels by name of night, and reasons by name of file."""
    found, unfit = pairs.find(folder)
    nights, unread = pairs.read(found)
    return {n.name: n.labels.tolist() for n in nights}, {u.name: u.why.en for u in (*unfit, *unread)}


def test_every_way_of_keeping_a_hypnogram_is_found(tmp_path: Path) -> None:
    night(tmp_path, "a_night.edf")
    hypnogram(
        tmp_path, "a_hypnogram.edf", ["Sleep stage W", "Sleep stage 2", "Sleep stage 4", "Sleep stage R"]
    )
    night(tmp_path, "b.edf")
    (tmp_path / "b.txt").write_text("W\nN1\n?\nREM\n", "utf-8")
    (tmp_path / "deep").mkdir()
    night(tmp_path / "deep", "c.edf")
    (tmp_path / "deep" / "c_stages.csv").write_text("epoch,stage\n1,0\n2,5\n3,3\n4,6\n", "utf-8")
    night(tmp_path, "SC4011E0-PSG.edf")
    hypnogram(
        tmp_path, "SC4011EH-Hypnogram.edf", ["Movement time", "Sleep stage 1", "Lights off", "Sleep stage 3"]
    )
    own = recording([Channel("EEG C3-A2")], records=30 * EPOCHS, notes=[(30, "Sleep stage N2")])
    (tmp_path / "d.edf").write_bytes(own)
    labels, unfit = read(tmp_path)
    assert labels == {
        "a": [0, 2, 3, 4],
        "b": [0, 1, -100, 4],
        "c": [0, 4, 3, -100],
        "SC4011E0": [-100, 1, -100, 3],
        "d": [-100, 2, -100, -100],
    }
    assert unfit == {}


def test_a_file_that_does_not_fit_is_named_with_the_reason_and_the_rest_is_read(tmp_path: Path) -> None:
    night(tmp_path, "good.edf")
    (tmp_path / "good.csv").write_text("stage\nW\nW\nN2\nN2\n", "utf-8")
    night(tmp_path, "alone.edf")
    hypnogram(tmp_path, "lost_hypnogram.edf", ["Sleep stage W"])
    for name, text in (
        ("longer", "W\n" * 9),
        ("shorter", "W\n"),
        ("words", "W\nasleep\n"),
        ("digits", "0\n4\n"),
        ("none", "?\n"),
    ):
        night(tmp_path, f"{name}.edf")
        (tmp_path / f"{name}.txt").write_text(text, "utf-8")
    night(tmp_path, "hour.edf")
    hypnogram(tmp_path, "hour_hypnogram.edf", ["Sleep stage W"], time="23.00.00")
    (tmp_path / "broken.edf").write_bytes(b"0" * 300)
    (tmp_path / "broken.txt").write_text("W\n", "utf-8")
    labels, unfit = read(tmp_path)
    assert list(labels) == ["good"]
    assert "No hypnogram" in unfit["alone.edf"]
    assert "No recording" in unfit["lost_hypnogram.edf"]
    assert "do not belong together" in unfit["longer.edf"]
    assert "ends after 0.01 h of the 0.03 h recorded" in unfit["shorter.edf"]
    assert "“asleep” is no stage" in unfit["words.edf"]
    assert "REM in others" in unfit["digits.edf"]
    assert "scores no epoch" in unfit["none.edf"]
    assert "begins at 22:00:00, the hypnogram at 23:00:00" in unfit["hour.edf"]
    assert "broken.edf" in unfit
    assert all(line.startswith("left out: ") for line in pairs.told([pairs.Unfit("x", pairs._ALONE)]))


def test_patients_come_from_the_table_or_from_the_names(tmp_path: Path) -> None:
    for name in ("SC4011E0-PSG.edf", "SC4012E0-PSG.edf", "first.edf", "second.edf"):
        night(tmp_path, name)
        (tmp_path / name.replace(".edf", ".txt")).write_text("W\n" * EPOCHS, "utf-8")
    (tmp_path / "patients.csv").write_text("recording,patient\nfirst.edf,P1\nsecond.edf,P1\n", "utf-8")
    found, _ = pairs.find(tmp_path)
    assert {p.name: p.patient for p in found} == {
        "SC4011E0": "SC401", "SC4012E0": "SC401", "first": "P1", "second": "P1",
    }  # fmt: skip


def test_what_is_kept_for_testing_is_never_learned_from(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for name in ("ucddb018_night", "mine"):
        night(tmp_path, f"{name}.edf")
        (tmp_path / f"{name}_hypnogram.txt").write_text("W\nW\nN3\nN3\n", "utf-8")
    chosen, nights = pairs.learned_from(tmp_path)
    assert [p.name for p in chosen] == [n.name for n in nights] == ["mine"]
    assert "ucddb018_night.edf: Kept for testing" in capsys.readouterr().err


def test_a_recording_under_two_names_is_one_patient(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.txt").write_text("W\nW\nN3\nN3\n", "utf-8")
    original = night(tmp_path, "a.edf").read_bytes()
    (tmp_path / "b.edf").write_bytes(original)
    # Another header makes another file of the same night.
    (tmp_path / "c.edf").write_bytes(original[:8] + b"Y" + original[9:])
    nights = pairs.learned_from(tmp_path)[1]
    assert [n.name for n in nights] == ["a"]
    said = capsys.readouterr().err
    assert "left out: b.edf: The same recording as a.edf under another name" in said
    assert "left out: c: The same recording as a under another name" in said
    assert [p.name for p in pairs.find(tmp_path)[0]] == ["a", "c"]


def test_what_is_kept_for_testing_is_known_by_its_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("mine", "renamed"):
        night(tmp_path, f"{name}.edf")
        (tmp_path / f"{name}.txt").write_text("W\nW\nN3\nN3\n", "utf-8")
    kept = {n.name: n.signal for n in pairs.learned_from(tmp_path)[1]}
    monkeypatch.setattr(pairs, "TEST_ONLY_SIGNALS", frozenset({kept["renamed"]}))
    assert [n.name for n in pairs.learned_from(tmp_path)[1]] == ["mine"]


@pytest.mark.shared
def test_the_night_kept_for_testing_is_refused_under_another_name(tmp_path: Path) -> None:
    folder = Path(__file__).resolve().parents[2] / "shared" / "data" / "sleep" / "ucddb"
    (tmp_path / "mine.edf").symlink_to(folder / "ucddb018_night.edf")
    (tmp_path / "mine_hypnogram.edf").symlink_to(folder / "ucddb018_hypnogram.edf")
    with pytest.raises(DataMissing):
        pairs.learned_from(tmp_path)


def test_every_file_and_row_that_leads_nowhere_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    night(tmp_path, "a.edf", epochs=60)
    (tmp_path / "a.txt").write_text("W\n" * 35, "utf-8")
    (tmp_path / "a_hypnogram.csv").write_text("stage\n" + "N2\n" * 35, "utf-8")
    (tmp_path / "lost.txt").write_text("W\n", "utf-8")
    (tmp_path / "patients.csv").write_text("recording,patient\na.edf,P1\nb.edf,P2\n", "utf-8")
    _, nights = pairs.learned_from(tmp_path)
    assert nights[0].labels[:35].tolist() == [2] * 35
    said = capsys.readouterr().err
    assert "left out: a.txt: The recording has another hypnogram too, a_hypnogram.csv" in said
    assert "left out: lost.txt: No recording was found" in said
    assert "left out: patients.csv: It names b, which is no recording" in said
    assert "noted: a: the last 0.21 h have no stage" in said
    (tmp_path / "patients.csv").write_text("file;who\na.edf;P1\n", "utf-8")
    with pytest.raises(DataMissing, match="heading recording,patient"):
        pairs.find(tmp_path)


def test_a_folder_without_a_pair_says_what_to_put_there(tmp_path: Path) -> None:
    night(tmp_path, "alone.edf")
    with pytest.raises(DataMissing, match=r"NAME_hypnogram\.edf"):
        pairs.find(tmp_path)


def test_a_table_of_events_is_laid_on_the_clock_of_the_recording(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    text = (
        "Heure de début,Heure de fin,Événement,Durée\n[],[],[],[s]\n"
        "01/01/2026 23:59:30,02/01/2026 00:00:00,Éveil,30\n"
        "01/01/2026 23:59:40,01/01/2026 23:59:41,Micro-éveil,1\n"
        "02/01/2026 00:00:00,02/01/2026 00:00:30,N2,30\n"
        "02/01/2026 00:01:00,02/01/2026 00:01:30,REM,30\n"
    )
    path.write_bytes(text.encode("utf-16"))
    start = datetime(2026, 1, 1, 23, 59, 0)
    assert stage_tables.read(path, start).tolist() == [-100, 0, 2, -100, 4]
    moved = datetime(1985, 1, 1, 23, 59, 0)
    assert stage_tables.read(path, moved).tolist() == [-100, 0, 2, -100, 4]
    with pytest.raises(Refused, match="does not say when it began"):
        stage_tables.read(path)
    path.write_text("onset;duration;stage\n0;30;W\n30;60;N2\n", "utf-8")
    assert stage_tables.read(path).tolist() == [0, 2, 2]
    path.write_text("onset;duration;stage\n0;20;W\n", "utf-8")
    with pytest.raises(Refused, match="epochs of 30 s"):
        stage_tables.read(path)


@pytest.mark.shared
def test_the_french_exports_of_a_sleep_laboratory_are_read() -> None:
    folder = Path(__file__).resolve().parents[2] / "shared" / "data" / "sleep" / "rsleep"
    first = stage_tables.read(folder / "noxturnal_events_example_unicode.csv", datetime(2016, 1, 15, 22, 30))
    counted = np.bincount(first[first >= 0], minlength=5)
    assert counted.tolist() == [213, 66, 466, 364, 249]
