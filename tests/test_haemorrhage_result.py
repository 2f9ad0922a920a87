"""From a form to the figure, the reasons and the report, through the runner."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pytest

from ml import package as packages
from ml import runner
from ml.algorithms.haemorrhage import answers, contract, explain, load, model, predict, wording
from ml.algorithms.haemorrhage.examples import ADMISSIONS as BY_NAME
from ml.contracts import Outcome, Source, Status


def run(example: str = "typical", options: dict | None = None, **changes: Any) -> Outcome:
    values = {**BY_NAME[example][1], **changes}
    return runner.run("haemorrhage", Source(values=values, options=options or {}))


@pytest.mark.parametrize("example", BY_NAME)
def test_examples_get_a_figure_reasons_and_a_report(example: str) -> None:
    outcome = run(example)

    assert (outcome.status, outcome.explanation_status) == (Status.OK, "ok")
    low, high = outcome.result["interval"]
    assert 0 < low <= outcome.result["risk"] <= high < 1
    for stored in (outcome.result, outcome.explanation.data, outcome.report.as_json()):
        json.dumps(stored, allow_nan=False)


def test_the_figure_is_the_same_every_time() -> None:
    assert run("many_unknowns").result == run("many_unknowns").result


def test_risks_are_ordered_as_a_clinician_would_order_them() -> None:
    risks = [
        run(name).result["risk"] for name in ("typical", "first_birth", "previous_haemorrhage", "high_risk")
    ]

    assert risks == sorted(risks)
    assert risks[0] < 0.02 < risks[1]


def test_leaving_out_an_answer_is_not_answering_no() -> None:
    unknown = run(previous_pph="unknown").result
    no = run(previous_pph="none").result

    assert unknown["risk"] > no["risk"]
    assert unknown["interval"][1] > no["interval"][1]
    assert unknown["known"] == [24, 25]
    assert unknown["unknown"] == ["previous_pph"]
    assert unknown["unknown_widening"]["factor"] > 1.05


def test_an_empty_form_gives_the_wards_average_and_says_that_nothing_is_known() -> None:
    form = {"admission_at": datetime.now(UTC).isoformat()}
    outcome = runner.run("haemorrhage", Source(values=form, options={"incidence": 0.03}))

    assert outcome.result["risk"] == pytest.approx(0.03, rel=1e-6)
    assert outcome.result["known"] == [0, 25]
    assert outcome.quality[0].attention


def test_the_wards_incidence_moves_the_figure() -> None:
    risks = [run(options={"incidence": i}).result["risk"] for i in (0.01, 0.02, 0.05)]

    assert risks == sorted(risks)


@pytest.mark.parametrize("bad", [0, 1, -0.02, 2, "0.02", None, True, float("nan"), float("inf"), [0.02]])
def test_an_impossible_incidence_is_refused(bad: object) -> None:
    outcome = run(options={"incidence": bad})

    assert outcome.status is Status.REFUSED
    assert [p.code for p in outcome.problems] == ["incidence_out_of_range"]
    assert outcome.result is None


def test_letters_in_haemoglobin_stop_the_study_with_a_sentence() -> None:
    outcome = run(haemoglobin="1O,8")

    [problem] = outcome.problems
    assert outcome.status is Status.REFUSED
    assert problem.field == "haemoglobin"
    assert "haemoglobin" in problem.message.en.lower()
    assert outcome.result is None


@pytest.mark.parametrize(
    ("answered", "left"),
    [
        ({}, None),
        ({"severe_preeclampsia": "yes", "preeclampsia": "no"}, {"severe"}),
        ({"preeclampsia": "yes"}, {"preeclampsia", "severe"}),
        ({"preeclampsia": "yes", "severe_preeclampsia": "no"}, {"preeclampsia"}),
        ({"preeclampsia": "no"}, {"none", "gestational"}),
        ({"gestational_hypertension": "no"}, {"none", "preeclampsia", "severe"}),
        ({"gestational_hypertension": "yes", "preeclampsia": "no"}, {"gestational"}),
        ({"gestational_hypertension": "no", "preeclampsia": "no", "severe_preeclampsia": "no"}, {"none"}),
    ],
)
def test_three_overlapping_questions_on_hypertension_leave_open_what_they_leave_open(
    answered: dict, left: set | None
) -> None:
    typed, _ = contract.check({"admission_at": datetime.now(UTC), **answered})
    found = answers.allowed(model.of(packages.load("haemorrhage")), typed)

    assert found.get("hypertension") == left


@pytest.mark.parametrize(
    ("changes", "rule", "criterion"),
    [
        ({}, "low", None),
        ({"previous_caesareans": 1}, "medium", "previous_caesarean"),
        ({"gravidity": 7, "parity": 6}, "medium", "vaginal_births"),
        ({"placenta": "low"}, "high", "placenta"),
        ({"haemoglobin": 9.5}, "low", None),
        ({"haemoglobin": 9.5, "fibroids": "yes"}, "high", "anaemia"),
        ({"platelets": 99}, "high", "platelets"),
        ({"bleeding_disorder": "yes"}, "high", "coagulopathy"),
    ],
)
def test_the_published_class_and_what_made_it(changes: dict, rule: str, criterion: str | None) -> None:
    found = run(**changes).result["rule_class"]

    assert found["class"] == rule
    assert criterion is None or criterion in [c["code"] for c in found["criteria"]]
    assert found["unanswered"] == []


def test_unanswered_criteria_are_named_not_passed() -> None:
    found = run(placenta="unknown").result["rule_class"]

    assert found["unanswered"] == ["placenta", "accreta"]


def test_a_disagreement_between_rule_and_model_is_visible() -> None:
    outcome = run(placenta="low")

    assert outcome.result["disagreement"] == "rule_only"
    said = [p.en for section in outcome.report.sections for p in section.paragraphs]
    assert any("neither decides" in sentence for sentence in said)


@pytest.mark.parametrize("example", BY_NAME)
def test_the_waterfall_ends_at_the_figure(example: str) -> None:
    outcome = run(example)
    data = outcome.explanation.data
    total = data["base"] + sum(c["contribution"] for c in data["contributions"]) + data["averaging"]

    assert total == pytest.approx(data["final"])
    assert 1 / (1 + np.exp(-total)) == pytest.approx(outcome.result["risk"])
    if outcome.result["known"][0] == outcome.result["known"][1]:
        assert data["averaging"] == pytest.approx(0, abs=1e-4)


def test_contributions_are_shapley_values() -> None:
    """Against the definition: all coalitions of six factors, absent ones averaged level by level."""
    literature = model.of(packages.load("haemorrhage"))
    typed = loaded("high_risk").data.typed
    open_levels = answers.allowed(literature, typed)
    players = ["age", "parity", "placenta", "haemoglobin", "platelets", "antepartum_bleeding"]

    def value(coalition: set[str]) -> float:
        total = 0.0
        for name in players:
            factor = literature.by_name[name]
            if name in coalition:
                total += factor.log_odds[factor.codes.index(next(iter(open_levels[name])))]
            else:
                total += sum(p * b for p, b in zip(factor.prevalence, factor.log_odds, strict=True))
        return total

    said = {c["factor"]: c["contribution"] for c in run("high_risk").explanation.data["contributions"]}
    for player in players:
        others = [name for name in players if name != player]
        shapley = sum(
            factorial(size) * factorial(len(others) - size) / factorial(len(players))
            * (value({*coalition, player}) - value(set(coalition)))
            for size in range(len(players))
            for coalition in combinations(others, size)
        )  # fmt: skip
        assert said[player] == pytest.approx(shapley)


def loaded(example: str) -> Any:
    return load.load(Source(values=BY_NAME[example][1]), packages.load("haemorrhage"))


def test_the_sentence_names_the_strongest_reasons_and_what_can_be_changed() -> None:
    sentence = run("previous_haemorrhage").explanation.sentence

    assert "previous postpartum haemorrhage" in sentence.en.split("Lowers")[0]
    assert "May still change: haemoglobin (9.6 g/dL)" in sentence.en
    assert "hémoglobine (9,6 g/dL)" in sentence.fr.split("Peuvent encore changer")[1]


def test_an_answer_nobody_gave_is_no_reason() -> None:
    factors = {c["factor"] for c in run("many_unknowns").explanation.data["contributions"]}

    assert "placenta" not in factors
    assert "previous_pph" not in factors


@pytest.mark.parametrize(
    ("per_100", "en", "fr"),
    [
        (
            {"risk": 4, "low": 2, "high": 7, "ward": 2.0},
            "4 in 100 women like her (likely 2 to 7); ward average 2 in 100",
            "4 femmes sur 100 comme elle (probablement 2 à 7) ; moyenne du service 2 sur 100",
        ),
        (
            {"risk": 0, "low": 0, "high": 1, "ward": 1.5},
            "Fewer than 1 in 100 women like her (likely 1 at most); ward average 1.5 in 100",
            "Moins de 1 femme sur 100 comme elle (probablement 1 au plus) ; moyenne du service 1,5 sur 100",
        ),
    ],
)
def test_one_denominator_in_words(per_100: dict, en: str, fr: str) -> None:
    headline = wording.headline(per_100)

    assert headline.en == en
    assert headline.fr.replace("\u00a0", " ") == fr


def test_halves_round_up() -> None:
    assert [predict.per_100(risk) for risk in (0.004, 0.005, 0.025, 0.0349)] == [0, 1, 3, 3]


def test_the_report_says_what_it_must_say_on_every_page() -> None:
    report = run("many_unknowns").report
    limits = " ".join(limit.en for limit in report.limits)

    assert "not a medical device" in limits
    assert "never removes standard prevention" in limits
    assert any("5 of 25" in row.value.en for section in report.sections for row in section.rows)
    assert any("not a measured performance" in p.en for s in report.sections for p in s.paragraphs)


def test_stale_results_travel_with_the_result() -> None:
    outcome = run("twins")

    assert "stale_result" in [p.code for p in outcome.problems]
    assert "stale_result" in [w["code"] for w in outcome.result["warnings"]]
    assert "stale_result" in [f.code for f in outcome.quality]


def test_what_matters_but_is_not_in_the_figure_is_said() -> None:
    outcome = run(fibrinogen=2.4, aptt_ratio=1.3, refuses_transfusion="yes")

    [finding] = [f for f in outcome.quality if f.code == "not_in_the_figure"]
    for word in ("fibrinogen", "aPTT", "refusal of transfusion"):
        assert word in finding.label.en
    assert "not_in_the_figure" not in [f.code for f in run().quality]


def texts(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        if value.keys() == {"en", "fr"}:
            yield value["en"], value["fr"]
        else:
            for inner in value.values():
                yield from texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts(inner)


@pytest.mark.parametrize("example", BY_NAME)
def test_every_text_is_there_in_both_languages(example: str) -> None:
    outcome = run(example, haemoglobin=10.4, haemoglobin_at="2025-03-01T08:00:00+00:00")
    everything = [
        outcome.result,
        outcome.report.as_json(),
        outcome.explanation.data,
        outcome.explanation.sentence.as_json(),
        [problem.as_json() for problem in outcome.problems],
        [finding.as_json() for finding in outcome.quality],
        packages.load("haemorrhage").manifest,
    ]

    found = list(texts(everything))
    assert len(found) > 50
    assert all(en.strip() and fr.strip() for en, fr in found)


def test_prediction_and_explanation_take_milliseconds() -> None:
    run("many_unknowns")
    fastest = min(
        outcome.timings_ms["predict"] + outcome.timings_ms["explain"]
        for outcome in (run("many_unknowns") for _ in range(5))
    )

    assert fastest < 100
    assert explain.STRONGEST == 3
