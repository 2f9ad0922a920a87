"""The page of an assessment: honest digits, both ways of counting, workloads, curve, and what is unknown."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import Unit, User
from ml import package as packages
from ml import runner
from ml.algorithms.haemorrhage import contract, model, operating, predict, wording
from ml.algorithms.haemorrhage.examples import ADMISSIONS, as_of
from ml.contracts import Source
from patients.models import Patient
from predictions import answers, intake
from predictions.models import Study
from predictions.workspaces.haemorrhage import figure, ward
from tests import factories, studies
from tests.test_api import Program


@pytest.mark.parametrize(
    ("risk", "one_in"),
    [
        (0.0083, 120), (0.00101, 990), (0.0231, 43), (0.02, 50), (0.1, 10), (0.124, 8), (0.2, 5),
        (0.201, None), (0.38, None), (0.9, None), (0.00009, 11_000),
    ],
)  # fmt: skip
def test_one_in_n_has_two_digits_and_stops_where_it_misleads(risk: float, one_in: int | None) -> None:
    assert predict.one_in(risk) == one_in


def test_small_figures_are_told_apart_in_both_languages() -> None:
    small = {"risk": 0, "low": 0, "high": 1, "ward": 2.0, "one_in": 1200}
    headline = wording.headline(small)
    assert headline.en.startswith("Fewer than 1 in 100 women like her (about 1 in 1,200, likely 1 at most)")
    assert "environ 1 sur 1\u202f200" in headline.fr
    large = {"risk": 12, "low": 6, "high": 22, "ward": 2.0, "one_in": 8}
    assert "about" not in wording.headline(large).en


# --- workloads and the decision curve, against the definition -----------------------------------


@pytest.fixture(scope="module")
def women() -> np.ndarray:
    """Risks of 400,000 women drawn from the table, at an incidence of 2.5 %."""
    coefficients = model.of(packages.load("haemorrhage"))
    rng = np.random.default_rng(7)
    ward_of = coefficients.ward
    value = rng.choice(ward_of.value, 400_000, p=ward_of.mass / ward_of.mass.sum())
    return model.sigmoid(coefficients.intercept(0.025) + value)


@pytest.mark.parametrize("index", [0, 1, 2, 3])
def test_workloads_are_what_counting_women_gives(women: np.ndarray, index: int) -> None:
    point = operating.of(packages.load("haemorrhage"), 0.025, 0.15).points[index]
    flagged = women >= point.threshold
    assert point.flagged_share == pytest.approx(flagged.mean(), abs=0.003)
    assert point.true_per_100_flagged == pytest.approx(100 * women[flagged].mean(), rel=0.02)
    assert point.found_share == pytest.approx(women[flagged].sum() / women.sum(), rel=0.02)


def test_the_curve_is_the_net_benefit_of_vickers(women: np.ndarray) -> None:
    curve = operating.of(packages.load("haemorrhage"), 0.025, 0.15).curve
    for point in curve:
        flagged, odds = women >= point["threshold"], point["threshold"] / (1 - point["threshold"])
        found = (women * flagged).mean()
        assert point["model"] == pytest.approx(found - (flagged.mean() - found) * odds, abs=2e-4)
        assert point["model"] >= max(point["everybody"], 0) - 1e-6


def test_a_model_learned_elsewhere_never_finds_more_than_all() -> None:
    """Its intercept is offset, so the table's women do not bleed as often as the hospital's."""
    shifted = replace(model.of(packages.load("haemorrhage")), offset=0.7)
    found = operating.ward(shifted, 0.02, 0.10)
    everyone = operating.operating_point(shifted, 0.02, 0.999)
    assert everyone.found_share == pytest.approx(1, abs=0.01)
    assert all(0 < point.found_share < 1 for point in found.points)
    assert found.curve[0]["model"] == pytest.approx(found.curve[0]["everybody"], abs=1e-4)


def test_the_wards_own_share_comes_first_and_none_twice() -> None:
    points = operating.of(packages.load("haemorrhage"), 0.02, 0.10).points
    assert [point.flag_share for point in points] == [0.10, 0.05, 0.20]
    own = operating.of(packages.load("haemorrhage"), 0.02, 0.08).points
    assert [point.flag_share for point in own] == [0.08, 0.05, 0.10, 0.20]


def test_the_share_a_ward_wants_flagged_reaches_the_figure(
    alice: User, claire: Patient, maternity: Unit
) -> None:
    Unit.objects.filter(pk=maternity.pk).update(incidence=0.03, flag_share=0.25)
    values = as_of(ADMISSIONS["typical"][1], timezone.now())
    study = intake.submit(
        user=alice, patient=claire, algorithm="haemorrhage", values=values, idempotency_key="k"
    )
    assert study.options == {"incidence": 0.03, "flag_share": 0.25}
    result = studies.analysed(study).prediction.result
    assert result["workloads"][0]["flag_share"] == 0.25
    assert result["incidence"] == 0.03


# --- the page ------------------------------------------------------------------------------------


def assessed(by: User, patient: Patient, example: str, **changes: Any) -> Study:
    typed, _problems = contract.check(as_of(ADMISSIONS[example][1], timezone.now()) | changes)
    return studies.analysed(studies.waiting(by, patient, values=answers.stored(typed)))


def shown(client: Client, who: User, study: Study, language: str = "en") -> str:
    User.objects.filter(pk=who.pk).update(language=language)
    client.force_login(who)
    page = client.get(reverse("study", args=[study.pk])).content.decode()
    return re.sub(r"\s+", " ", page)


def test_everything_the_clinical_brief_asks_is_on_the_page(
    client: Client, alice: User, bob: User, claire: Patient
) -> None:
    page = shown(client, bob, assessed(alice, claire, "previous_haemorrhage"))
    for said in (
        "in 100 women like her",
        "About <strong>1 in 12</strong> women like her",
        "1 in 50 on this ward",
        "This ward: 2 in 100 women.",
        "likely ",
        "Raises the figure most:",
        "May still change: haemoglobin (9.6 g/dL)",
        "From the average woman of this ward to her",
        "What if",
        "Published rule (CMQCC)",
        "Flagging on this ward",
        "Decision curve",
        "A low figure never removes standard prevention. Vigie orders no treatment.",
        "Assessments of this birth",
    ):
        assert said in page, said
    assert page.count('<circle class="') >= 100
    assert page.count("<polyline") == 2


def test_in_french_with_a_decimal_comma(client: Client, alice: User, bob: User, claire: Patient) -> None:
    page = shown(client, bob, assessed(alice, claire, "previous_haemorrhage"), "fr")
    assert "Environ <strong>1 femme sur 12</strong> comme elle" in page
    assert "hémoglobine (9,6 g/dL)" in page
    assert "Courbe de décision" in page
    assert not re.search(r"\d\.\d+ sur 100", page)


def test_the_unknown_widens_the_range_and_the_page_says_by_how_much(
    client: Client, alice: User, bob: User, claire: Patient
) -> None:
    study = assessed(alice, claire, "many_unknowns")
    page = shown(client, bob, study)
    factor = study.prediction.result["unknown_widening"]["factor"]
    assert f"{study.prediction.result['known'][0]} of 25 known" in page
    assert f"It makes the likely range {factor:.1f} times as wide." in page
    assert "not taken as no" in page


def test_rule_and_figure_may_disagree_and_both_stand(
    client: Client, alice: User, bob: User, claire: Patient
) -> None:
    page = shown(client, bob, assessed(alice, claire, "typical", placenta="low"))
    assert "The rule says high, the figure is not among those flagged. Neither decides." in page


def test_no_more_digits_than_are_true(client: Client, alice: User, bob: User, claire: Patient) -> None:
    """Shares of women are whole numbers; nothing on the page has three decimals."""
    page = shown(client, bob, assessed(alice, claire, "previous_haemorrhage"))
    words = re.sub(r"<svg.*?</svg>|<[^>]+>", " ", page)
    assert not re.search(r"\d[.,]\d{3,}(?!\d*\s*(?:mL|kB))", re.sub(r"1\.\d\.\d", "", words))


@pytest.mark.parametrize(
    "field", ["duration", "episiotomy", "mode_of_delivery", "birth_weight", "blood_loss"]
)
def test_what_only_labour_knows_is_refused_by_name(alice: User, claire: Patient, field: str) -> None:
    values = as_of(ADMISSIONS["typical"][1], timezone.now()) | {field: 3}
    sent = {"algorithm": "haemorrhage", "patient": str(claire.pk), "values": values}
    answer = Program(alice).post("api-studies", data=sent, key=field)
    assert answer.status_code == 422
    assert [p["code"] for p in answer.json()["problems"]] == ["known_only_after_labour"]


def test_no_door_gives_a_raw_resampled_probability(alice: User, claire: Patient) -> None:
    """The one probability of a result has the ward's incidence for its mean; nothing in it is called raw."""
    study = assessed(alice, claire, "typical")
    answer = Program(alice).get("api-result", study.pk).json()
    assert answer["result"]["risk"] == study.prediction.result["risk"]
    assert not re.search(r"raw|smote|resampl", str(answer["result"]), re.I)


