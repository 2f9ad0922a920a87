"""Many admissions at once give the figures that they give one by one, interval and reasons included."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any

import numpy as np
import pytest

from ml import package as packages
from ml.algorithms.haemorrhage import batch, contract, explain, model, predict, simulate, uncertainty
from ml.algorithms.haemorrhage.examples import EXAMPLES
from ml.algorithms.haemorrhage.load import load
from ml.contracts import Source
from ml.package import Package

SAME = 1e-9
CONTRADICTION = {"parity": 0, "previous_pph": "pph_1000", "previous_caesareans": 0}


@pytest.fixture(scope="module")
def package() -> Package:
    return packages.load("haemorrhage")


def admissions(n: int, missing: float, seed: int) -> list[dict[str, Any]]:
    births = simulate.births(n, seed=seed, missing=missing).values
    forms = births.drop(columns=["mother", "blood_loss_ml"]).to_dict("records")
    return [{**form, "admission_at": form["admission_at"].replace(tzinfo=UTC)} for form in forms]


def typed(forms: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [contract.check(form)[0] for form in forms]


@pytest.fixture(scope="module")
def forms() -> list[dict[str, Any]]:
    at = {"admission_at": "2025-03-14T07:40:00+00:00"}
    return [
        *EXAMPLES,
        at,
        {**at, **CONTRADICTION},
        {**at, "preeclampsia": "yes", "gestational_hypertension": "no"},
        *admissions(120, missing=0.02, seed=1),
        *admissions(120, missing=0.4, seed=2),
        *admissions(60, missing=0.9, seed=3),
    ]


@pytest.mark.parametrize("incidence", [0.002, 0.02, 0.2])
def test_a_batch_says_what_every_woman_alone_is_told(
    package: Package, forms: list[dict[str, Any]], incidence: float
) -> None:
    found = batch.risks(package, typed(forms), incidence, explain=True)

    assert len(found) == len(forms)
    for row, form in enumerate(forms):
        loaded = load(Source(values=form, options={"incidence": incidence}), package)
        alone = predict.predict(package, loaded)
        assert found.risk[row] == pytest.approx(alone["risk"], abs=SAME)
        assert found.interval[row] == pytest.approx(alone["interval"], abs=SAME)
        narrow = alone["unknown_widening"]["interval_coefficients_only"]
        assert found.coefficients_only[row] == pytest.approx(narrow, abs=SAME)
        why = explain.explain(package, loaded, alone).data
        assert found.reasons.base == pytest.approx(why["base"], abs=SAME)
        assert found.reasons.averaging[row] == pytest.approx(why["averaging"], abs=1e-7)
        theirs = {entry["factor"]: entry["contribution"] for entry in why["contributions"]}
        ours = dict(zip(found.reasons.factors, found.reasons.contributions[row], strict=True))
        assert {name for name, value in ours.items() if np.isfinite(value)} == theirs.keys()
        assert all(ours[name] == pytest.approx(value, abs=SAME) for name, value in theirs.items())


def test_any_open_levels_agree_also_combinations_no_form_can_say(package: Package) -> None:
    coefficients, draws = model.of(package), uncertainty.of(package)
    rng = np.random.default_rng(8)
    opened = [
        {
            factor.name: frozenset(rng.choice(factor.codes, rng.integers(1, len(factor.codes) + 1), False))
            for factor in coefficients.factors
            if rng.uniform() < 0.6
        }
        for _ in range(150)
    ]
    found = batch.of_levels(coefficients, draws, opened, 0.05)
    for row, allowed in enumerate(opened):
        risk = coefficients.spectrum(allowed).mean_risk(coefficients.intercept(0.05))
        alone = uncertainty.uncertainty(coefficients, draws, coefficients.strata(allowed), 0.05, risk)
        assert found.risk[row] == pytest.approx(risk, abs=SAME)
        assert found.interval[row] == pytest.approx(alone.interval, abs=SAME)
        assert found.coefficients_only[row] == pytest.approx(alone.coefficients_only, abs=SAME)


def test_reasons_sum_to_the_figure(package: Package, forms: list[dict[str, Any]]) -> None:
    found = batch.risks(package, typed(forms), explain=True)
    why = found.reasons

    total = why.base + np.nansum(why.contributions, axis=1) + why.averaging
    assert model.sigmoid(total) == pytest.approx(found.risk, abs=1e-12)
    assert (found.interval[:, 0] <= found.risk).all()
    assert (found.interval[:, 1] >= found.risk).all()


def test_the_packages_own_incidence_serves_without_one(package: Package) -> None:
    [nobody_asked] = batch.risks(package, [contract.check({})[0]]).risk
    assert nobody_asked == pytest.approx(package.input["settings"]["incidence"]["default"], abs=1e-9)


def test_no_rows_no_figures(package: Package) -> None:
    found = batch.risks(package, [], explain=True)

    assert len(found) == 0
    assert found.interval.shape == (0, 2)
    assert found.reasons.contributions.shape[0] == 0
