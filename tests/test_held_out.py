"""Operating points derived anew from held-out scores, by the rule of the training, and what the gate refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml import drawing, held_out, operating_points, registry
from ml import package as packages
from ml.held_out import HeldOut, Unusable
from ml.operating_points import Ward
from ml.package import Package
from tests.test_versions_gate import copied

POINTS = {"chest_xray": "probability", "sleep": "confidence", "accident_severity": "best_f1"}
OLDER = "1.2.0"
"""Of the night model: shipped before held-out scores were kept."""


@pytest.mark.parametrize(("algorithm", "name"), POINTS.items())
def test_the_point_of_every_serving_version_follows_from_its_held_out_scores(algorithm: str, name: str) -> None:
    package = packages.load(algorithm)
    found = held_out.of(package)
    assert found is not None
    assert found.n == sum(map(len, found.values().values()))
    point = operating_points.derive(package, Ward())
    assert point.derived
    assert point.value == pytest.approx(package.thresholds[name], rel=operating_points.ALIKE)
    criterion = operating_points.criterion(package, package)
    assert criterion.passed
    assert "Derived anew" in criterion.sentence.en
    assert found.data.en in point.how.en
    assert found.data.fr in point.how.fr


@pytest.mark.parametrize(("algorithm", "name"), POINTS.items())
def test_the_scores_name_the_package_and_nobody(algorithm: str, name: str) -> None:
    package = packages.load(algorithm)
    file = package.folder.with_name(f"{package.version}.held_out.json")
    written = json.loads(file.read_text("utf-8"))
    assert written["sha256"] == package.sha256
    assert file.stat().st_size < 250_000
    for scores in held_out.of(package).values().values():
        assert scores == sorted(scores)
        assert all(0 <= score <= 1 for score in scores)


def both(said: dict[str, Any]) -> None:
    """Claim a figure with the point, as somebody would who wants a version to look better."""
    said["thresholds"]["probability"] = 0.3
    said["operating_point"] |= {"sensitivity": 0.93, "specificity": 0.99}


def figure_alone(said: dict[str, Any]) -> None:
    said["operating_point"] |= {"specificity": 0.99}


@pytest.mark.parametrize(
    ("algorithm", "change", "words"),
    [
        ("chest_xray", both, "Derived anew, its operating point is 0.5891; its manifest says 0.3000."),
        ("chest_xray", figure_alone, "its manifest says 93.0 and 99.0"),
        ("sleep", lambda said: said["thresholds"].update(confidence=0.05), "its manifest says 0.0500"),
        ("accident_severity", lambda said: said["thresholds"].update(best_f1=0.9), "its manifest says 0.9000"),
    ],
)
def test_a_manifest_that_says_otherwise_than_the_scores_of_its_model_is_refused(
    algorithm: str, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    moved = copied(algorithm, "9.9.9", change, answers=False)
    found = operating_points.criterion(moved, packages.load(algorithm))
    assert not found.passed
    assert words in found.sentence.en
    assert found.sentence.fr != found.sentence.en


def test_a_version_without_held_out_scores_keeps_the_sentence_that_its_point_was_only_read() -> None:
    older = packages.load("sleep", OLDER)
    assert held_out.of(older) is None
    assert not operating_points.derive(older, Ward()).derived
    criterion = operating_points.criterion(older, packages.load("sleep"))
    assert criterion.passed
    assert "not derived anew" in criterion.sentence.en


def beside(candidate: Package) -> Path:
    serving = packages.load(candidate.algorithm)
    return Path(
        shutil.copy(
            serving.folder.with_name(f"{serving.version}.held_out.json"),
            candidate.folder.with_name(f"{candidate.version}.held_out.json"),
        )
    )


def test_scores_of_another_package_are_refused_by_name() -> None:
    candidate = copied("sleep", "9.9.9", lambda said: said.update(data="another draw"), answers=False)
    file = beside(candidate)
    with pytest.raises(Unusable, match=r"9\.9\.9\.held_out\.json.*another package") as refused:
        operating_points.criterion(candidate, packages.load("sleep"))
    assert refused.value.said.fr != refused.value.said.en
    file.unlink()
    held_out.publish(candidate, held_out.of(candidate))
    assert operating_points.criterion(candidate, packages.load("sleep")).passed


@pytest.mark.parametrize("place", [0, 17, 0.3, 0.5, 0.9, -2])
def test_one_flipped_byte_is_refused_by_name(place: float) -> None:
    candidate = copied("sleep", "9.9.9", lambda said: said.update(data="another draw"), answers=False)
    file = held_out.publish(candidate, held_out.of(candidate))
    raw = bytearray(file.read_bytes())
    raw[int(place * len(raw)) if isinstance(place, float) else place] ^= 1
    file.write_bytes(raw)
    with pytest.raises(Unusable, match=r"9\.9\.9\.held_out\.json"):
        held_out.of(candidate)


def test_scores_come_back_rising_as_fine_as_they_are_kept() -> None:
    scores = np.random.default_rng(3).beta(1, 5, 4000)
    scores[:50] = 0.25
    text = held_out.packed(scores.tolist())
    found = HeldOut(*[None] * 4, {"events": text}, {}).values()["events"]
    assert found == pytest.approx(np.sort(scores), abs=held_out.STEP)
    assert found.count(0.25) == 50
    assert len(text) < 6 * len(scores)


@pytest.mark.parametrize("algorithm", ["chest_xray", "sleep"])
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_curve_of_the_scores_can_be_drawn_with_its_interval_in_words(
    algorithm: str, language: str
) -> None:
    curves = held_out.of(packages.load(algorithm)).curves
    kinds = drawing.kinds(curves)
    wanted = {"chest_xray": {"roc", "precision_recall", "calibration"}, "sleep": {"reliability", "review"}}
    assert wanted[algorithm] <= set(kinds)
    for kind in kinds:
        said = drawing.caption(kind, curves, language)
        assert "{" not in said
        assert "style=" not in drawing.svg(kind, curves, language)
    assert curves["threshold"] == pytest.approx(
        packages.load(algorithm).thresholds[POINTS[algorithm]], abs=1e-5
    )


@pytest.mark.shared
def test_the_scores_of_the_crashes_are_those_their_recipe_gives_again() -> None:
    package = packages.load("accident_severity")
    again = registry.door("accident_severity", "out_of_fold").collect(
        packages.ROOT.parents[1] / ".." / "shared" / "data", package
    )
    assert again == held_out.of(package)
