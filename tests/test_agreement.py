"""Agreement of people and algorithms: the figures by hand, who sees which, and what is never told."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from clinic.accounts.models import Unit, User
from clinic.accounts.roles import Role
from ml import registry
from ml.algorithms.haemorrhage.examples import ADMISSIONS, as_of
from ml.algorithms.sleep.contract import STAGES
from ml.contracts import Refused
from patients.models import Patient
from predictions import answers, first_read, jobs, outcomes, reading, review
from predictions.agreement import access, services, shown, work
from predictions.agreement.figures import Part, Said, cells, computed, diagonal, kappas, one
from predictions.agreement.models import Report
from predictions.agreement.nights import OF_PAIRS
from predictions.agreement.scope import Scope
from predictions.models import JobState, Study
from tests import deploying, factories, scored_nights, studies

MONTH = f"{timezone.now():%Y-%m}"


def counted(by: User, unit: Unit, algorithm: str, **changes: Any) -> Report:
    """Ask for this month, and count it as a worker does."""
    asked = {"since": MONTH, "until": MONTH} | changes
    report = services.ask(user=by, contract=registry.contract(algorithm), unit=unit, **asked)
    jobs.work("agreement", report.pk)
    report.refresh_from_db()
    assert report.state == JobState.DONE, report.problems
    return report


def part(report: Report, code: str) -> dict[str, Any]:
    return next(one for one in report.figures if one["code"] == code)


def table(*rows: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(row) for row in rows)


# --- the figures -----------------------------------------------------------------------------------


def test_kappa_is_the_one_of_the_textbook() -> None:
    # 50 cases, 35 alike; by chance 0.5 of them: (0.7 - 0.5) / (1 - 0.5).
    assert kappas(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)
    assert np.isnan(kappas(np.array([[9, 0], [0, 0]])))


def test_epochs_of_one_patient_are_resampled_together() -> None:
    """Twenty patients with fifty nights each, half of whom agree throughout, leave much doubt."""
    torn = Part("x", ("a", "b"), ("a", "b"), epochs=True)
    for number in range(20):
        patient = uuid4()
        said = table((5, 0), (0, 5)) if number % 2 else table((0, 5), (5, 0))
        torn.said.extend(Said(uuid4(), patient, (1,), said) for _ in range(50))
    found = computed(torn)
    assert (found["patients"], found["studies"], found["no_interval"]) == (20, 1000, "")
    assert found["kappa"]["high"] - found["kappa"]["low"] > 0.6


@pytest.mark.parametrize(("patients", "why"), [(9, "few_patients"), (12, "no_spread")])
def test_no_interval_is_drawn_from_few_patients_or_from_one_night_over_and_over(
    patients: int, why: str
) -> None:
    shares = (("alike", diagonal(2), cells((0, 1), (0, 1))),)
    part = Part("x", ("a", "b"), ("a", "b"), epochs=True, shares=shares)
    for number in range(patients):
        more = number if why == "few_patients" else 0
        part.said.append(Said(uuid4(), uuid4(), (1,), table((40, 10 + more), (10, 40))))
    found = computed(part)
    assert found["kappa"]["value"] is not None
    assert {found["kappa"]["low"], found["shares"][0]["high"]} == {None}
    assert found["no_interval"] == why


def test_it_does_not_count_who_of_two_began_first() -> None:
    """Sides that alternate from night to night are turned; the figure is scikit-learn's of fixed sides."""
    rng = np.random.default_rng(3)
    part = Part("x", STAGES, STAGES, pairs=True, epochs=True, shares=OF_PAIRS)
    ours, theirs = [], []
    for number in range(12):
        one = rng.choice(3, 200, p=(0.6, 0.3, 0.1))
        # The other calls much of the first's wake N1, and never the other way round.
        two = np.where((one == 0) & (rng.random(200) < 0.4), 1, one)
        ours, theirs = [*ours, *one], [*theirs, *two]
        pair = (one, two) if number % 2 else (two, one)
        counts = table(*confusion_matrix(*pair, labels=range(5)).tolist())
        part.said.append(Said(uuid4(), uuid4(), (1, 2) if number % 2 else (2, 1), counts))
    found = computed(part)
    assert found["kappa"]["value"] == pytest.approx(cohen_kappa_score(ours, theirs), abs=1e-12)
    assert found["kappa"]["low"] < found["kappa"]["value"] < found["kappa"]["high"]
    assert found["named"][0]["kappa"] == found["kappa"]
    both = 2 * int(((np.array(ours) == 0) & (np.array(theirs) == 0)).sum())
    either = ours.count(0) + theirs.count(0)
    assert (found["shares"][1]["count"], found["shares"][1]["n"]) == (both, either)


