"""A hospital's CSV: read whatever it was saved as, and refused in clear sentences when it teaches nothing."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml import tables as files
from ml.algorithms.haemorrhage import answers, contract, hospital, literature
from ml.algorithms.haemorrhage.fields import BY_NAME
from ml.contracts import Problem, Refused
from tests.hospital_tables import Table

BIRTHS, EVENTS = 1300, 40


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Table:
    return Table(tmp_path_factory.mktemp("births"), BIRTHS, seed=4, events=EVENTS, years=2, missing=0.03)


@pytest.fixture
def table(simulated: Table) -> Table:
    return simulated.copy()


def refused(table: Table, folder: Path) -> list[Problem]:
    with pytest.raises(Refused) as refusal:
        hospital.read(table.write(folder / "changed.csv"), table.columns())
    return list(refusal.value.problems)


def only(problems: list[Problem], code: str) -> Problem:
    assert [problem.code for problem in problems] == [code]
    assert problems[0].message.en != problems[0].message.fr
    return problems[0]


def test_births_are_read_in_the_order_of_time_with_their_report(table: Table) -> None:
    births = hospital.read(table.path, table.columns())
    assert (len(births), births.events) == (BIRTHS, EVENTS)
    assert (np.diff(births.day) >= np.timedelta64(0, "D")).all()
    report = births.report
    assert report["rows"] == BIRTHS
    assert sum(month["births"] for month in report["months"]) == BIRTHS
    assert sum(month["events"] for month in report["months"]) == EVENTS
    assert report["mothers"]["with_several_births"] > 0
    assert report["synthetic"]
    haemoglobin = next(field for field in report["fields"] if field["field"] == "haemoglobin")
    assert haemoglobin["missing"] == (table.cells[table.column("haemoglobin")] == "").sum()
    assert haemoglobin["impossible"] == 0


def test_levels_are_those_the_form_would_give(table: Table) -> None:
    births = hospital.read(table.path, table.columns())
    table.cells["day"] = pd.to_datetime(table.cells[table.column("admission_at")]).dt.date
    ordered = table.cells.sort_values("day", kind="stable").head(60)
    base = literature.model()
    for row, (_, cells) in zip(births.levels.to_dict("records"), ordered.iterrows(), strict=False):
        form = {
            name: cells[table.column(name)] or None
            for name in BY_NAME.keys() & table.mapping["columns"].keys()
        }
        typed, _ = contract.check(form)
        expected = {name: "|".join(sorted(codes)) for name, codes in answers.allowed(base, typed).items()}
        assert {name: codes for name, codes in row.items() if codes} == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_every_usual_encoding_and_the_french_notation(tmp_path: Path, encoding: str) -> None:
    french = Table(tmp_path, 400, seed=1, events=12, language="fr")
    column = french.column("parity")
    french.cells = french.cells.rename(columns={column: "parité"})
    french.mapping["columns"]["parity"]["column"] = "parité"
    births = hospital.read(french.write(tmp_path / "saved.csv", encoding), french.columns())
    assert (len(births), births.events) == (400, 12)
    known = births.levels["haemoglobin"] != ""
    assert known.mean() > 0.9


def test_units_months_and_words_are_converted(table: Table, tmp_path: Path) -> None:
    plain = hospital.read(table.path, table.columns())
    columns = table.mapping["columns"]

    def change(field: str, unit: str, convert: Callable[[str], str]) -> None:
        name = table.column(field)
        table.cells[name] = table.cells[name].map(lambda cell: convert(cell) if cell else "NR")
        columns[field]["unit"] = unit

    change("haemoglobin", "g/L", lambda cell: f"{float(cell) * 10:.0f} g/L")
    change("platelets", "/mm3", lambda cell: f"{int(cell)} 000")
    change("height_cm", "m", lambda cell: f"{int(cell) / 100:.2f}".replace(".", ","))
    change(
        "gestation_weeks",
        "days",
        lambda cell: str(7 * int(cell[:2]) + int(cell[3:] or 0)),
    )
    change("parity", "including", lambda cell: str(int(cell) + 1))
    change("onset", "", lambda cell: {"spontaneous": "S", "induced": "D"}.get(cell, "C"))
    columns["onset"]["codes"] = {"S": "spontaneous", "D": "induced", "C": "planned_caesarean"}
    table.separator = "\t"
    changed = hospital.read(table.write(tmp_path / "changed.csv"), table.columns())
    pd.testing.assert_frame_equal(changed.levels, plain.levels)
    np.testing.assert_array_equal(changed.outcome, plain.outcome)


def test_what_cannot_be_is_unknown_and_counted(table: Table, tmp_path: Path) -> None:
    name = table.column("haemoglobin")
    table.cells.loc[:9, name] = "99"
    births = hospital.read(table.write(tmp_path / "changed.csv"), table.columns())
    field = next(field for field in births.report["fields"] if field["field"] == "haemoglobin")
    assert field["impossible"] == 10


# ---- what teaches nothing


def test_a_predictor_written_down_afterwards_is_refused_by_name_and_by_what_it_tells(
    table: Table, tmp_path: Path
) -> None:
    table.cells["transfusion"] = "no"
    table.mapping["columns"]["anticoagulant"] = {"column": "transfusion"}
    problem = only(refused(table, tmp_path), "known_only_later")
    assert "transfusion" in problem.message.fr

    loss = pd.to_numeric(table.cells[table.column("blood_loss_ml")])
    table.cells["traitement"] = np.where((loss >= 1000) & (table.cells.index % 3 > 0), "oui", "non")
    table.mapping["columns"]["anticoagulant"] = {"column": "traitement"}
    problem = only(refused(table, tmp_path), "tells_the_outcome")
    assert "“traitement”" in problem.message.en
    assert "retirez-la" in problem.message.fr


@pytest.mark.parametrize(
    ("field", "factor", "looks_like"),
    [
        ("haemoglobin", 10, "g/L"), ("weight_kg", 2.2046, "pounds"), ("height_cm", 0.01, "m"),
        ("estimated_fetal_weight_g", 0.001, "kg"), ("platelets", 1000, "per mm³"),
        ("blood_loss_ml", 0.001, "L"),
    ],
)  # fmt: skip
def test_a_wrong_unit_is_named_with_the_one_it_looks_like(
    table: Table, tmp_path: Path, field: str, factor: float, looks_like: str
) -> None:
    name = table.column(field)
    table.cells[name] = table.cells[name].map(lambda cell: f"{float(cell) * factor:.10g}" if cell else "")
    problem = only(refused(table, tmp_path), "wrong_unit")
    assert problem.field == field
    assert f"that looks like {looks_like}." in problem.message.en
    assert f"“{name}”" in problem.message.en


def test_gestation_in_days_mapped_as_weeks_and_parity_that_counts_this_birth(
    table: Table, tmp_path: Path
) -> None:
    name, parity = table.column("gestation_weeks"), table.column("parity")
    table.cells[name] = table.cells[name].map(lambda cell: str(7 * int(cell[:2])) if cell else "")
    table.mapping["columns"]["gestation_weeks"]["unit"] = "weeks"
    table.cells[parity] = table.cells[parity].map(lambda cell: str(int(cell) + 1) if cell else "")
    problems = refused(table, tmp_path)
    assert [problem.field for problem in problems] == ["gestation_weeks", "parity"]
    assert "including" in problems[1].message.en
    assert "looks like days" in problems[0].message.en


def test_the_childs_date_of_birth_is_not_the_mothers(table: Table, tmp_path: Path) -> None:
    table.cells[table.column("birth_date")] = table.cells[table.column("admission_at")]
    problem = only(refused(table, tmp_path), "impossible_values")
    assert "mother’s date of birth" in problem.message.en


def test_one_birth_in_two_rows_is_refused_with_the_rows(table: Table, tmp_path: Path) -> None:
    table.cells = pd.concat([table.cells, table.cells.iloc[[7]]], ignore_index=True)
    problem = only(refused(table, tmp_path), "same_birth_twice")
    assert f"rows 9 and {BIRTHS + 2}" in problem.message.en
    assert "SYN-" not in problem.message.en


def test_two_births_of_one_mother_within_months_are_refused(table: Table, tmp_path: Path) -> None:
    mother, date = table.column("mother"), table.column("admission_at")
    table.cells.loc[1, mother] = table.cells.loc[0, mother]
    day = pd.to_datetime(table.cells.loc[0, date]) - pd.Timedelta(days=60)
    table.cells.loc[1, date] = f"{day:%Y-%m-%d} 10:00"
    assert "births_too_close" in [problem.code for problem in refused(table, tmp_path)]


def test_a_month_in_another_unit_is_named(table: Table, tmp_path: Path) -> None:
    name, march = table.column("haemoglobin"), table.month("2025-03")
    table.cells.loc[march, name] = table.cells.loc[march, name].map(
        lambda cell: f"{float(cell) * 10:.0f}" if cell else ""
    )
    problem = only(refused(table, tmp_path), "shifted_month")
    assert problem.field == "haemoglobin"
    assert "03/2025 does not fit the other months" in problem.message.en
    assert "looks like g/L" in problem.message.en


def test_a_month_without_answers_or_with_another_code_is_named(table: Table, tmp_path: Path) -> None:
    table.cells.loc[table.month("2024-11"), table.column("fibroids")] = ""
    table.cells.loc[table.month("2025-06"), table.column("gestational_diabetes")] = "yes"
    problems = refused(table, tmp_path)
    assert {(p.code, p.field) for p in problems} == {
        ("shifted_month", "fibroids"),
        ("shifted_month", "gestational_diabetes"),
    }
    said = " ".join(problem.message.fr for problem in problems)
    assert "11/2024" in said
    assert "06/2025" in said


def test_a_month_whose_outcome_jumps_is_named(table: Table, tmp_path: Path) -> None:
    march = table.month("2025-03")
    table.cells.loc[march & (table.cells.index % 3 == 0), table.column("blood_loss_ml")] = "1200"
    problem = only(refused(table, tmp_path), "shifted_month")
    assert problem.field == "blood_loss_ml"
    assert "incidence" in problem.message.en


@pytest.mark.parametrize(
    ("loss", "code"),
    [
        (lambda loss: np.minimum(loss, 990), "label_all_zero"),
        (lambda loss: loss + 1000, "label_all_one"),
        (lambda loss: np.where(np.arange(len(loss)) % 3 == 0, 1500, loss), "absurd_incidence"),
        (lambda loss: np.where(loss.rank() > BIRTHS - 6, 1500, np.minimum(loss, 990)), "too_few_events"),
    ],
)
def test_an_outcome_that_teaches_nothing(table: Table, tmp_path: Path, loss: Callable, code: str) -> None:
    name = table.column("blood_loss_ml")
    changed = loss(pd.to_numeric(table.cells[name]))
    # The median stays that of a maternity, so that the unit is not what is doubted.
    table.cells[name] = np.asarray(changed).astype(int).astype(str)
    if code == "label_all_one":
        table.cells["severe"] = "1"
        table.mapping["columns"]["severe_pph"] = {"column": "severe"}
        del table.mapping["columns"]["blood_loss_ml"]
        table.mapping["outcome"] = {"definition": "1000 mL ou plus"}
    found = [problem for problem in refused(table, tmp_path) if problem.code != "shifted_month"]
    assert only(found, code)


def test_a_loss_of_zero_is_one_nobody_measured(table: Table, tmp_path: Path) -> None:
    name = table.column("blood_loss_ml")
    table.cells.loc[table.cells.index % 3 > 0, name] = "0"
    problem = only(refused(table, tmp_path), "zero_not_measured")
    assert "67\xa0% of the values are 0 mL" in problem.message.en
    table.cells[name] = "0"
    problem = only(refused(table, tmp_path), "label_all_zero")
    assert "every value is 0 mL" in problem.message.en
    assert "pas été mesurées" in problem.message.fr


def test_too_few_rows_and_an_outcome_mostly_unknown(table: Table, tmp_path: Path) -> None:
    table.cells = table.cells.head(150)
    only(refused(table, tmp_path), "too_few_rows")
    table.cells.loc[table.cells.index % 3 == 0, table.column("blood_loss_ml")] = ""
    only(refused(table, tmp_path), "too_often_empty")


def test_births_of_one_day_have_no_earlier_and_later(table: Table, tmp_path: Path) -> None:
    table.cells[table.column("admission_at")] = "2025-03-04"
    problem = only(refused(table, tmp_path), "too_short")
    assert problem.field == "admission_at"


def test_words_nobody_explained_are_named(table: Table, tmp_path: Path) -> None:
    table.cells[table.column("onset")] = table.cells[table.column("onset")].replace(
        "induced", "=cmd|' /C calc'!A0"
    )
    problem = only(refused(table, tmp_path), "not_understood")
    assert "“=cmd|' /C calc'!A0”" in problem.message.en
    assert "codes" in problem.message.fr


def test_dates_in_the_american_order_are_not_guessed(table: Table, tmp_path: Path) -> None:
    name = table.column("admission_at")
    table.cells[name] = pd.to_datetime(table.cells[name]).dt.strftime("%m/%d/%Y")
    problem = only(refused(table, tmp_path), "not_understood")
    assert problem.field == "admission_at"
    table.mapping["columns"]["admission_at"]["unit"] = "mm/dd/yyyy"
    table.mapping["columns"]["birth_date"]["unit"] = "dd/mm/yyyy"
    assert len(hospital.read(table.write(tmp_path / "said.csv"), table.columns())) == BIRTHS


# ---- files that are no tables


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b" \r\n ", "empty_file"),
        (b"PK\x03\x04rest of a workbook", "not_a_table"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "not_a_table"),
        (b"mother_id\nSYN-1\n", "no_separator"),
        (b"SYN-1,2024-01-03,31,39\nSYN-2,2024-01-04,28,40\n", "no_header"),
        ("é".encode("latin-1") + b"\x81,b\n1,2\n", "unknown_encoding"),
    ],
)
def test_a_file_that_is_no_table_is_refused_for_what_it_is(
    table: Table, tmp_path: Path, content: bytes, code: str
) -> None:
    path = tmp_path / "upload.csv"
    path.write_bytes(content)
    with pytest.raises(Refused) as refusal:
        hospital.read(path, table.columns())
    only(list(refusal.value.problems), code)


def test_a_header_alone_a_ragged_row_and_a_cut_file(table: Table, tmp_path: Path) -> None:
    whole = table.path.read_text("utf-8").splitlines()
    for lines, code in (
        (whole[:1], "no_rows"),
        ([*whole[:50], whole[50] + ",1,2", *whole[51:]], "ragged_row"),
        ([whole[0], *(line[: len(line) // 2] for line in whole[1:])], "short_rows"),
        (
            [whole[0].replace("mother_id", "mother"), *whole[1:]],
            "column_missing",
        ),
    ):
        path = tmp_path / f"{code}.csv"
        path.write_text("\n".join(lines) + "\n", "utf-8")
        with pytest.raises(Refused) as refusal:
            hospital.read(path, table.columns())
        problem = only(list(refusal.value.problems), code)
        if code == "ragged_row":
            assert re.search(r"Row 51\b", problem.message.en)


@pytest.mark.parametrize(("inside", "word"), [("xl/workbook.xml", "Excel"), ("births.csv", "ZIP")])
def test_an_archive_is_a_workbook_only_when_it_holds_one(
    table: Table, tmp_path: Path, inside: str, word: str
) -> None:
    path = tmp_path / "upload.csv"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(inside, "a,b\n1,2\n")
    with pytest.raises(Refused) as refusal:
        hospital.read(path, table.columns())
    assert word in only(list(refusal.value.problems), "not_a_table").message.fr


def test_a_file_too_large_is_refused_before_it_is_read(table: Table, tmp_path: Path) -> None:
    assert files.MOST_BYTES == 200_000_000
    path = tmp_path / "large.csv"
    with path.open("wb") as stream:
        stream.truncate(files.MOST_BYTES + 1)
    with pytest.raises(Refused) as refusal:
        hospital.read(path, table.columns())
    only(list(refusal.value.problems), "too_large")


def test_a_sample_for_proposing_a_mapping(table: Table) -> None:
    header, rows = files.sample(table.path, 5)
    assert header == list(table.cells.columns)
    assert len(rows) == 5
    assert rows[0] == list(table.cells.iloc[0])


@pytest.mark.parametrize("language", ["en", "fr"])
def test_births_that_say_they_are_simulated_stay_so_whatever_the_mapping_says(
    tmp_path: Path, language: str
) -> None:
    table = Table(tmp_path, 400, seed=1, events=12, language=language)
    del table.mapping["synthetic"]
    assert hospital.read(table.path, table.columns()).report["synthetic"]
    assert hospital.read(table.path, table.columns()).mapping.synthetic
    marker = {"en": "synthetic", "fr": "synthetique"}[language]
    table.cells.loc[7, marker] = "no"
    assert not hospital.read(table.write(tmp_path / "mixed.csv"), table.columns()).report["synthetic"]
