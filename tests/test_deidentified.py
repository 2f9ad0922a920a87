"""A study for research: nothing in it says who it is about, and what it was is still there."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from django.core.management import CommandError, call_command
from PIL import Image, ImageDraw, PngImagePlugin
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames

from clinic.accounts.roles import Role
from clinic.audit.models import Action, Event
from ml.algorithms.chest_xray import deidentify
from ml.algorithms.chest_xray.deidentify import Pseudonym
from ml.algorithms.sleep import anonymous, edf_header
from ml.contracts import Refused
from predictions.models import Study
from predictions.outputs import ordering, registry
from tests import chest_phantom, dicom_builder, dicom_encodings, factories, outputs
from tests.sleep_files import Channel, recording

NOBODY = Pseudonym("VG-TEST", b"k" * 32)
NAMES = (b"LADDER", b"HENRI", b"VG-000417", b"Marmot", b"19940302", b"Dr Heron")


def film(**changes: Any) -> Dataset:
    """Return a DX object full of names, in every place where one was ever found."""
    made = dicom_builder.dx_from_jpeg(
        np.full((64, 80), 90, dtype=np.uint8), name="LADDER^HENRI", birth_date=date(1994, 3, 2), sex="M",
        age="092Y",
    )  # fmt: skip
    made.ReferringPhysicianName = "Dr Heron"
    made.InstitutionName = "Marmot hospital"
    made.StudyDescription = "Chest of LADDER"
    made.ImageComments = "LADDER moved"
    made.AccessionNumber = "LADDER-7"
    made.PatientOrientation = ["L", "F"]
    made.ImageType = ["ORIGINAL", "PRIMARY", "Henri Ladder"]
    made.add_new(0x00091001, "LO", "LADDER private")
    made.add_new(0x60003000, "OW", b"LADDER overlay..")
    item = Dataset()
    item.PatientID = "VG-000417"
    made.OtherPatientIDsSequence = [item]
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "R-10206", "SRT", "antero-posterior"
    code.add_new(0x00091001, "LO", "LADDER nested")
    made.ViewCodeSequence = [code]
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def as_file(image: Dataset, preamble: bytes = b"") -> bytes:
    content = outputs.as_file(image)
    return preamble.ljust(128, b"\0") + content[128:]


def test_a_dicom_image_keeps_its_pixels_and_nobody() -> None:
    original = film()
    copied = deidentify.copy(as_file(original, b"MZ LADDER"), NOBODY)
    for name in NAMES:
        assert name.lower() not in copied.content.lower()
    made = pydicom.dcmread(io.BytesIO(copied.content))
    assert np.array_equal(made.pixel_array, original.pixel_array)
    assert (made.PatientName, made.PatientID, made.PatientBirthDate) == ("VG-TEST", "VG-TEST", "")
    assert (made.PatientSex, made.PatientAge) == ("M", "090Y")
    assert (made.StudyDate, made.StudyTime) == ("", "")
    assert made.PatientIdentityRemoved == "YES"
    assert {code.CodeValue for code in made.DeidentificationMethodCodeSequence} >= {"113100", "113105"}
    assert made.ViewCodeSequence[0].CodeValue == "R-10206"
    assert not [element for element in made.iterall() if element.tag.is_private]
    assert made.file_meta.MediaStorageSOPInstanceUID == made.SOPInstanceUID
    assert copied.removed > 5


def test_numbers_of_images_change_together_and_dates_move() -> None:
    first, second = film(), film()
    second.StudyInstanceUID = first.StudyInstanceUID
    moved = Pseudonym("VG-TEST", b"k" * 32, shift_days=-40)
    made = [
        pydicom.dcmread(io.BytesIO(deidentify.copy(as_file(one), moved).content)) for one in (first, second)
    ]
    assert made[0].StudyInstanceUID == made[1].StudyInstanceUID != first.StudyInstanceUID
    assert made[0].SOPInstanceUID != made[1].SOPInstanceUID
    assert made[0].StudyDate == "20260323"
    assert made[0].LongitudinalTemporalInformationModified == "MODIFIED"
    other = Pseudonym("VG-TEST", b"j" * 32)
    assert pydicom.dcmread(
        io.BytesIO(deidentify.copy(as_file(first), other).content)
    ).StudyInstanceUID not in (
        made[0].StudyInstanceUID,
        first.StudyInstanceUID,
    )


def test_text_burnt_in_is_not_given_out_and_lettering_is_pointed_at() -> None:
    with pytest.raises(Refused) as refused:
        deidentify.copy(as_file(film(BurnedInAnnotation="YES")), NOBODY)
    assert refused.value.problems[0].code == "burned_in_annotation"
    plain = np.rint(np.linspace(0, 255, 400 * 300)).reshape(300, 400).astype(np.uint8)
    assert not deidentify.lettered(plain)
    written = plain.copy()
    written[10:22, 20:120] = np.where(np.arange(100) % 8 < 4, 255, 0)
    assert deidentify.lettered(written)


def test_a_phantom_of_a_chest_has_no_lettering() -> None:
    assert not deidentify.lettered(np.asarray(chest_phantom.phantom()))


def test_pictures_lose_what_stands_beside_the_picture() -> None:
    grey = Image.fromarray(np.arange(64 * 64, dtype=np.uint16).reshape(64, 64).astype(np.uint8))
    said = PngImagePlugin.PngInfo()
    said.add_text("Author", "LADDER")
    png, jpeg = io.BytesIO(), io.BytesIO()
    grey.save(png, "PNG", pnginfo=said)
    exif = Image.Exif()
    exif[0x010E] = "LADDER"
    grey.save(jpeg, "JPEG", exif=exif, comment=b"LADDER")
    for original in (png.getvalue() + b"LADDER", jpeg.getvalue() + b"LADDER"):
        copied = deidentify.copy(original, NOBODY)
        assert b"LADDER" in original
        assert b"LADDER" not in copied.content
        before, after = Image.open(io.BytesIO(original)), Image.open(io.BytesIO(copied.content))
        assert np.array_equal(np.asarray(before), np.asarray(after))


@pytest.mark.parametrize("mode", ["L", "P", "1", "I;16", "RGBA"])
def test_nothing_stands_behind_the_last_pixel_of_a_png(mode: str) -> None:
    """Neither behind the compressed pixels nor, compressed as they are, behind the last row."""
    grey = Image.fromarray(chest_phantom.phantom(96, 113))
    picture = Image.fromarray(np.asarray(grey).astype(np.uint16)) if mode == "I;16" else grey.convert(mode)
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    content = stream.getvalue()
    at = content.index(b"IDAT")
    length = int.from_bytes(content[at - 4 : at])
    rows = zlib.decompress(content[at + 4 : at + 4 + length])
    data = zlib.compress(rows + b"LADDER", 0) + b"LADDER"
    crc = zlib.crc32(b"IDAT" + data).to_bytes(4)
    original = content[: at - 4] + len(data).to_bytes(4) + b"IDAT" + data + crc + content[at + 8 + length :]
    copied = deidentify.copy(original, NOBODY).content
    assert original.count(b"LADDER") == 2
    last = copied.index(b"IDAT")
    assert b"LADDER" not in copied
    size = int.from_bytes(copied[last - 4 : last])
    assert b"LADDER" not in zlib.decompress(copied[last + 4 : last + 4 + size])
    seen = picture if mode == "I;16" else picture.convert("L")
    assert np.array_equal(np.asarray(seen), np.asarray(Image.open(io.BytesIO(copied))))


def test_a_colour_that_no_pixel_has_is_not_copied() -> None:
    """A palette has room for 768 bytes; so has what is transparent for whatever was painted over."""
    picture = Image.fromarray(chest_phantom.phantom(96, 113) // 8).convert("P")
    picture.putpalette([*range(96), *b"LADDER HENRI"])
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    assert b"LADDER" in stream.getvalue()
    assert b"LADDER" not in deidentify.copy(stream.getvalue(), NOBODY).content
    clear = Image.new("RGBA", (300, 200), (0, 0, 0, 255))
    ImageDraw.Draw(clear).rectangle((16, 16, 80, 40), fill=(255, 255, 255, 0))
    stream = io.BytesIO()
    clear.save(stream, "PNG")
    copied = Image.open(io.BytesIO(deidentify.copy(stream.getvalue(), NOBODY).content))
    assert np.asarray(copied).max() == 0


@pytest.mark.parametrize("progressive", [False, True])
def test_data_of_a_jpeg_that_no_pixel_needs_is_not_copied(progressive: bool) -> None:
    stream = io.BytesIO()
    picture = Image.fromarray(chest_phantom.phantom(96, 113))
    picture.save(stream, "JPEG", progressive=progressive)
    content = stream.getvalue()
    original = content[:-2] + b"LADDER HENRI" + content[-2:]
    copied = deidentify.copy(original, NOBODY).content
    assert b"LADDER" not in copied
    before, after = (np.asarray(Image.open(io.BytesIO(one))) for one in (original, copied))
    assert np.array_equal(before, after)


COMMENT = b"\xff\xfe\x00\x08LADDER"
EXIF = b"\xff\xe1\x00\x08LADDER"
J2K_COMMENT = b"\xff\x64\x00\x0a\x00\x01LADDER"


@pytest.mark.parametrize("name", dicom_encodings.SYNTAXES)
def test_what_stands_beside_a_picture_within_a_dicom_object_goes(name: str, tmp_path: Path) -> None:
    grey = dicom_builder.dx_from_jpeg(chest_phantom.phantom(96, 112))
    path = dicom_encodings.written(grey, dicom_encodings.SYNTAXES[name], tmp_path / "film.dcm")
    made = pydicom.dcmread(path)
    before = made.pixel_array
    if "RLE" in name:
        (frame,) = generate_frames(made.PixelData, number_of_frames=1)
        # Behind the last segment, and where the header has room for more of them.
        made.PixelData = encapsulate([frame[:56] + b"LADDER" + frame[62:] + b"LADDER"])
    elif made.file_meta.TransferSyntaxUID.is_encapsulated:
        (frame,) = generate_frames(made.PixelData, number_of_frames=1)
        at = frame.index(b"\xff\x52") if "2000" in name else 2
        comment = J2K_COMMENT if "2000" in name else COMMENT + EXIF
        made.PixelData = encapsulate([frame[:at] + comment + frame[at:] + b"LADDER"])
    else:
        made.PixelData += b"LADDER"
    made.save_as(path, enforce_file_format=True)
    copied = deidentify.copy(path.read_bytes(), NOBODY)
    assert b"LADDER" in path.read_bytes()
    assert b"LADDER" not in copied.content
    after = pydicom.dcmread(io.BytesIO(copied.content))
    assert np.array_equal(after.pixel_array, before)


@pytest.mark.parametrize("name", [one for one in dicom_encodings.SYNTAXES if "JPEG" in one])
def test_a_name_within_the_coded_pixels_is_not_copied(name: str, tmp_path: Path) -> None:
    """Behind the last block and before the end: decoders have all pixels by then and pass over the rest."""
    grey = dicom_builder.dx_from_jpeg(chest_phantom.phantom(96, 112))
    path = dicom_encodings.written(grey, dicom_encodings.SYNTAXES[name], tmp_path / "film.dcm")
    made = pydicom.dcmread(path)
    (frame,) = generate_frames(made.PixelData, number_of_frames=1)
    end = frame.rindex(b"\xff\xd9")
    hidden = frame[:end] + b"LADDER HENRI" + frame[end:]
    if "2000" in name:
        tile = hidden.index(b"\xff\x90")
        length = int.from_bytes(hidden[tile + 6 : tile + 10]) or end - tile
        hidden = hidden[: tile + 6] + (length + 12).to_bytes(4) + hidden[tile + 10 :]
    made.PixelData = encapsulate([hidden])
    made.save_as(path, enforce_file_format=True)
    assert b"LADDER" in path.read_bytes()
    copied = deidentify.copy(path.read_bytes(), NOBODY).content
    assert b"LADDER" not in copied
    after = pydicom.dcmread(io.BytesIO(copied))
    assert np.array_equal(after.pixel_array, made.pixel_array)
    assert not after.file_meta.TransferSyntaxUID.is_encapsulated
    if after.get("LossyImageCompression") != "01":
        assert name not in ("JPEG baseline", "JPEG-LS near-lossless")


@pytest.mark.parametrize("name", ["explicit", "big endian", "RLE", "JPEG lossless"])
def test_bits_that_no_pixel_uses_are_not_copied(name: str, tmp_path: Path) -> None:
    """Old consoles drew their overlay, the patient's name with it, into the upper bits of every pixel."""
    plain = dicom_builder.dx_from_jpeg(chest_phantom.phantom(96, 112))
    made = dicom_encodings.stored_as(plain, bits=12, photometric="MONOCHROME1")
    grey = made.pixel_array
    drawn = grey.copy()
    drawn[10:20, 10:40] |= 0xA000
    made.PixelData, made.BitsStored, made.HighBit = drawn.tobytes(), 16, 15
    path = dicom_encodings.written(made, dicom_encodings.SYNTAXES[name], tmp_path / "film.dcm")
    written = pydicom.dcmread(path)
    written.BitsStored, written.HighBit = 12, 11
    written.save_as(path, enforce_file_format=True)
    after = pydicom.dcmread(io.BytesIO(deidentify.copy(path.read_bytes(), NOBODY).content))
    order = ">u2" if name == "big endian" else "<u2"
    assert np.array_equal(np.frombuffer(after.PixelData, order).reshape(grey.shape), grey)
    assert (after.BitsStored, after.PhotometricInterpretation) == (12, "MONOCHROME1")


