"""Tables as spreadsheets write them: line breaks in cells, lost quotation marks, blank rows, own numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from clinic.accounts.models import User
from ml.contracts import Refused
from ml.tables import WrongTable, opened
from predictions.batches import services
from predictions.batches.models import Stage
from tests.batches import WOMEN, admissions, sent, table, work_off
from tests.test_batches import parquet, read

Read = list[tuple[int, list[str] | None]]


def taken(path: Path, text: str) -> tuple[tuple[str, ...], Read]:
    """Return the header and the rows of a table."""
    path.write_text(text, "utf-8", newline="")
    with opened(path) as found:
        return found.header, [tuple(row) for row in found.rows]


# ---- what is a row


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_cell_goes_on_over_line_breaks_and_its_tail_is_no_row(tmp_path: Path, end: str) -> None:
    lines = ["reference;a;b", '"x', 'y";1;2', "z;3;4", 'w;5;"one', "", 'two"']
    assert taken(tmp_path / "in.csv", end.join(lines)) == (
        ("reference", "a", "b"),
        [(1, [f"x{end}y", "1", "2"]), (2, ["z", "3", "4"]), (3, ["w", "5", f"one{end}{end}two"])],
    )


@pytest.mark.parametrize(
    ("lines", "rows"),
    [
        # Lost at the beginning of a cell: its row alone.
        (['"x;1;2', "y;3;4"], [(1, None), (2, ["y", "3", "4"])]),
        (['"x;1;2', '"y";3;4', "z;5;6"], [(1, None), (2, ["y", "3", "4"]), (3, ["z", "5", "6"])]),
        # A break in a cell that does not end as a cell does: neither the line nor its tail is a row.
        (['"x', 'y" ;1;2', "z;3;4"], [(1, None), (2, None), (3, ["z", "3", "4"])]),
        (['"x', 'y" ;"1', '2";3', "z;3;4"], [(1, None), (2, None), (3, None), (4, ["z", "3", "4"])]),
        # Rows that lost a mark each are no row of several lines, wherever they lost it.
        (['1;2;"x', '3;4;y"', "z;5;6"], [(1, None), (2, None), (3, ["z", "5", "6"])]),
        (['"x;1;2', "y;3;4", 'z";5;6'], [(1, None), (2, ["y", "3", "4"]), (3, None)]),
        # A mark within a cell is a letter like others.
        (['5" wide;1;2', "y;3;4"], [(1, ['5" wide', "1", "2"]), (2, ["y", "3", "4"])]),
    ],
)
def test_a_lost_quotation_mark_costs_its_row_and_what_may_be_the_rest_of_it(
    tmp_path: Path, lines: list[str], rows: Read
) -> None:
    assert taken(tmp_path / "in.csv", "\n".join(["reference;a;b", *lines, ""])) == (
        ("reference", "a", "b"),
        rows,
    )


def test_a_quotation_that_never_ends_is_looked_after_for_so_long_only(tmp_path: Path) -> None:
    lines = ["a;b", '"1;2', *["3;4"] * 500, '5";6']
    _header, rows = taken(tmp_path / "in.csv", "\n".join(lines))
    assert [number for number, cells in rows if cells is None] == [1]
    assert len(rows) == 502


@pytest.mark.parametrize("start", ["sep=;\r\n", '"sep=;"\r\n', "\ufeffSEP=;\r\n", ""])
def test_what_excel_adds_is_passed_over_and_rows_keep_their_numbers(tmp_path: Path, start: str) -> None:
    lines = ['a;"b,', '(g/dL)";;', "1;2;;", ";;;", "", "  ", "3;4", "5;6;;7", ";;;;;;"]
    assert taken(tmp_path / "in.csv", start + "\r\n".join(lines)) == (
        ("a", "b, (g/dL)"),
        [(1, ["1", "2"]), (5, ["3", "4"]), (6, ["5", "6", "", "7"])],
    )


def test_a_header_of_separators_is_none(tmp_path: Path) -> None:
    with pytest.raises(WrongTable, match="no_header"):
        taken(tmp_path / "in.csv", "sep=;\n;;;\n1;2;3\n")


@pytest.mark.django_db
def test_blank_rows_alone_are_no_table(alice: User) -> None:
    header = table([WOMEN[0]], delimiter=";").splitlines()[0]
    with pytest.raises(Refused, match="no_rows"):
        sent(alice, header + b"\r\n" + b";;;;;;\r\n" * 3)


@pytest.mark.django_db(transaction=True)
def test_an_excel_file_is_answered_and_joins_by_row(alice: User) -> None:
    header, first, second = table(admissions(2), delimiter=";").splitlines()
    lines = [b"sep=;", header + b";", first + b";", b";" * header.count(b";"), second + b";", b";;;"]
    batch = work_off(sent(alice, b"\r\n".join(lines)))
    assert [(row["row"], row["reference"], row["status"]) for row in read(batch)] == [
        ("1", "R00000", "ok"),
        ("3", "R00001", "ok"),
    ]


# ---- the sender's own number


@pytest.mark.django_db(transaction=True)
def test_every_row_without_an_answer_keeps_its_own_number(alice: User, client: Client) -> None:
    rows = table(admissions(151)).decode().splitlines()
    rows[1] += ",more"
    rows[2] = rows[2].replace("R00001", '"two\nlines"')
    batch = sent(alice, "\n".join(rows).encode())
    work_off(batch, most=2)
    batch.refresh_from_db()
    assert services.withdraw(user=alice, batch=batch) == 50
    found = {row["row"]: (row["reference"], row["status"]) for row in read(work_off(batch))}
    assert (found["1"], found["2"]) == (("R00000", "refused"), ("two\nlines", "ok"))
    assert found["151"] == ("R00150", "withdrawn")
    client.force_login(alice)
    assert "R00150" in client.get(reverse("batch", args=[batch.pk]), {"page": 2}).content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_number_of_ones_own_is_whole_or_its_row_refused(alice: User) -> None:
    whole, long = "7" * 200, "7" * 201
    batch = work_off(sent(alice, table([WOMEN[0] | {"reference": said} for said in (whole, long)])))
    kept, refused = read(batch)
    assert (kept["reference"], kept["status"]) == (whole, "ok")
    assert (refused["problems"], refused["status"]) == ("reference: reference_too_long", "refused")
    assert refused["reference"] == "7" * 199 + "…"


@pytest.mark.django_db(transaction=True)
def test_no_number_of_ones_own_runs_in_a_spreadsheet_and_parquet_keeps_it_as_it_is(alice: User) -> None:
    said = ["=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", " =1", "＝1", "R-1"]
    batch = work_off(sent(alice, table([WOMEN[0] | {"reference": each} for each in said])))
    assert batch.stage == Stage.DONE
    rows: list[dict[str, Any]] = read(batch)
    assert [row["reference"] for row in rows] == [*(f"'{each}" for each in said[:-1]), "R-1"]
    assert parquet(batch).column("reference").to_pylist() == said
