"""Operating points derived anew from held-out scores by the rule of the training; what the gate refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from ml import drawing, held_out, operating_points, registry
from ml import package as packages
from ml.__main__ import main
from ml.contracts import Text
from ml.held_out import HeldOut, Unusable
from ml.operating_points import Ward
from ml.package import Package
from ml.training import store
from tests.test_versions_gate import copied

POINTS = {"chest_xray": "probability", "sleep": "confidence", "accident_severity": "best_f1"}
OLDER = "1.2.0"
"""Of the night model: shipped before held-out scores were kept."""
NOTHING = Text("", "")
DATA = Path("../shared/data")


@pytest.mark.parametrize(("algorithm", "name"), POINTS.items())
def test_the_point_of_every_serving_version_follows_from_its_held_out_scores(
    algorithm: str, name: str
) -> None:
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


def chest(version: str, **said: float) -> Package:
    """Return an X-ray version with invented held-out scores: 100 events from 0.01 to 1, 100 others below 0.5.

    Ninety-four of them are flagged from 0.07 on, the least that is not below 93, and 86 of the others.
    """
    events, others = ((np.arange(100) + 1) / 100, (np.arange(100) + 0.5) / 200)

    def change(manifest: dict[str, Any]) -> None:
        manifest["thresholds"]["probability"] = said.get("probability", 0.07)
        reached = {"sensitivity": 0.94, "specificity": 0.14}
        manifest["operating_point"] |= reached | {k: v for k, v in said.items() if k in reached}

    candidate = copied("chest_xray", version, change, answers=False)
    scores = {"events": held_out.packed(events), "others": held_out.packed(others)}
    held_out.publish(candidate, HeldOut(Text("invented", "inventés"), NOTHING, 200, "…", scores, {}))
    return candidate


def test_the_point_of_an_image_model_is_where_its_held_out_scores_reach_the_wanted_sensitivity() -> None:
    sound = chest("9.0.0")
    point = operating_points.derive(sound, Ward())
    assert point.derived
    assert point.value == pytest.approx(0.07)
    assert operating_points.criterion(sound, packages.load("chest_xray")).passed


@pytest.mark.parametrize(
    ("said", "words"),
    [
        # A figure is claimed with the point, as by somebody who wants a version to look better.
        (
            {"probability": 0.3, "specificity": 0.6},
            "operating point is 0.0700; its manifest says 0.3000.",
        ),
        ({"specificity": 0.6}, "of 94.0 and a specificity of 14.0 in 100; its manifest says 94.0 and 60.0"),
        ({"sensitivity": 0.99}, "its manifest says 99.0 and 14.0"),
    ],
)
def test_an_image_model_that_claims_another_point_or_other_figures_at_it_is_refused(
    said: dict[str, float], words: str
) -> None:
    found = operating_points.criterion(chest("9.0.0", **said), packages.load("chest_xray"))
    assert not found.passed
    assert words in found.sentence.en


@pytest.mark.parametrize(
    ("algorithm", "change", "words"),
    [
        ("sleep", lambda said: said["thresholds"].update(confidence=0.05), "its manifest says 0.0500"),
        (
            "accident_severity",
            lambda said: said["thresholds"].update(best_f1=0.9),
            "its manifest says 0.9000",
        ),
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


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_curve_of_the_nights_is_drawn_with_its_interval_in_words(language: str) -> None:
    curves = held_out.of(packages.load("sleep")).curves
    assert drawing.kinds(curves) == ("reliability", "review", "stages")
    for kind in drawing.kinds(curves):
        said = drawing.caption(kind, curves, language)
        assert "{" not in said
        assert "style=" not in drawing.svg(kind, curves, language)
    interval = "(0.009 to 0.022)" if language == "en" else "(0,009 à 0,022)"
    assert interval in drawing.caption("reliability", curves, language)


def test_an_algorithm_whose_point_follows_from_its_package_keeps_no_scores(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["held-out", "haemorrhage", "--data", "docs", "--publish"]) == 2
    assert "follows from its package alone" in capsys.readouterr().err


@pytest.mark.shared
def test_the_scores_of_the_crashes_are_those_their_recipe_gives_again() -> None:
    package = packages.load("accident_severity")
    again = registry.door("accident_severity", "out_of_fold").collect(DATA, package)
    assert again == held_out.of(package)


@pytest.mark.shared
@pytest.mark.long
def test_a_training_writes_the_scores_beside_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.setattr(store, "STORE", tmp_path / "mlflow" / "mlflow.db")
    sought = yaml.safe_load(Path("params.yaml").read_text("utf-8"))["accident_severity"]["search"]
    once = json.dumps({kind: {**asked, "trials": 1} for kind, asked in sought.items()})
    call = ["train", "accident_severity", "--data", str(DATA), "--out", str(tmp_path), "--version", "9.0.0"]
    assert main([*call, "--param", f"search={once}"]) == 0
    package = packages.read(tmp_path / "accident_severity" / "9.0.0")
    point = operating_points.derive(package, Ward())
    assert point.derived
    assert point.value == pytest.approx(package.thresholds["best_f1"], rel=operating_points.ALIKE)
    assert (tmp_path / "accident_severity" / "9.0.0.held_out.json").is_file()
