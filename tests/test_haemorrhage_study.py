"""The classic recipes: judged on rows they never saw, raw beside recalibrated, synthetic marked."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from ml import package as packages
from ml.algorithms.haemorrhage import external, literature, model, study, synthetic, train
from ml.training import comparison, pipeline
from ml.training.comparison import Comparison, Row
from ml.training.evaluation import fit_logistic, logit, roc_auc
from ml.training.pipeline import Recipe
from tests.machine import ROOT

SHARED = ROOT.parent / "shared" / "data"
PARAMS = yaml.safe_load(Path("params.yaml").read_text("utf-8"))["haemorrhage"]
STUDY = {**PARAMS["study"], "incidence": PARAMS["incidence"]}
RESAMPLED = ("logistic_smote", "logistic_smoteenn", "logistic_undersampling")


@pytest.fixture(scope="module")
def shipped() -> dict[str, Comparison]:
    stored = packages.load("haemorrhage").json(comparison.FILE)["comparisons"]
    found = [Comparison.from_json(one) for one in stored]
    return {"synthetic" if one.synthetic else "zurich": one for one in found}


def by_name(found: Comparison) -> dict[str, Row]:
    return {row.name: row for row in found.rows}


def small(**births: int) -> dict:
    kept = {name: STUDY["recipes"][name] for name in ("logistic", "logistic_smote")}
    return {**STUDY, "samples": 100, "recipes": kept, "synthetic": {**STUDY["synthetic"], **births}}


@pytest.mark.long
def test_a_refitted_logistic_finds_the_truth_of_synthetic_births_again() -> None:
    """100,000 births at 2.2 %, judged on 100,000 others against the probabilities they were drawn with."""
    learnt, judged = (synthetic.cohort(100_000, incidence=0.022, seed=seed) for seed in (1, 101))
    table = study.level_table(learnt.levels)
    recipe = Recipe.from_params(
        "logistic", {**STUDY["common"], **STUDY["recipes"]["logistic"]}, (), tuple(table)
    )
    found = pipeline.fit(recipe, table, learnt.outcome).probabilities(study.level_table(judged.levels))

    truth = roc_auc(judged.outcome, judged.risk)
    assert roc_auc(judged.outcome, found) == pytest.approx(truth, abs=0.005)
    columns = np.stack([np.ones(len(found)), logit(found)], axis=1)
    # Against the true probabilities: the slope without the chance of who bled.
    [[_, slope]] = fit_logistic(columns, judged.risk, np.ones((1, len(found))), np.zeros(len(found)))
    assert 0.95 <= slope <= 1.05


def test_on_synthetic_births_nothing_beats_the_truth_and_every_figure_is_marked() -> None:
    found = study.synthetic_births(literature.model(), small(births=4_000))
    rows = by_name(found)

    assert found.synthetic
    assert "synthetic" in found.data.en
    assert "synthétiques" in found.title.fr
    assert found.n == 4_000
    assert not any(d.verdict == "better" for row in found.rows for d in row.differences.values())
    assert rows["logistic_smote"].raw["brier"].value > 3 * found.events / found.n
    assert (
        rows["logistic_smote"].calibrated["brier"].value < 1.1 * rows["literature"].calibrated["brier"].value
    )


def test_an_open_answer_is_a_code_of_its_own() -> None:
    drawn = synthetic.cohort(200, incidence=0.05, seed=1, missing=0.3)
    table = study.level_table(drawn.levels)

    assert set(table["parity"]) == {"none", "one_to_three", "four_or_more", study.MISSING_CODE}


def test_zurichs_recipes_read_what_the_literature_model_reads_and_nothing_later() -> None:
    columns = [*study.NUMBERS, *study.CATEGORIES]
    births = pd.DataFrame({name: ["no"] if name in study.CATEGORIES else [1.0] for name in columns})

    assert set(study.zurich_table(births)) == set(columns)
    assert len(external.zurich_levels(literature.model(), births)) == 1


def test_on_zurich_every_recalibrated_recipe_is_at_least_as_good_as_the_bare_incidence(
    shipped: dict[str, Comparison],
) -> None:
    zurich = by_name(shipped["zurich"])

    assert (shipped["zurich"].n, shipped["zurich"].events) == (1309, 96)
    assert {"literature", *STUDY["recipes"]} == set(zurich)
    for name, row in zurich.items():
        assert row.calibrated["brier"].value <= row.calibrated["brier_null"].value, name
    for name in RESAMPLED:
        assert zurich[name].raw["brier"].low > zurich[name].raw["brier_null"].high, name


@pytest.mark.parametrize("which", ["zurich", "synthetic"])
def test_nothing_is_called_better_or_worse_unless_its_interval_excludes_zero(
    shipped: dict[str, Comparison], which: str
) -> None:
    differences = [d for row in shipped[which].rows for d in row.differences.values()]

    assert differences
    for difference in differences:
        assert (difference.verdict == "undecided") == (difference.low <= 0 <= difference.high)


def test_synthetic_figures_are_not_among_the_clinical_ones(shipped: dict[str, Comparison]) -> None:
    package = packages.load("haemorrhage")

    assert shipped["synthetic"].synthetic
    assert all("synthetic" not in f"{m.name} {m.data} {m.note}".lower() for m in package.metrics)
    assert "Zurich" in package.json("curves.json")["data"]["en"]


@pytest.mark.long
@pytest.mark.shared
def test_zurich_compared_twice_is_the_same_and_the_literature_is_not_fitted(
    shipped: dict[str, Comparison],
) -> None:
    params = {**small(), "zurich": {"folds": 5, "repeats": 1, "seed": 7}}
    table = model.of(packages.load("haemorrhage"))
    first, again = (study.zurich(table, SHARED / external.ZURICH, params) for _ in range(2))

    assert first.as_json() == again.as_json()
    ours, theirs = by_name(first)["literature"].raw, by_name(shipped["zurich"])["literature"].raw
    for figure in ("roc_auc", "brier", "calibration_slope"):
        assert ours[figure].value == pytest.approx(theirs[figure].value, abs=1e-5)


def test_no_moment_of_the_clock_gets_into_a_package(tmp_path: Path) -> None:
    few = {**PARAMS, "draws": 16, "incidence_steps": 4}
    package = train.build(tmp_path / "no-data", tmp_path, version="1.1.0", params=few)

    with zipfile.ZipFile(package.path(model.DRAWS)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert comparison.FILE not in package.manifest["files"]
