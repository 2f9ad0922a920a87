"""The literature model: its mean, its directions, what unknown means, and what it is made of."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from ml import package as packages
from ml.algorithms.haemorrhage import literature as table
from ml.algorithms.haemorrhage import model, operating, train, uncertainty

PARAMS = yaml.safe_load(Path("params.yaml").read_text("utf-8"))["haemorrhage"]


@pytest.fixture(scope="module")
def literature() -> model.Model:
    return model.of(packages.load("haemorrhage"))


def simulated_women(literature: model.Model, n: int) -> Iterator[dict[str, frozenset[str]]]:
    """Women drawn one by one from the prevalences, independently of the convolution under test."""
    rng = np.random.default_rng(7)
    parous_share = 0.58
    for _ in range(n):
        parity = rng.choice(["none", "one_to_three", "four_or_more"], p=[0.42, 0.55, 0.03])
        woman = {"parity": frozenset({parity})}
        for factor in literature.factors:
            if factor.name == "parity":
                continue
            shares = factor.prevalence
            if factor.parous_only:
                others = shares[1:] * (parity != "none") / parous_share
                shares = [1 - others.sum(), *others]
            woman[factor.name] = frozenset({rng.choice(factor.codes, p=shares)})
        yield woman


def log_odds(literature: model.Model, woman: dict[str, frozenset[str]]) -> float:
    return sum(
        float(literature.by_name[name].log_odds[literature.by_name[name].codes.index(next(iter(codes)))])
        for name, codes in woman.items()
    )


def risk(literature: model.Model, allowed: dict[str, set[str]], incidence: float = 0.02) -> float:
    return literature.spectrum(allowed).mean_risk(literature.intercept(incidence))


@pytest.mark.parametrize("incidence", [0.005, 0.02, 0.0733, 0.15])
def test_the_mean_risk_is_the_wards_incidence(literature: model.Model, incidence: float) -> None:
    assert risk(literature, {}, incidence) == pytest.approx(incidence, rel=1e-9)


def test_women_drawn_one_by_one_have_that_mean_too(literature: model.Model) -> None:
    eta = np.array([log_odds(literature, woman) for woman in simulated_women(literature, 8_000)])
    risks = model.sigmoid(literature.intercept(0.02) + eta)

    assert risks.mean() == pytest.approx(0.02, abs=4 * risks.std() / np.sqrt(len(risks)))


def test_logit_of_the_incidence_on_the_reference_woman_would_be_wrong(literature: model.Model) -> None:
    assert literature.ward.mean_risk(model.logit(0.02)) == pytest.approx(0.0466, abs=0.0005)


def test_every_factor_moves_the_risk_the_way_its_odds_ratio_says(literature: model.Model) -> None:
    for factor in literature.factors:
        risks = [risk(literature, {factor.name: {code}}) for code in factor.codes]
        order = np.argsort(factor.log_odds, kind="stable")
        gaps = np.diff(np.array(risks)[order])
        equal = np.diff(factor.log_odds[order]) == 0
        if factor.name != "parity":  # parity 0 also rules out earlier haemorrhages
            assert (gaps[~equal] > 0).all(), factor.name


def test_unknown_is_not_no(literature: model.Model) -> None:
    healthy = {factor.name: {factor.reference} for factor in literature.factors}
    for name in ("previous_pph", "placenta", "haemoglobin", "anticoagulant"):
        without = {key: codes for key, codes in healthy.items() if key != name}
        assert risk(literature, without) > risk(literature, healthy), name


def test_averaging_over_the_unknown_is_exact(literature: model.Model) -> None:
    """Against the sum over every combination of four unknown factors, written out."""
    unknown = ["haemoglobin", "placenta", "previous_pph", "multiple"]
    answered = {
        f.name: {"one_to_three"} if f.name == "parity" else {f.reference}
        for f in literature.factors
        if f.name not in unknown
    }
    intercept, expected = literature.intercept(0.02), 0.0
    factors = [literature.by_name[name] for name in unknown]
    for levels in itertools.product(*(range(len(f.codes)) for f in factors)):
        share, eta = 1.0, 0.0
        for factor, level in zip(factors, levels, strict=True):
            shares = factor.prevalence
            if factor.parous_only:
                shares = np.array([1 - shares[1:].sum() / 0.58, *shares[1:] / 0.58])
            share, eta = share * shares[level], eta + factor.log_odds[level]
        expected += share / (1 + np.exp(-intercept - eta))

    assert risk(literature, answered) == pytest.approx(expected, rel=1e-4)


def test_knowing_of_an_earlier_haemorrhage_tells_that_there_was_a_birth(literature: model.Model) -> None:
    strata = literature.strata({"previous_pph": frozenset({"pph_500"})})

    nulliparous = sum(s.weight * s.levels["parity"][0] for s in strata)
    assert nulliparous == 0


def test_a_contradiction_that_is_only_warned_of_still_gets_a_figure(literature: model.Model) -> None:
    assert 0 < risk(literature, {"parity": {"none"}, "previous_pph": {"pph_1000"}}) < 1


def test_every_sampled_model_keeps_the_wards_mean(literature: model.Model) -> None:
    draws = uncertainty.of(packages.load("haemorrhage"))
    rows = slice(0, 5)
    intercepts = draws.at(0.031)[rows]

    for intercept, sampled in zip(
        intercepts, uncertainty.sampled_models(literature, draws.normal[rows]), strict=True
    ):
        assert sampled.ward.mean_risk(intercept) == pytest.approx(0.031, rel=5e-3)


def test_the_less_is_known_the_wider_the_interval(literature: model.Model) -> None:
    draws = uncertainty.of(packages.load("haemorrhage"))
    everything = {factor.name: frozenset({factor.reference}) for factor in literature.factors}
    widths = []
    for kept in (len(everything), 8, 0):
        allowed = dict(list(everything.items())[:kept])
        figure = risk(literature, allowed)
        found = uncertainty.uncertainty(literature, draws, literature.strata(allowed), 0.02, figure)
        assert found.interval[0] <= figure <= found.interval[1]
        widths.append(found.widening)

    assert widths[0] == pytest.approx(1, abs=1e-6)
    assert widths[0] < widths[1] < widths[2]


def test_with_nothing_known_the_interval_spans_the_wards_own_women(literature: model.Model) -> None:
    """Odds ratios held still, only the woman unknown: the percentiles of all women's risks."""
    shipped = uncertainty.of(packages.load("haemorrhage"))
    intercept = literature.intercept(0.02)
    still = uncertainty.Draws(
        normal=np.zeros_like(shipped.normal),
        uniform=shipped.uniform,
        incidences=shipped.incidences,
        intercepts=np.full_like(shipped.intercepts, intercept),
    )

    found = uncertainty.uncertainty(literature, still, literature.strata({}), 0.02, 0.02)

    below = np.cumsum(literature.ward.mass)
    percentiles = [literature.ward.value[np.searchsorted(below, q)] for q in (0.025, 0.975)]
    assert found.interval == pytest.approx(model.sigmoid(intercept + np.array(percentiles)), rel=0.05)
    assert found.coefficients_only == pytest.approx((0.02, 0.02), rel=1e-3)


