"""Figures and their intervals: held against scikit-learn, textbook values and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from ml.training.calibration import Sigmoid, fit_sigmoid
from ml.training.evaluation import (
    Question,
    as_metrics,
    binary_metrics,
    bootstrap,
    roc_auc,
    sampled_figures,
    stability,
    stage_metrics,
    wilson,
)
from ml.training.thresholds import CostMatrix, best_f1_threshold, decision_curve, net_benefit


@pytest.fixture
def scored() -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from rounded, hence tied, calibrated probabilities."""
    rng = np.random.default_rng(1)
    p = np.clip(np.round(rng.beta(1.5, 4, 2000), 2), 0.01, 0.99)
    return (rng.random(2000) < p).astype(int), p


def test_figures_agree_with_scikit_learn(scored):
    y, p = scored
    found = binary_metrics(y, p, 0.3, costs=CostMatrix(5, 1), repeats=20)
    flagged = p >= 0.3
    expected = {
        "accuracy": sk.accuracy_score(y, flagged),
        "f1": sk.f1_score(y, flagged),
        "recall": sk.recall_score(y, flagged),
        "specificity": sk.recall_score(1 - y, ~flagged),
        "precision": sk.precision_score(y, flagged),
        "npv": sk.precision_score(1 - y, ~flagged),
        "roc_auc": sk.roc_auc_score(y, p),
        "pr_auc": sk.average_precision_score(y, p),
        "brier": sk.brier_score_loss(y, p),
        "net_benefit": net_benefit(y, p, 0.3),
        "cost": CostMatrix(5, 1).cost(y, p, 0.3),
        "acceptance_rate": 1 - flagged.mean(),
    }
    assert {name: found[name].value for name in expected} == pytest.approx(expected)
    assert roc_auc(y, p) == pytest.approx(expected["roc_auc"])
    assert np.isnan(roc_auc(np.ones(3), np.arange(3)))


def test_calibration_is_right_when_probabilities_are_and_wrong_when_stretched(scored):
    y, p = scored
    calibrated = binary_metrics(y, p, 0.3, repeats=200)
    assert calibrated["calibration_slope"].low < 1 < calibrated["calibration_slope"].high
    assert calibrated["calibration_intercept"].low < 0 < calibrated["calibration_intercept"].high
    stretched = binary_metrics(y, Sigmoid(slope=2, intercept=0).apply(p), 0.3, repeats=2)
    assert stretched["calibration_slope"].value == pytest.approx(
        calibrated["calibration_slope"].value / 2, abs=1e-3
    )


def test_interval_over_patients_is_wider_than_over_their_images(scored):
    y, p = scored
    each_patient_five_times = (np.repeat(y[:200], 5), np.repeat(p[:200], 5))
    patients = np.repeat(np.arange(200), 5)
    naive = binary_metrics(*each_patient_five_times, 0.3, repeats=300)["roc_auc"]
    honest = binary_metrics(*each_patient_five_times, 0.3, patients, repeats=300)["roc_auc"]
    assert honest.value == naive.value
    assert honest.high - honest.low > 1.8 * (naive.high - naive.low)


def test_bootstrap_of_a_mean_has_the_width_theory_says():
    x = np.random.default_rng(0).normal(size=400)
    found = bootstrap(np.mean, x, repeats=2000)
    assert found.high - found.low == pytest.approx(2 * 1.96 * x.std() / 20, rel=0.1)
    assert bootstrap(np.mean, x, repeats=50) == bootstrap(np.mean, x, repeats=50)


def test_repeated_cross_validation_averages_repeats_and_resamples_cases(scored):
    y, p = scored
    once = binary_metrics(y, p, 0.3, repeats=100)
    thrice = binary_metrics(y, np.stack([p, p, p]), 0.3, repeats=100)
    assert once["roc_auc"].low == pytest.approx(thrice["roc_auc"].low)
    assert once["roc_auc"].high == pytest.approx(thrice["roc_auc"].high)


