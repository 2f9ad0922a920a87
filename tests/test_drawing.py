"""The curves and their drawings: right numbers, valid SVG, the same bytes, nothing the pages forbid."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import numpy as np
import pytest
from sklearn import metrics as sk

from ml import drawing
from ml.contracts import LANGUAGES, Text
from ml.training.curves import curves
from ml.training.thresholds import CostMatrix, net_benefit
from tests.recipes import cases, sigmoid

KINDS = ("roc", "precision_recall", "calibration", "confusion", "decision", "cost")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def scored() -> tuple[np.ndarray, np.ndarray]:
    y, odds = cases()
    return y, sigmoid(odds)


@pytest.fixture(scope="module")
def drawn(scored: tuple[np.ndarray, np.ndarray]) -> dict:
    data = Text('A register <&> "cohort"', "Un registre")
    return curves(*scored, threshold=0.1, costs=CostMatrix(5, 1), data=data, unit="births", repeats=50)


def test_curves_go_through_json_unchanged_and_stay_small(drawn: dict) -> None:
    said = json.dumps(drawn, allow_nan=False)
    assert json.loads(said) == drawn
    assert len(said) < 20_000


def test_curves_are_those_of_scikit_learn(scored: tuple, drawn: dict) -> None:
    y, p = scored
    fpr, tpr, _ = sk.roc_curve(y, p, drop_intermediate=False)
    one = 1 / (len(y) - y.sum())  # the stairs are joined at their upper corners: within one case
    for x, sensitivity in zip(drawn["roc"]["x"][1:], drawn["roc"]["y"][1:], strict=True):
        assert tpr[fpr <= x + 1e-9].max() - 1e-4 <= sensitivity <= tpr[fpr <= x + one + 1e-9].max() + 1e-4
    tn, fp, fn, tp = sk.confusion_matrix(y, p >= 0.1).ravel()
    assert drawn["confusion"] == {"tp": tp, "fp": fp, "fn": fn, "tn": tn}
    at = drawn["decision"]["x"].index(min(drawn["decision"]["x"], key=lambda t: abs(t - 0.1)))
    expected = net_benefit(y, p, drawn["decision"]["x"][at])
    assert drawn["decision"]["model"][at] == pytest.approx(expected, abs=2e-3)
    assert drawn["cost"]["at_threshold"] == pytest.approx((5 * fn + fp) / len(y), abs=1e-5)
    assert drawn["cost"]["none"] == pytest.approx(5 * y.mean(), abs=1e-5)


def test_calibration_is_on_the_diagonal_for_true_risks_and_beside_it_for_stretched_ones() -> None:
    y, odds = cases(6000)
    right = curves(y, sigmoid(odds), threshold=0.1, repeats=20)["calibration"]
    wrong = curves(y, sigmoid(odds + 1), threshold=0.1, repeats=20)["calibration"]
    covered = [own["low"] <= own["p"] <= own["high"] for own in right["bins"]]
    assert sum(covered) >= 8
    assert not any(own["low"] <= own["p"] <= own["high"] for own in wrong["bins"][3:])
    assert np.mean(np.abs(np.subtract(right["smooth"]["y"], right["smooth"]["x"]))) < 0.02
    assert sum(own["n"] for own in right["bins"]) == 6000
    assert sum(right["events"]) + sum(right["others"]) == 6000


def test_repeats_count_each_case_once(scored: tuple) -> None:
    y, p = scored
    once = curves(y, p, threshold=0.1, repeats=20)
    thrice = curves(y, np.stack([p, p, p]), threshold=0.1, repeats=20)
    assert thrice["confusion"] == once["confusion"]
    assert thrice["roc"] == once["roc"]
    widths = [[own["high"] - own["low"] for own in c["calibration"]["bins"]] for c in (once, thrice)]
    assert widths[1] == pytest.approx(widths[0], rel=0.05)


def test_one_class_has_no_curves() -> None:
    with pytest.raises(ValueError, match="one class"):
        curves(np.zeros(10), np.linspace(0, 1, 10), threshold=0.5)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_drawing_is_valid_and_carries_no_style_and_a_text(drawn: dict, kind: str, language: str) -> None:
    said = drawing.svg(kind, drawn, language)
    root = ElementTree.fromstring(said)  # noqa: S314 (our own)
    assert root.find(f"{SVG}title").text == drawing.title(kind, language)
    assert root.find(f"{SVG}desc").text == drawing.caption(kind, drawn, language)
    assert root.get("aria-labelledby") == root.find(f"{SVG}title").get("id")
    for element in root.iter():
        assert {"style", "onload", "href"}.isdisjoint(element.keys())
        assert element.tag.removeprefix(SVG) in {
            "svg", "title", "desc", "rect", "line", "path", "circle", "text",
        }  # fmt: skip
        if element.tag.removeprefix(SVG) in {"rect", "line", "path", "circle", "text"}:
            assert element.get("class").startswith("chart-")
    assert "nan" not in said.lower()


def test_the_same_curves_give_the_same_bytes_and_the_languages_differ(drawn: dict) -> None:
    again = json.loads(json.dumps(drawn))
    for kind in KINDS:
        assert drawing.svg(kind, drawn, "fr") == drawing.svg(kind, again, "fr")
        assert drawing.svg(kind, drawn, "fr") != drawing.svg(kind, drawn, "en")


def test_nothing_is_drawn_outside_the_drawing(drawn: dict) -> None:
    for kind in KINDS:
        root = ElementTree.fromstring(drawing.svg(kind, drawn, "fr"))  # noqa: S314 (our own)
        _, _, width, height = map(float, root.get("viewBox").split())
        for element in root.iter():
            across = [float(element.get(key)) for key in ("x", "x1", "x2", "cx") if element.get(key)]
            down = [float(element.get(key)) for key in ("y", "y1", "y2", "cy") if element.get(key)]
            assert all(0 <= value <= width for value in across)
            assert all(0 <= value <= height for value in down)


def test_captions_say_numbers_as_the_language_does(drawn: dict) -> None:
    assert "0.7" in drawing.caption("roc", drawn, "en")
    assert "0,7" in drawing.caption("roc", drawn, "fr")
    assert "10\u00a0%" in drawing.caption("confusion", drawn, "fr")


def test_without_costs_there_is_no_cost_curve_and_asking_for_it_says_what_there_is(scored: tuple) -> None:
    drawn = curves(*scored, threshold=0.1, repeats=20)
    assert drawing.kinds(drawn) == KINDS[:-1]
    with pytest.raises(ValueError, match="these curves allow: roc"):
        drawing.svg("cost", drawn, "en")


def test_a_model_that_flags_nobody_or_knows_nothing_is_drawn_too() -> None:
    y = np.array([0, 1] * 50)
    for p in (np.full(100, 0.2), np.linspace(0.01, 0.3, 100), np.array([0.0, 1.0] * 50)):
        drawn = curves(y, p, threshold=0.9, costs=CostMatrix(5, 1), repeats=20)
        for kind in drawing.kinds(drawn):
            ElementTree.fromstring(drawing.svg(kind, drawn, "fr"))  # noqa: S314 (our own)