def test_sampled_women_have_histories_that_fit_their_parity(literature: model.Model) -> None:
    draws = uncertainty.of(packages.load("haemorrhage"))
    still = replace(draws, normal=np.zeros_like(draws.normal))
    _, bound = literature.blocks
    known, strata = uncertainty.tables(literature, still), literature.strata({})
    found = uncertainty.sampled_log_odds(literature, still, known, strata, bound)

    # The reference woman, parity 1 to 3: neither caesarean nor haemorrhage before.
    parous, scarred, bled = (
        literature.by_name[n].prevalence for n in ("parity", "previous_caesarean", "previous_pph")
    )
    plain = parous[1] * (1 - scarred[1] / 0.58) * (1 - bled[1:].sum() / 0.58)
    four = parous[2] * plain / parous[1]  # same log odds: its odds ratio is 1
    assert np.mean(np.abs(found) < 1e-9) == pytest.approx(plain + four, abs=0.02)
    assert np.mean(np.abs(found - np.log(1.2)) < 1e-9) == pytest.approx(parous[0], abs=0.02)


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2])
def test_workload_figures_follow_from_the_model(literature: model.Model, share: float) -> None:
    point = operating.operating_point(literature, 0.02, share)

    assert point.flagged_share == pytest.approx(share, abs=0.01)
    # Found among the flagged and found among the haemorrhages count the same women.
    assert point.found_share * 0.02 == pytest.approx(point.flagged_share * point.true_per_100_flagged / 100)
    assert point.true_per_100_flagged > 2


def test_the_decision_curve_flags_everybody_at_a_threshold_below_all(literature: model.Model) -> None:
    [lowest] = operating.decision_curve(literature, 0.02, [0.001])

    assert lowest["model"] == pytest.approx(lowest["everybody"], abs=1e-6)


def test_the_shipped_coefficients_are_those_of_the_literature_table() -> None:
    assert table.coefficients(PARAMS) == packages.load("haemorrhage").json(model.COEFFICIENTS)


def test_every_factor_names_its_source_and_prevalences_sum_to_one() -> None:
    for factor in table.coefficients(PARAMS)["factors"]:
        assert sum(level["prevalence"] for level in factor["levels"]) == pytest.approx(1)
        for level in factor["levels"]:
            assert level["odds_ratio"] == 1 or level["source"], (factor["name"], level["code"])
            assert not level["checked"] or level["published"]
            assert level["label"]["en"]
            assert level["label"]["fr"]


def test_training_without_data_gives_the_same_package_twice(tmp_path: Path) -> None:
    small = {**PARAMS, "draws": 16, "incidence_steps": 4}
    first, second = (
        train.build(tmp_path / "no-data", tmp_path / name, version="1.0.0", params=small) for name in "ab"
    )

    assert first.sha256 == second.sha256
    assert first.metrics == ()
    assert "left out" in first.manifest["training"]["external_figures"]