def test_a_table_of_grey_levels_ends_with_its_last_entry() -> None:
    table = Dataset()
    table.LUTDescriptor = [2, 0, 16]
    table.add_new("LUTData", "OW", bytes(4) + b"LADDER")
    copied = deidentify.copy(as_file(film(VOILUTSequence=[table])), NOBODY)
    assert b"LADDER" not in copied.content
    assert pydicom.dcmread(io.BytesIO(copied.content)).VOILUTSequence[0].LUTData == bytes(4)


@pytest.mark.parametrize("kind", ["several frames", "palette", "cut", "deflated"])
def test_what_cannot_be_decoded_is_left_out(kind: str) -> None:
    made = film()
    if kind == "several frames":
        made.NumberOfFrames, made.PixelData = 2, made.PixelData * 2
    elif kind == "palette":
        made.PhotometricInterpretation = "PALETTE COLOR"
    elif kind == "cut":
        made.PixelData = made.PixelData[:-200]
    elif kind == "deflated":
        # Inflated it could be a thousand times as long.
        made.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    content = as_file(made)
    with pytest.raises(Refused) as refused:
        deidentify.copy(content, NOBODY)
    assert refused.value.problems[0].code == "no_image_to_copy"


def test_words_that_are_nobodys_vocabulary_leave_no_element() -> None:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "R-10206", "SRT", "Ladder"
    own = Dataset()
    own.CodeValue, own.CodingSchemeDesignator, own.CodeMeaning = "LADDER", "99LADDER", "Henri"
    table = Dataset()
    table.LUTDescriptor, table.LUTData, table.ModalityLUTType = [2, 0, 8], bytes(4), "LADDER"
    table.LUTExplanation = "LADDER"
    made = film(
        ViewCodeSequence=[code], AnatomicRegionSequence=[own], Manufacturer="LADDER",
        ManufacturerModelName="LADDER", BodyPartExamined="LADDER", RescaleType="LADDER",
        ImageType=["ORIGINAL", "PRIMARY", "LADDER"], Laterality="HENRI", ModalityLUTSequence=[table],
    )  # fmt: skip
    copied = deidentify.copy(as_file(made), NOBODY)
    assert b"ladder" not in copied.content.lower()
    assert b"henri" not in copied.content.lower()
    kept = pydicom.dcmread(io.BytesIO(copied.content))
    assert kept.ViewCodeSequence[0].CodeMeaning == "antero-posterior"
    assert list(kept.ImageType) == ["ORIGINAL", "PRIMARY"]


