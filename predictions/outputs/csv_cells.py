"""What every CSV shares: UTF-8 with a byte order mark, commas between cells, a decimal point, no formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ml.cells import inert
from predictions import verdicts
from predictions.outputs.facts import Facts
from predictions.outputs.typed import upright


def written(rows: Iterable[Sequence[Any]]) -> bytes:
    """Write rows as a file."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([neutral(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def neutral(value: Any) -> Any:
    """Return a cell that no spreadsheet will run: text that begins like a formula gets an apostrophe.

    Numbers stay numbers, also negative ones; what turns the direction of a text is written by its number.
    """
    if not isinstance(value, str):
        return value
    return upright(inert(value))


def version(facts: Facts) -> str:
    """Return whether it is signed, and which version."""
    return facts.status if facts.signature is None else f"{facts.status} v{facts.signature.version}"


def opinion(facts: Facts) -> Mapping[str, str]:
    """Return what the signer thinks of the result, verdict and reason as codes; blank for a draft."""
    if facts.signature is None:
        return {"verdict": "", "reason": "", "comment": ""}
    review = facts.signature.review
    return {
        "verdict": verdicts.code(review),
        "reason": verdicts.reason_code(review),
        "comment": review.comment,
    }
