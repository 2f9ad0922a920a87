"""``docs/security.md`` is true: every test it names exists, every requirement stands in it once."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache

import pytest

from tests.machine import ROOT

DOCUMENT = (ROOT / "docs/security.md").read_text("utf-8")
APPLIES = ("yes", "part", "no", "site", "open")
TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")
NUMBER = re.compile(r"V\d+\.\d+\.\d+")

# Which numbers of ASVS 5.0.0 are of level 1 or 2, by section: how many from 1, or which.
LEVEL_2 = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2,
    "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1,
    "3.2": 2, "3.3": 4, "3.4": 6, "3.5": 5, "3.7": 2,
    "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4,
    "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3,
    "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4,
    "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2,
    "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1,
    "9.1": 3, "9.2": 4,
    "10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3,
    "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1,
    "12.1": 3, "12.2": 2, "12.3": 4,
    "13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5,
    "14.1": 2, "14.2": 4, "14.3": 3,
    "15.1": 3, "15.2": 3, "15.3": 7,
    "16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3,
    "17.1": 1, "17.2": 4, "17.3": 2,
}  # fmt: skip
# What ASVS asks to be written down, and the heading or table under which it stands.
WRITTEN = {
    "V2.1.3": "### What may be sent, and what it may cost",
    "V5.1.1": "### What may be sent, and what it may cost",
    "V6.1.1": "(decisions/0023-the-entrance.md)",
    "V6.1.2": "Passwords may not be made of",
    "V6.1.3": "### Ways in",
    "V7.1.1": "Sessions end after 15 minutes",
    "V7.1.2": "as many as a\nperson's workstations",
    "V11.1.1": "### Keys",
    "V11.1.2": "### Keys",
    "V13.1.1": "### Connections",
    "V14.1.1": "### Data and their protection",
    "V14.1.2": "### Data and their protection",
    "V15.1.1": "### Vulnerable packages",
    "V15.1.3": "### What may be sent, and what it may cost",
    "V16.1.1": "### Logs",
}


@dataclass(frozen=True)
class Line:
    """A requirement of ASVS and what is said of it."""

    number: str
    level: str
    asks: str
    applies: str
    how: str
    shown: str


def cells(row: str) -> list[str]:
    """Return the cells of a row of a table."""
    return [cell.strip() for cell in row.strip().strip("|").split("|")]


LINES = [Line(*cells(row)) for row in DOCUMENT.splitlines() if NUMBER.match(row.removeprefix("| "))]
TABLES = [
    cells(row)
    for part in ("HIPAA", "France")
    for row in re.search(rf"^## {part}.*?(?=^## )", DOCUMENT, re.M | re.S)[0].splitlines()
    if row.startswith("| ") and not row.startswith(("| standard", "| expectation"))
]


@cache
def functions_of(name: str) -> frozenset[str]:
    """Return the test functions of a file below ``tests/``, empty when there is none."""
    path = ROOT / "tests" / name
    if not path.exists():
        return frozenset()
    tree = ast.parse(path.read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_every_test_named_exists() -> None:
    missing = sorted(
        {f"{file}::{name}" for file, name in TEST.findall(DOCUMENT) if name not in functions_of(file)}
    )
    assert not missing


def test_every_requirement_of_level_1_and_2_stands_here_once() -> None:
    expected = [f"V{section}.{n}" for section, last in LEVEL_2.items() for n in range(1, last + 1)]
    found = [line.number for line in LINES]
    assert sorted(found) == sorted(expected)
    assert len(found) == 253


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.number)
def test_every_requirement_has_a_test_or_a_reason(line: Line) -> None:
    assert line.applies in APPLIES
    assert line.level in ("1", "2")
    assert line.asks
    if line.applies in ("yes", "part"):
        assert TEST.search(line.shown), "what is met has a test"
        assert line.how
    else:
        assert re.match(r"reason: .{5,}", line.shown), "what is not has its reason"


@pytest.mark.parametrize("row", TABLES, ids=lambda row: row[0][:40])
def test_every_expectation_of_the_law_has_a_test_or_a_reason(row: list[str]) -> None:
    *_, how, shown = row
    assert TEST.search(shown) or re.match(r"reason: .{20,}", shown)
    assert how


def test_hipaa_and_france_are_whole() -> None:
    said = " ".join(row[0] for row in TABLES)
    for part in (
        "(a)(1)",
        "(a)(2)(i)",
        "(a)(2)(ii)",
        "(a)(2)(iii)",
        "(a)(2)(iv)",
        "(b)",
        "(c)(1)",
        "(d)",
        "(e)(1)",
    ):
        assert part in said, part
    for part in ("2021-122", "HDS", "PGSSI-S", "RGPD art. 32"):
        assert part in said, part


@pytest.mark.parametrize("number", WRITTEN)
def test_what_asvs_wants_written_down_is_written_down(number: str) -> None:
    assert WRITTEN[number] in DOCUMENT
    assert next(line for line in LINES if line.number == number).applies == "yes"


def test_links_lead_somewhere() -> None:
    headings = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", DOCUMENT, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", DOCUMENT):
        assert target[1:] in headings if target.startswith("#") else (ROOT / "docs" / target).exists(), target
