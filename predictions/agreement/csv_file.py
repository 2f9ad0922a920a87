"""A report as a table: one line per figure, no patient, no more than its reader sees on the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from predictions.agreement.models import Report
from predictions.agreement.shown import PartShown
from predictions.outputs import csv_cells

HEADER = (
    "algorithm", "unit", "version", "from", "to_before", "part", "people", "figure", "row", "column", "value",
    "low", "high", "count", "n", "studies", "patients",
)  # fmt: skip


def written(report: Report, parts: list[PartShown]) -> bytes:
    """Return the CSV as every other of the product: commas, decimal points, UTF-8 with a byte order mark.

    A cell of a table names what both sides said, a line ``left_out`` why so many were not counted.
    """
    return csv_cells.written([HEADER, *_rows(report, parts)])


def _rows(report: Report, parts: list[PartShown]) -> Iterator[tuple[Any, ...]]:
    head = (
        report.algorithm, report.unit.code, report.version or "all", report.since.isoformat(),
        report.until.isoformat(),
    )  # fmt: skip
    for part in parts:
        sides = part.found["rows"], part.found["columns"]
        if part.withheld:
            yield (*head, part.code, "pooled", "withheld", *[""] * 9)
        else:
            for line in _lines(part.found, *sides):
                yield (*head, part.code, "pooled", *line)
            for why, n in part.found["left_out"].items():
                yield (*head, part.code, "pooled", "left_out", why, "", "", "", "", n, "", "", "")
        for one in part.named:
            for line in _lines(one.found, *sides):
                yield (*head, part.code, one.people, *line)


def _lines(found: Mapping[str, Any], rows: list[str], columns: list[str]) -> Iterator[tuple[Any, ...]]:
    of = (found["studies"], found["patients"])
    if "kappa" in found:
        name = "mean_pair_kappa" if found.get("pairs", 1) > 1 else "kappa"
        yield (name, "", "", *_interval(found["kappa"]), "", found["answers"], *of)
    if found.get("marked"):
        yield ("marked_artefact", "", "", "", "", "", found["marked"], found["answers"], *of)
    for share in found["shares"]:
        yield (share["name"], "", "", *_interval(share), share["count"], share["n"], *of)
    for row, counts in zip(rows, found["table"], strict=True):
        for column, count in zip(columns, counts, strict=True):
            yield ("cell", row, column, "", "", "", count, found["answers"], *of)


def _interval(found: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple("" if found[key] is None else f"{found[key]:.4f}" for key in ("value", "low", "high"))
