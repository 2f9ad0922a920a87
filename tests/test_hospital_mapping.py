"""A hospital's columns: guessed by name and unit, checked against the header, leaks refused by name."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ml import registry
from ml.algorithms.haemorrhage import mapping
from ml.algorithms.haemorrhage.fields import BY_NAME
from ml.algorithms.haemorrhage.mapping import FIELDS, Mapping, WrongMapping, check, leak, named_unit, suggest
from tests.machine import ROOT

GOOD = {
    "columns": {
        "mother": {"column": "id"},
        "admission_at": {"column": "date"},
        "parity": {"column": "parite"},
        "haemoglobin": {"column": "Hb", "unit": "g/L"},
        "blood_loss_ml": {"column": "pertes"},
    }
}
HEADER = ["id", "date", "parite", "Hb", "pertes"]


def changed(**columns: object) -> dict:
    kept = {k: v for k, v in (GOOD["columns"] | columns).items() if v is not None}
    return {"columns": kept}


def codes(header: list[str], value: dict) -> set[str]:
    return {problem.code for problem in check(header, Mapping.from_mapping(value))}


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("Hb", "haemoglobin"), ("hemoglobine_g_l", "haemoglobin"), ("Hémoglobine (g/dL)", "haemoglobin"),
        ("IMC", "bmi"), ("parité", "parity"), ("SA", "gestation_weeks"), ("terme", "gestation_weeks"),
        ("datenais", "birth_date"), ("DDN", "birth_date"), ("Date de naissance de la mère", "birth_date"),
        ("date_accouchement", "admission_at"), ("DateAdmission", "admission_at"), ("IPP", "mother"),
        ("id_mere", "mother"), ("MotherID", "mother"), ("plaquettes_/mm3", "platelets"), ("Taille",
        "height_cm"),
        ("poids_avant_grossesse", "weight_kg"), ("EPF", "estimated_fetal_weight_g"), ("HTA gravidique",
        "gestational_hypertension"), ("prééclampsie sévère", "severe_preeclampsia"), ("PMA", "art"),
        ("mode_debut_travail", "onset"), ("déclenchement", "onset"), ("ATCD HPP", "previous_pph"),
        ("utérus cicatriciel", "previous_caesareans"), ("nb_cesariennes_anterieures", "previous_caesareans"),
        ("pertes_totales_ml", "blood_loss_ml"), ("HPP_severe", "severe_pph"), ("grossesse_gemellaire",
        "fetuses"),
        ("age_maternel", "age"), ("commentaire", ""), ("n_sejour", ""),
    ],
)  # fmt: skip
def test_a_column_is_recognised_by_the_names_hospitals_use(column: str, field: str) -> None:
    assert list(suggest([column])["columns"]) == ([field] if field else [])


@pytest.mark.parametrize(
    ("name", "cells", "unit"),
    [
        ("Hb", ["118", "122", "97"], "g/L"), ("Hb", ["11,8", "12.2"], "g/dL"), ("hb_g_l", [], "g/L"),
        ("plaquettes", ["230000", "180000"], "/mm3"), ("terme", ["39+4", "40+0"], "weeks+days"),
        ("terme", ["277", "281"], "days"), ("terme", ["39", "40,5"], "weeks"), ("taille", ["1,65",
        "1,70"], "m"),
        ("poids", ["141", "150", "128"], "lb"), ("EPF", ["3,4", "3,1"], "kg"), ("pertes", ["0,3",
        "0,45"], "L"),
        ("date_admission", ["20240131", "20240201"], "yyyymmdd"),
        ("date_admission", ["2024-01-31", "2024-02-01 07:40"], "yyyy-mm-dd"),
        ("date_admission", ["01/31/2024", "02/01/2024"], "mm/dd/yyyy"),
        ("date_admission", ["31/01/2024", "01/02/2024"], "dd/mm/yyyy"),
    ],
)  # fmt: skip
def test_the_unit_is_guessed_from_the_values(name: str, cells: list[str], unit: str) -> None:
    (entry,) = suggest([name], [[cell] for cell in cells])["columns"].values()
    assert entry["unit"] == unit


def test_words_of_a_choice_are_proposed_and_strange_ones_left_to_the_person() -> None:
    found = suggest(["debut_travail"], [["Déclenchement artificiel"], ["Spontané"], ["W"]])
    assert found["columns"]["onset"]["codes"] == {"Déclenchement artificiel": "induced", "W": "unknown"}


@pytest.mark.parametrize(
    "name",
    [
        "duree_travail", "labour_duration_min", "poids_naissance", "BirthWeight", "Apgar 5",
        "mode_accouchement",
        "voie d'accouchement", "Épisiotomie", "transfusion", "CGR", "EBL", "pertes_sanguines_ml", "HPP",
        "atonie",
        "Hb_J1", "hemoglobine post-partum", "delta Hb", "délivrance artificielle", "forceps", "sulprostone",
        "cesarienne_urgence", "emergency caesarean", "durée de séjour", "mode", "ocytocine_dose", "RBC",
        "embolisation", "date_sortie",
    ],
)  # fmt: skip
def test_a_column_known_only_later_is_never_proposed_and_is_refused_by_name(name: str) -> None:
    what = leak(name)
    assert what is not None
    assert what.en
    assert not set(suggest([name])["columns"]) - {"blood_loss_ml", "severe_pph"}
    value = changed(anticoagulant={"column": name})
    (problem,) = check([*HEADER, name], Mapping.from_mapping(value))
    assert problem.code == "known_only_later"
    assert what.fr in problem.message.fr
    assert problem.field == "anticoagulant"


@pytest.mark.parametrize(
    "name",
    [
        "antecedent_hpp", "atcd transfusion", "previous pph", "poids_foetal_estime_g", "debut_travail",
        "césarienne programmée", "hemorragie_antepartum", "Hb_entree", "parite", "refus_transfusion",
        "onset_of_labour", "placenta", "cesariennes_anterieures", "IMC",
    ],
)  # fmt: skip
def test_what_admission_knows_is_no_leak(name: str) -> None:
    assert leak(name) is None


def test_a_mapping_survives_being_stored() -> None:
    full = changed(onset={"column": "debut", "codes": {"S": "spontaneous", "?": None}}) | {
        "missing": ["NR", 9999],
        "outcome": {"definition": "sac de recueil", "window_hours": 24},
        "synthetic": True,
    }
    read = Mapping.from_mapping(full)
    assert Mapping.from_mapping(read.as_dict()) == read
    assert read.columns["onset"].codes == {"S": "spontaneous", "?": "unknown"}
    assert read.missing == ("NR", "9999")
    assert read.synthetic
    assert check([*HEADER, "debut"], read) == []


@pytest.mark.parametrize(
    ("value", "code", "word"),
    [
        ([], "not_a_mapping", "columns"),
        ({"columns": {"hemoglobin": "Hb"}}, "unknown_field", "haemoglobin"),
        ({"columns": {"haemoglobin": {"column": "Hb", "unit": "stone"}}}, "unknown_unit", "g/dL, g/L"),
        ({"columns": {"parity": {"unit": "before"}}}, "not_a_mapping", "column"),
        ({"columns": {"onset": {"column": "d", "codes": {"S": "later"}}}}, "unknown_code", "later"),
        (
            {"columns": {"parity": {"column": "p", "codes": {"nullipare": "none"}}}},
            "unknown_code",
            "whole number",
        ),
        ({"columns": {}, "outcome": {"window_hours": 1000}}, "wrong_window", "24"),
        ({"columns": {}, "outcome": {"threshold_ml": 500}}, "wrong_threshold", "1000"),
        ({"columns": {}, "missing": "NR"}, "not_a_mapping", "missing"),
    ],
)
def test_a_structure_that_is_no_mapping_is_refused_in_words(value: object, code: str, word: str) -> None:
    with pytest.raises(WrongMapping) as refusal:
        Mapping.from_mapping(value)
    (problem,) = refusal.value.problems
    assert problem.code == code
    assert word in problem.message.en
    assert problem.message.fr != problem.message.en


def test_a_mapping_is_held_against_the_header() -> None:
    assert codes(HEADER, GOOD) == set()
    assert codes(HEADER, changed(mother=None)) == {"not_mapped"}
    assert codes(HEADER, changed(parity=None, haemoglobin=None)) == {"no_predictor"}
    assert codes(HEADER, changed(blood_loss_ml=None)) == {"outcome_not_one"}
    assert codes([*HEADER, "s"], changed(severe_pph={"column": "s"})) == {"outcome_not_one"}
    undefined = changed(blood_loss_ml=None, severe_pph={"column": "pertes"})
    assert codes(HEADER, undefined) == {"outcome_not_defined"}
    assert codes([*HEADER, "Hb"], GOOD) == {"column_ambiguous"}
    assert "column_twice" in codes(HEADER, changed(platelets={"column": "Hb"}))
    (problem,) = check(HEADER, Mapping.from_mapping(changed(parity={"column": "parité"})))
    assert "Is it “parite”?" in problem.message.en


def test_every_field_of_the_form_can_be_mapped() -> None:
    assert set(BY_NAME) <= set(FIELDS)
    assert registry.door("haemorrhage", "mapping") is mapping


def test_the_mapping_needs_no_library() -> None:
    program = "import sys; import ml.algorithms.haemorrhage.mapping; print(*sys.modules)"
    loaded = subprocess.run(
        (sys.executable, "-c", program), cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert {"numpy", "pandas", "yaml", "django"}.isdisjoint(loaded)


@pytest.mark.parametrize(
    ("name", "unit"),
    [("haemoglobin_g_dl", "g/dL"), ("Hb (g/L)", "g/L"), ("hb mmol/L", "mmol/L"), ("hb", ""), ("hb_j", "")],
)
def test_the_unit_at_the_end_of_a_name_is_found(name: str, unit: str) -> None:
    found = named_unit(FIELDS["haemoglobin"], name)
    assert (found.code if found else "") == unit


@pytest.mark.parametrize(
    ("name", "cells", "simulated"),
    [
        ("synthetic", ["yes", "yes"], True),
        ("Synthétique", ["oui", "Oui "], True),
        ("synthetic", ["yes", ""], False),
        ("parity", ["yes", "yes"], False),
    ],
)
def test_a_proposal_says_that_the_births_are_simulated(name: str, cells: list[str], simulated: bool) -> None:
    proposed = suggest(["mother_id", name], [["SYN-1", cell] for cell in cells])
    assert proposed.get("synthetic", False) is simulated
