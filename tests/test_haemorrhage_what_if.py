"""What if an answer were another one: the same package, another figure, nothing kept, and said to be that."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit.models import Action, Event
from ml import package as packages
from ml import runner
from ml.algorithms.haemorrhage import what_if
from ml.algorithms.haemorrhage.examples import ADMISSIONS, as_of
from ml.contracts import Refused, Source
from patients.models import Patient
from predictions import answers, inquiries, queue
from predictions.models import Inquiry, Prediction, Study
from tests import factories, studies

ANAEMIC: dict[str, Any] = ADMISSIONS["previous_haemorrhage"][1]


def supposed(
    changes: Mapping[str, Any], values: Mapping[str, Any] = ANAEMIC, **options: float
) -> dict[str, Any]:
    return what_if.answer(packages.load("haemorrhage"), values, options, changes)


def test_the_figures_are_those_of_two_whole_assessments() -> None:
    answer = supposed({"haemoglobin": "12,1"}, incidence=0.03)
    for when, values in (("before", ANAEMIC), ("after", ANAEMIC | {"haemoglobin": 12.1})):
        outcome = runner.run("haemorrhage", Source(values=values, options={"incidence": 0.03}))
        for key in ("risk", "interval", "per_100", "flagged"):
            assert answer[when][key] == outcome.result[key]
    assert answer["direction"] == "lower"


def test_a_sentence_says_what_changed_and_that_it_is_no_effect() -> None:
    answer = supposed({"haemoglobin": "12.1"})
    assert "haemoglobin 12.1 g/dL instead of 9.6 g/dL" in answer["sentence"]["en"]
    assert "hémoglobine 12,1 g/dL au lieu de 9,6 g/dL" in answer["sentence"]["fr"]
    assert "would be lower" in answer["sentence"]["en"]
    assert "not the effect of a treatment" in answer["note"]["en"]
    assert [entry["field"] for entry in answer["changed"]] == ["haemoglobin"]


def test_a_figure_that_does_not_move_in_whole_women_is_said_not_to() -> None:
    answer = supposed({"haemoglobin": "13"}, ADMISSIONS["typical"][1])
    assert answer["direction"] == "same"
    assert "would not move" in answer["sentence"]["en"]


def test_unknown_may_be_supposed_and_is_not_no() -> None:
    answer = supposed({"onset": "unknown"}, ADMISSIONS["first_birth"][1])
    assert answer["changed"][0]["after"] == {"en": "unknown", "fr": "inconnu"}
    assert answer["after"]["risk"] < answer["before"]["risk"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"parity": "3"}, "not_changeable"),
        ({"haemoglobin": "9.6"}, "nothing_changed"),
        ({"haemoglobin": "ten"}, "not_a_number"),
        ({"haemoglobin": "121"}, "haemoglobin_in_g_per_l"),
        ({"no_such_field": "1"}, "not_changeable"),
    ],
)
def test_what_cannot_be_supposed_is_refused_in_words(changes: dict[str, str], code: str) -> None:
    with pytest.raises(Refused) as refused:
        supposed(changes)
    assert [problem.code for problem in refused.value.problems] == [code]


@pytest.mark.parametrize(
    ("placenta", "offered"),
    [
        ("normal", {"haemoglobin", "onset"}),
        (None, {"haemoglobin", "onset"}),
        ("praevia", {"haemoglobin"}),
        ("accreta", {"haemoglobin"}),
    ],
)
def test_only_what_may_change_after_admission_is_offered(placenta: str | None, offered: set[str]) -> None:
    """What was so in the pregnancy cannot change, and a placenta over the cervix leaves no choice."""
    values = ANAEMIC | {"placenta": placenta, "onset": "planned_caesarean", "anticoagulant": "yes"}
    outcome = runner.run("haemorrhage", Source(values=values))
    assert set(outcome.result["changeable"]) == offered
    said = {entry["factor"] for entry in outcome.explanation.data["contributions"] if entry["modifiable"]}
    assert said == offered
    if placenta == "praevia":
        with pytest.raises(Refused):
            supposed({"onset": "spontaneous"}, values)


# --- the page ------------------------------------------------------------------------------------


@pytest.fixture
def study(alice: User, claire: Patient) -> Study:
    values = answers.stored(as_of(ANAEMIC, timezone.now()))
    stay = factories.encounter(claire)
    return studies.analysed(studies.waiting(alice, claire, values=values, encounter=stay))


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a worker answer at once: only the broker between the two halves is left out."""

    def at_once(inquiry: Inquiry) -> bool:
        inquiries.answer(inquiry.pk)
        return True

    monkeypatch.setattr(queue, "send_inquiry", at_once)
    monkeypatch.setattr(inquiries, "within", lambda limits: nullcontext())


