"""The pages of the models: curves for all staff, the comparison of recipes for the steward alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from ml import comparisons, drawing
from ml.package import Package
from predictions.views.comparison import COLUMNS, _difference
from tests import factories, recipes

pytestmark = pytest.mark.django_db

MODEL = ("model", ["haemorrhage"])
COMPARISON = ("model_comparison", ["haemorrhage"])


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Package:
    return recipes.put_into_service(monkeypatch, tmp_path)


@pytest.fixture
def steward() -> User:
    return factories.staff("steward", Role.STEWARD)


def page(
    client: Client, who: User, address: tuple[str, list[str]], query: str = "", language: str = "en"
) -> str:
    who.language = language
    who.save()
    client.force_login(who)
    response = client.get(reverse(address[0], args=address[1]) + query)
    assert response.status_code == 200
    return response.content.decode()


def test_everybody_on_the_staff_sees_the_curves_and_on_what_they_were_drawn(
    client: Client, alice: User, served: Package
) -> None:
    said = page(client, alice, MODEL)
    assert said.count('<svg xmlns="http://www.w3.org/2000/svg" class="chart"') == 6
    assert "Made-up register" in said
    assert "n = 1,500 births" in said
    assert "Area under the curve 0.7" in said


def test_the_curves_speak_french(client: Client, alice: User, served: Package) -> None:
    said = page(client, alice, MODEL, language="fr")
    assert "Registre inventé" in said
    assert "Aire sous la courbe 0,7" in said
    assert "Sensibilité (%)" in said


def test_no_clinician_is_shown_the_way_to_a_raw_probability(
    client: Client, alice: User, steward: User, served: Package
) -> None:
    address = reverse(*COMPARISON[:1], args=COMPARISON[1])
    assert address not in page(client, alice, MODEL)
    assert client.get(address).status_code == 403
    assert address in page(client, steward, MODEL)


def test_raw_stands_beside_recalibrated_with_intervals(
    client: Client, steward: User, served: Package
) -> None:
    said = page(client, steward, COMPARISON)
    table = said.split("<caption>Probabilities</caption>")[1].split("</table>")[0]
    assert table.count(">raw</th>") == table.count(">recalibrated</th>") == 12
    brier = served.json("comparison.json")["comparisons"][0]["rows"][1]
    for kind in ("raw", "calibrated"):
        assert f"{brier[kind]['brier']['value']:.3f}" in table
        assert f"{brier[kind]['brier']['low']:.3f} to {brier[kind]['brier']['high']:.3f}" in table
    assert "Precision (%) at sensitivity 0.69" in table


def test_no_recipe_is_called_better_unless_its_interval_excludes_zero(
    client: Client, steward: User, served: Package
) -> None:
    said = page(client, steward, COMPARISON)
    first = served.json("comparison.json")["comparisons"][0]
    verdicts = [found["verdict"] for row in first["rows"] for found in row["differences"].values()]
    table = said.split("Recalibrated, minus “Logistic regression”</caption>")[1].split("</table>")[0]
    assert re.findall(r'class="judged (\w+)"', table) == verdicts
    assert "No recipe is better than “Logistic regression”." in said
    assert f"hold for all {first['tests']} differences together" in said


def test_made_up_data_is_called_made_up_and_only_that(client: Client, steward: User, served: Package) -> None:
    said = page(client, steward, COMPARISON)
    register, cohort = said.split("<h2>Register</h2>")[1].split("<h2>Made-up cohort</h2>")
    assert "no clinical performance" in cohort
    assert "no clinical performance" not in register


def test_a_table_is_sorted_by_what_was_asked_best_first(
    client: Client, steward: User, served: Package
) -> None:
    rows = served.json("comparison.json")["comparisons"][0]["rows"]
    for asked, best_first in (("brier", False), ("roc_auc", True)):
        said = page(client, steward, COMPARISON, f"?sort={asked}")
        table = said.split("<caption>Probabilities</caption>")[1].split("</table>")[0]
        shown = re.findall(r'scope="rowgroup"[^>]*>([^<]+)<', table)
        expected = sorted(rows, key=lambda row: row["calibrated"][asked]["value"], reverse=best_first)
        assert shown == [row["label"]["en"] for row in expected]
        assert table.count("aria-sort") == 1


@pytest.mark.parametrize("asked", ["", "?sort=nothing", "?sort=calibration_slope", "?sort=<script>"])
def test_an_unknown_order_is_the_stored_one(
    client: Client, steward: User, served: Package, asked: str
) -> None:
    said = page(client, steward, COMPARISON, asked)
    assert "<script>" not in said.split("<main")[1].split("</main>")[0]
    table = said.split("<caption>Probabilities</caption>")[1].split("</table>")[0]
    assert re.findall(r'scope="rowgroup"[^>]*>([^<]+)<', table) == [label.en for label in recipes.LABELS]


def test_the_comparison_speaks_french(client: Client, steward: User, served: Package) -> None:
    said = page(client, steward, COMPARISON, language="fr")
    assert "Aucune recette n’est meilleure que «\u00a0Régression logistique\u00a0»." in said
    assert "brute" in said
    assert "recalibrée" in said
    assert "0,69" in said
    assert "indécis" in said


def test_a_package_without_curves_or_comparison_says_so(client: Client, steward: User) -> None:
    assert "No curve in this package." in page(client, steward, ("version", ["sleep", "1.0.0"]))
    said = page(client, steward, ("model", ["sleep"]))
    assert "This package holds no comparison of recipes." in said
    assert "This package holds no comparison of recipes." in page(
        client, steward, ("model_comparison", ["sleep"])
    )


def test_a_model_that_does_not_exist_has_no_comparison(client: Client, steward: User) -> None:
    client.force_login(steward)
    assert client.get(reverse("model_comparison", args=["astrology"])).status_code == 404


def test_a_bound_beyond_zero_is_written_so_that_it_is_seen_to_be() -> None:
    column = COLUMNS["roc_auc"]
    found = {"roc_auc": {"value": 0.037, "low": 0.0004, "high": 0.074, "verdict": "better"}}
    assert _difference(found, column, {"roc_auc": 3})["range"] == "+0.0004 to +0.0740"
    found["roc_auc"]["low"] = 0.0104
    assert _difference(found, column, {"roc_auc": 3})["range"] == "+0.010 to +0.074"


BENCH = ("model_comparison", ["chest_xray"])


def test_the_steward_reads_why_the_winner_of_the_bench_won(client: Client, steward: User) -> None:
    said = page(client, steward, BENCH)
    assert "Why the winner won" in said
    assert "The shifted validation chooses" in said
    assert said.count('id="chart-losses-') == len(set(re.findall(r'id="(chart-losses-[^"]+)"', said))) > 5
    assert "Better: " in said
    french = page(client, steward, BENCH, language="fr")
    assert "Pourquoi le vainqueur l’emporte" in french
    assert "La validation sur images altérées choisit" in french
    assert "Images telles quelles" in french


def test_the_model_page_leads_there_and_without_a_bench_says_that_there_is_none(
    client: Client, steward: User, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    address = reverse(BENCH[0], args=BENCH[1])
    assert address in page(client, steward, ("model", ["chest_xray"]))
    monkeypatch.setattr(comparisons, "ALGORITHMS", tmp_path)
    assert address not in page(client, steward, ("model", ["chest_xray"]))
    assert "This package holds no comparison of recipes." in page(client, steward, BENCH)


def test_a_relative_link_of_a_card_leads_to_its_page_or_stays_words(
    client: Client, alice: User, steward: User
) -> None:
    address = reverse(BENCH[0], args=BENCH[1])
    for who, linked in ((steward, True), (alice, False)):
        card = page(client, who, ("model", ["chest_xray"])).split('<article class="prose"')[1]
        assert "its comparison" in card
        assert (f'<a href="{address}">its comparison</a>' in card) == linked
        assert all(re.match("https?:|#|/", target) for target in re.findall(r'href="([^"]+)"', card))


def test_one_figure_has_the_same_decimals_in_every_table(client: Client, steward: User) -> None:
    said = page(client, steward, BENCH)
    for row in comparisons.of_bench("chest_xray")["comparisons"][1]["rows"]:
        found = row["calibrated"]["roc_auc"]
        assert '{value:.3f}<span class="range">{low:.3f} to {high:.3f}<'.format(**found) in said


def test_losses_above_the_scale_are_said(client: Client) -> None:
    flat = [[[0.5, 0.6, 0.7]] * 20]
    assert "lies above it" not in drawing.losses(flat, "en", "one")[1]
    _, caption = drawing.losses([[[2.67, 0.6, 0.7], *flat[0]]], "en", "one")
    assert re.search(r"The scale ends at 0\.\d\d; the highest loss, 2\.67, lies above it\.$", caption)


def test_the_bench_is_for_the_steward_alone(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.get(reverse(BENCH[0], args=BENCH[1])).status_code == 403


def test_in_french_a_figure_says_on_what_it_was_computed(client: Client, steward: User) -> None:
    said = page(client, steward, ("model", ["chest_xray"]), language="fr")
    table = said.split('id="figures"')[1].split("</section>")[0]
    assert "moitié étiquetée de la partie de test officielle" in table
    assert "rééchantillonnage de 217 patients entiers" in table
    assert 'lang="en"' not in table
    sleep = page(client, steward, ("model", ["sleep"]), language="fr").split('<article class="prose"')[0]
    assert "Puissances de bandes Sleep-EDF cassette, validation croisée par sujet en 5\u00a0plis" in sleep
    assert "époques de" in sleep
    assert '<span lang="en">' not in sleep


def test_many_figures_are_folded_by_data_and_named_with_their_stage(client: Client, steward: User) -> None:
    said = page(client, steward, ("model", ["sleep"]))
    folded = re.findall(r'<details class="figures"( open)?>', said)
    assert folded.count(" open") == 1
    assert len(folded) > 5
    assert "Sensitivity: N3<br>" in said
    assert "Sensitivity<br>" not in said
    assert said.index('id="same-cases"') < said.index('id="figures"')
    assert all(f'id="{name}"' in said for name in re.findall(r'<li><a href="#([^"]+)"', said))
