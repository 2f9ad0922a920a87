"""Statistics of the watch over drift: held against SciPy, textbook values and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ml.contracts import Text
from ml.monitoring import shown, wording
from ml.monitoring.assembling import Group, Outcomes, assemble
from ml.monitoring.drift import (
    Sample,
    benjamini_hochberg,
    categories,
    category_shift,
    chi2,
    ks,
    missing_shift,
    numbers,
    numeric_shift,
    psi,
    psi_by_chance,
    thinned,
)
from ml.monitoring.hysteresis import Change, Level, State, step
from ml.monitoring.performance import (
    LEAST_P,
    agreement_in_the_large,
    calibration_in_the_large,
    cbpe,
    poisson_binomial,
    weighted_auc,
)
from ml.monitoring.watched import Watched
from ml.training.evaluation import roc_auc


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_drift_sees_a_shift_and_only_a_shift(rng: np.random.Generator) -> None:
    before = numbers(rng.normal(size=5000))
    assert numeric_shift(before, numbers(rng.normal(size=2000))).verdict == "stable"
    moved = numeric_shift(before, numbers(rng.normal(1, 1, size=2000)))
    assert moved.verdict == "shifted"
    assert moved.p_value < 1e-6
    assert psi([50, 50], [80, 20]) == pytest.approx(0.3 * np.log(1.6) - 0.3 * np.log(0.4))
    same = categories("a" * 90 + "b" * 10)
    assert category_shift(same, same).psi == 0
    assert category_shift(same, categories("a" * 40 + "c" * 60)).verdict == "shifted"


def test_a_small_sample_is_not_taken_for_a_shift(rng: np.random.Generator) -> None:
    """By the usual bar of 0.1 a hundred studies of the very same population move every other time."""
    found = [numeric_shift(numbers(rng.normal(size=150)), numbers(rng.normal(size=60))) for _ in range(200)]
    assert np.mean([shift.psi >= 0.1 for shift in found]) > 0.3
    assert np.mean([shift.excess >= 0.1 for shift in found]) < 0.1
    by_chance = np.mean([shift.by_chance for shift in found])
    assert np.mean([shift.psi for shift in found]) == pytest.approx(by_chance, rel=0.2)


def test_a_whole_number_has_no_part_below_its_least(rng: np.random.Generator) -> None:
    """Nobody has less than no child: that bin brings nothing by chance, and no page shows it."""
    before, now = (numbers(rng.poisson(0.8, size=n)) for n in (300, 100))
    found = numeric_shift(before, now)
    assert found.by_chance == pytest.approx(psi_by_chance(2, 300, 100))
    parts = shown.shares(Watched("parity", Text("Parity", "Parité")), before, now)
    assert [part["label"]["en"] for part in parts] == ["0 to < 1", "≥ 1"]
    assert not [part for part in parts if not part["reference"] and not part["window"]]


def test_a_shift_says_where_to(rng: np.random.Generator) -> None:
    before = numbers(rng.normal(size=300))
    assert numeric_shift(before, numbers(rng.normal(1, 1, size=100))).higher is True
    assert numeric_shift(before, numbers(rng.normal(-1, 1, size=100))).higher is False
    assert numeric_shift(before, before).higher is None


def test_a_p_value_ends_where_its_rounding_begins() -> None:
    """Exactly 5.1e-19; a Fourier transform would call its own rounding 1.6e-15."""
    found = calibration_in_the_large(np.full(200, 0.02), np.r_[np.ones(34), np.zeros(166)])
    assert found.p_value == LEAST_P


def test_a_field_that_nearly_nobody_gives_is_told_truly() -> None:
    """Three of a hundred give it: the share is held back, and never called nought."""
    thing = Watched("platelets", Text("Platelets", "Plaquettes"))
    before, now = numbers([200.0] * 246 + [None] * 54), numbers([200.0] * 3 + [None] * 97)
    content = assemble(
        (thing,), Group(300, {"platelets": before}), Group(100, {"platelets": now}), Outcomes()
    )
    said = wording.sentence("missing:platelets", content)
    assert (
        said.en
        == "Platelets: not given more often than in the reference (now held back, in the reference 18%)."
    )
    assert "plus souvent non renseigné" in said.fr
    assert "non affiché" in said.fr
    (row,) = content["fields"]
    assert row["missing_psi_excess"] > 1
    assert row["missing_p_adjusted"] < 1e-6


def test_distances_and_p_values_are_those_of_scipy(rng: np.random.Generator) -> None:
    a, b = rng.normal(size=300), rng.normal(0.3, 1, size=90)
    expected = stats.ks_2samp(a, b, method="asymp")
    assert ks(numbers(a), numbers(b)) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-6)
    table = np.array([[50, 30, 20], [20, 30, 25]])
    expected = stats.chi2_contingency(table, correction=False)
    assert chi2(table)[1] == pytest.approx(expected.pvalue)
    assert chi2(table)[0] == pytest.approx(np.sqrt(expected.statistic / table.sum()))


def test_a_rare_level_is_tested_by_drawing_tables() -> None:
    """Fisher's exact test is the yardstick: the χ² distribution would call it twenty times rarer."""
    table = np.array([[300, 0], [97, 3]])
    exact = stats.fisher_exact(table).pvalue
    assert chi2(table)[1] == pytest.approx(exact, rel=0.25)
    assert stats.chi2_contingency(table, correction=False).pvalue < exact / 5


