"""The X-ray with its maps as a DICOM secondary capture, marked for good as written by an algorithm.

The mark is part of the pixels: it goes wherever the picture goes. Who the patient is stands in the header
only, as on record. Words are set by typst, whose fonts hold both languages; the pictures are put into the
frames it leaves, and nothing is compressed.
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import typst
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from ml.contracts import Problem, Refused, Text
from predictions import verdicts
from predictions.outputs import dicom_source as source
from predictions.outputs import radiograph, wording
from predictions.outputs.dicom_source import Sources
from predictions.outputs.facts import Facts
from predictions.outputs.radiograph import Film, Map

TEMPLATE = Path(__file__).with_name("capture.typ")
SERIES_NUMBER = 9002
POINTS_PER_INCH = 72
"""At which typst makes one pixel of one point."""

WIDTH, NARROWEST, MARGIN, GAP, WIDEST = 1920, 900, 24, 24, 900
MOST_PIXELS = 4_000_000
"""Of a capture, three bytes each: of many images each is drawn smaller."""
WORDS, SMALL_WORDS, SMALL = (20, 17), (16, 14), 450
"""Sizes of a caption and of the sentence below it, and the width of a picture below which they shrink."""
STEP = 20
"""By which the page is made narrower until it holds no more."""
MARK_HEIGHT, TITLE_HEIGHT, CAPTION_HEIGHT, NOTES_HEIGHT = 56, 100, 180, 70

MARK = "AI – not for diagnosis / IA – ne pas utiliser pour le diagnostic"
ANALYSED = Text("analysed", "analysée le")
NOT_WHY = Text(
    "A map shows where the model found what raised its score; it does not say why, and outlines no disease.",
    "Une carte montre où le modèle a trouvé ce qui a élevé son score ; elle ne dit pas pourquoi et ne "
    "délimite pas de lésion.",
)
NO_PICTURE = Problem(
    "no_picture",
    Text(
        "No picture of this result was kept, so there is none to give out. Choose another form.",
        "Aucune image de ce résultat n’a été conservée : il n’y en a pas à fournir. Choisissez une autre "
        "forme.",
    ),
)
DERIVATION = "Shrunk to fit, beside copies under colour maps of an algorithm; words burnt in"


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture, and where it and the words below it stand; all in pixels.

    Parameters
    ----------
    corner
        Left and upper edge of the picture.
    left, below, width
        Of the words.
    map
        What is laid over the picture; ``None`` for the picture as sent.
    """

    picture: Image.Image
    corner: tuple[int, int]
    left: int
    below: int
    width: int
    film: Film
    map: Map | None


def render(facts: Facts) -> bytes:
    """Write the secondary capture.

    Raises
    ------
    ml.contracts.Refused
        When the X-ray did not come as DICOM, or none of its pictures was kept.
    """
    films = [film for film in radiograph.films(facts) if film.scored and film.picture]
    if not films:
        raise Refused(NO_PICTURE)
    with source.quiet():
        found = source.sources(facts)
        pixels = np.asarray(picture(facts, films))
        stream = io.BytesIO()
        capture = _object(facts, found.filed, pixels)
        _describe(capture, found, [film.number for film in films])
        capture.save_as(stream, enforce_file_format=True)
        return stream.getvalue()


def picture(facts: Facts, films: Sequence[Film]) -> Image.Image:
    """Draw scored images, each with each of its maps, marks and words burnt in; RGB."""
    columns = 1 + max(len(film.maps) for film in films)
    side = _side(films, columns)
    panels = list(_panels(films, side))
    size = (_width(side, columns), _height(films, side))
    page = _page(facts, panels, size)
    for panel in panels:
        page.paste(panel.picture, panel.corner)
    return page