def test_three_scorers_have_the_mean_of_their_pairs() -> None:
    tables = [table((20, 5), (10, 15)), table((30, 0), (0, 20)), table((25, 5), (5, 15))]
    part = Part("x", ("a", "b"), ("a", "b"), pairs=True, epochs=True)
    study, patient = uuid4(), uuid4()
    for people, counts in zip([(1, 2), (1, 3), (2, 3)], tables, strict=True):
        part.said.append(Said(study, patient, people, counts))
    found = computed(part)
    assert (found["studies"], found["pairs"], found["people"]) == (1, 3, 3)
    expected = np.mean([float(kappas(np.array(counts))) for counts in tables])
    assert found["kappa"]["value"] == pytest.approx(expected)
    assert found["kappa"]["value"] != pytest.approx(float(kappas(np.sum(tables, axis=0))), abs=1e-3)
    assert len(found["named"]) == 3


def test_a_share_of_studies_has_wilsons_interval() -> None:
    flags = Part("x", ("no", "yes"), ("no", "yes"), shares=(("sensitivity", ((1, 1),), cells((1,), (0, 1))),))
    for hit in (1, 1, 1, 0):
        flags.said.append(Said(uuid4(), uuid4(), (), one(2, 2, 1, hit)))
    [share] = computed(flags)["shares"]
    assert (share["count"], share["n"]) == (3, 4)
    assert (share["low"], share["high"]) == pytest.approx((0.3006, 0.9544), abs=1e-4)


# --- what is counted -------------------------------------------------------------------------------


@pytest.fixture
def lab(sleep_lab: Unit, sandra: User, terry: User) -> Unit:
    """Return the sleep laboratory, led by its physician."""
    sleep_lab.leads.add(sandra)
    return sleep_lab


def signed_night(
    by: User, scorer: User, patient: Patient, *sent: dict[str, Any], silent: bool = False
) -> Study:
    """Return a signed night; under a silent evaluation twenty epochs of N2."""
    night = scored_nights.night(scorer, patient)
    if silent:
        deploying.silenced(night)
        sent = tuple(scored_nights.stage(epoch, "N2") for epoch in range(len(scored_nights.STAGES)))
    if sent:
        scored_nights.finished(scorer, night, *sent)
        night.refresh_from_db()
    if not silent:
        review.give(user=by, study=night, verdict="agree")
    review.sign(user=by, study=night)
    return night


@pytest.mark.django_db
def test_a_signed_night_is_held_against_its_draft_epoch_by_epoch(
    lab: Unit, sandra: User, terry: User, nina: Patient
) -> None:
    corrected = signed_night(sandra, terry, nina, scored_nights.stage(5, "W"), scored_nights.stage(6, "W"))
    signed_night(sandra, terry, factories.patient(lab, family_name="Other"))
    report = counted(sandra, lab, "sleep")
    scored, signed = part(report, "scored"), part(report, "signed")
    # Of twenty epochs two were N1 in the draft and are W now: W 7, draft W 5.
    assert scored["table"][0] == [5, 2, 0, 0, 0]
    assert (scored["studies"], scored["answers"], signed["studies"]) == (1, 20, 2)
    assert scored["left_out"] == {"draft_untouched": 1}
    chance = (7 * 5 + 0 * 2 + 6 * 6 + 4 * 4 + 3 * 3) / 400
    assert scored["kappa"]["value"] == pytest.approx((0.9 - chance) / (1 - chance))
    assert [(one.study_id, one.weight) for one in report.strongest.all()] == [
        (corrected.pk, pytest.approx(0.1))
    ]


