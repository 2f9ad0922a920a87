"""From a private file to an accepted chest X-ray, or every reason why it is not one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ml.algorithms.chest_xray import dicom, gate, network, raster
from ml.algorithms.chest_xray.contract import is_dicom, screen
from ml.algorithms.chest_xray.network import Activations
from ml.algorithms.chest_xray.picture import Picture
from ml.algorithms.chest_xray.refusals import warning
from ml.algorithms.chest_xray.view import model_view, png, preview, smoothed, square
from ml.contracts import Artefact, Loaded, Refused, Source
from ml.package import Package

HEAD_BYTES = 4096


@dataclass(frozen=True)
class ScoredImage:
    """An image that passed the gate, on its way to the score and the maps.

    Parameters
    ----------
    number
        0-based, in the order of the files sent.
    view
        What the network saw, shape (224, 224), uint8.
    preview_size
        Width and height in pixels of the preview.
    """

    number: int
    activations: Activations
    view: np.ndarray
    preview_size: tuple[int, int]


@dataclass(frozen=True)
class Study:
    """A study on its way from the gate to the score and the maps.

    Parameters
    ----------
    scored
        The images with a score, in the order of the files sent; at least one.
    gate
        The verdict as answered: accepted, reasons.
    prevalence
        Share of children with pneumonia among those the site sends; ``None`` for that of the calibration.
    """

    scored: tuple[ScoredImage, ...]
    gate: dict[str, Any]
    prevalence: float | None = None


def load(source: Source, package: Package) -> Loaded:
    """Read an image, judge whether it may be scored, and prepare it.

    Parameters
    ----------
    source
        ``options["no_gate"]`` lets any image that can be decoded through, its reasons reported;
        ``options["allow_secondary_capture"]`` and ``options["prevalence"]`` (between 0 and 1) are the
        site's settings.

    Raises
    ------
    Refused
        With every reason found, the identity as far as it was read, and ``answer["gate"]``.
    ValueError
        When the source has no file, or a prevalence that is none: defects of the caller.
    """
    if source.path is None:
        raise ValueError("chest_xray: expected a file, got form values")
    prevalence = source.options.get("prevalence")
    if prevalence is not None and not 0 < prevalence < 1:
        raise ValueError(f"prevalence: expected a number between 0 and 1, got {prevalence!r}")
    try:
        picture = _decode(source.path, allow_capture=bool(source.options.get("allow_secondary_capture")))
    except Refused as refused:
        verdict = gate.as_json(refused.problems)
        raise Refused(*refused.problems, identity=refused.identity, answer={"gate": verdict}) from refused
    stored, limits = square(picture.grey), package.json("gate.json")
    view, seen = smoothed(stored), gate.pixel_view(stored)
    activations = network.run(package, view)
    age_known = picture.age_years is not None
    reasons = [*picture.reasons, *gate.judge(picture.grey, seen, activations, limits, age_known=age_known)]
    verdict = gate.as_json(reasons)
    if reasons and not source.options.get("no_gate"):
        raise Refused(*reasons, identity=picture.identity, answer={"gate": verdict})
    warnings = picture.warnings
    if gate.has_burnt_in_text(seen, limits) and all(p.code != "burnt_in_text" for p in warnings):
        warnings += (warning("burnt_in_text"),)
    shown = preview(picture.grey)
    return Loaded(
        data=Study(
            scored=(ScoredImage(0, activations, view, shown.size),), gate=verdict, prevalence=prevalence
        ),
        identity=picture.identity,
        problems=warnings,
        quality=picture.quality,
        artefacts=(Artefact("preview.png", "image/png", png(shown)),),
    )


def _decode(path: Path, *, allow_capture: bool) -> Picture:
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    problems = screen(head, path.stat().st_size)
    if problems:
        raise Refused(*problems)
    if is_dicom(head):
        return dicom.read(path, allow_secondary_capture=allow_capture)
    return raster.read(path)


def view_of(path: Path) -> np.ndarray:
    """Return the model view of a file, (224, 224) uint8, gate or no gate; raises ``Refused``."""
    return model_view(_decode(path, allow_capture=True).grey)
