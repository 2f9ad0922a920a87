"""A table of forms from the command line: one row out per row in, whatever a row holds."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from ml import __main__ as cli
from ml import batch, registry
from ml import package as packages
from ml.algorithms.haemorrhage.examples import EXAMPLES
from ml.contracts import InputKind, Source, Status
from ml.runner import run

APPLICATION = {"duration": "24", "amount": "5000", "age": "35", "status": "0 <= ... < 200 DM"}
REPORT = {"FIRST_CRASH_TYPE": "REAR END", "NUM_UNITS": "2", "CRASH_HOUR": "13", "WEATHER_CONDITION": "CLEAR"}
ROWS = {"german_credit": APPLICATION, "accident_severity": REPORT}


def write(path: Path, rows: list[dict[str, str]], **dialect: str) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys(), **dialect)
        writer.writeheader()
        writer.writerows(rows)
    return path


def read(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter=delimiter))


def predict(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[dict], str]:
    """Run the command in this process; return its exit status, its lines and what it said to people."""
    status = cli.main(["predict", *map(str, arguments)])
    out, err = capsys.readouterr()
    return status, [json.loads(line) for line in out.splitlines()], err


def test_every_algorithm_with_a_form_answers_tables():
    for contract in registry.contracts():
        if contract.input_kind is InputKind.FORM:
            door = registry.door(contract.name, "rows")
            assert door.COLUMNS
            assert door.answers(packages.load(contract.name), []) == []


@pytest.mark.parametrize("algorithm", ROWS)
def test_rows_are_answered_like_single_forms(algorithm, tmp_path, capsys):
    row = ROWS[algorithm]
    others = [row | {name: ""} for name in row]
    table, out = write(tmp_path / "in.csv", [row, *others]), tmp_path / "out.csv"
    status, (line,), _ = predict(capsys, algorithm, "--batch", table, "--out", out)
    assert (status, line["rows"], line["ok"]) == (0, len(row) + 1, len(row) + 1)
    written = read(out)
    for sent, answer in zip([row, *others], written, strict=True):
        assert {name: answer[name] for name in row} == sent
        single = run(algorithm, Source(values=sent), explain=False).result
        for name in registry.door(algorithm, "rows").COLUMNS:
            assert answer[name] == str(single[name])
        assert answer["imputed"] == "; ".join(f"{k}={v}" for k, v in single["imputed"].items())
    assert line["imputed"]


def test_admissions_are_answered_like_single_ones_for_the_ward_that_was_named(tmp_path, capsys):
    women = [EXAMPLES[0], EXAMPLES[1], EXAMPLES[0] | {"haemoglobin": "ten"}]
    names = sorted(set().union(*women))
    rows = [{name: "" if woman.get(name) is None else str(woman[name]) for name in names} for woman in women]
    table, out = write(tmp_path / "in.csv", rows), tmp_path / "out.csv"
    status, _, _ = predict(capsys, "haemorrhage", "--batch", table, "--out", out, "--incidence", "0.04")
    assert status == 0
    *answered, refused = read(out)
    for woman, answer in zip(rows, answered, strict=False):
        source = Source(values=woman, options={"incidence": 0.04})
        single = run("haemorrhage", source, explain=False).result
        found = [float(answer[name]) for name in ("risk", "interval_low", "interval_high", "threshold")]
        expected = [single["risk"], *single["interval"], single["threshold"]]
        assert found == pytest.approx(expected, abs=1e-9)
        assert answer["flagged"] == ("yes" if single["flagged"] else "no")
        assert answer["unknown"] == "; ".join(single["unknown"])
    assert (refused["answer"], refused["risk"]) == ("refused", "")


def test_the_senders_own_number_is_given_back_and_columns_are_named_or_left_aside(tmp_path, capsys):
    """A table as the product takes it: its reference, French names, remarks that are nobody's field."""
    called = {"haemoglobin": "Hémoglobine"}
    woman = {name: "" if value is None else str(value) for name, value in EXAMPLES[0].items()}
    row = {"Reference": "R1"} | {called.get(name, name): value for name, value in woman.items()} | {"x": "y"}
    table, out = write(tmp_path / "in.csv", [row]), tmp_path / "out.csv"
    asked = ("haemorrhage", "--batch", table, "--out", out)
    status, (line,), _ = predict(capsys, *asked, "--column", "Hémoglobine=haemoglobin", "--column", "x=")
    assert (status, line["ok"]) == (0, 1)
    (answer,) = read(out)
    single = run("haemorrhage", Source(values=woman), explain=False).result
    assert (answer["Reference"], answer["x"]) == ("R1", "y")
    assert float(answer["risk"]) == pytest.approx(single["risk"], abs=1e-9)
    for column, sentence in (
        ("parity", "write COLUMN=FIELD"),
        ("nowhere=parity", "The file has no column 'nowhere'"),
        ("x=parity", "Several columns hold 'parity'"),
    ):
        status, _, said = predict(capsys, *asked, "--column", column)
        assert (status, sentence in said) == (2, True), said


