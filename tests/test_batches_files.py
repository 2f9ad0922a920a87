"""Batches of files: archives that lie about themselves, series of images, nights; each file on its own."""

from __future__ import annotations

import io
import stat
import struct
import unicodedata
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, JPEGLSLossless, generate_uid

from clinic.accounts.models import User
from ml.algorithms.chest_xray import grouping
from ml.contracts import Refused, Source
from ml.runner import run
from predictions import sweep
from predictions.batches import archives, intake, services
from predictions.batches.models import Batch, Stage
from predictions.storage import storage
from tests.batches import archive, sent, work_off
from tests.chest_phantom import phantom
from tests.dicom_builder import dx_from_jpeg
from tests.machine import SHARED
from tests.sleep_files import edf_bytes
from tests.test_batches import read, stored

FILM, NIGHT = 64 << 20, 2 << 30


def members(content: bytes, *, limit: int = 1 << 20) -> dict[str, str]:
    """Return what became of each file of an archive: its content, or the code of why not."""
    found = {}
    for member in archives.opened(io.BytesIO(content)).members(limit=limit):
        if member.received is None:
            found[member.name] = member.problem.code
        else:
            found[member.name] = member.received.reader().read().decode()
    return found


def codes(content: bytes) -> set[str]:
    with pytest.raises(Refused) as refusal:
        members(content)
    return {problem.code for problem in refusal.value.problems}


def zipped(name: str | zipfile.ZipInfo, content: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as target:
        target.writestr(name, content)
    return made.getvalue()


def film(study: str = "", **change: Any) -> bytes:
    dataset: Dataset = dx_from_jpeg(phantom(240, 280), **change)
    if study:
        dataset.StudyInstanceUID = study
    target = io.BytesIO()
    dataset.save_as(target, enforce_file_format=True)
    return target.getvalue()


# ---- archives


def test_each_file_of_an_archive_comes_out_under_a_name_that_people_read():
    assert members(archive({"nuit/été.edf": b"1", "b.edf": b"2"})) == {"nuit/été.edf": "1", "b.edf": "2"}


@pytest.mark.parametrize("encoding", ["utf-8", "cp850"])
def test_names_of_other_systems_are_read(encoding: str):
    """macOS decomposes its letters and writes UTF-8 unsaid, Windows writes the page of its console."""
    name = unicodedata.normalize("NFD", "é") if encoding == "utf-8" else "é"
    raw = f"enfant-{name}.dcm".encode(encoding)
    plain = b"enfant-" + b"x" * (len(raw) - 11) + b".dcm"
    made = zipped(plain.decode(), b"1").replace(plain, raw)
    assert members(made) == {"enfant-é.dcm": "1"}


def test_what_systems_put_beside_the_files_is_left_out():
    made = archive({"a.edf": b"1", "__MACOSX/._a.edf": b"x", ".DS_Store": b"", "d/Thumbs.db": b"", "d/": b""})
    opened = archives.opened(io.BytesIO(made))
    assert ([info.filename for info in opened.files], opened.left_out) == (["a.edf"], 3)


@pytest.mark.parametrize(
    "name", ["../etc/passwd", "/etc/passwd", "a/../../b", "..\\..\\windows", "C:/boot.ini", "C:\\boot.ini"]
)
def test_a_name_that_leads_out_is_refused_and_the_rest_is_read(name: str, tmp_path: Path):
    found = members(archive({name: b"x", "good.edf": b"1"}))
    assert found.pop("good.edf") == "1"
    assert set(found.values()) == {"zip_path"}


@pytest.mark.parametrize("name", [".", "\x00a.edf", "./."])
def test_a_file_without_a_name_costs_itself_alone(name: str):
    """A reader ends a name at its first zero byte: there, nothing is left of it."""
    known = "_" * len(name)
    whole = archive({known: b"x", "good.edf": b"1"}).replace(known.encode(), name.encode())
    found = members(whole)
    assert (found.pop("good.edf"), list(found.values())) == ("1", ["zip_no_name"])


def test_links_are_refused():
    info = zipfile.ZipInfo("link.edf")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    assert members(zipped(info, b"/etc/passwd")) == {"link.edf": "zip_link"}


@pytest.mark.parametrize("inner", [archive({"a": b"1"}), b"\x1f\x8b" + bytes(20), b"Rar!\x1a\x07\x00"])
def test_an_archive_within_is_refused(inner: bytes):
    assert members(archive({"inner.zip": inner, "good.edf": b"1"})) == {
        "inner.zip": "zip_nested",
        "good.edf": "1",
    }


def test_a_bomb_is_left_as_soon_as_it_shows():
    bomb = archive({"bomb.edf": bytes(300 << 20), "good.edf": b"1"})
    assert len(bomb) < 1 << 20
    assert members(bomb, limit=NIGHT) == {"bomb.edf": "zip_bomb", "good.edf": "1"}
    assert members(bomb, limit=1000) == {"bomb.edf": "file_too_large", "good.edf": "1"}


def test_a_bomb_that_says_it_is_small_is_no_smaller():
    made = archive({"bomb.edf": bytes(8 << 20)})
    lying = made.replace(struct.pack("<I", 8 << 20), struct.pack("<I", 100))
    assert members(lying, limit=NIGHT)["bomb.edf"] in {"zip_bomb", "zip_member_damaged"}


def test_all_files_together_are_limited(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archives, "MOST_UNPACKED", 5)
    assert codes(archive({"a.edf": b"123", "b.edf": b"456"})) == {"zip_too_large"}


def test_an_archive_of_too_many_files_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archives, "MOST_MEMBERS", 2)
    assert codes(archive({f"{n}.edf": b"1" for n in range(3)})) == {"zip_too_many"}