def test_undefined_figures_are_left_out_not_invented():
    found = binary_metrics(np.array([0, 0, 0, 1]), np.full(4, 0.2), 0.9, repeats=10)
    assert "precision" not in found
    assert "calibration_slope" not in found
    assert found["recall"].value == 0


@pytest.mark.parametrize(
    ("y", "p"),
    [([0, 2], [0.1, 0.2]), ([0, 1], [0.1, 1.2]), ([0, 1], [0.1]), ([0, 1], [0.1, np.nan]), ([], [])],
)
def test_nonsense_is_refused(y, p):
    with pytest.raises(ValueError, match="expected"):
        binary_metrics(np.array(y), np.array(p), 0.5)


def test_stage_figures_agree_with_scikit_learn():
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 4, 3000)
    predicted = np.where(rng.random(3000) < 0.7, truth, rng.integers(0, 5, 3000))
    found = stage_metrics(truth, predicted, np.arange(3000) // 100, repeats=50)
    assert found["kappa"].value == pytest.approx(sk.cohen_kappa_score(truth, predicted))
    assert found["macro_f1"].value == pytest.approx(
        sk.f1_score(truth, predicted, average="macro", labels=[0, 1, 2, 3])
    )
    assert found["recall_N1"].value == pytest.approx(np.mean(predicted[truth == 1] == 1))
    assert "recall_R" not in found
    with pytest.raises(ValueError, match="unscored"):
        stage_metrics(np.array([0, -100]), np.array([0, 0]))


def test_wilson_matches_the_published_example():
    # Newcombe 1998, table I: 81 of 263.
    found = wilson(81, 263)
    assert (found.low, found.high) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 10).low == 0
    with pytest.raises(ValueError, match="successes"):
        wilson(11, 10)


def test_figures_become_metrics_with_their_origin(scored):
    metrics = as_metrics(binary_metrics(*scored, 0.3, repeats=5), data="simulated", n=2000, command="none")
    auc = next(m for m in metrics if m.name == "roc_auc")
    assert auc.low < auc.value < auc.high
    assert (auc.n, auc.data) == (2000, "simulated")


def test_costs_give_the_threshold_and_calibrated_scores_confirm_it(scored):
    y, p = scored
    costs = CostMatrix(missed=5, false_alarm=1)
    assert costs.threshold == pytest.approx(1 / 6)
    best = costs.best_threshold(y, p)
    assert costs.cost(y, p, best) <= costs.cost(y, p, costs.threshold)
    assert abs(best - costs.threshold) < 0.06
    f1 = best_f1_threshold(y, p)
    assert sk.f1_score(y, p >= f1) == max(sk.f1_score(y, p >= t) for t in np.unique(p))


def test_decision_curve_has_its_two_reference_lines(scored):
    y, p = scored
    curve = decision_curve(y, p, np.array([0.1, 0.5]))
    assert curve["all"][1] == pytest.approx(2 * y.mean() - 1)
    assert (curve["model"] >= np.maximum(curve["all"], 0) - 0.01).all()


def test_recalibration_undoes_a_distortion(scored):
    y, p = scored
    distorted = Sigmoid(slope=0.5, intercept=1.5).apply(p)
    restored = fit_sigmoid(distorted, y).apply(distorted)
    found = binary_metrics(y, restored, 0.3, repeats=2)
    assert found["calibration_slope"].value == pytest.approx(1, abs=1e-3)
    assert found["calibration_intercept"].value == pytest.approx(0, abs=1e-3)


def test_saving_and_profit_follow_from_the_cost_matrix(scored):
    y, p = scored
    costs = CostMatrix(5, 1)
    found = binary_metrics(y, p, 1 / 6, costs=costs, repeats=20)
    accept_all = costs.cost(y, np.zeros(len(y)), 1 / 6)
    assert accept_all == pytest.approx(5 * y.mean())
    assert found["saving"].value == pytest.approx(accept_all - found["cost"].value)
    assert found["saving"].value == pytest.approx(costs.saving(y, p, 1 / 6))
    assert found["profit"].value == pytest.approx(costs.profit(y, p, 1 / 6))
    # Without a gain of its own a good case earns what refusing it costs: the same order of decisions.
    assert found["profit"].value == pytest.approx((1 - y.mean()) - found["cost"].value)
    generous = CostMatrix.from_params({"missed": 5, "false_alarm": 1, "gain": 0.2})
    assert generous.profit(y, p, 1.1) == pytest.approx(0.2 * (1 - y.mean()) - 5 * y.mean())
    with pytest.raises(ValueError, match="gain"):
        CostMatrix(5, 1, gain=-1)


