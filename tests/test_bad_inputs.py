"""What damaged, lying and hostile inputs get: a sentence in the reader's language, and nothing is kept."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clinic.accounts.roles import Role
from clinic.templatetags.vigie import no_break
from ml import registry, runner
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from ml.contracts import Problem, Source, Status
from predictions.models import Prediction, StoredArtefact, Study, StudyFile
from predictions.states import State
from tests import bad_files, factories
from tests.hostile import films, jpegs, pictures
from tests.sleep_files import edf_bytes
from tests.studies import analysed
from tests.test_intake import PNG, kept_files

UNITS = {"haemorrhage": "maternity", "chest_xray": "radiology", "sleep": "sleep"}

# Refused by the first bytes, in the web process.
AT_THE_DOOR = [
    ("chest_xray", "empty.png", lambda: b"", "empty_file"),
    ("chest_xray", "notes.dcm", lambda: b"Nothing to see here.\n" * 40, "unknown_format"),
    ("chest_xray", "bomb.png", lambda: pictures.png(30_000, 30_000), "too_many_pixels"),
    ("chest_xray", "cut.png", lambda: PNG[:20], "image_damaged"),
    ("chest_xray", "program.dcm", lambda: b"MZ" + films.saying()[2:], "dicom_preamble_executable"),
    ("sleep", "empty.edf", lambda: b"", "file_empty"),
    ("sleep", "image.edf", jpegs.whole_jpeg, "not_edf"),
    ("sleep", "bands.edf", bad_files.zip_bomb, "not_edf"),
    ("sleep", "cut.edf", lambda: bad_files.night()[:-5000], "edf_size_mismatch"),
    ("sleep", "header.edf", lambda: bad_files.night()[:300], "edf_header_damaged"),
    ("sleep", "open.edf", lambda: bad_files.night(n_records=-1), "edf_not_closed"),
    ("sleep", "count.edf", lambda: bad_files.night(n_signals=5), "edf_header_damaged"),
    ("sleep", "lie.edf", lambda: bad_files.night(n_signals=99, header_bytes=25_600), "edf_header_damaged"),
    ("sleep", "crowd.edf", lambda: bad_files.night(n_signals=9999), "edf_too_many_signals"),
    ("sleep", "nan.edf", lambda: bad_files.night(record_seconds="NaN"), "edf_header_damaged"),
    ("sleep", "ages.edf", lambda: bad_files.night(record_seconds="1e300"), "edf_too_long"),
]  # fmt: skip

# Past the web process, refused by the worker that reads all of it.
IN_DEPTH = [
    ("chest_xray", "cut.jpg", lambda: jpegs.whole_jpeg()[:9000], "image_damaged"),
    ("chest_xray", "lie.jpg", lambda: jpegs.jpeg_saying(60_000, 60_000), "too_many_pixels"),
    ("chest_xray", "lie.png", lambda: pictures.png(400, 400, said=(4000, 4000)), "image_damaged"),
    ("chest_xray", "comment.png", pictures.text_bomb, "image_damaged"),
    ("chest_xray", "huge.dcm", lambda: films.saying(Rows=60_000, Columns=60_000), "too_many_pixels"),
    ("chest_xray", "lie.dcm", lambda: films.saying(Rows=4000, Columns=4000), "pixels_unreadable"),
    ("chest_xray", "cut.dcm", lambda: films.saying()[:-9000], "pixels_unreadable"),
    ("chest_xray", "noise.dcm", lambda: bytes(128) + b"DICM" + bytes(range(256)) * 8, "no_pixel_data"),
    ("chest_xray", "frames.dcm", lambda: films.saying(NumberOfFrames=2**31 - 1), "multi_frame"),
    ("chest_xray", "infinite.dcm", bad_files.infinite_film, "rescale_unusable"),
    ("sleep", "lie.edf", bad_files.many_channels_lying, "edf_size_mismatch"),
    ("sleep", "nan.edf", lambda: bad_files.night(physical=("NaN", "NaN")), "edf_header_damaged"),
    ("sleep", "scale.edf", lambda: bad_files.night(physical=(5, 5)), "edf_header_damaged"),
    ("sleep", "infinite.edf", lambda: bad_files.night(physical=("-1e300", "1e300")), "edf_header_damaged"),
    ("sleep", "beyond.edf", lambda: bad_files.night(physical=("-1e308", "1e308")), "edf_header_damaged"),
    ("sleep", "fast.edf", bad_files.fast_recording, "rate_too_high"),
    ("sleep", "still.edf", lambda: bad_files.night(record_seconds=0), "edf_header_damaged"),
    ("sleep", "oximeter.edf", lambda: bad_files.night(labels=("SpO2",)), "no_eeg"),
]  # fmt: skip


def named(cases: list[tuple[str, str, Callable[[], bytes], str]]) -> Any:
    return pytest.mark.parametrize(
        ("algorithm", "name", "content", "code"), cases, ids=[f"{case[0]}-{case[1]}" for case in cases]
    )


class Ward:
    """A French-speaking member of staff of one unit with a patient there, at a browser."""

    def __init__(self, algorithm: str) -> None:
        unit = factories.unit(UNITS[algorithm])
        self.algorithm = algorithm
        self.user = factories.staff("camille", Role.PHYSICIAN, unit, language="fr")
        self.patient = factories.patient(unit)
        self.client = Client()
        self.client.force_login(self.user)
        self.address = reverse("study_new", args=[algorithm, self.patient.pk])

    def send(self, content: bytes, name: str = "file", **more: Any) -> Any:
        upload = SimpleUploadedFile(name, content)
        return self.client.post(self.address, {"file": upload, "key": "k1"}, **more)

    def send_raw(self, file_name: str, content: bytes) -> Any:
        """Send a file under a name that no browser would send, byte by byte."""
        body = (
            b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nk1\r\n'
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="' + file_name.encode() + b'"\r\n'
            b"Content-Type: image/png\r\n\r\n" + content + b"\r\n--b--\r\n"
        )
        return self.client.post(self.address, body, content_type="multipart/form-data; boundary=b")

    def page(self, study: Study) -> str:
        return said(self.client.get(reverse("study", args=[study.pk])))


def said(response: Any) -> str:
    return html.unescape(response.content.decode())


def nothing_kept() -> bool:
    return not Study.objects.exists() and not StudyFile.objects.exists() and kept_files() == []


def problems_at_the_door(algorithm: str, content: bytes) -> list[Problem]:
    return registry.door(algorithm, "contract").screen(content[:4096], len(content))


# --- files ----------------------------------------------------------------------------------


@pytest.mark.django_db
@named(AT_THE_DOOR)
def test_a_file_refused_at_the_door_is_named_in_french_and_gone(
    algorithm: str, name: str, content: Callable[[], bytes], code: str
) -> None:
    ward, sent = Ward(algorithm), content()
    found = problems_at_the_door(algorithm, sent)
    assert code in {problem.code for problem in found}
    answer = ward.send(sent, name)
    assert answer.status_code == 422
    assert all(no_break(problem.message.fr) in said(answer) for problem in found)
    by_script = ward.send(sent, name, headers={"Accept": "application/json"})
    assert by_script.status_code == 422
    assert by_script.json()["problems"] == [problem.message.fr for problem in found]
    assert nothing_kept()


@pytest.mark.django_db
@named(IN_DEPTH)
def test_a_file_refused_in_depth_leaves_no_figure(
    algorithm: str, name: str, content: Callable[[], bytes], code: str
) -> None:
    ward = Ward(algorithm)
    answer = ward.send(content(), name)
    assert answer.status_code == 302, said(answer)
    study = analysed(Study.objects.get())
    assert (study.state, code in {problem["code"] for problem in study.problems}) == (
        State.REFUSED,
        True,
    ), study.problems
    assert not Prediction.objects.exists()
    assert not StoredArtefact.objects.exists()
    assert len(kept_files()) == 1, "the sent file alone"
    shown = ward.page(study)
    assert all(no_break(problem.message.fr) in shown for problem in study.problem_list)


@pytest.mark.parametrize(
    "content", [bad_files.pickled_night, bad_files.zip_bomb, bad_files.spoilt_zip, bad_files.locked_zip]
)
def test_band_powers_that_are_not_are_refused_on_the_command_line(
    tmp_path: Path, content: Callable[[], bytes]
) -> None:
    path = tmp_path / "night.npz"
    path.write_bytes(content())
    outcome = runner.run("sleep", Source(path=path))
    assert (outcome.status, [problem.code for problem in outcome.problems]) == (
        Status.REFUSED,
        ["npz_damaged"],
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../../outside.png", "outside.png"),
        ("..\\\\..\\\\outside.png", "outside.png"),
        ("/etc/outside.png", "outside.png"),
        ("film\u202egnp.exe", "filmgnp.exe"),
        ("film\x00.png", "film.png"),
        ("<script>alert(1)</script>.png", "script>.png"),
        ("é" * 300 + ".png", "é" * 251 + ".png"),
    ],
)
def test_a_file_name_decides_nothing(sent: str, kept: str) -> None:
    ward = Ward("chest_xray")
    assert ward.send_raw(sent, PNG).status_code == 302
    file = StudyFile.objects.get()
    assert file.original_name == kept
    (path,) = kept_files()
    assert path.parent.parent.name == "uploads"
    assert path.name.isalnum()
    assert "outside" not in ward.page(file.study)


@pytest.mark.django_db
@pytest.mark.parametrize("sent", ["..", "/", "", "a/.."])
def test_a_file_without_a_name_is_no_file(sent: str) -> None:
    answer = Ward("chest_xray").send_raw(sent, PNG)
    assert answer.status_code == 422
    assert "Choisissez-en un." in said(answer)
    assert nothing_kept()


@pytest.mark.django_db
def test_two_files_or_half_a_request_are_not_half_kept() -> None:
    ward = Ward("chest_xray")
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + PNG
    answer = ward.client.post(ward.address, body, content_type="multipart/form-data; boundary=b")
    assert answer.status_code in (302, 400, 422)
    assert len(kept_files()) == StudyFile.objects.count()
    for broken in ("multipart/form-data", "multipart/form-data; boundary=" + "b" * 300):
        assert ward.client.post(ward.address, body, content_type=broken).status_code in (400, 422)
    assert len(kept_files()) == StudyFile.objects.count()


# --- forms ----------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("haemoglobin", "dix virgule huit"), ("haemoglobin", "NaN"), ("haemoglobin", "1e9"),
        ("haemoglobin", "-4"), ("haemoglobin", "١٠"), ("haemoglobin", "10.8\x00"),
        ("haemoglobin", "9" * 5000), ("parity", "2.5"), ("parity", "\u202e3"), ("placenta", "<script>"),
        ("admission_at", "32/13/2026 25:61"), ("haemoglobin_at", "hier"),
    ],
)  # fmt: skip
def test_a_form_names_the_field_in_french(field: str, typed: str) -> None:
    ward = Ward("haemorrhage")
    sent = as_of(EXAMPLES[0], timezone.now()) | {field: typed, "key": "k1"}
    answer = ward.client.post(ward.address, sent, follow=True)
    assert answer.context["refusals"]
    about = field if field == "admission_at" else field.removesuffix("_at")
    label = registry.contract("haemorrhage").field(about).label.fr
    assert f"{label} : " in said(answer).replace("\u00a0", " ")
    assert typed[:200] not in answer.content.decode() or "<" not in typed
    assert nothing_kept()


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["a\x00b", "a\nb"])
def test_a_key_that_no_page_made_is_refused(key: str) -> None:
    ward = Ward("haemorrhage")
    factories.encounter(ward.patient)
    answer = ward.client.post(ward.address, as_of(EXAMPLES[0], timezone.now()) | {"key": key})
    assert answer.status_code == 422
    assert "Rouvrez le formulaire" in said(answer)
    assert nothing_kept()


# --- the cheap checks never fail ------------------------------------------------------------

EDF = edf_bytes(("EEG C3-A2", "EOG L"), seconds=1)
NUMERALS = st.text("0123456789+-. eE_naifx\x00²٣", max_size=8).map(str.encode)


def patched(at: int, by: bytes) -> bytes:
    return EDF[:at] + by + EDF[at + len(by) :]


HEADS = st.one_of(
    st.binary(max_size=4096),
    st.builds(
        bytes.__add__,
        st.sampled_from([pictures.PNG_MAGIC, b"\xff\xd8\xff", bytes(128) + b"DICM", b"0       "]),
        st.binary(max_size=300),
    ),
    st.builds(patched, st.integers(0, 767), st.binary(max_size=16)),
    st.builds(patched, st.sampled_from([184, 236, 244, 252, 688, 696]), NUMERALS),
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(head=HEADS, size=st.integers(0, 2**42))
@pytest.mark.parametrize("algorithm", ["chest_xray", "sleep"])
def test_no_bytes_break_a_screen(algorithm: str, head: bytes, size: int) -> None:
    screen = registry.door(algorithm, "contract").screen
    for said_size in (size, len(head)):
        spoken(screen(head, said_size))


FORM = registry.door("haemorrhage", "contract")
NAMES = [name for field in FORM.CONTRACT.fields for name in (field.name, f"{field.name}_at")]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
TYPED = st.sampled_from(
    ["39+4", "1e5", "01/01/2020 7h40", "yes", "٣", "2020-01-01T00:00+99:99", "9999-12-31 23:59", "0001-01-01"]
)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(values=JSON | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=9), JSON | TYPED, max_size=12))
@example(values={"admission_at": "2199-12-31T23:59+23:59", "haemoglobin": 10**400})
def test_no_json_breaks_the_form(values: Any) -> None:
    typed, problems = FORM.check(values)
    spoken(problems)
    json.dumps(typed, default=str, allow_nan=False)


def spoken(problems: Any) -> None:
    assert isinstance(problems, list)
    for problem in problems:
        assert isinstance(problem, Problem)
        assert problem.message.en
        assert problem.message.fr
