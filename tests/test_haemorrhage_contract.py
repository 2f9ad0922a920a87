"""The admission form: what it reads, what it refuses and in which words, what it only asks about."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from ml.algorithms.haemorrhage import contract
from ml.algorithms.haemorrhage.examples import ADMISSIONS, EXAMPLES, as_of
from ml.contracts import FieldKind, Problem, Severity, Text

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
FORM = {
    "admission_at": "2026-11-21T07:40:00+00:00",
    "birth_date": "02/03/1994",
    "gravidity": "2",
    "parity": "1",
    "gestation_weeks": "39+4",
    "height_cm": "165",
    "weight_kg": "62,5",
    "fetuses": "1",
    "haemoglobin": "10,8",
    "haemoglobin_at": "21/11/2026 06h15",
}


def check(**changes: object) -> tuple[dict, list[Problem]]:
    return contract.check({**FORM, **changes}, at=NOW)


def codes(problems: list[Problem], name: str) -> list[str]:
    return [problem.code for problem in problems if problem.field == name]


def refused(problems: list[Problem]) -> list[str]:
    return [p.code for p in problems if p.severity is Severity.REFUSE]


def test_reads_french_and_english_notation() -> None:
    french, problems = check()
    english, _ = check(
        birth_date="1994-03-02", weight_kg="62.5", haemoglobin=10.8, gestation_weeks=39, gestation_days=4
    )

    assert refused(problems) == []
    assert french["birth_date"] == english["birth_date"] == date(1994, 3, 2)
    assert french["weight_kg"] == english["weight_kg"] == 62.5
    assert french["haemoglobin"] == english["haemoglobin"] == 10.8
    assert (french["gestation_weeks"], french["gestation_days"]) == (39, 4)
    assert contract.age(french) == 32
    assert contract.bmi(french) == pytest.approx(22.957, abs=1e-3)


@pytest.mark.parametrize("pasted", ["10,8 g/dL", "10.8g/dl", "10,8\u202fg/dL "])
def test_a_value_pasted_with_the_unit_of_the_field_is_read(pasted: str) -> None:
    typed, problems = check(haemoglobin=pasted, weight_kg="62,5 kg")

    assert refused(problems) == []
    assert (typed["haemoglobin"], typed["weight_kg"]) == (10.8, 62.5)


@pytest.mark.parametrize("pasted", ["10,8 g/L", "6,7 mmol/L", "g/dL", "10,8 g/dL g/dL", "10,8 g"])
def test_a_value_in_another_unit_is_refused_not_guessed(pasted: str) -> None:
    _, problems = check(haemoglobin=pasted)

    assert codes(problems, "haemoglobin") == ["not_a_number"]


@pytest.mark.parametrize("written", ["39+4", "39 + 4", "39 SA + 4 j", "39 wk + 4 d"])
def test_gestation_in_one_go(written: str) -> None:
    typed, problems = check(gestation_weeks=written)

    assert (typed["gestation_weeks"], typed["gestation_days"]) == (39, 4)
    assert codes(problems, "gestation_weeks") == []


def test_thousands_may_be_spaced() -> None:
    typed, _ = check(estimated_fetal_weight_g="3\u202f450")

    assert typed["estimated_fetal_weight_g"] == 3450


def test_what_was_checked_can_be_checked_again_after_json() -> None:
    typed, _ = check(preeclampsia="oui", previous_pph="unknown")

    again, problems = contract.check(json.loads(json.dumps(typed, default=str)), at=NOW)

    assert again == typed
    assert refused(problems) == []


BAD_NUMBERS = [
    "10,8a", "dix", "10.8.1", "1e1", "0x0A", "NaN", "inf", "-inf", "1e400", "١٢", "１２", "1\x002", "--3",
    float("nan"), float("inf"), 1e400, 10**400, True, False, [10.8], {"v": 10.8}, b"10.8", object(),
    "9" * 100_000, "<b>10</b>", "10 8 3",
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD_NUMBERS, ids=lambda bad: repr(bad)[:20])
@pytest.mark.parametrize("name", ["haemoglobin", "parity", "estimated_fetal_weight_g"])
def test_refuses_what_is_no_number_and_names_the_field(name: str, bad: object) -> None:
    typed, problems = check(**{name: bad})

    [problem] = [p for p in problems if p.field == name]
    label = contract.CONTRACT.field(name).label
    assert problem.severity is Severity.REFUSE
    assert problem.message.en.startswith(label.en)
    assert problem.message.fr.startswith(label.fr)
    assert typed[name] is None


@pytest.mark.parametrize(
    "bad", [*BAD_NUMBERS, "\x00", "🩸", -1, 10**9, [], (), set()], ids=lambda bad: repr(bad)[:20]
)
def test_nothing_makes_it_crash(bad: object) -> None:
    for field in contract.CONTRACT.fields:
        _, problems = contract.check(
            {**FORM, field.name: bad, f"{field.name}_at": bad, str(bad)[:50]: bad}, at=NOW
        )
        assert refused(problems)


@pytest.mark.parametrize("not_a_form", [None, [], "form", 3, [FORM]])
def test_something_else_than_a_form_is_refused(not_a_form: object) -> None:
    typed, problems = contract.check(not_a_form)

    assert (typed, refused(problems)) == ({}, ["not_a_form"])


@pytest.mark.parametrize(
    "field", [f for f in contract.CONTRACT.fields if f.minimum is not None], ids=lambda f: f.name
)
def test_hard_limits_are_inclusive(field: object) -> None:
    step = 1 if field.kind is FieldKind.INTEGER else 0.01
    weeks_alone = {"gestation_weeks": 39} if field.name == "gestation_days" else {}

    for inside in (field.minimum, field.maximum):
        assert "out_of_range" not in codes(check(**weeks_alone, **{field.name: inside})[1], field.name)
    for outside in (field.minimum - step, field.maximum + step):
        assert "out_of_range" in codes(check(**weeks_alone, **{field.name: outside})[1], field.name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gestation_weeks", 23), ("gestation_weeks", 42), ("estimated_fetal_weight_g", 4001),
        ("haemoglobin", 8.9), ("platelets", 99), ("fibrinogen", 2.9), ("aptt_ratio", "1,1"),
    ],
)  # fmt: skip
def test_soft_limits_ask(name: str, value: object) -> None:
    typed, problems = check(
        **{name: value, f"{name}_at": FORM["haemoglobin_at"]} if name == "platelets" else {name: value}
    )

    assert "unusual_value" in codes(problems, name)
    assert typed[name] is not None
    assert refused(problems) == []


@pytest.mark.parametrize("value", ["108", 108, "95,5"])
def test_haemoglobin_in_grams_per_litre_is_asked_back_with_the_conversion(value: object) -> None:
    typed, problems = check(haemoglobin=value)

    [problem] = [p for p in problems if p.field == "haemoglobin"]
    assert problem.code == "haemoglobin_in_g_per_l"
    assert problem.severity is Severity.REFUSE
    assert "g/L?" in problem.message.en
    assert ("10,8 g/dL" in problem.message.fr) or ("9,6 g/dL" in problem.message.fr)
    assert typed["haemoglobin"] is None


@pytest.mark.parametrize(
    ("changes", "code", "severity"),
    [
        ({"parity": 2}, "parity_exceeds_gravidity", Severity.REFUSE),
        ({"previous_caesareans": 2}, "caesareans_exceed_parity", Severity.REFUSE),
        ({"parity": 0, "previous_pph": "pph_500"}, "previous_pph_without_birth", Severity.WARN),
        ({"gestation_weeks": "39+4", "gestation_days": 3}, "gestation_twice", Severity.REFUSE),
        ({"height_cm": 210, "weight_kg": 40}, "bmi_out_of_range", Severity.REFUSE),
        ({"height_cm": 190, "weight_kg": 55}, "bmi_unusual_value", Severity.WARN),
        ({"birth_date": "21/11/2017"}, "age_out_of_range", Severity.REFUSE),
        ({"birth_date": "22/11/2012"}, "age_unusual_value", Severity.WARN),
        ({"onset": "spontaneous", "induction_method": "balloon"}, "method_without_induction", Severity.WARN),
        ({"haemoglobin_at": "2026-11-18T07:00:00+00:00"}, "stale_result", Severity.WARN),
        ({"haemoglobin_at": None}, "result_time_missing", Severity.WARN),
        ({"haemoglobin_at": "2026-11-22T07:00:00+00:00"}, "in_the_future", Severity.REFUSE),
        ({"admission_at": "2026-11-21T10:00:00+00:00"}, "in_the_future", Severity.REFUSE),
        ({"admission_at": ""}, "required", Severity.REFUSE),
        ({"admission_at": "21/11/2026"}, "not_a_datetime", Severity.REFUSE),
        ({"birth_date": "31/02/1994"}, "not_a_date", Severity.REFUSE),
        ({"preeclampsia": "perhaps"}, "not_a_choice", Severity.REFUSE),
        ({"preeclampsia": False}, "not_a_choice", Severity.REFUSE),
        ({"placenta": "Praevia "}, "", Severity.WARN),
    ],
)  # fmt: skip
def test_rules_across_fields(changes: dict, code: str, severity: Severity) -> None:
    _, problems = check(**changes)

    found = [(p.code, p.severity) for p in problems]
    assert ((code, severity) in found) if code else (found == [])


def test_a_birthday_counts_on_its_day() -> None:
    assert contract.age(check(birth_date="1994-11-21")[0]) == 32
    assert contract.age(check(birth_date="1994-11-22")[0]) == 31


def test_a_clock_that_is_a_little_ahead_is_no_reason_to_refuse() -> None:
    _, problems = check(admission_at=NOW + timedelta(minutes=5))

    assert refused(problems) == []


@pytest.mark.parametrize("name", ["duration", "episiotomy", "mode", "birth_weight", "blood_loss"])
def test_variables_of_labour_are_refused_by_name(name: str) -> None:
    _, problems = check(**{name: 1})

    [problem] = [p for p in problems if p.field == name]
    assert problem.code == "known_only_after_labour"
    assert name in problem.message.en
    assert name in problem.message.fr


def test_unknown_fields_are_refused_by_name_and_hostile_names_are_shown_tame() -> None:
    _, problems = check(**{"hb\x00\x1b[2J": 3, "x" * 10_000: 1})

    assert refused(problems) == ["unknown_field"] * 2
    assert all(len(p.field) < 50 and "\x00" not in p.message.en + p.field for p in problems)


def test_a_flood_of_unknown_fields_gives_a_readable_number_of_sentences() -> None:
    _, problems = check(**{f"f{i}": 1 for i in range(10_000)})

    assert len(problems) <= 20


def test_nothing_has_a_default_and_unanswered_is_not_no() -> None:
    typed, _ = contract.check({"admission_at": FORM["admission_at"]}, at=NOW)

    assert {name for name, value in typed.items() if value is not None} == {"admission_at"}
    assert contract.known(typed) == (0, 25)


def test_counts_what_is_known_the_same_before_and_after_checking() -> None:
    raw = {**FORM, "preeclampsia": "unknown", "fibroids": "inconnu", "art": "no", "platelets": " "}
    typed, _ = contract.check(raw, at=NOW)

    assert contract.known(raw) == contract.known(typed) == (8, 25)


def test_parity_nought_answers_the_questions_about_earlier_births() -> None:
    known, _ = contract.known({"parity": "0"})

    assert known == 3
    assert "previous_pph" not in contract.unknown({"parity": 0})


@pytest.mark.parametrize("example", EXAMPLES, ids=list(ADMISSIONS))
def test_example_admissions_pass_as_they_are_and_moved_to_now(example: dict) -> None:
    json.dumps(example)
    moved = as_of(example, NOW)

    for values in (example, moved):
        assert refused(contract.check(values, at=NOW)[1]) == []
    assert contract.check(moved, at=NOW)[0]["admission_at"] == NOW


def texts_of_the_form() -> list[Text]:
    found = [contract.CONTRACT.title, contract.CONTRACT.purpose]
    for section in contract.CONTRACT.sections:
        found.append(section.title)
    for field in contract.CONTRACT.fields:
        found += [field.label, *([field.help] if field.help else []), *(c.label for c in field.choices)]
    return found


def test_every_text_of_the_form_is_there_in_both_languages() -> None:
    for text in texts_of_the_form():
        assert text.en.strip()
        assert text.fr.strip()


def test_fields_keep_to_the_sections_order() -> None:
    order = [section.name for section in contract.CONTRACT.sections]
    places = [order.index(field.section) for field in contract.CONTRACT.fields]

    assert places == sorted(places)
    assert all(f.choices[-1].code == "unknown" for f in contract.CONTRACT.fields if f.choices)
