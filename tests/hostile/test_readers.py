"""Every hostile input, read in a child under the limits of the workers: refused by name, cheaply, alive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile import __main__ as command
from tests.hostile import corpus
from tests.hostile.case import Case, Intake, Wrong
from tests.hostile.child import Child, Ending

LEAST = 300
MOST_SECONDS, MOST_MEBIBYTES = 20.0, 1024
# Reasons by what a picture looks like: no answer to a file that is damaged or lies.
APPEARANCE = {
    "not_chest_xray",
    "blank",
    "clipped",
    "inverted",
    "rotated",
    "adult_appearance",
    "burnt_over",
    "shape",
    "too_small",
}
READ = [intake for intake in Intake if intake is not Intake.EVENTS]
SAMPLE = [case for intake in READ for case in corpus.sample(intake)]


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    """Return the process that reads."""
    reader = Child()
    yield reader
    reader.close()


def ending(child: Child, case: Case, folder: Path) -> Ending:
    path = case.write(folder)
    try:
        return child.read(case.intake, path)
    finally:
        path.unlink()


def complaint(case: Case, found: Ending) -> str:
    """Return what is wrong with how an input ended; nothing when all is well."""
    if found.status != "refused":
        return f"{case.name}: {found.status} {found.detail} {found.codes}"
    if found.mute or not set(found.codes) - APPEARANCE:
        return f"{case.name}: no reason that says what is wrong: {found.codes}"
    if found.seconds > MOST_SECONDS or found.mebibytes > MOST_MEBIBYTES:
        return f"{case.name}: {found.seconds} s and {found.mebibytes} MiB"
    return ""


def readable(case: Case) -> bool:
    """Whether it reaches a reader at all: what is no JSON object of values is refused before."""
    if case.intake not in (Intake.FORM, Intake.APPLICATION):
        return True
    try:
        return isinstance(json.loads(case.make())["values"], dict)
    except (ValueError, RecursionError, LookupError, TypeError):
        return False


@pytest.mark.parametrize("intake", list(Intake))
def test_each_intake_has_its_share_of_every_kind(intake: Intake) -> None:
    cases = corpus.of(intake)
    assert len(cases) >= LEAST
    kinds = {case.wrong for case in cases}
    assert kinds == {case.wrong for case in corpus.sample(intake)}
    if intake in corpus.FILES:
        asked = {
            Wrong.EMPTY,
            Wrong.TRUNCATED,
            Wrong.LYING,
            Wrong.HUGE,
            Wrong.BOMB,
            Wrong.POLYGLOT,
            Wrong.MAGIC,
        }
        assert kinds >= asked - ({Wrong.HUGE} if intake is Intake.DICOM else set())
        assert Wrong.SPARSE in kinds


@pytest.mark.parametrize("intake", list(Intake))
def test_the_inputs_are_the_same_each_time(intake: Intake) -> None:
    chosen = {case.id: case for case in corpus.sample(intake, each=1) if case.wrong is not Wrong.BOMB}
    again = {case.id: case for case in corpus.MAKERS[intake]()}
    for name, case in chosen.items():
        assert case.make() == again[name].make(), name


@pytest.mark.parametrize("case", [case for case in SAMPLE if readable(case)], ids=lambda case: case.id)
def test_it_is_refused_by_name_within_the_limits(child: Child, case: Case, tmp_path: Path) -> None:
    assert not complaint(case, ending(child, case, tmp_path))


@pytest.mark.long
@pytest.mark.parametrize("intake", READ)
def test_every_one_is_refused_by_name_within_the_limits(child: Child, intake: Intake, tmp_path: Path) -> None:
    cases = [case for case in corpus.of(intake) if readable(case)]
    found = [complaint(case, ending(child, case, tmp_path)) for case in cases]
    assert not [said for said in found if said]


def test_the_command_writes_them_with_an_index(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--out", str(tmp_path), "--sample", "--only", "births_csv"]) == 0
    lines = (tmp_path / "index.csv").read_text("utf-8").splitlines()
    expected = len(corpus.sample(Intake.BIRTHS))
    assert len(lines) == expected + 1
    assert f"{expected} hostile inputs" in capsys.readouterr().out