@pytest.mark.django_db
def test_files_analysed_again_are_one_case(
    client: Client, lab: Unit, radiology: Unit, sandra: User, terry: User, charlie: User, nina: Patient,
    henri: Patient,
) -> None:  # fmt: skip
    night = signed_night(sandra, terry, nina, scored_nights.stage(5, "W"))
    again = signed_night(sandra, terry, nina, scored_nights.stage(5, "W"))
    film = studies.radiograph(charlie, henri)
    second = studies.radiograph(charlie, henri, repeats=film, repeats_with="1.0.0")
    for study in (film, second):
        first_read.commit(user=charlie, study=study, impression="normal", confidence="sure")
        studies.signed(study, charlie)
    Study.objects.filter(pk=again.pk).update(repeats=night, repeats_with="1.0.0")
    nights = counted(sandra, lab, "sleep")
    assert {code: part(nights, code)["studies"] for code in ("signed", "scored", "reasons")} == {
        "signed": 1, "scored": 1, "reasons": 1,
    }  # fmt: skip
    films = counted(charlie, radiology, "chest_xray")
    assert {code: part(films, code)["studies"] for code in ("blind", "final", "minds", "reasons")} == {
        "blind": 1, "final": 1, "minds": 1, "reasons": 1,
    }  # fmt: skip
    client.force_login(sandra)
    page = client.get(reverse("agreement_report", args=[nights.pk])).content.decode()
    assert "Each case counts once, as the first study." in page


@pytest.mark.django_db
def test_scorers_who_worked_apart_are_not_mixed_with_those_who_did_not(
    lab: Unit, sandra: User, terry: User, nina: Patient
) -> None:
    toni = factories.staff("toni", Role.TECHNICIAN, lab)
    night = scored_nights.night(terry, nina)
    scored_nights.score(toni, night, scored_nights.stage(0, "N1"))
    scored_nights.finished(terry, night, scored_nights.stage(1, "N2"))
    scored_nights.finished(toni, night)
    report = counted(sandra, lab, "sleep")
    apart = part(report, "scorers_apart")
    assert (apart["studies"], apart["people"]) == (1, 2)
    assert [share["count"] for share in apart["shares"][:1]] == [18]
    assert part(report, "scorers_dependent")["studies"] == 0


@pytest.mark.django_db
def test_scorers_keep_their_sides_whoever_opens_a_night_first(lab: Unit, sandra: User, terry: User) -> None:
    toni = factories.staff("toni", Role.TECHNICIAN, lab)
    for first, second in ((terry, toni), (toni, terry)):
        night = scored_nights.night(terry, factories.patient(lab))
        for person in (first, second):
            scored_nights.score(person, night, scored_nights.stage(0, "N1" if person == toni else "W"))
        for person in (first, second):
            marks = [scored_nights.event("artefact", epoch=7)] if person == toni else []
            scored_nights.finished(person, night, *marks)
    page = part(counted(sandra, lab, "sleep"), "scorers_apart")
    # Both nights on one side: Toni's N1 is Terry's wake, never the other way round.
    assert sorted((page["table"][0][1], page["table"][1][0])) == [0, 2]
    assert page["marked"] == 2


@pytest.mark.django_db
def test_a_night_signed_without_sight_of_the_draft_is_held_against_it_and_is_no_opinion(
    lab: Unit, sandra: User, terry: User
) -> None:
    silent = signed_night(sandra, terry, factories.patient(lab), silent=True)
    amended = signed_night(sandra, terry, factories.patient(lab), scored_nights.stage(5, "W"))
    review.amend(user=sandra, study=amended, reason="Once more")
    report = counted(sandra, lab, "sleep")
    unseen, signed = part(report, "signed_unseen"), part(report, "signed")
    # Twenty epochs of N2 on an empty page, against the draft of the network.
    assert (unseen["studies"], unseen["table"][2]) == (1, [5, 2, 6, 4, 3])
    assert (signed["studies"], signed["left_out"]) == (0, {"unseen": 1, "being_amended": 1})
    reasons = part(report, "reasons")
    assert (reasons["studies"], reasons["left_out"]) == (1, {"unseen": 1})
    assert "unseen" not in reasons["columns"]
    assert report.strongest.get(study=silent).part == "signed_unseen"