@pytest.mark.parametrize(
    ("field", "typed", "meant"),
    [
        ("haemoglobin", "108", "108 g/L is 10.8 g/dL"),
        ("height_cm", "1,65", "1.65 m is 165 cm"),
        ("estimated_fetal_weight_g", "3.4", "3.4 kg is 3400 g"),
        ("platelets", "231 000", "231000 /mm³ is 231 G/L"),
        ("fibrinogen", "420", "420 mg/dL is 4.2 g/L"),
    ],
)
def test_a_value_in_another_unit_is_asked_back_with_its_conversion(
    field: str, typed: str, meant: str
) -> None:
    _typed, problems = contract.check({"admission_at": timezone.now(), field: typed})
    [problem] = [problem for problem in problems if problem.field == field]
    assert meant in problem.message.en
    assert "est-elle en" in problem.message.fr


def test_a_value_of_no_unit_is_out_of_range() -> None:
    _typed, problems = contract.check({"admission_at": timezone.now(), "haemoglobin": "1080"})
    assert [problem.code for problem in problems if problem.field == "haemoglobin"] == ["out_of_range"]


def test_where_the_figure_is_worth_more_is_said_in_thresholds() -> None:
    outcome = runner.run("haemorrhage", Source(values=ADMISSIONS["typical"][1]))
    better = ward.decision_curve(outcome.result)["better"]
    assert 0.4 < better["low"] < better["high"] <= 10
    assert ward.decision_curve({}) is None