def test_precision_at_a_recall_is_read_where_that_share_is_found(scored):
    y, p = scored
    found = binary_metrics(y, p, 0.3, recall=0.69, repeats=100)["precision_at_recall"]
    assert found.low < found.value < found.high
    precision, recall, _ = sk.precision_recall_curve(y, p)
    above = precision[recall >= 0.69][-1], precision[recall < 0.69][0]
    assert min(above) <= found.value <= max(above)
    # Everybody in one tie: whoever is flagged first, the precision is the frequency.
    flat = binary_metrics(y, np.full(len(y), 0.2), 0.3, recall=0.5, repeats=2)["precision_at_recall"]
    assert flat.value == pytest.approx(y.mean())


def test_stability_is_the_mean_difference_between_two_models():
    p = np.array([[0.1, 0.6, 0.5], [0.3, 0.6, 0.5], [0.2, 0.3, 0.5]])
    found = stability(p, 0.4)
    assert found["probability_shift"].value == pytest.approx((0.4 / 3 + 0.6 / 3 + 0) / 3)
    assert found["decision_flips"].value == pytest.approx((0 + 2 / 3 + 0) / 3)
    held = stability(p[1:], 0.4, original=p[0])
    assert held["probability_shift"].value == pytest.approx((0.15 + 0.15 + 0) / 3)
    assert held["decision_flips"].value == pytest.approx((0 + 1 / 2 + 0) / 3)
    with pytest.raises(ValueError, match="two models"):
        stability(p[:1], 0.4)


def test_repeats_that_agree_are_stable_and_those_that_do_not_are_not(scored):
    y, p = scored
    noise = np.random.default_rng(0).normal(0, 0.05, (4, len(p)))
    same = binary_metrics(y, np.stack([p, p]), 0.3, repeats=20)
    other = binary_metrics(y, np.clip(p + noise, 0, 1), 0.3, repeats=20)
    assert same["probability_shift"].value == same["decision_flips"].value == 0
    assert other["probability_shift"].low > 0.04
    assert other["decision_flips"].low > 0


def test_counting_in_steps_changes_no_figure_and_hardly_an_interval():
    rng = np.random.default_rng(5)
    p = rng.beta(1, 20, 6000)
    y = (rng.random(6000) < p).astype(int)
    found = binary_metrics(y, p, 0.05, recall=0.69, repeats=200)
    assert found["roc_auc"].value == pytest.approx(sk.roc_auc_score(y, p), abs=1e-12)
    assert found["pr_auc"].value == pytest.approx(sk.average_precision_score(y, p), abs=1e-12)
    assert found["recall"].value == sk.recall_score(y, p >= 0.05)
    exact = bootstrap(roc_auc, y, p, repeats=200)
    assert (found["roc_auc"].low, found["roc_auc"].high) == pytest.approx((exact.low, exact.high), abs=1e-4)
    precise = bootstrap(sk.average_precision_score, y, p, repeats=200)
    assert (found["pr_auc"].low, found["pr_auc"].high) == pytest.approx((precise.low, precise.high), abs=2e-3)


def test_several_probabilities_are_judged_on_the_same_samples(scored):
    y, p = scored
    found = sampled_figures(y, {"a": p, "b": np.sqrt(p)}, Question(0.3), repeats=50)
    # The square root keeps every rank, so on the same samples the areas are the same.
    assert found["a"].samples["roc_auc"] == pytest.approx(found["b"].samples["roc_auc"])
    assert not np.allclose(found["a"].samples["brier"], found["b"].samples["brier"])