def test_what_was_imputed_is_said_row_by_row(tmp_path, capsys):
    rows = [APPLICATION | {"purpose": "a40"}, APPLICATION | {"purpose": ""}]
    out = tmp_path / "out.csv"
    predict(capsys, "german_credit", "--batch", write(tmp_path / "in.csv", rows), "--out", out)
    first, second = read(out)
    assert "purpose=" not in first["imputed"]
    assert "purpose=a43" in second["imputed"]
    assert "savings=" in first["imputed"]


def test_a_broken_row_never_stops_the_rest_and_says_what_is_wrong(tmp_path, capsys):
    table, out = tmp_path / "in.csv", tmp_path / "out.csv"
    table.write_text(
        "duration,amount,purpose\n"
        "24,5000,a40\n"
        "long,5000,a40\n"  # letters
        '24,"5000,a40\n'  # a quote that is never closed
        "24\n"  # cells lost
        ",,\n"  # no row at all, as a spreadsheet writes it
        "24,5000,yacht\n"  # no such purpose
        "24,5000,a40,more\n"  # a cell too many
        f"24,{'9' * 200_000},a40\n"  # longer than a cell may be
        "\n"  # no row at all
        "12,900,a43\n",
        "utf-8",
    )
    status, (line,), _ = predict(capsys, "german_credit", "--batch", table, "--out", out)
    assert status == 0
    rows = read(out)
    assert [row["answer"] for row in rows] == ["ok", *["refused"] * 6, "ok"]
    assert (line["rows"], line["ok"], line["refused"], line["failed"]) == (8, 2, 6, 0)
    assert "Duration" in rows[1]["problems"]
    assert "quotation mark" in rows[2]["problems"]
    assert "1 cells and the header 3" in rows[3]["problems"]
    assert "Purpose" in rows[4]["problems"]
    assert all(row["probability_bad"] == "" and row["problems"] for row in rows[1:7])
    assert line["problems"]["not_alike"] == 2


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "utf-16"])
def test_french_spreadsheets_are_read_and_answered_in_french(encoding, tmp_path, capsys):
    table, out = tmp_path / "in.csv", tmp_path / "out.csv"
    table.write_bytes(
        "duration;amount;remarque\r\n24;5000,50;réglé\r\nlong;5000,50;réglé\r\n".encode(encoding)
    )
    predict(capsys, "german_credit", "--batch", table, "--out", out, "--lang", "fr")
    first, second = read(out, ";")
    assert (first["answer"], first["amount"], first["remarque"]) == ("ok", "5000,50", "réglé")
    assert "« remarque » n’est pas un champ" in first["problems"]
    assert "Durée" in second["problems"]