def _side(films: Sequence[Film], columns: int) -> int:
    """Return the longest side of a picture so that all of them fit the page, and the page a PACS."""
    for width in range(WIDTH, NARROWEST, -STEP):
        side = min(WIDEST, (width - 2 * MARGIN - (columns - 1) * GAP) // columns)
        if _width(side, columns) * _height(films, side) <= MOST_PIXELS:
            break
    return side


def _width(side: int, columns: int) -> int:
    return 2 * MARGIN + columns * side + (columns - 1) * GAP


def _height(films: Sequence[Film], side: int) -> int:
    pictures = sum(_fitted(film.picture, side)[1] for film in films)
    captions = len(films) * CAPTION_HEIGHT
    return 2 * MARK_HEIGHT + TITLE_HEIGHT + pictures + captions + NOTES_HEIGHT


def _fitted(plain: Image.Image, side: int) -> tuple[int, int]:
    """Return width and height of a picture in a square."""
    scale = min(side / plain.width, side / plain.height)
    return round(plain.width * scale), round(plain.height * scale)


def _panels(films: Sequence[Film], side: int) -> Iterator[Panel]:
    """Yield the pictures of one image side by side, each image below the one before."""
    top = MARK_HEIGHT + TITLE_HEIGHT
    for film in films:
        plain = film.picture
        size = _fitted(plain, side)
        for column, found in enumerate((None, *film.maps)):
            shown = radiograph.over(plain, found) if found else plain.convert("RGB")
            left = MARGIN + column * (side + GAP)
            yield Panel(
                picture=shown.resize(size, Image.Resampling.LANCZOS),
                corner=(left + (side - size[0]) // 2, top),
                left=left,
                below=top + size[1],
                width=side,
                film=film,
                map=found,
            )
        top += size[1] + CAPTION_HEIGHT


def _page(facts: Facts, panels: Sequence[Panel], size: tuple[int, int]) -> Image.Image:
    """Set everything but the pictures."""
    width, height = size
    data = {
        "language": facts.language,
        "width": width,
        "height": height,
        "margin": MARGIN,
        "mark": MARK,
        "mark_height": MARK_HEIGHT,
        "title": f"{facts.say(facts.contract.title)} · {facts.package_name}",
        "state": " · ".join(_state(facts)),
        "panels": [_words(facts, panel) for panel in panels],
        "notes": f"{facts.say(NOT_WHY)} {facts.say(wording.RESEARCH_USE)}.",
    }
    with tempfile.TemporaryDirectory(prefix="capture-") as name:
        folder = Path(name)
        (folder / "data.json").write_text(json.dumps(data, ensure_ascii=False), "utf-8")
        (folder / "capture.typ").write_bytes(TEMPLATE.read_bytes())
        drawn = typst.compile(
            folder / "capture.typ", root=folder, format="png", ppi=POINTS_PER_INCH, ignore_system_fonts=True
        )
    return Image.open(io.BytesIO(drawn)).convert("RGB")


def _state(facts: Facts) -> Iterator[str]:
    yield wording.state(facts)
    if facts.signature and not verdicts.agrees(facts.signature.review):
        # Without the comment: what people type may name somebody, and pixels are kept for good.
        yield verdicts.brief(facts.signature.review, facts.language)
    at = wording.moment(facts.prediction.created_at, facts.language)
    yield f"{facts.say(ANALYSED)} {at}"


def _words(facts: Facts, panel: Panel) -> dict[str, Any]:
    """Return what stands below one picture."""
    caption, sentence = WORDS if panel.width >= SMALL else SMALL_WORDS
    sizes = {"caption_size": caption, "sentence_size": sentence}
    place = {"x": panel.left, "y": panel.below + 10, "width": panel.width} | sizes
    if panel.map is None:
        return place | {"caption": wording.film(facts, panel.film), "ramp": [], "ceiling": "", "sentence": ""}
    return place | {
        "caption": facts.say(panel.map.label),
        "ramp": panel.map.ramp,
        "ceiling": wording.ceiling(facts, panel.map),
        "sentence": facts.say(panel.map.sentence),
    }


def _object(facts: Facts, filed: Dataset, pixels: np.ndarray) -> Dataset:
    """Return the capture as filed beside an image."""
    capture = hd.sc.SCImage(
        pixel_array=pixels,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "F"),
        study_instance_uid=filed.StudyInstanceUID,
        series_instance_uid=source.uid(facts, "capture series"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=source.uid(facts, "capture"),
        instance_number=facts.signature.version if facts.signature else 1,
        manufacturer=source.MANUFACTURER,
        patient_id=filed.PatientID,
        patient_name=filed.PatientName,
        patient_birth_date=filed.PatientBirthDate,
        patient_sex=filed.PatientSex or None,
        accession_number=filed.AccessionNumber,
        study_id=filed.StudyID,
        study_date=filed.StudyDate or None,
        study_time=filed.StudyTime or None,
        referring_physician_name=filed.ReferringPhysicianName,
        manufacturer_model_name=facts.study.algorithm,
        software_versions=facts.package_name,
        device_serial_number=facts.prediction.package_sha256[: source.LONG_STRING],
        series_description=source.series_description(facts),
    )
    capture.SpecificCharacterSet = filed.SpecificCharacterSet
    return capture


def _describe(capture: Dataset, found: Sources, drawn: Sequence[int]) -> None:
    """Say what the picture is, which images it was made from, and that words are part of it."""
    capture.BodyPartExamined = "CHEST"
    # Several pictures and words on one page lie in no direction of the patient.
    capture.PatientOrientation = None
    capture.BurnedInAnnotation = "YES"
    capture.ImageComments = MARK
    capture.DerivationDescription = DERIVATION
    # A film that came as JPEG is drawn too, and has no number to name it by.
    shown = [found.images[number] for number in drawn if number in found.images]
    capture.SourceImageSequence = source.referenced(shown)
    for item in capture.SourceImageSequence:
        item.PurposeOfReferenceCodeSequence = [
            hd.sr.CodedConcept(*codes.DCM.SourceImageForImageProcessingOperation[:3])
        ]
    if any(image.LossyImageCompression == "01" for image in shown):
        capture.LossyImageCompression = "01"