@pytest.mark.parametrize("decoy", [False, True])
def test_a_directory_that_would_fill_the_memory_is_not_read(decoy: bool, monkeypatch: pytest.MonkeyPatch):
    """Also with a small record of 64 bits where the archive says it lies, and the true one at its end."""
    whole = archive({f"{n}.edf": b"1" for n in range(9)})
    if decoy:
        whole = with_decoy(whole)
    assert len(members(whole)) == 9
    monkeypatch.setattr(archives, "LARGEST_DIRECTORY", 200)
    assert codes(whole) == {"zip_too_many"}


def with_decoy(whole: bytes) -> bytes:
    """Put records of 64 bits at the end: one of the true directory, and the locator at one of none."""
    end = whole.rindex(b"PK\x05\x06")
    count, _all, size, at = struct.unpack_from("<HHII", whole, end + 8)

    def record(count: int, size: int) -> bytes:
        return struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, at)

    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, 0, 1)
    small = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return record(0, 0) + whole[:end] + record(count, size) + locator + small


def test_methods_and_passwords_that_are_not_read_are_said():
    assert members(zipped("a.edf", b"1", zipfile.ZIP_LZMA)) == {"a.edf": "zip_method"}
    whole = bytearray(archive({"a.edf": b"1"}))
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        whole[whole.index(magic) + at] |= 1
    assert members(bytes(whole)) == {"a.edf": "zip_encrypted"}


def test_a_file_whose_checksum_is_wrong_costs_itself_alone():
    made = archive({"a.edf": b"1111", "b.edf": b"2"})
    wrong = made.replace(struct.pack("<I", zlib.crc32(b"1111")), struct.pack("<I", 7))
    assert members(wrong) == {"a.edf": "zip_member_damaged", "b.edf": "2"}


@pytest.mark.parametrize("cut", [0, 10, 40, 60, -1, -10])
def test_an_archive_that_is_cut_is_refused_in_words(cut: int):
    assert codes(archive({"a.edf": b"1" * 100})[:cut]) == {"zip_damaged"}


# ---- images


def test_the_study_of_a_film_is_read_whatever_the_rest_of_it_is(tmp_path: Path):
    study, path = generate_uid(), tmp_path / "film"
    for encoding in (ExplicitVRLittleEndian, JPEGLSLossless):
        path.write_bytes(film(study, transfer_syntax=encoding))
        assert grouping.study_of(path) == study
        path.write_bytes(film(study, transfer_syntax=encoding)[:3000])
        assert grouping.study_of(path) == study
    for content in (b"", b"x" * 500, bytes(128) + b"DICM", bytes(128) + b"DICM" + b"\xff" * 4000):
        path.write_bytes(content)
        assert grouping.study_of(path) == ""
    path.write_bytes(film(study).replace(study.encode(), b"../" + b"." * (len(study) - 4) + b"x"))
    assert grouping.study_of(path) == ""
    path.write_bytes(bytes(128) + b"DICM" + DeflatedExplicitVRLittleEndian.encode())
    assert grouping.study_of(path) == ""


