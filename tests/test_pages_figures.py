"""Numbers on pages are rounded, never cut, and written as the language writes them."""

import pytest
from django.utils import translation

from clinic.templatetags.vigie import chance, figure, percent, signed, with_unit
from ml import package, registry
from predictions.templatetags.data_words import counted, data_words
from predictions.templatetags.metrics import metric_name, point_name


@pytest.mark.parametrize(
    ("value", "digits", "english", "french"),
    [
        (5.8026, 0, "6", "6"),
        (0.996, 2, "1.00", "1,00"),
        (12.25, 1, "12.2", "12,2"),
        (1e-7, 2, "0.00", "0,00"),
        (None, 2, "–", "–"),
    ],
)
def test_a_figure_is_rounded_and_not_cut(value, digits, english, french):
    with translation.override("en"):
        assert figure(value, digits) == english
    with translation.override("fr"):
        assert figure(value, digits) == french


def test_a_share_and_a_sign_are_rounded_too():
    with translation.override("fr"):
        assert percent(0.0876) == "9"
        assert percent(0.9968) == "100"
        assert signed(-0.4392) == "−0,44"


def test_a_percent_sign_stands_apart_in_french_only():
    with translation.override("en"):
        assert (with_unit("61", "%"), with_unit("12", "µV")) == ("61%", "12 µV")
    with translation.override("fr"):
        assert (with_unit("61", "%"), with_unit("4,1", "% · min/h")) == ("61\u202f%", "4,1\u202f% · min/h")


def test_no_probability_is_shown_as_certain():
    assert chance(0.9968) == "> 99"
    assert chance(0.0001) == "< 1"
    assert chance(0.434) == "43"


@pytest.mark.parametrize("algorithm", registry.names())
def test_every_figure_of_a_package_has_words_in_both_languages(algorithm):
    names = {metric.name for metric in package.load(algorithm).metrics}
    words = {}
    for language in ("en", "fr"):
        with translation.override(language):
            words[language] = {name: metric_name(name) for name in names}
    assert "" not in words["en"].values()
    assert not [name for name in names if words["en"][name] == words["fr"][name] != ""]


def test_the_longest_known_part_names_a_figure():
    with translation.override("en"):
        assert metric_name("natality_proxies_brier_null") == "Brier score of the bare frequency"
        assert metric_name("frontal_eeg.recall_N3") == "sensitivity: N3"
        assert metric_name("colour") == ""


@pytest.mark.parametrize("algorithm", registry.names())
def test_every_operating_point_has_words_in_both_languages(algorithm):
    names = package.load(algorithm).thresholds
    words = {}
    for language in ("en", "fr"):
        with translation.override(language):
            words[language] = [point_name(name) for name in names]
    assert not {*words["en"], *words["fr"]} & {*names}
    assert not {*words["en"]} & {*words["fr"]}


def test_no_two_figures_of_a_model_on_the_same_data_are_called_the_same():
    rows = [(metric.data, metric_name(metric.name)) for metric in package.load("sleep").metrics]
    reviewed = [row for row in rows if "review" in row[1]]
    assert len(reviewed) == len(set(reviewed))


def test_nothing_has_no_sign():
    with translation.override("en"):
        assert (signed(-0.0003, 3), signed(0.0003, 3), signed(-0.5, 3)) == ("0.000", "0.000", "−0.500")


def test_one_is_counted_in_the_singular_and_epochs_with_their_thousands_apart():
    said = "162076 epochs of 125 nights; intervals over subjects"
    with translation.override("en"):
        assert (counted("nights", 1), counted("nights", 2)) == ("night", "nights")
        assert data_words(said).startswith("162,076 epochs of 125")
    with translation.override("fr"):
        assert (counted("nights", 1), counted("crashes", 1), counted("nights", 2)) == (
            "nuit",
            "accident",
            "nuits",
        )
        assert data_words(said).startswith("162\xa0076 époques de 125")
