"""One image of a study: read, judged by the gate, passed through the network, made ready for a viewer."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from ml.algorithms.chest_xray import dicom, gate, network, pixels, raster, seen
from ml.algorithms.chest_xray.contract import is_dicom, screen
from ml.algorithms.chest_xray.display import strips
from ml.algorithms.chest_xray.network import Activations
from ml.algorithms.chest_xray.picture import Picture
from ml.algorithms.chest_xray.projection import FRONTAL, LATERAL, OTHER
from ml.algorithms.chest_xray.refusals import warning
from ml.algorithms.chest_xray.view import png, preview, smoothed, square, to_uint8
from ml.contracts import Artefact, Finding, Identity, Problem, Refused
from ml.package import Package

HEAD_BYTES = 4096
GLANCE_SIDE, GLANCE_QUALITY = 640, 80
"""Longest side and JPEG quality of the picture that is shown until the numbers are there: some 40 kB."""
HEADER, APPEARANCE, NOTHING = "header", "appearance", ""
NOT_FRONTAL = frozenset({"not_chest_xray", "rotated", "blank", "shape", "colour_image"})
"""Reasons by appearance after which nobody can say that an image is a frontal chest X-ray."""


@dataclass(frozen=True)
class ScoredImage:
    """What the network saw and gave of one image.

    Parameters
    ----------
    number
        Place of the file in the study, from 0.
    view
        Shape (224, 224), uint8, :func:`ml.algorithms.chest_xray.view.model_view`.
    preview_size
        Width and height in pixels of the preview.
    """

    number: int
    activations: Activations
    view: np.ndarray
    preview_size: tuple[int, int]


@dataclass(frozen=True)
class Image:
    """One file of a study, as far as it could be read.

    Parameters
    ----------
    about
        What the result says of it: number, role, view, recognised_by, accepted, reasons, and, once it
        could be decoded, size, spacing, moment, appearance and maker.
    drawn
        What the result says of its files: preview and pixels; empty when there are none.
    scored
        ``None`` when it was not scored.
    study, day
        Identifier of the examination and day of the exposure; empty when unknown.
    """

    number: int
    about: Mapping[str, Any]
    reasons: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    quality: tuple[Finding, ...] = ()
    identity: Identity = field(default_factory=Identity)
    drawn: Mapping[str, Any] = field(default_factory=dict)
    artefacts: tuple[Artefact, ...] = ()
    scored: ScoredImage | None = None
    study: str = ""
    day: str = ""


def read(
    path: Path,
    number: int,
    package: Package,
    options: Mapping[str, Any],
    *,
    keep_refused: bool,
    at: datetime | None = None,
) -> Image:
    """Read one file; whatever speaks against scoring it is among the reasons, never raised.

    Parameters
    ----------
    number
        Place of the file in the study, from 0.
    keep_refused
        Whether a reader will see the picture though it is not scored: others of the study may be.
    at
        The present moment, aware; the clock's when ``None``.
    """
    try:
        picture = decode(path, allow_capture=bool(options.get("allow_secondary_capture")), at=at)
    except Refused as refused:
        return _unread(number, refused)
    stored, limits = square(picture.grey), package.json("gate.json")
    # From here on whole grey levels do: the exact ones of a large detector take four times the memory.
    picture = replace(picture, grey=_whole(picture.grey))
    view = smoothed(stored)
    reasons, scored, activations = picture.reasons, None, None
    shown = preview(picture.grey)
    if picture.projection.role in (FRONTAL, "") or options.get("no_gate"):
        activations = network.run(package, view)
        age_known = picture.age_years is not None
        reasons += tuple(gate.judge(picture.grey, stored, activations, limits, age_known=age_known))
        if not reasons or options.get("no_gate"):
            scored = ScoredImage(number, activations, view, shown.size)
    about = _about(number, picture, reasons) | {"appearance": seen.numbers(stored, activations)}
    drawn, artefacts = (_drawn(number, picture, shown)) if scored or keep_refused else ({}, ())
    return Image(
        number=number,
        about=about,
        reasons=reasons,
        warnings=_warnings(picture, gate.has_burnt_in_text(stored, limits)),
        quality=picture.quality,
        identity=picture.identity,
        drawn=drawn,
        artefacts=artefacts,
        scored=scored,
        study=picture.study,
        day=picture.taken_at[:10],
    )


def _whole(grey: np.ndarray) -> np.ndarray:
    """Round grey levels strip by strip, for rounding all at once takes twice their memory."""
    if grey.dtype == np.uint8:
        return grey
    rounded = np.empty(grey.shape, np.uint8)
    for rows in strips(grey.shape):
        rounded[rows] = to_uint8(grey[rows])
    return rounded


def decode(path: Path, *, allow_capture: bool, at: datetime | None = None) -> Picture:
    """Decode a file of any format taken; raises ``Refused``."""
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    problems = screen(head, path.stat().st_size)
    if problems:
        raise Refused(*problems)
    if is_dicom(head):
        return dicom.read(path, allow_secondary_capture=allow_capture, at=at)
    return raster.read(path)


def _unread(number: int, refused: Refused) -> Image:
    verdict = gate.as_json(refused.problems)
    about = {"number": number, "role": OTHER, "view": "", "recognised_by": NOTHING, **verdict}
    identity = refused.identity or Identity()
    return Image(number=number, about=about, reasons=refused.problems, identity=identity)


def _about(number: int, picture: Picture, reasons: tuple[Problem, ...]) -> dict[str, Any]:
    role, by = picture.projection.role, HEADER
    if not role:
        seen = {reason.code for reason in reasons}
        role, by = (OTHER if seen & NOT_FRONTAL else FRONTAL), APPEARANCE
    height, width = picture.grey.shape
    return {
        "number": number,
        "role": role,
        "view": picture.projection.view,
        "recognised_by": by,
        **gate.as_json(reasons),
        "width": width,
        "height": height,
        "spacing": picture.spacing,
        "aspect": picture.aspect,
        "orientation": list(picture.orientation) if picture.orientation else None,
        "taken_at": picture.taken_at,
        "maker": picture.maker,
    }


def _drawn(number: int, picture: Picture, shown: Any) -> tuple[dict[str, Any], tuple[Artefact, ...]]:
    name, glance = f"preview_{number}.png", f"preview_small_{number}.jpg"
    raster_file, described = pixels.packed(picture.numbers, f"pixels_{number}.gz")
    drawn = {
        "preview": name,
        "preview_size": {"width": shown.width, "height": shown.height},
        "glance": glance,
        "pixels": described,
    }
    small = Artefact(glance, "image/jpeg", _glance(shown))
    return drawn, (Artefact(name, "image/png", png(shown)), small, raster_file)


def _glance(shown: Any) -> bytes:
    """Return the preview small enough to come with a page itself, so that it is seen at once."""
    small = shown.copy()
    small.thumbnail((GLANCE_SIDE, GLANCE_SIDE))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=GLANCE_QUALITY)
    return buffer.getvalue()


def _warnings(picture: Picture, burnt_in: bool) -> tuple[Problem, ...]:
    known = any(problem.code == "burnt_in_text" for problem in picture.warnings)
    return picture.warnings if known or not burnt_in else (*picture.warnings, warning("burnt_in_text"))


def expected_unscored(image: Image) -> bool:
    """Whether an image was sent to be seen and not scored: a lateral one with no other reason."""
    lateral = image.about["role"] == LATERAL
    return lateral and {reason.code for reason in image.reasons} == {"not_frontal"}