@pytest.mark.django_db
def test_a_radiograph_signed_without_sight_of_the_answer_is_what_its_reader_saw(
    radiology: Unit, charlie: User, henri: Patient
) -> None:
    image = studies.radiograph(charlie, henri, probability=0.81)
    deploying.silenced(image)
    first_read.commit(user=charlie, study=image, impression="normal", confidence="sure")
    reading.save(user=charlie, study=image, values={"impression": "Clear."}, language="en")
    review.sign(user=charlie, study=image)
    report = counted(charlie, radiology, "chest_xray")
    assert part(report, "signed_unseen")["table"] == [[0, 1], [0, 0]]
    assert (part(report, "final")["studies"], part(report, "final")["left_out"]) == (0, {"unseen": 1})
    assert part(report, "minds")["left_out"] == {"not_judged": 1}
    assert part(report, "reasons")["studies"] == 0


@pytest.mark.django_db
def test_a_radiologist_before_the_answer_and_after_it(radiology: Unit, charlie: User, henri: Patient) -> None:
    """Charlie sees no pneumonia, then agrees with an answer that says pneumonia."""
    image = studies.radiograph(charlie, henri, probability=0.81)
    first_read.commit(user=charlie, study=image, impression="normal", confidence="sure")
    studies.signed(image, charlie)
    against = studies.radiograph(charlie, henri, probability=0.2)
    first_read.commit(user=charlie, study=against, impression="pneumonia", confidence="sure")
    studies.signed(against, charlie, verdict="disagree", reason="clinical")
    report = counted(charlie, radiology, "chest_xray")
    assert part(report, "blind")["table"] == [[0, 1], [1, 0]]
    assert part(report, "blind")["kappa"]["value"] == pytest.approx(-1)
    assert part(report, "final")["table"] == [[0, 0], [1, 1]]
    assert part(report, "minds")["table"] == [[1, 1], [0, 0]]
    [sensitivity] = [s for s in part(report, "final")["shares"] if s["name"] == "sensitivity"]
    assert (sensitivity["count"], sensitivity["n"]) == (1, 2)
    assert report.strongest.get(study=image).weight == pytest.approx(0.81)


@pytest.mark.django_db
def test_a_haemorrhage_figure_against_opinions_and_births(
    maternity: Unit, alice: User, bob: User, claire: Patient
) -> None:
    stay = factories.encounter(claire)
    values = answers.stored(as_of(ADMISSIONS["typical"][1], timezone.now()))
    study = studies.analysed(studies.waiting(alice, claire, values=values, encounter=stay))
    found = study.prediction.result
    review.give(user=alice, study=study, verdict="agree")
    review.give(user=bob, study=study, verdict="disagree", reason="clinical")
    loss = {"millilitres": 1400, "method": "weighed", "measured_at": timezone.now()}
    outcomes.keep(user=alice, encounter=stay, values=loss)
    report = counted(bob, maternity, "haemorrhage")
    assert part(report, "verdicts")["table"] == [[1, 0, 0], [0, 1, 0]]
    assert part(report, "two_people")["table"][0] == [0, 1, 0]
    reasons = part(report, "reasons")
    assert [row[:2] for row in reasons["table"]] == [[1, 0], [0, 1], [0, 0]]
    assert [share["count"] for share in reasons["shares"]] == [1, 1, 0]
    assert part(report, "births")["table"] == [[0, 0], [int(not found["flagged"]), int(found["flagged"])]]
    assert part(report, "verdicts_births")["table"][1] == [1, 1, 0]
    assert not found["flagged"]
    assert report.strongest.get().weight == pytest.approx(1 - found["risk"])