def test_a_small_figure_is_said_twice_and_not_three_times() -> None:
    small = {"risk": 1, "low": 1, "high": 1, "ward": 2.0, "one_in": 120}
    headline = wording.headline(small)
    assert headline.en == "1 in 100 women like her (about 1 in 120); ward average 2 in 100"
    assert "(environ 1 sur 120)" in headline.fr
    assert "likely 1 to 2" in wording.headline(small | {"high": 2}).en
    assert "likely about 5" in wording.headline(small | {"risk": 5, "low": 5, "high": 5}).en


def test_the_highest_class_cannot_become_higher(
    client: Client, alice: User, bob: User, claire: Patient
) -> None:
    high = assessed(alice, claire, "high_risk", gestational_diabetes=None, fibroids=None, placenta=None)
    rule = high.prediction.result["rule_class"]
    assert (rule["class"], bool(rule["unanswered"])) == ("high", True)
    assert "the class may be higher" not in shown(client, bob, high)
    low = assessed(alice, claire, "typical", placenta=None)
    assert "the class may be higher" in shown(client, bob, low)


def test_operating_points_stand_in_the_order_of_their_share_with_the_wards_own_marked() -> None:
    values = as_of(ADMISSIONS["typical"][1], timezone.now())
    outcome = runner.run("haemorrhage", Source(values=values, options={"flag_share": 0.1}))
    rows = ward.workloads(outcome.result)
    assert [round(row["share"]) for row in rows] == [5, 10, 20]
    assert [row["own"] for row in rows] == [False, True, False]
    [section] = [one for one in outcome.report.sections if one.title.en == "Flagging on this ward"]
    told = [row.label.en for row in section.rows if "women flagged" in row.label.en]
    assert [said.split(" of")[0] for said in told] == ["5", "10", "20"]
    assert "this ward" in told[1]