def test_thinning_keeps_the_distribution(rng: np.random.Generator) -> None:
    many = numbers(rng.integers(18, 45, size=9000))
    few = thinned(many)
    assert len(few.points) == 401
    assert (few.n, few.given) == (9000, 9000)
    assert ks(many, few)[0] < 0.003
    assert Sample.from_json(few.as_json()) == few


def test_a_field_that_is_no_longer_filled_in_shows() -> None:
    before, now = numbers([1.0] * 95 + [None] * 5), numbers([1.0] * 60 + [None] * 40)
    assert missing_shift(before, now).p_value < 1e-6
    assert missing_shift(before, now).excess > 0.1
    assert now.missing == 40


def test_many_fields_are_tested_together() -> None:
    p = [0.001, 0.012, 0.03, 0.2, 0.9]
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p))
    assert not len(benjamini_hochberg([]))


def test_expected_performance_is_what_happens_where_the_model_is_calibrated(
    rng: np.random.Generator,
) -> None:
    p = rng.beta(1, 6, size=4000)
    flagged = p >= 0.2
    expected = cbpe(p, flagged, repeats=100)
    y = (rng.random(len(p)) < p).astype(int)
    assert expected.roc_auc.low <= roc_auc(y, p) <= expected.roc_auc.high
    assert expected.sensitivity.low <= y[flagged].sum() / y.sum() <= expected.sensitivity.high
    assert (
        expected.specificity.low <= (~flagged & (y == 0)).sum() / (y == 0).sum() <= expected.specificity.high
    )
    assert expected.events == pytest.approx(p.sum())
    with pytest.raises(ValueError, match="between 0 and 1"):
        cbpe(np.array([0.2, 1.2]), np.array([True, False]))


def test_expected_performance_is_blind_to_concept_drift(rng: np.random.Generator) -> None:
    """Its assumption, said: outcomes that follow another rule change nothing of it; calibration sees them."""
    p = rng.uniform(0.05, 0.95, size=800)
    turned = (rng.random(800) < 1 - p).astype(int)
    assert cbpe(p, p >= 0.5).roc_auc.value > 0.75
    assert roc_auc(turned, p) < 0.25
    rarer = (rng.random(800) < p / 2).astype(int)
    assert calibration_in_the_large(p, rarer).p_value < 1e-6


def test_whole_events_give_the_usual_area(rng: np.random.Generator) -> None:
    y, p = rng.integers(0, 2, 300), np.round(rng.random(300), 1)
    assert weighted_auc(y.astype(float), 1.0 - y, p) == pytest.approx(roc_auc(y, p))


def test_calibration_in_the_large_covers_the_truth_in_95_of_100() -> None:
    rng = np.random.default_rng(11)
    covered = alarms = 0
    for _ in range(200):
        p = rng.beta(1, 12, size=150)
        found = calibration_in_the_large(p, rng.random(150) < p)
        covered += found.shift.low <= 0 <= found.shift.high
        alarms += found.p_value <= 0.05
    assert covered >= 184
    assert alarms <= 18


def test_no_event_at_all_still_has_an_interval() -> None:
    found = calibration_in_the_large(np.full(200, 0.05), np.zeros(200))
    assert found.observed == 0
    assert found.expected == pytest.approx(10)
    assert found.shift.high < -0.5
    assert found.p_value < 0.001


def test_the_number_of_events_has_the_distribution_of_a_coin() -> None:
    assert poisson_binomial(np.full(12, 0.3)) == pytest.approx(stats.binom.pmf(range(13), 12, 0.3))


def test_agreement_of_nights_is_compared_night_by_night() -> None:
    found = agreement_in_the_large(np.full(40, 0.85), np.full(40, 0.85) - np.linspace(0.05, 0.15, 40))
    assert found.shift.value == pytest.approx(-0.1)
    assert found.shift.high < -0.08
    assert found.p_value < 1e-6


def test_an_alert_opens_after_two_windows_and_closes_after_two_quiet_ones() -> None:
    seen, state = [], State()
    for level in ("raised", "quiet", "raised", "between", "raised", "unknown", "raised", "between", "quiet",
                  "raised", "quiet", "quiet", "quiet"):  # fmt: skip
        state, change = step(state, Level(level))
        seen.append(str(change))
    assert seen == ["", "", "", "", "", "", "opened", "", "", "", "", "closed", ""]
    assert State.from_json(State(True, 1).as_json()) == State(True, 1)
    assert step(State(), Level.RAISED, open_after=1)[1] is Change.OPENED


def test_nobody_can_be_worked_out_from_the_shares() -> None:
    assert shown.held_back((40.0, 30.0, 3.0)) == [False, True, True]
    assert shown.held_back((40.0, 30.0, 0.0)) == [False, False, False]
    assert shown.held_back((40.0, 3.0, 4.0)) == [False, True, True]
    # The rest says that the two are two: one and one.
    assert shown.held_back((40.0, 30.0, 1.0, 1.0)) == [False, True, True, True]
    assert shown.held_back((40.0, 1.0, 1.0)) == [True, True, True]
    assert shown.missing(numbers([1.0] * 97 + [None] * 3)) is None
    assert shown.missing(numbers([1.0] * 3 + [None] * 97)) is None
    assert shown.missing(numbers([1.0] * 50 + [None] * 50)) == 0.5
    assert shown.missing(numbers([1.0] * 100)) == 0