@pytest.mark.django_db
def test_another_version_and_another_month_are_not_counted(
    lab: Unit, sandra: User, terry: User, nina: Patient
) -> None:
    signed_night(sandra, terry, nina)
    assert part(counted(sandra, lab, "sleep", version="0.0.1"), "signed")["studies"] == 1
    assert part(counted(sandra, lab, "sleep", since="2020-01", until="2020-12"), "signed")["studies"] == 0
    with pytest.raises(Refused, match="version_unknown"):
        counted(sandra, lab, "sleep", version="9.9.9")
    with pytest.raises(Refused, match="months_reversed"):
        counted(sandra, lab, "sleep", since="2026-02", until="2026-01")


# --- who sees it -----------------------------------------------------------------------------------


def many(lab: Unit, people: int, nights: int = 12) -> Report:
    """Return a counted report of nights scored by some technicians."""
    said = Part("scored", ("W",), ("W",), epochs=True)
    said.left_out["draft_untouched"] = 2
    scorers = [factories.staff(f"scorer-{number}", Role.TECHNICIAN, lab) for number in range(people)]
    for number in range(nights):
        said.said.append(Said(uuid4(), uuid4(), (scorers[number % people].pk,), table((9,))))
    return Report.objects.create(
        algorithm="sleep", unit=lab, since=date(2026, 1, 1), until=date(2026, 2, 1), state=JobState.DONE,
        asked_by=scorers[0], queued_at=timezone.now(), figures=[computed(said)],
    )  # fmt: skip


@pytest.mark.django_db
def test_nobody_is_rated_before_others(lab: Unit, sandra: User, terry: User, steward: User) -> None:
    """Two scorers: their lead sees both by name, each sees themselves, everybody else nothing at all."""
    report = many(lab, people=2)
    one, other = User.objects.filter(username__startswith="scorer").order_by("pk")
    [seen] = shown.of(sandra, report)
    assert [named.people for named in seen.named] == [one.label, other.label]
    assert not seen.withheld
    [seen] = shown.of(one, report)
    assert ([named.people for named in seen.named], bool(seen.withheld)) == ([one.label], True)
    for person in (terry, steward):
        [seen] = shown.of(person, report)
        assert (seen.named, seen.rows, bool(seen.withheld)) == ((), (), True)


@pytest.mark.django_db
def test_pooled_figures_are_for_all_once_enough_people_are_in_them(lab: Unit, steward: User) -> None:
    [seen] = shown.of(steward, many(lab, people=3))
    assert not seen.withheld
    assert seen.named == ()
    [few] = shown.of(steward, _few(lab))
    assert few.withheld == shown.FEW_STUDIES


def _few(lab: Unit) -> Report:
    said = Part("births", ("W",), ("W",), named=False)
    said.said.extend(Said(uuid4(), uuid4(), (), table((1,))) for _ in range(9))
    return Report(algorithm="haemorrhage", unit=lab, figures=[computed(said)])


@pytest.mark.django_db
def test_a_steward_gets_counts_and_no_link_to_a_patient(
    client: Client, lab: Unit, sandra: User, terry: User, nina: Patient, steward: User
) -> None:
    night = signed_night(sandra, terry, nina, scored_nights.stage(5, "W"))
    report = counted(steward, lab, "sleep")
    address = reverse("agreement_report", args=[report.pk])
    client.force_login(steward)
    page = client.get(address).content.decode()
    assert str(night.pk) not in page
    assert "1 study, of a record that is not open to you" in page
    assert nina.family_name not in page
    assert terry.label not in page
    client.force_login(sandra)
    page = client.get(address).content.decode()
    assert reverse("study", args=[night.pk]) in page
    assert terry.label in page


def table_of(client: Client, report: Report) -> list[dict[str, str]]:
    """Return the CSV as a spreadsheet reads it."""
    content = client.get(reverse("agreement_csv", args=[report.pk])).content
    assert content.startswith(codecs.BOM_UTF8)
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


# When who did how many studies with which version.
DONE = [
    *(((2025, 10), who, "1.0", 4) for who in (1, 2, 3)),
    ((2025, 11), 1, "1.0", 3),
    *(((2025, 12), who, "2.0", 4) for who in (1, 2, 3)),
]


