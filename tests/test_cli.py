"""``python -m ml``: the contract that scripts rely on, run as a stranger would."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ml import package as packages
from ml import registry
from ml.__main__ import main
from ml.algorithms.haemorrhage.examples import EXAMPLES

ROOT = Path(__file__).resolve().parent.parent


def ml(*arguments, folder=ROOT):
    done = subprocess.run(
        [sys.executable, "-m", "ml", *map(str, arguments)],
        cwd=folder, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_algorithms_are_listed_one_json_line_each():
    status, lines, _ = ml("algorithms")
    assert status == 0
    assert [line["name"] for line in lines] == list(registry.names())
    for line in lines:
        assert len(line["sha256"]) == 64
        assert line["version"] in line["versions"]
        assert line["input_kinds"]


def test_the_help_lists_every_command_in_the_order_of_the_work(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    said = capsys.readouterr().out
    commands = (
        "algorithms", "predict", "example", "train", "evaluate", "describe", "compare", "subgroups",
        "held-out", "registry", "answers", "judge", "baseline", "drift", "monitoring-errors",
        "simulate-night", "simulate-births",
    )  # fmt: skip
    assert ended.value.code == 0
    assert re.findall(r"^    ([a-z-]+)", said, flags=re.MULTILINE) == list(commands)


def test_a_damaged_package_is_named_and_hides_no_whole_one(tmp_path, monkeypatch, capsys):
    whole = packages.load("chest_xray").folder
    for name in registry.names():
        (tmp_path / name).mkdir()
        (tmp_path / name / packages.CHAMPION).write_text("1.0.0\n")
    damaged = Path(shutil.copytree(whole, tmp_path / "haemorrhage" / "1.0.0")) / packages.MANIFEST
    damaged.write_text(damaged.read_text().replace("chest", "cheat", 1))
    shutil.copytree(whole, tmp_path / "chest_xray" / "1.0.0")
    monkeypatch.setattr(packages, "ROOT", tmp_path)
    assert main(["algorithms"]) == 1
    said = capsys.readouterr()
    assert [json.loads(line)["name"] for line in said.out.splitlines()] == ["chest_xray"]
    assert "haemorrhage 1.0.0: manifest.json does not match" in said.err
    assert "sleep 1.0.0: no manifest.json" in said.err


def test_admissions_are_answered_in_order_and_a_refusal_is_an_answer(tmp_path):
    good, bad, text = tmp_path / "a.json", tmp_path / "b.json", tmp_path / "c.json"
    good.write_text(json.dumps(EXAMPLES[0]))
    bad.write_text(json.dumps(EXAMPLES[0] | {"haemoglobin": "ten"}))
    text.write_text("haemoglobin: 10")
    status, lines, _ = ml("predict", "haemorrhage", good, bad, text)
    assert status == 0
    assert [line["input"] for line in lines] == [str(good), str(bad), str(text)]
    assert [line["status"] for line in lines] == ["ok", "refused", "refused"]
    low, high = lines[0]["result"]["interval"]
    assert 0 < low < lines[0]["result"]["risk"] < high < 1
    assert "H" in lines[1]["problems"][0]["message"]
    assert lines[1]["result"] is None
    assert lines[2]["problems"][0]["code"] == "not_json"
    assert set(lines[0]) == {
        "input", "algorithm", "version", "status", "result", "problems", "quality", "timings_ms",
    }  # fmt: skip


def test_an_example_is_printed_and_answered_through_a_pipe():
    status, (example,), _ = ml("example", "haemorrhage", "previous_haemorrhage")
    assert status == 0
    for name in ("-", "/dev/stdin"):
        done = subprocess.run(
            [sys.executable, "-m", "ml", "predict", "haemorrhage", name],
            cwd=ROOT, capture_output=True, text=True, timeout=300, input=json.dumps(example),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["status"] == "ok"
    status, _, said = ml("predict", "sleep", "-")
    assert status == 2
    assert "no such file: -" in said


def test_options_and_files_come_in_any_order(tmp_path, capsys):
    one, other = tmp_path / "a.json", tmp_path / "b.json"
    one.write_text("[]")
    other.write_text("{")
    files = [str(one), str(other)]
    for arguments in (
        ["--lang", "fr", "haemorrhage", *files],
        ["haemorrhage", "--incidence", ".1", *files, "--lang", "fr"],
        ["haemorrhage", files[0], "--lang", "fr", files[1]],
        ["--lang", "fr", "haemorrhage", "--", *files],
    ):
        assert main(["predict", *arguments]) == 0
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [line["input"] for line in lines] == files
        assert all("objet JSON" in line["problems"][0]["message"] for line in lines)
    assert main(["predict", "chest_xray", "--study", *files]) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line)["input"] == files


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("predict", "sleep", "no-such-file.edf"), "no such file: no-such-file.edf"),
        (("predict", "haemorrhage", "pyproject.toml", "--incidence", "2"), "between 0 and 1"),
        (("predict", "chest_xray", "pyproject.toml", "--prevalence", "nan"), "between 0 and 1"),
        (("predict", "chest_xray", "--prevalence", "-0.1", "pyproject.toml"), "between 0 and 1"),
        (("predict", "chest_xray", "--eeg", "C4", "pyproject.toml"), "--eeg is an option of sleep"),
        (("predict", "sleep", "--no-gate", "pyproject.toml"), "--no-gate is an option of chest_xray"),
        (("predict", "chest_xray", "--study", "Makefile", "Makefile"), "Makefile is the same file"),
        (("predict", "palmistry", "pyproject.toml"), "invalid choice: 'palmistry'"),
        (("train", "sleep", "--data", "no-such-folder"), "no-such-folder is not a folder"),
        (("evaluate", "sleep", "--data", "docs"), "training data is missing"),
        (("train", "sleep", "--data", "docs", "--version", "../../x"), "letters, digits"),
        (("train", "haemorrhage", "--data", "docs", "--version", "1/2"), "letters, digits"),
        (("train", "chest_xray", "--data", "docs", "--param", "colour=red"), "colour=red"),
        (("describe", "haemorrhage", "--data", "docs"), "no analysis of its data set"),
    ],
)
def test_a_wrong_call_ends_with_two_and_a_sentence(arguments, sentence, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    try:
        status = main(arguments)
    except SystemExit as end:
        status = end.code
    said = capsys.readouterr()
    assert status == 2
    assert said.out == ""
    assert sentence in said.err


def test_a_wrong_call_ends_the_process_without_a_traceback():
    status, lines, errors = ml("predict", "sleep", "pyproject.toml", "--version", "0.0.0")
    assert status == 2
    assert lines == []
    assert "sleep 0.0.0" in errors
    assert "Traceback" not in errors


def test_a_text_file_is_refused_by_every_reader_of_files(tmp_path):
    path = tmp_path / "notes.dcm"
    path.write_text("this is not an image")
    for algorithm in ("chest_xray", "sleep"):
        status, lines, _ = ml("predict", algorithm, path)
        assert status == 0
        assert lines[0]["status"] == "refused"
        assert lines[0]["problems"]


def test_a_recording_is_not_written_over_by_a_simulated_night_in_silence(tmp_path, capsys):
    night = tmp_path / "night.edf"
    night.write_bytes(b"a recording")
    call = ["simulate-night", str(night), "--hours", "0.1"]
    assert main(call) == 2
    assert "night.edf is there already" in capsys.readouterr().err
    assert night.read_bytes() == b"a recording"
    assert main([*call, "--force"]) == 0
    assert night.stat().st_size > 1000


@pytest.mark.parametrize("command", ["train", "held-out", "compare", "answers", "judge", "simulate-night"])
def test_the_help_says_what_every_option_is(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    said = capsys.readouterr().out
    options = said[said.index("positional arguments:") :]
    alone = re.findall(r"^  (?!\{)(\S.*)\n(?!  {8,}\S)", options, flags=re.MULTILINE)
    assert [line for line in alone if not re.search(r"\S  +\S", line) and line != "OUT.edf"] == []
    assert ("model page" in said) == (command == "compare")


def test_a_simulated_night_is_staged_and_marked_simulated(tmp_path):
    night = tmp_path / "night.edf"
    status, _, errors = ml("simulate-night", night, "--hours", "1", "--seed", "3")
    assert status == 0, errors
    status, lines, _ = ml("predict", "sleep", night)
    assert status == 0
    result = lines[0]["result"]
    assert set(result["stages"]) <= {"W", "N1", "N2", "N3", "R"}
    assert len(result["stages"]) == len(result["probabilities"]) == 120
    assert result["simulated"] is True
