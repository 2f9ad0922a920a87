"""A report as a table: one line per figure, no patient, no more than its reader sees on the page."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

from predictions.agreement.models import Report
from predictions.agreement.shown import PartShown

HEADER = (
    "algorithm", "unit", "version", "from", "to_before", "part", "people", "figure", "value", "low", "high",
    "count", "n", "studies", "patients",
)  # fmt: skip


def written(report: Report, parts: list[PartShown]) -> str:
    """Return the CSV: commas, decimal points, UTF-8."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(HEADER)
    head = (
        report.algorithm, report.unit.code, report.version or "all", report.since.isoformat(),
        report.until.isoformat(),
    )  # fmt: skip
    for part in parts:
        if part.withheld:
            writer.writerow((*head, part.code, "pooled", "withheld", *[""] * 7))
        else:
            writer.writerows((*head, part.code, "pooled", *line) for line in _lines(part.found))
        for one in part.named:
            writer.writerows((*head, part.code, _plain(one.people), *line) for line in _lines(one.found))
    return stream.getvalue()


def _lines(found: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    of = (found["studies"], found["patients"])
    if "kappa" in found:
        kappa = found["kappa"]
        yield ("kappa", *_interval(kappa), "", found["answers"], *of)
    for share in found["shares"]:
        yield (share["name"], *_interval(share), share["count"], share["n"], *of)
    for i, row in enumerate(found["table"]):
        for j, count in enumerate(row):
            yield (f"cell_{i}_{j}", "", "", "", count, found["answers"], *of)


def _interval(found: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple("" if found[key] is None else f"{found[key]:.4f}" for key in ("value", "low", "high"))


def _plain(name: str) -> str:
    """Return a name that no spreadsheet takes for a formula."""
    return f"'{name}" if name[:1] in "=+-@\t\r" else name