@pytest.fixture
def years(lab: Unit, monkeypatch: pytest.MonkeyPatch) -> Unit:
    """Return a unit in which three people worked for two months, and one of them in a third between."""

    def collect(scope: Scope) -> list[Part]:
        found = Part("scored", ("W",), ("W",), epochs=True)
        for (year, month), who, version, number in DONE:
            at = datetime(year, month, 15, tzinfo=UTC)
            if scope.since <= at < scope.until and scope.version in ("", version):
                found.said.extend(Said(uuid4(), uuid4(), (who,), table((9,))) for _ in range(number))
        return [found]

    monkeypatch.setitem(work.COLLECTORS, "sleep", collect)
    monkeypatch.setattr(services, "versions", lambda algorithm: ["1.0", "2.0"])
    return lab


def said_of(user: User, unit: Unit, since: str, until: str, version: str = "") -> Any:
    """Return why a report is withheld from ``user``, ``None`` where it is shown."""
    report = counted(user, unit, "sleep", since=since, until=until, version=version)
    [seen] = shown.of(user, report)
    return seen.withheld


@pytest.mark.django_db
@pytest.mark.parametrize("first", ["2025-10", "2025-11"])
def test_two_reports_tell_no_more_by_subtraction(
    years: Unit, steward: User, sandra: User, first: str
) -> None:
    """October, or October and November: whichever is asked first is shown, the other would tell November."""
    other = {"2025-10": "2025-11", "2025-11": "2025-10"}[first]
    assert said_of(steward, years, "2025-10", first) is None
    assert said_of(steward, years, "2025-10", other) == shown.TOLD_APART
    assert said_of(steward, years, "2025-10", first) is None
    assert said_of(sandra, years, "2025-10", other) is None
    # December stands by itself beside October; all three months beside both would tell November again.
    assert said_of(steward, years, "2025-12", "2025-12") is None
    withheld = said_of(steward, years, "2025-10", "2025-12")
    assert withheld == (shown.TOLD_APART if first == "2025-10" else None)


@pytest.mark.django_db
def test_three_reports_tell_no_more_by_subtraction(years: Unit, steward: User) -> None:
    """All three months without the first and without the last are the one between."""
    assert said_of(steward, years, "2025-10", "2025-12") is None
    assert said_of(steward, years, "2025-10", "2025-10") is None
    assert said_of(steward, years, "2025-12", "2025-12") == shown.TOLD_APART


@pytest.mark.django_db
def test_versions_tell_no_more_by_subtraction(years: Unit, steward: User) -> None:
    assert said_of(steward, years, "2025-11", "2025-12") is None
    assert said_of(steward, years, "2025-11", "2025-12", "2.0") == shown.TOLD_APART


@pytest.mark.django_db
def test_the_table_and_the_api_tell_no_more_than_the_page(
    client: Client, lab: Unit, sandra: User, steward: User
) -> None:
    report = many(lab, people=2)
    client.force_login(steward)
    rows = table_of(client, report)
    assert [(row["part"], row["people"], row["figure"]) for row in rows] == [("scored", "pooled", "withheld")]
    answer = client.get(reverse("api-agreement", args=[report.pk])).json()
    assert (answer["parts"][0]["pooled"], answer["parts"][0]["named"]) == (None, [])
    client.force_login(sandra)
    [cell] = [row for row in table_of(client, report) if (row["people"], row["figure"]) == ("pooled", "cell")]
    assert (cell["row"], cell["column"], cell["count"]) == ("W", "W", "108")
    [left] = [row for row in table_of(client, report) if row["figure"] == "left_out"]
    assert (left["row"], left["count"]) == ("draft_untouched", "2")
    answer = client.get(reverse("api-agreement", args=[report.pk])).json()
    assert answer["parts"][0]["pooled"]["studies"] == 12
    assert len(answer["parts"][0]["named"]) == 2
    listed = client.get(reverse("api-agreements")).json()
    assert [one["id"] for one in listed] == [str(report.pk)]


@pytest.mark.django_db
def test_only_a_lead_who_works_there_leads(lab: Unit, sandra: User) -> None:
    assert access.leads(sandra, lab)
    sandra.units.clear()
    assert not access.leads(sandra, lab)
