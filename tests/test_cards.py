"""The cards print what the serving packages hold, and nothing else."""

from __future__ import annotations

import pytest

from tests import cards

TABULAR = ("haemorrhage", "german_credit", "accident_severity")


@pytest.mark.parametrize("algorithm", TABULAR)
def test_every_figure_of_a_card_is_one_of_its_package(algorithm):
    assert len(cards.FIGURE.findall(cards.card(algorithm))) >= 9
    assert cards.figures_without_origin(algorithm) == []


@pytest.mark.parametrize("algorithm", TABULAR)
def test_a_figure_that_drifted_is_noticed(algorithm, monkeypatch):
    text = cards.card(algorithm)
    first = cards.FIGURE.search(text)
    drifted = first.group().replace(first.group(1), f"{float(first.group(1)) + 3:.2f}", 1)
    monkeypatch.setattr(cards, "card", lambda name: text.replace(first.group(), drifted, 1))
    assert cards.figures_without_origin(algorithm) == [drifted]


@pytest.mark.parametrize("algorithm", TABULAR)
def test_no_card_prints_what_a_recipe_gave_before_recalibration(algorithm, monkeypatch):
    assert cards.raw_figures(algorithm) == []
    row = cards.packages.load(algorithm).json(cards.COMPARISON)["comparisons"][0]["rows"][2]
    raw = "{value:.4f} [{low:.4f}, {high:.4f}".format(**row["raw"]["brier"])
    text = cards.card(algorithm)
    monkeypatch.setattr(cards, "card", lambda name: text + raw)
    assert cards.raw_figures(algorithm) == cards.figures_without_origin(algorithm) == [raw]