def test_a_comment_between_the_scans_of_a_picture_goes() -> None:
    stream = io.BytesIO()
    Image.fromarray(chest_phantom.phantom(64, 80)).save(stream, "JPEG", progressive=True)
    content = stream.getvalue()
    second = content.index(b"\xff\xda", content.index(b"\xff\xda") + 2)
    second = content.rindex(b"\xff\xc4", 0, second) if b"\xff\xc4" in content[:second] else second
    copied = deidentify.copy(content[:second] + COMMENT + EXIF + content[second:], NOBODY)
    assert b"LADDER" not in copied.content
    before, after = Image.open(io.BytesIO(content)), Image.open(io.BytesIO(copied.content))
    assert np.array_equal(np.asarray(before), np.asarray(after))


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_every_picture_is_searched_for_lettering_and_says_so(kind: str) -> None:
    picture = Image.fromarray(chest_phantom.phantom())
    for text in ("", "LADDER HENRI 02.03.1994"):
        ImageDraw.Draw(picture).text((16, 16), text, fill=255, font_size=24, stroke_width=2, stroke_fill=0)
        stream = io.BytesIO()
        picture.save(stream, kind)
        copied = deidentify.copy(stream.getvalue(), NOBODY)
        assert copied.looked_at == "edges"
        assert [one.code for one in copied.warnings] == ["look_at_pixels", *(["lettering"] if text else [])]
        assert {one.severity for one in copied.warnings} == {"warn"}


