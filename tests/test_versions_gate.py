"""The gate: a worse, broken or unserving candidate is refused by name; a sound one passes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ml import operating_points, promotion, registry, smoke
from ml import package as packages
from ml.package import BrokenPackage, Package
from ml.promotion import ShadowFigures, Verdict

PARAMS = Path("params.yaml")
CREDIT = "german_credit"


def copied(
    algorithm: str,
    version: str,
    change: Callable[[dict[str, Any]], object] = lambda said: None,
    spoil: Callable[[Path], object] = lambda folder: None,
    *,
    answers: bool = True,
) -> Package:
    """Copy the serving package; its manifest may say something else, its files may be spoilt."""
    serving = packages.load(algorithm)
    folder = packages.SITE / algorithm / version
    shutil.copytree(serving.folder, folder)
    (folder / packages.MANIFEST).unlink()
    said = json.loads(json.dumps({k: v for k, v in serving.manifest.items() if k not in ("files", "sha256")}))
    said["version"] = version
    change(said)
    spoil(folder)
    made = packages.write(folder, said)
    if answers:
        smoke.record(made)
    return made


def judged(candidate: Package, shadow: ShadowFigures | None = None) -> Verdict:
    bars = promotion.read_bars(PARAMS, candidate.algorithm)
    return smoke.judge(candidate, packages.load(candidate.algorithm), bars, shadow)


def failed(verdict: Verdict) -> list[str]:
    return [criterion.code for criterion in verdict.failed]


def metric(said: Mapping[str, Any], name: str) -> dict[str, Any]:
    return next(found for found in said["metrics"] if found["name"] == name)


def worse(name: str, by: float) -> Callable[[dict[str, Any]], object]:
    return lambda said: metric(said, name).update(value=metric(said, name)["value"] + by)


@pytest.mark.parametrize("algorithm", registry.names())
def test_every_serving_version_meets_its_own_bars_and_answers_as_it_did(algorithm: str) -> None:
    verdict = judged(packages.load(algorithm))
    assert failed(verdict) == ["another"]
    for criterion in verdict.criteria:
        assert criterion.sentence.en != criterion.sentence.fr
    assert Verdict.from_json(json.loads(json.dumps(verdict.as_json()))) == verdict


def test_the_older_night_model_may_serve_again_and_the_ones_for_comparison_may_not() -> None:
    assert judged(packages.load("sleep", "1.2.0")).passed
    assert "serves" in failed(judged(packages.load("sleep", "cnn-1.0.0")))


def test_a_candidate_as_good_as_the_serving_one_passes() -> None:
    candidate = copied(CREDIT, "9.0.0", lambda said: said.update(data={"name": "another draw"}))
    verdict = judged(candidate)
    assert failed(verdict) == []
    assert any(criterion.code == "worse:roc_auc" for criterion in verdict.criteria)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (worse("roc_auc", -0.02), "worse:roc_auc"),
        (worse("roc_auc", -0.10), "floor:roc_auc"),
        (worse("brier", +0.01), "worse:brier"),
        (worse("calibration_slope", +0.5), "ceiling:calibration_slope"),
        (lambda said: said["metrics"].remove(metric(said, "cost")), "measured:cost"),
        (lambda said: metric(said, "cost").update(data="an easier table"), "worse:cost"),
        (lambda said: said.update(serves=False), "serves"),
        (lambda said: said["thresholds"].update(costs=0.5), "operating_point"),
    ],
)
def test_a_worse_candidate_is_refused_with_the_criterion_named(change: Any, code: str) -> None:
    candidate = copied(CREDIT, "9.0.0", change, answers=False)
    if candidate.serves:
        smoke.record(candidate)
    verdict = judged(candidate)
    assert code in failed(verdict)
    assert not verdict.passed


def test_a_mothers_model_without_an_operating_point_in_its_manifest_is_refused() -> None:
    bare = copied("haemorrhage", "9.9.9", lambda said: said["thresholds"].clear(), answers=False)
    assert not operating_points.criterion(bare, packages.load("haemorrhage")).passed


def shifted(folder: Path) -> None:
    """Have the preparation of the rows give every applicant another amount."""
    path = folder / "preparation.json"
    written = path.read_text("utf-8")
    said = json.loads(written)
    numbers = next(value for value in said.values() if isinstance(value, list) and value)
    assert numbers
    path.write_text(json.dumps(_moved(said)), "utf-8")


def _moved(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _moved(found) for key, found in value.items()}
    if isinstance(value, list):
        return [_moved(found) for found in value]
    return value * 1.5 if isinstance(value, float) else value


def test_a_candidate_whose_answers_are_not_those_it_was_stored_with_is_refused() -> None:
    sound = copied(CREDIT, "9.0.0", lambda said: said.update(data={"name": "another draw"}))
    stored = json.loads(smoke.answers_file(sound).read_text("utf-8"))
    degraded = copied(CREDIT, "9.0.1", spoil=shifted, answers=False)
    said = {"sha256": degraded.sha256, "answers": stored["answers"]}
    smoke.answers_file(degraded).write_text(json.dumps(said), "utf-8")
    assert failed(judged(degraded)) == ["examples"]


def test_a_candidate_that_stops_on_its_examples_is_refused_and_says_on_what() -> None:
    sound = copied(CREDIT, "9.0.0")
    stopping = copied(CREDIT, "9.0.1", lambda said: said["input"].clear(), answers=False)
    stored = json.loads(smoke.answers_file(sound).read_text("utf-8"))
    smoke.answers_file(stopping).write_text(json.dumps(stored | {"sha256": stopping.sha256}), "utf-8")
    verdict = judged(stopping)
    assert failed(verdict) == ["examples"]
    assert "stops" in verdict.failed[0].sentence.en


def test_a_candidate_without_stored_answers_or_with_another_packages_is_refused() -> None:
    bare = copied(CREDIT, "9.0.0", lambda said: said.update(data={"name": "bare"}), answers=False)
    assert failed(judged(bare)) == ["examples"]
    shutil.copy(packages.ROOT / CREDIT / "1.1.0.answers.json", smoke.answers_file(bare))
    assert failed(judged(bare)) == ["examples"]


def test_a_package_that_is_broken_or_lacks_a_file_is_never_judged() -> None:
    broken = copied(CREDIT, "9.0.0")
    (broken.folder / "model.onnx").write_bytes(b"other bytes")
    with pytest.raises(BrokenPackage, match=r"model\.onnx"):
        packages.read(broken.folder)
    lacking = copied(
        "chest_xray", "9.0.0", spoil=lambda folder: (folder / "gate.json").unlink(), answers=False
    )
    with pytest.raises(BrokenPackage, match=r"gate\.json"):
        packages.load("chest_xray", lacking.version)


def shadow(**figures: int) -> ShadowFigures:
    usual = {"studies": 60, "failed": 0, "same": 58, "signed": 40, "right": 36, "serving_right": 36}
    return ShadowFigures(None, None, **(usual | figures))


@pytest.mark.parametrize(
    ("figures", "codes"),
    [
        ({}, []),
        ({"studies": 12}, ["shadow:studies"]),
        ({"failed": 5}, ["shadow:failed"]),
        ({"right": 30}, ["shadow:right"]),
        ({"right": 0, "serving_right": 9, "signed": 9}, []),  # too few signed to say
    ],
)
def test_what_a_shadow_run_has_shown_counts(figures: dict[str, int], codes: list[str]) -> None:
    bars = promotion.read_bars(PARAMS, "sleep")
    candidate, serving = packages.load("sleep", "1.2.0"), packages.load("sleep")
    assert failed(promotion.judge(candidate, serving, bars, shadow(**figures))) == codes


def hospital(said: dict[str, Any], replaces: str, **figures: tuple[float, float]) -> None:
    said["training"] = said["training"] | {"kind": "hospital", "replaces": {"sha256": replaces}}
    about = {"data": "later births", "n": 900, "command": "…"}
    said["metrics"] = [
        {"name": prefix + name, "value": value, "low": value - 0.1, "high": value + 0.1} | about
        for name, values in figures.items()
        for prefix, value in zip(("holdout_", "holdout_former_"), values, strict=True)
    ]


def test_a_version_trained_here_is_held_against_what_served_then_on_the_same_births() -> None:
    serving = packages.load("haemorrhage")
    figures = {
        "roc_auc": (0.72, 0.70), "calibration_slope": (1.0, 0.7), "brier": (0.05, 0.06),
        "net_benefit": (0.01, 0.0),
    }  # fmt: skip
    better = copied("haemorrhage", "site-9001", lambda said: hospital(said, serving.sha256, **figures))
    assert judged(better).passed
    turned = promotion.paired(serving, better)
    assert {(p.name, p.one.value, p.other.value) for p in turned} >= {("holdout_roc_auc", 0.70, 0.72)}
    other = copied("haemorrhage", "site-9002", lambda said: hospital(said, "0" * 64, **figures))
    assert "worse:holdout_roc_auc" in failed(judged(other))


def test_the_operating_point_is_derived_at_the_wards_own_settings() -> None:
    package = packages.load("haemorrhage")
    usual = operating_points.derive(package, operating_points.Ward())
    ward = operating_points.derive(package, operating_points.Ward(incidence=0.04, flag_share=0.05))
    assert usual.value == pytest.approx(package.thresholds["top_10"])
    assert ward.name == "top_5"
    assert ward.value > usual.value
    assert "4.0 in 100" in ward.how.en
    assert "4,0 sur 100" in ward.how.fr