@pytest.mark.parametrize("incidence", [0.002, 0.02, 0.035, 0.2])
def test_the_decision_curve_has_labels_enough_to_read_it(incidence: float) -> None:
    values = as_of(ADMISSIONS["typical"][1], timezone.now())
    result = runner.run("haemorrhage", Source(values=values, options={"incidence": incidence})).result
    labels = ward.decision_curve(result)["up"]
    assert 4 <= len(labels) <= 9
    assert any(label["per_100"] == 0 for label in labels)
    written = [f"{label['per_100']:.{label['digits']}f}" for label in labels]
    assert len(set(written)) == len(written)


@pytest.mark.parametrize("start", [0.1, 0.31, 1.02, 1.3, 2.7, 4.9, 11.0, 21.0, 33.0, 51.0, 78.0])
@pytest.mark.parametrize("times", [1.0, 1.15, 3.0, 30.0])
def test_the_waterfall_always_has_two_labels(start: float, times: float) -> None:
    base = float(np.log(start / (100 - start)))
    text = {"en": "a", "fr": "a"}
    step = {"label": text, "value": text, "contribution": float(np.log(times)), "modifiable": False}
    data = {
        "base": base,
        "final": base + step["contribution"],
        "averaging": 0.0,
        "labels": dict.fromkeys(("base", "averaging", "final"), text),
        "contributions": [step],
    }
    ticks = figure.waterfall(data)["ticks"]
    assert len(ticks) >= 2
    written = [f"{tick['per_100']:.{tick['digits']}f}" for tick in ticks]
    assert len(set(written)) == len(written)


def test_the_waterfall_begins_at_a_starting_point_not_at_a_second_average(
    client: Client, alice: User, bob: User, claire: Patient
) -> None:
    page = shown(client, bob, assessed(alice, claire, "typical"), "fr")
    assert "Point de départ : femme moyenne (log-odds)" in page
    assert "Moyenne du service (" not in page


def test_the_form_says_weeks_and_which_answers_are_required(client: Client, alice: User) -> None:
    stay = factories.encounter(factories.patient())
    client.force_login(alice)
    page = client.get(reverse("blood_loss", args=[stay.patient_id, stay.pk])).content.decode()
    assert re.search(r'id="label-method">How it was measured <span[^>]*>\(required\)', page)
    assert "Example: 2026-11-21 15:20" in page
    form = client.get(reverse("study_new", args=["haemorrhage", stay.patient_id])).content.decode()
    assert '<span class="unit">weeks</span>' in form


def test_the_units_show_percentages_and_what_the_model_takes(
    client: Client, admin: User, maternity: Unit, radiology: Unit
) -> None:
    Unit.objects.filter(pk=maternity.pk).update(incidence=0.035)
    client.force_login(admin)
    User.objects.filter(pk=admin.pk).update(language="fr")
    page = client.get(reverse("unit_list")).content.decode()
    assert "<td>3,5 %</td>" in page
    assert re.search(r"<td>10 % <span[^>]*>valeur du modèle</span></td>", page)