def test_notes_of_a_recording_keep_the_words_of_scoring_alone() -> None:
    notes = [(0, "Sleep stage W"), (1, "Mrs Ladder called Dr Heron"), (2, "Lights off")]
    content = recording([Channel("EEG C3-A2")], records=4, notes=notes)
    hidden = content.replace(b"+3\x14\x14\x00", b"Ladder\x00")
    for original in (content, hidden):
        target = io.BytesIO()
        anonymous.copy(io.BytesIO(original), target, hide_date=True, strict=True)
        copied = target.getvalue()
        # What the longer list pushed behind the last record is no part of the recording.
        assert len(copied) == len(content)
        assert b"Ladder" not in copied
        assert b"Heron" not in copied
        assert b"Sleep stage W" in copied
        assert b"Lights off" in copied


def test_the_header_of_a_recording_says_nothing_that_somebody_typed() -> None:
    content = bytearray(
        recording([Channel("Abdomen Paul"), Channel("Paul"), Channel("EEG Fpz-Cz")], records=2)
    )
    signals = content[252:256].strip()
    columns = 256 + 16 * int(signals)
    content[192 + 6 : 192 + 17] = b"Paul Ladder"
    content[columns : columns + 4] = b"Paul"
    prefilter = 256 + 136 * int(signals)
    content[prefilter : prefilter + 24] = b"HP:0.1Hz LP:75Hz Paul  N"
    for strict, names in ((True, ()), (False, ("Paul", "Ladder"))):
        target = io.BytesIO()
        anonymous.copy(io.BytesIO(bytes(content)), target, names=names, strict=strict)
        assert b"paul" not in target.getvalue().lower()
        assert b"Ladder" not in target.getvalue()
        assert len(target.getvalue()) == len(content)
        header = edf_header.parse_main(target.getvalue()[:256])
        assert header.reserved == "EDF+C"
        shown = edf_header.parse_signals(target.getvalue(), header)
        assert shown[2].label == "EEG Fpz-Cz"
        if strict:
            assert [one.label for one in shown[:2]] == ["Abdomen", "Signal 2"]
            assert shown[0].prefilter == "HP:0.1Hz LP:75Hz"