def ask(client: Client, study: Study, *, htmx: bool = True, **changes: str) -> Any:
    headers = {"HX-Request": "true"} if htmx else {}
    return client.post(reverse("study_what_if", args=[study.pk]), changes, headers=headers)


def test_the_panel_shows_both_figures_and_leaves_nothing_behind(
    client: Client, bob: User, study: Study, worker: None
) -> None:
    client.force_login(bob)
    before = (Study.objects.count(), Prediction.objects.count())
    page = ask(client, study, haemoglobin="12", onset=study.values["onset"]).content.decode()
    assert "instead of 9.6 g/dL" in page
    assert "not recorded" in page
    assert page.count('class="interval"') == 2
    assert (Study.objects.count(), Prediction.objects.count()) == before
    assert not Inquiry.objects.exists()
    event = Event.objects.filter(kind="what_if").get()
    assert (event.action, event.actor, event.study) == (Action.VIEW, bob, study.pk)
    assert event.payload.data == {"fields": ["haemoglobin"]}


def test_without_scripts_the_whole_page_answers(
    client: Client, bob: User, study: Study, worker: None
) -> None:
    client.force_login(bob)
    page = ask(client, study, htmx=False, haemoglobin="12").content.decode()
    assert "instead of 9.6 g/dL" in page
    assert "women like her" in page


def test_a_worker_that_does_not_answer_is_a_sentence(
    client: Client, bob: User, study: Study, settings: Any
) -> None:
    settings.INQUIRY_SECONDS = 1
    client.force_login(bob)
    page = ask(client, study, haemoglobin="12").content.decode()
    assert "No worker answered" in page
    assert 'value="12"' in page


def test_letters_are_a_sentence_too(client: Client, bob: User, study: Study, worker: None) -> None:
    client.force_login(bob)
    assert "not a number" in ask(client, study, haemoglobin="ten").content.decode()


def test_asking_for_what_was_answered_asks_nobody(client: Client, bob: User, study: Study) -> None:
    client.force_login(bob)
    page = ask(client, study, haemoglobin="9.6", onset=study.values["onset"]).content.decode()
    assert "No worker answered" not in page
    assert not Event.objects.filter(kind="what_if").exists()


def test_the_version_of_the_assessment_answers_whichever_serves_now(
    client: Client, bob: User, study: Study, worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, by_sha256 = [], packages.by_sha256

    def spied(algorithm: str, sha256: str) -> packages.Package:
        asked.append((algorithm, sha256))
        return by_sha256(algorithm, sha256)

    monkeypatch.setattr(inquiries.packages, "by_sha256", spied)
    client.force_login(bob)
    assert "instead of 9.6 g/dL" in ask(client, study, haemoglobin="12").content.decode()
    assert asked == [("haemorrhage", study.prediction.package_sha256)]


def test_another_package_never_answers_in_its_place(
    client: Client, bob: User, alice: User, study: Study, worker: None
) -> None:
    gone = studies.waiting(alice, study.patient, values=study.values)
    kept = {
        name: getattr(study.prediction, name)
        for name in ("package_version", "package_sha256", "result", "report", "created_at")
    }
    Prediction.objects.create(study=gone, **(kept | {"package_sha256": "0" * 64}))
    Study.objects.filter(pk=gone.pk).update(state="ready")
    client.force_login(bob)
    page = ask(client, gone, haemoglobin="12").content.decode()
    assert "no longer here" in page
    assert "instead of" not in page


def test_a_result_of_an_older_version_still_shows_without_what_if(
    client: Client, bob: User, alice: User, claire: Patient, study: Study
) -> None:
    """Results of 1.0.0 lack the fields that came later."""
    older = dict(study.prediction.result)
    for key in ("changeable", "workloads", "as_high_share", "decision_curve"):
        del older[key]
    older["per_100"] = {key: older["per_100"][key] for key in ("risk", "low", "high", "ward")}
    old = studies.waiting(alice, claire, values=study.values, encounter=study.encounter)
    Study.objects.filter(pk=old.pk).update(state="ready")
    Prediction.objects.create(
        study=old,
        package_version="1.0.0",
        package_sha256="a" * 64,
        result=older,
        report=study.prediction.report,
        created_at=timezone.now(),
    )
    client.force_login(bob)
    response = client.get(reverse("study", args=[old.pk]))
    page = response.content.decode()
    assert response.status_code == 200
    assert "women like her" in page
    assert 'id="what-if"' not in page
    assert "different versions of the model (1.0.0, " in page
    assert client.get(reverse("study_what_if", args=[old.pk])).status_code == 404
