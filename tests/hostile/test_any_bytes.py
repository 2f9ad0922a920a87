"""Whatever bytes, values and texts: a reader refuses by name or reads, a writer writes nothing to be run."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ml import cells
from ml.algorithms.chest_xray import container, dicom, elements, raster
from ml.algorithms.sleep import edf_header, reader, segments, tals
from ml.contracts import Refused
from predictions.outputs import csv_cells
from predictions.workspaces.sleep import checking
from tests.hostile import films, jpegs, pictures, recordings
from tests.hostile.case import Intake

EXAMPLES = 60
FEW = settings(max_examples=EXAMPLES, deadline=None, derandomize=True)


def bent(whole: bytes, most: int) -> st.SearchStrategy[bytes]:
    """Draw a file with some bytes of its first ``most`` overwritten, cut off or doubled."""
    patches = st.lists(st.tuples(st.integers(0, most), st.binary(min_size=1, max_size=8)), max_size=4)
    ends = st.integers(0, len(whole)) | st.just(len(whole))
    return st.builds(_bend, st.just(whole), patches, ends, st.binary(max_size=8))


def _bend(whole: bytes, patches: list[tuple[int, bytes]], end: int, tail: bytes) -> bytes:
    for at, by in patches:
        whole = whole[:at] + by + whole[at + len(by) :]
    return whole[:end] + tail


def read(content: bytes, suffix: str, reader_: Callable[[Path], Any]) -> Any:
    """Have a reader read bytes as a file; ``None`` when it refuses, with a sentence in both languages."""
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        file.write(content)
        file.flush()
        try:
            return reader_(Path(file.name))
        except Refused as refusal:
            require_words(refusal)
            return None


def require_words(refusal: Refused) -> None:
    """Fail for a refusal without a code and a sentence in both languages."""
    assert refusal.problems
    assert all(problem.code and problem.message.en and problem.message.fr for problem in refusal.problems)


def _recording(path: Path) -> tuple[Any, Any]:
    header, signals = reader.read_header(path)
    with path.open("rb") as stream:
        onsets, notes = tals.read(stream, header, signals)
    return segments.split(header, onsets), notes


@FEW
@given(
    content=bent(recordings.whole(Intake.EDF), 768) | bent(recordings.whole(Intake.BDF), 768) | st.binary()
)
def test_any_recording(content: bytes) -> None:
    read(content, ".edf", _recording)


@FEW
@given(raw=st.binary(max_size=200) | st.text("+-.0123456789\x14\x15\x00x", max_size=200).map(str.encode))
@example(raw=b"+1\x14" * 50_000)
@example(raw=b"+" + b"1" * 50_000)
def test_any_annotations(raw: bytes) -> None:
    channel = edf_header.Signal("EDF Annotations", "", "", -1, 1, -1, 1, "", (len(raw) + 1) // 2)
    head = edf_header.Header("", "", "", "", 0, "EDF+D", 1, 1.0, 1)
    onsets, notes = tals.read(io.BytesIO(raw.ljust(2 * channel.samples, b"\0")), head, [channel])
    assert len(onsets) == 1
    assert all(isinstance(note.onset, float) and note.text for note in notes)


@FEW
@given(content=bent(films.whole(), 900))
def test_any_film(content: bytes) -> None:
    picture = read(content, ".dcm", dicom.read)
    assert picture is None or picture.grey.ndim == 2


@FEW
@given(
    content=st.binary(max_size=400).map(lambda tail: bytes(128) + b"DICM" + tail) | st.binary(max_size=400)
)
def test_any_elements_are_counted(content: bytes) -> None:
    assert elements.walk(content).elements <= elements.MOST_ELEMENTS + 1


@FEW
@given(content=bent(pictures.whole_png(), 300) | bent(jpegs.whole_jpeg(), 700))
def test_any_picture(content: bytes) -> None:
    picture = read(content, ".png", raster.read)
    assert picture is None or picture.grey.ndim == 2


@FEW
@given(
    content=st.binary(max_size=300),
    magic=st.sampled_from([pictures.PNG_MAGIC, b"\xff\xd8\xff", b"\xff\x4f\xff\x51"]),
)
def test_any_container_is_walked_to_its_end(content: bytes, magic: bytes) -> None:
    assert isinstance(container.problems(magic + content), list)
    container.frame_sides(magic + content)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ("id", "kind", "epoch", "value", "at", "seconds", "onset_s", "duration_s", "text", "target")
KINDS = st.sampled_from(
    ["stage", "seen", "comment", "arousal", "artefact", "lights_off", "undo", "redo", "close"]
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(sent=JSON | st.dictionaries(st.sampled_from(FIELDS), JSON | st.integers(-5, 40) | KINDS))
@example(sent={"id": "0" * 32, "kind": "lights_off", "seconds": 10**400})
@example(sent={"id": "0" * 32, "kind": "arousal", "onset_s": 1, "duration_s": 10**400})
@example(sent={"id": "0" * 32, "kind": "seen", "epoch": 1, "at": "9999-12-31T23:59-23:59"})
def test_any_event_of_a_scorer(sent: Any) -> None:
    try:
        event = checking.read(sent, 20)
    except Refused as refusal:
        require_words(refusal)
    else:
        assert event.epoch is None or 0 <= event.epoch < 20
        assert event.seconds is None or 0 <= event.seconds <= 600
        assert timezone.is_aware(event.at)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(rows=st.lists(st.lists(st.text(max_size=30), min_size=1, max_size=4), min_size=1, max_size=4))
@example(rows=[["=1+1", "\t=1", " @SUM(A1)", "＝1"]])
@example(rows=[["\u202egnp.exe", "\u2066x\u2069"]])
def test_no_written_cell_is_run_or_turned(rows: list[list[str]]) -> None:
    content = csv_cells.written(rows).decode("utf-8-sig")
    for cell in (cell for row in csv.reader(io.StringIO(content)) for cell in row):
        assert not cell.strip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
        assert not set(cell) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@pytest.mark.parametrize("number", ["-3", "+4.5", "-1,5", "-2e-3", "12"])
def test_a_number_of_a_table_stays_one(number: str) -> None:
    assert cells.inert_unless_number(number) == number


@pytest.mark.parametrize("formula", ["-1+1", "=A1", "+A1", "-2e", "@x", " =1", "\t-1", "－1"])
def test_a_formula_of_a_table_is_never_one(formula: str) -> None:
    assert cells.inert_unless_number(formula) == f"'{formula}"
