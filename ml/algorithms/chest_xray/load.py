"""From private files to a study with at least one accepted chest X-ray, or every reason why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ml.algorithms.chest_xray import gate
from ml.algorithms.chest_xray.agreement import different_people, doubts, not_scored, of_image, said_of
from ml.algorithms.chest_xray.image import Image, ScoredImage, decode, expected_unscored, read
from ml.algorithms.chest_xray.view import model_view
from ml.contracts import Finding, Loaded, Problem, Refused, Source, Text
from ml.package import Package

UNREAD = {
    "width": 0, "height": 0, "spacing": None, "aspect": 1.0, "orientation": None, "taken_at": "",
    "preview": "", "glance": "", "preview_size": {"width": 0, "height": 0}, "pixels": None,
}  # fmt: skip
"""What the result says of an image that could not be decoded."""
LATERAL_SHOWN = Text("Lateral view: shown, not scored", "Cliché de profil : montré, sans score")


@dataclass(frozen=True)
class Study:
    """Images on their way from the gate to score and map.

    Parameters
    ----------
    images
        What the result says of each file, in the order sent, without score.
    scored
        The images that were scored, in the same order; at least one.
    prevalence
        Share of children with pneumonia among those the site sends; ``None`` for that of the calibration.
    """

    images: tuple[dict[str, Any], ...]
    scored: tuple[ScoredImage, ...]
    prevalence: float | None = None

    @property
    def main(self) -> ScoredImage:
        """The image with the highest score, of which the study's answer is."""
        return max(self.scored, key=lambda image: image.activations.logit)


def load(source: Source, package: Package) -> Loaded:
    """Read the images of a study, judge which may be scored, and prepare them.

    Parameters
    ----------
    source
        ``options["no_gate"]`` lets any image that can be decoded through, its reasons reported;
        ``options["allow_secondary_capture"]`` and ``options["prevalence"]`` (between 0 and 1) are the
        site's settings.

    Raises
    ------
    Refused
        When no image can be scored, or when they are of different patients: with every reason found,
        the identities as far as they were read, and ``answer`` with ``gate`` and ``images``.
    ValueError
        When the source has no file, or a prevalence that is none: defects of the caller.
    """
    if source.path is None:
        raise ValueError("chest_xray: expected a file, got form values")
    prevalence = source.options.get("prevalence")
    if prevalence is not None and not 0 < prevalence < 1:
        raise ValueError(f"prevalence: expected a number between 0 and 1, got {prevalence!r}")
    several = len(source.paths) > 1
    images = [
        read(path, number, package, source.options, keep_refused=several, at=source.at)
        for number, path in enumerate(source.paths)
    ]
    scored = tuple(image.scored for image in images if image.scored)
    stranger = different_people(images)
    if stranger or not scored:
        raise _refused(images, stranger)
    first, *further = (image.identity for image in images)
    return Loaded(
        data=Study(
            images=tuple({**UNREAD, **image.about, **image.drawn} for image in images),
            scored=scored,
            prevalence=prevalence,
        ),
        identity=first,
        further=tuple(further),
        problems=tuple(_warnings(images)),
        quality=tuple(_quality(images)),
        artefacts=tuple(artefact for image in images for artefact in image.artefacts),
    )


def _refused(images: Sequence[Image], stranger: Problem | None) -> Refused:
    """Gather every reason of every image; only a contradiction between them stops images that are good."""
    several = len(images) > 1
    reasons = [
        of_image(reason, image.number) if several else reason for image in images for reason in image.reasons
    ]
    if stranger:
        reasons.insert(0, stranger)
    first, *further = (image.identity for image in images)
    return Refused(
        *reasons,
        identity=first,
        further=tuple(further),
        answer={"gate": gate.as_json(reasons), "images": [dict(image.about) for image in images]},
    )


def _warnings(images: Sequence[Image]) -> list[Problem]:
    if len(images) == 1:
        return list(images[0].warnings)
    found = doubts(images)
    for image in images:
        found += [of_image(problem, image.number) for problem in image.warnings]
        if image.scored is None and not expected_unscored(image):
            found += [not_scored(reason, image.number) for reason in image.reasons]
    return found


def _quality(images: Sequence[Image]) -> list[Finding]:
    """Gather the findings: once what holds of every image that was read, else with the image's number."""
    if len(images) == 1:
        return list(images[0].quality)
    read_ones = [image for image in images if image.quality]
    common = [
        finding
        for finding in dict.fromkeys(finding for image in read_ones for finding in image.quality)
        if all(finding in image.quality for image in read_ones)
    ]
    found = list(common)
    for image in images:
        told = (Finding("lateral", LATERAL_SHOWN),) if expected_unscored(image) else ()
        apart = (*told, *(finding for finding in image.quality if finding not in common))
        found += [replace(finding, label=said_of(finding.label, image.number)) for finding in apart]
    return found


def view_of(path: Path) -> np.ndarray:
    """Return the model view of a file, (224, 224) uint8, gate or no gate; raises ``Refused``."""
    return model_view(decode(path, allow_capture=True).grey)