@pytest.mark.django_db(transaction=True)
def test_images_of_one_study_are_one_row_and_each_broken_file_says_why(charlie: User):
    """Two films of one study, one of another, nine of a third, a text, a folder's clutter."""
    first, crowd = generate_uid(), generate_uid()
    one = film(first)
    files = {
        "s/1.dcm": one,
        "s/2.dcm": film(first, view_position="LL"),
        "t/1.dcm": film(),
        **{f"u/{n}.dcm": film(crowd) for n in range(9)},
        "notes.txt": b"no image",
        ".DS_Store": b"x",
        "../out.dcm": b"x",
    }  # fmt: skip
    batch = work_off(sent(charlie, archive(files), algorithm="chest_xray", name="films.zip"))
    assert (batch.stage, batch.left_out) == (Stage.DONE, 1)
    rows = {row["reference"]: row for row in read(batch)}
    assert list(rows) == [
        "1.dcm, 2.dcm", "t/1.dcm", ", ".join(f"{n}.dcm" for n in range(9)), "notes.txt", "../out.dcm",
    ]  # fmt: skip
    assert {row["status"] for row in rows.values()} == {"refused"}, "the gate takes no phantom for a chest"
    assert all(row["problems"] and row["sentences"] for row in rows.values())
    assert "9 images" in rows[", ".join(f"{n}.dcm" for n in range(9))]["sentences"]
    assert rows["notes.txt"]["problems"] == "unknown_format"
    assert rows["../out.dcm"]["problems"] == "zip_path"
    assert [row["row"] for row in rows.values()] == ["1", "2", "3", "4", "5"]
    assert stored() == sweep.named()
    services.delete(batch, actor=charlie)
    assert not stored()


@pytest.mark.django_db(transaction=True)
def test_files_sent_side_by_side_are_rows_in_their_order(terry: User):
    night = edf_bytes(("EEG C3-A2",), seconds=600)
    batch = intake.submit(
        user=terry,
        algorithm="sleep",
        files=[ContentFile(night, "a.edf"), ContentFile(night[:700], "b.edf"), ContentFile(b"x", ".hidden")],
        idempotency_key="nights",
        language="fr",
    )
    work_off(batch)
    first, second = read(batch)
    assert [first["reference"], second["reference"]] == ["a.edf", "b.edf"]
    assert (first["status"], second["status"]) == ("ok", "refused")
    assert (first["epochs"], len(first["hypnogram"])) == ("20", 20)
    assert set(first["hypnogram"]) <= set("W123R?")
    assert second["sentences"]
    assert batch.left_out == 1


@pytest.mark.django_db(transaction=True)
def test_an_archive_that_is_none_ends_the_batch_in_words_and_keeps_nothing_open(terry: User):
    batch = work_off(sent(terry, b"PK\x03\x04" + bytes(400), algorithm="sleep", name="nights.zip"))
    assert (batch.stage, [problem.code for problem in batch.problem_list]) == (Stage.REFUSED, ["zip_damaged"])
    assert not batch.items.exists()
    incoming = Path(storage.location) / "incoming"
    assert not any(incoming.iterdir())
    for files, code, left_out in (
        ({"nights/": b""}, "nothing_inside", 0),
        ({}, "nothing_inside", 0),
        ({".DS_Store": b"", "__MACOSX/._a.edf": b"x"}, "only_hidden", 2),
    ):
        empty = work_off(sent(terry, archive(files), algorithm="sleep", name="nights.zip"))
        assert (empty.problem_list[0].code, empty.left_out) == (code, left_out)
        services.delete(Batch.objects.get(pk=empty.pk), actor=terry)


@pytest.mark.shared
@pytest.mark.django_db(transaction=True)
def test_films_are_answered_as_single_studies_are(charlie: User):
    films = sorted((SHARED / "chest_xray" / "originals").glob("*.jpeg"))[:2]
    whole = {path.name: path.read_bytes() for path in films}
    made = archive(whole | {"broken.jpeg": whole[films[0].name][:900]})
    *answered, broken = read(work_off(sent(charlie, made, algorithm="chest_xray", name="films.zip")))
    for path, row in zip(films, answered, strict=True):
        single = run("chest_xray", Source(path=path), explain=False)
        assert (row["reference"], row["status"], row["images"]) == (path.name, "ok", "1")
        assert float(row["probability"]) == pytest.approx(single.result["probability"])
        assert (row["label"], row["package_sha256"]) == (single.result["label"], single.sha256)
    assert (broken["status"], broken["probability"]) == ("refused", "")