def test_an_export_of_a_night_has_its_samples(db: None) -> None:
    content = recording([Channel("EEG C3-A2")], records=4, patient="MCH-0234567 F 02-MAY-1951 Exemple_Marie")
    study = outputs.send(outputs.answered("sleep"), content)
    found = entries(outputs.written(study, "deidentified"))
    night = found["files/00.edf"]
    assert b"Exemple" not in night
    assert night[768:] == content[768:]
    assert json.loads(found["result.json"])["stages"]


def entries(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def identity(study: Study) -> list[bytes]:
    patient = study.patient
    words = (patient.family_name, patient.given_name, patient.record_number, str(patient.pk), str(study.pk))
    return [word.encode() for word in words] + [patient.birth_date.isoformat().encode()]


@pytest.fixture
def xray(db: None) -> Study:
    study = outputs.answered("chest_xray", family_name="Ladderman", given_name="Henrietta")
    return outputs.send(study, outputs.as_file(outputs.dicom_image()))


def test_an_export_of_an_xray_tells_what_it_is_and_not_whose(xray: Study) -> None:
    outputs.sign(xray)
    found = entries(outputs.written(xray, "deidentified"))
    for content in found.values():
        for word in identity(xray):
            assert word not in content
    manifest, result = json.loads(found["manifest.json"]), json.loads(found["result.json"])
    assert manifest["format"] == "vigie-deidentified/1"
    assert manifest["linkable_by_the_site"] is False
    (image,) = [one for one in manifest["files"] if one["name"] == "files/00.dcm"]
    assert image["warnings"][0]["code"] == "look_at_pixels"
    assert {warning["severity"] for warning in image["warnings"]} == {"warn"}
    assert image["lettering_searched"] == "edges"
    assert result["signed"]["verdict"] == "agree"
    assert pydicom.dcmread(io.BytesIO(found["files/00.dcm"])).PatientID == manifest["subject"]


def test_a_form_loses_its_moments_and_its_birth_date(db: None) -> None:
    study = outputs.answered("haemorrhage")
    found = entries(outputs.written(study, "deidentified"))
    form = json.loads(found["form.json"])
    assert form["haemoglobin"] == study.values["haemoglobin"]
    assert not {name for name in form if name.endswith("_at") or name == "birth_date"}
    assert isinstance(form["age_years"], int)


def test_two_exports_can_be_linked_only_where_the_site_wants_it(xray: Study, settings) -> None:
    def subject() -> str:
        return json.loads(entries(outputs.written(xray, "deidentified"))["manifest.json"])["subject"]

    assert subject() != subject()
    settings.RESEARCH_KEY = "a key of the site for one project"
    first = subject()
    assert subject() == first
    settings.RESEARCH_KEY = "a key of another project"
    assert subject() != first


def test_an_image_with_text_burnt_in_is_left_out_and_said(xray: Study) -> None:
    burnt = outputs.dicom_image()
    burnt.BurnedInAnnotation = "YES"
    study = outputs.send(outputs.answered("chest_xray"), outputs.as_file(burnt))
    found = entries(outputs.written(study, "deidentified"))
    assert json.loads(found["manifest.json"])["missing"] == [
        {"name": "files/00", "code": "burned_in_annotation"}
    ]


def test_only_those_who_sign_give_it_out_and_it_is_on_record(xray: Study) -> None:
    technician = factories.staff("tess", Role.TECHNICIAN, xray.unit)
    signer = xray.submitted_by
    assert "deidentified" in {kind.code for kind in ordering.kinds(signer, xray)}
    assert "deidentified" not in {kind.code for kind in ordering.kinds(technician, xray)}
    outputs.written(xray, "deidentified")
    document = xray.documents.get(kind="deidentified")
    ordering.recorded_download(signer, document)
    assert Event.objects.filter(action=Action.EXPORT, study=xray.pk, actor=signer).exists()
    assert xray.pk.hex[:8] not in ordering.file_name(document)
    assert registry.KINDS["deidentified"].export


def test_the_command_writes_the_same_zip_once_and_on_record(xray: Study, tmp_path: Path) -> None:
    out = tmp_path / "study.zip"
    call_command("export_deidentified", str(xray.pk), str(out), verbosity=0)
    assert set(entries(out.read_bytes())) == {"files/00.dcm", "result.json", "manifest.json"}
    assert out.stat().st_mode & 0o077 == 0
    assert Event.objects.filter(action=Action.EXPORT, study=xray.pk).exists()
    with pytest.raises(CommandError, match="already"):
        call_command("export_deidentified", str(xray.pk), str(out), verbosity=0)
    with pytest.raises(CommandError, match="cannot be written: No such file"):
        call_command("export_deidentified", str(xray.pk), str(tmp_path / "no folder/study.zip"), verbosity=0)