def test_a_defect_of_ours_costs_its_row_only_and_ends_with_one(tmp_path, capsys, monkeypatch):
    door = registry.door("german_credit", "rows")
    honest = door.answers

    def stumbling(package, rows):
        if any(row["age"] == 40 for row in rows):
            raise RuntimeError("stumbled")
        return honest(package, rows)

    monkeypatch.setattr(door, "answers", stumbling)
    table = write(tmp_path / "in.csv", [APPLICATION | {"age": str(age)} for age in (39, 40, 41)])
    status, (line,), _ = predict(capsys, "german_credit", "--batch", table, "--out", tmp_path / "out.csv")
    assert (status, line["ok"], line["failed"]) == (1, 2, 1)
    rows = read(tmp_path / "out.csv")
    assert [row["answer"] for row in rows] == ["ok", "failed", "ok"]
    assert "defect of the software" in rows[1]["problems"]
    assert "stumbled" not in rows[1]["problems"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "The file is empty"),
        ("\n1,2\n", "has no header"),
        ("duration,amount\n", "a header and no row"),
        ("duration,duration\n1,2\n", "names a column twice: 'duration'"),
        ("duration,label\n1,bad\n", "named like the answer’s: 'label'"),
        ("duration\x00\n1\n", "a binary file, not a CSV file"),
    ],
)
def test_a_file_that_is_no_table_ends_with_two_and_leaves_nothing(content, sentence, tmp_path, capsys):
    table, out = tmp_path / "in.csv", tmp_path / "out.csv"
    table.write_text(content, "utf-8")
    status, lines, said = predict(capsys, "german_credit", "--batch", table, "--out", out)
    assert (status, lines) == (2, [])
    assert sentence in said
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_wrong_calls_end_with_two_and_a_sentence(tmp_path, capsys):
    table = write(tmp_path / "in.csv", [APPLICATION])
    out = tmp_path / "out.csv"
    for arguments, sentence in (
        (("german_credit",), "give files to analyse, or --values"),
        (("german_credit", "--batch", table), "--batch and --out belong together"),
        (("german_credit", table, "--batch", table, "--out", out), "give files to analyse, or --values"),
        (("sleep", "--batch", table, "--out", out), "sleep reads files"),
        (("chest_xray", "--values", "{}"), "chest_xray reads files"),
        (("german_credit", "--batch", tmp_path / "none.csv", "--out", out), "no such file"),
        (("german_credit", "--batch", table, "--out", tmp_path / "no" / "out.csv"), "no such folder"),
        (("german_credit", "--batch", table, "--out", table), "is the table itself"),
        (("german_credit", "--batch", table, "--out", tmp_path), "Is a directory"),
    ):
        status, lines, said = predict(capsys, *arguments)
        assert (status, lines) == (2, []), arguments
        assert sentence in said
    assert not out.exists()


def test_values_on_the_command_line_are_one_form(capsys):
    status, (line,), _ = predict(capsys, "german_credit", "--values", json.dumps(APPLICATION))
    assert (status, line["status"], line["input"]) == (0, "ok", "--values")
    assert set(APPLICATION).isdisjoint(line["result"]["imputed"])
    status, (line,), _ = predict(capsys, "german_credit", "--values", "duration 24", "--lang", "fr")
    assert (status, line["problems"][0]["code"]) == (0, "not_json")
    assert "objet JSON" in line["problems"][0]["message"]


def test_ten_thousand_rows_need_no_training_stack(tmp_path):
    rows = [APPLICATION | {"age": str(20 + i % 50), "amount": str(500 + i)} for i in range(10_000)]
    table = write(tmp_path / "in.csv", rows)
    code = (
        "import sys; from ml.__main__ import main; status = main(sys.argv[1:]);"
        "print([m for m in ('shap', 'sklearn', 'xgboost', 'mlflow') if m in sys.modules], file=sys.stderr);"
        "sys.exit(status)"
    )
    arguments = ("predict", "german_credit", "--batch", str(table), "--out", str(tmp_path / "out.csv"))
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ok"] == 10_000
    assert done.stderr.strip() == "[]"


def test_the_summary_counts_what_it_was_given():
    summary = batch.Summary()
    summary.add(batch.Answer(("1",), Status.OK, {"imputed": {"age": 33}}))
    summary.add(batch.Answer((), Status.REFUSED, problems=(batch.NOT_READABLE,)))
    assert summary.as_json() == {
        "rows": 2, "ok": 1, "refused": 1, "failed": 0, "imputed": {"age": 1}, "problems": {"not_a_row": 1},
    }  # fmt: skip
