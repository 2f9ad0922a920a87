"""The maps of an X-ray: what they add up to, what they draw, and what they say."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml import package as packages
from ml import runner
from ml.algorithms.chest_xray import explain as explaining
from ml.algorithms.chest_xray import faithfulness, heatmap, masking, network, zones
from ml.algorithms.chest_xray.image import ScoredImage
from ml.algorithms.chest_xray.load import Study
from ml.algorithms.chest_xray.predict import log_odds_of
from ml.algorithms.chest_xray.reference import reference
from ml.algorithms.chest_xray.view import model_view
from ml.contracts import Explanation, Loaded, Outcome, Source
from tests.chest_phantom import phantom

METHODS = ("evidence", "shap")


@pytest.fixture(scope="module")
def package() -> packages.Package:
    return packages.load("chest_xray")


def scored_image(package: packages.Package, number: int, seed: int) -> ScoredImage:
    view = model_view(phantom(400, 500, seed=seed).astype(np.float32))
    return ScoredImage(number, network.run(package, view), view, (500, 400))


@pytest.fixture(scope="module")
def images(package: packages.Package) -> tuple[ScoredImage, ...]:
    """Two scored images of one study, whose second file was none."""
    return scored_image(package, 0, seed=1), scored_image(package, 2, seed=2)


def log_odds(package: packages.Package, image: ScoredImage) -> float:
    """Return the log odds of the probability that the image is answered with."""
    return log_odds_of(image.activations.logit, package.manifest["calibration"])


def explain(package: packages.Package, *images: ScoredImage) -> Explanation:
    return explaining.explain(package, Loaded(data=Study(images=(), scored=images)), {})


@pytest.fixture(scope="module")
def explanation(package: packages.Package, images: tuple[ScoredImage, ...]) -> Explanation:
    return explain(package, *images)


def test_every_scored_image_has_both_maps(explanation: Explanation) -> None:
    maps = explanation.data["maps"]
    assert [(made["image"], made["method"]) for made in maps] == [(n, m) for n in (0, 2) for m in METHODS]
    assert [made["name"] for made in maps] == [artefact.name for artefact in explanation.artefacts]
    assert explanation.data["missing"] == []
    assert len(explanation.data["ramp"]) == 256


@pytest.mark.parametrize("method", METHODS)
def test_zones_and_baseline_add_up_to_the_score(
    package: packages.Package, explanation: Explanation, images: tuple[ScoredImage, ...], method: str
) -> None:
    maps = [made for made in explanation.data["maps"] if made["method"] == method]
    for made, image in zip(maps, images, strict=True):
        total = sum(zone["added"] for zone in made["zones"]) + made["baseline"]
        assert total == pytest.approx(log_odds(package, image), abs=1e-6)


def test_the_regions_cover_the_image_and_add_up_to_the_zones(explanation: Explanation) -> None:
    for made in (made for made in explanation.data["maps"] if made["method"] == "shap"):
        area = sum((r["bottom"] - r["top"]) * (r["right"] - r["left"]) for r in made["regions"])
        assert area == pytest.approx(1)
        added = sum(region["added"] for region in made["regions"])
        assert added == pytest.approx(sum(zone["added"] for zone in made["zones"]), abs=1e-9)


def test_the_study_speaks_of_the_image_with_the_highest_score(
    package: packages.Package, explanation: Explanation, images: tuple[ScoredImage, ...]
) -> None:
    main = max(images, key=lambda image: image.activations.logit)
    assert explanation.data["logit"] == pytest.approx(log_odds(package, main))
    assert explanation.sentence.en.startswith(f"Image {main.number + 1}: ")
    assert "does not say why" in explanation.sentence.en
    assert "ne dit pas pourquoi" in explanation.sentence.fr


def test_the_pictures_are_small_and_grey_and_bare(explanation: Explanation) -> None:
    for artefact in explanation.artefacts:
        with Image.open(io.BytesIO(artefact.content)) as image:
            assert (image.mode, image.size, image.info) == ("L", (heatmap.GRID, heatmap.GRID), {})


def test_the_strongest_colour_stands_for_the_ceiling() -> None:
    values = np.full((heatmap.GRID, heatmap.GRID), -1.0)
    values[80:100, 10:30], values[0:10, 0:10] = 2.0, 1.0
    with Image.open(io.BytesIO(heatmap.draw(values, 2.0))) as image:
        levels = np.asarray(image)
    assert levels[90, 20] == 255
    assert levels[5, 5] == 128
    assert levels[60, 60] == 0


def test_weak_evidence_looks_weak() -> None:
    faint = np.full((heatmap.GRID, heatmap.GRID), 0.01 * explaining.WEAKEST_CEILING)
    assert explaining.Map(0, "shap", faint, faint, 0.0).ceiling == explaining.WEAKEST_CEILING


def test_what_the_regions_see_is_the_image_with_cells_hidden() -> None:
    view = np.arange(224 * 224, dtype=np.uint32).reshape(224, 224).astype(np.uint8)
    shown = np.zeros((8, 8), bool)
    shown[0, 7] = True
    mixed = masking.mixed(view, np.zeros_like(view), shown)
    assert (mixed[:28, 196:] == view[:28, 196:]).all()
    assert mixed.sum() == view[:28, 196:].sum()


def test_what_hides_a_region_has_the_exposure_of_the_view(images: tuple[ScoredImage, ...]) -> None:
    dark = (images[0].view // 3).astype(np.uint8)
    for view in (images[0].view, dark):
        hidden = masking.baseline(view)
        assert (hidden.mean(), hidden.std()) == pytest.approx((view.mean(), view.std()), rel=1e-3)


def test_both_maps_start_from_one_baseline_whatever_the_image(explanation: Explanation) -> None:
    baselines = [made["baseline"] for made in explanation.data["maps"]]
    assert baselines == pytest.approx([explanation.data["baseline"]] * 4, abs=1e-3)


def test_an_average_of_images_is_made_as_sharp_as_one() -> None:
    rng = np.random.default_rng(0)
    pixels = np.stack(
        [np.roll(phantom(224, 224, seed=seed), rng.integers(-25, 25, 2), (0, 1)) for seed in range(6)]
    )
    found = reference(pixels).astype(float)
    views = [model_view(image.astype(np.float32)).astype(float) for image in pixels]
    detail = [np.abs(np.diff(view)).mean() / view.std() for view in (found, *views)]
    blurred = np.mean(views, axis=0)
    assert detail[0] == pytest.approx(np.mean(detail[1:]), rel=0.15)
    assert np.abs(np.diff(blurred)).mean() / blurred.std() < 0.9 * detail[0]


def test_a_view_asked_alone_scores_as_with_everything(
    package: packages.Package, images: tuple[ScoredImage, ...]
) -> None:
    assert network.logit(package, images[0].view) == images[0].activations.logit


def test_without_its_regions_an_image_keeps_its_evidence(
    package: packages.Package, images: tuple[ScoredImage, ...]
) -> None:
    first, second = images
    # A view of another size cannot be hidden in parts: the regions fail as they would for want of memory.
    broken = ScoredImage(first.number, first.activations, first.view[:100], first.preview_size)
    found = explain(package, broken, second)
    assert [(made["image"], made["method"]) for made in found.data["maps"]] == [
        (0, "evidence"), (2, "evidence"), (2, "shap"),
    ]  # fmt: skip
    (missing,) = found.data["missing"]
    assert (missing["image"], missing["method"]) == (0, "shap")
    assert "evidence map" in missing["reason"]["en"]


def test_an_explanation_comes_with_every_analysis(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    Image.fromarray(phantom()).save(path)
    outcome: Outcome = runner.run("chest_xray", Source(path=path, options={"no_gate": True}))
    assert outcome.explanation is not None
    assert [artefact.name for artefact in outcome.explanation.artefacts] == [
        "map_evidence_0.png", "map_shap_0.png",
    ]  # fmt: skip


def zone_sums(**added: float) -> list[dict]:
    cells = np.zeros((3, 2))
    places = {"upper_left": (0, 0), "lower_right": (2, 1), "middle_left": (1, 0)}
    for place, value in added.items():
        cells[places[place]] = value
    return zones.zones(cells)


@pytest.mark.parametrize(
    ("added", "english", "french"),
    [
        (
            {"upper_left": 2.0, "lower_right": 0.5},
            "the upper zone on the left of the image raised the score most, strongly (odds × 7.4): 80% of",
            "zone supérieure à gauche de l’image qui a le plus élevé le score, fortement (cote × 7,4)",
        ),
        (
            {"lower_right": 0.4, "upper_left": -2.0},
            "the image as a whole lowered the score (odds ÷ 5.0). The lower zone on the right",
            "c’est la zone inférieure à droite",
        ),
        (
            {"middle_left": -1.0, "upper_left": -0.1, "lower_right": -0.2},
            "no zone raised the score",
            "Aucune zone n’a élevé le score",
        ),
    ],
    ids=["raised", "outweighed", "lowered"],
)
def test_the_sentence_names_zone_and_strength(added: dict, english: str, french: str) -> None:
    said = zones.sentence(zone_sums(**added))
    assert english in said.en
    assert french.lower() in said.fr.lower()


def test_odds_past_telling_apart_are_not_spelled_out() -> None:
    assert zones.odds(50.0).en == "odds × 1000 or more"
    assert zones.odds(-0.25).fr == "cote ÷ 1,3"


def test_the_ramp_grows_lighter_evenly() -> None:
    colours = heatmap.ramp(64).astype(float) / 255
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    lightness = np.cbrt(linear @ [0.2126, 0.7152, 0.0722])
    assert (np.diff(lightness) > 0).all()


def test_faithfulness_holds_both_maps_against_chance(
    package: packages.Package, images: tuple[ScoredImage, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faithfulness, "STEPS", 2)
    monkeypatch.setattr(faithfulness, "ORDERS", 1)
    found = faithfulness.faithfulness(package, images[0].view[None])
    assert {(row.hiding, row.curve, row.method) for row in found} == {
        (hiding, curve, method)
        for hiding in faithfulness.HIDING
        for curve in faithfulness.CURVES
        for method in METHODS
    }
    for row in found:
        better = row.at_random - row.by_map if row.curve == "deletion" else row.by_map - row.at_random
        assert row.gain == pytest.approx(better)
        assert row.low <= row.gain <= row.high
    assert len(list(faithfulness.table(found))) == len(found) + 2
