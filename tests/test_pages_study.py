"""The page of a study in each of its states, and what people do there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from clinic.accounts.models import User
from clinic.audit.models import Action, Event
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from ml.algorithms.sleep.statistics import statistics
from ml.contracts import Problem, Text
from patients.models import Patient
from predictions.models import Explanation, Prediction, StoredArtefact, Study
from predictions.states import State
from predictions.storage import receive, storage
from predictions.workspaces.chest_xray.films import films
from predictions.workspaces.haemorrhage import figure
from predictions.workspaces.sleep import night
from tests import outputs, studies

HTMX = {"HX-Request": "true"}
STAGES = ["W"] * 4 + ["N1"] * 2 + ["N2"] * 8 + ["N3"] * 4 + ["R"] * 2


def page(client: Client, study: Study) -> str:
    return client.get(reverse("study", args=[study.pk])).content.decode()


def stopped(study: Study, state: State, *problems: Problem) -> Study:
    Study.objects.filter(pk=study.pk).update(
        state=state, problems=[problem.as_json() for problem in problems], finished_at=timezone.now()
    )
    study.refresh_from_db()
    return study


def assessed(by: User, patient: Patient) -> Study:
    return studies.analysed(studies.waiting(by, patient, values=as_of(EXAMPLES[0], timezone.now())))


def answered(by: User, patient: Patient, algorithm: str, result: Mapping[str, Any]) -> Study:
    """Return a study with that result and an explanation that failed; both are written once."""
    study = studies.waiting(by, patient, algorithm=algorithm)
    Study.objects.filter(pk=study.pk).update(state=State.READY)
    pins = {"package_version": "1.0.0", "package_sha256": "0" * 64}
    report = {"headline": studies.HEADLINE, "sections": [], "limits": []}
    prediction = Prediction.objects.create(
        study=study, result=result, report=report, created_at=timezone.now(), **pins
    )
    Explanation.objects.create(prediction=prediction, status="failed", **pins)
    study.refresh_from_db()
    return study


def test_a_waiting_study_asks_every_second(client: Client, alice: User, claire: Patient) -> None:
    study = studies.waiting(alice, claire)
    client.force_login(alice)
    shown = page(client, study)
    assert "Waiting for the analyser" in shown
    assert f'hx-get="{reverse("study_state", args=[study.pk])}" hx-trigger="every 1s"' in shown


def test_the_result_takes_the_place_of_the_waiting(client: Client, alice: User, claire: Patient) -> None:
    study = studies.waiting(alice, claire, values=as_of(EXAMPLES[0], timezone.now()))
    client.force_login(alice)
    address = reverse("study_state", args=[study.pk])
    waiting = client.get(address, headers=HTMX)
    assert "hx-trigger" in waiting.content.decode()
    assert "HX-Retarget" not in waiting
    studies.analysed(study)
    there = client.get(address, headers=HTMX)
    assert there["HX-Retarget"] == "#study"
    assert "women like her" in there.content.decode()
    assert 'hx-trigger="every' not in there.content.decode()


def test_waiting_is_not_recorded_as_reading_the_result_is(
    client: Client, alice: User, claire: Patient
) -> None:
    study = studies.waiting(alice, claire, values=as_of(EXAMPLES[0], timezone.now()))
    client.force_login(alice)
    client.get(reverse("study_state", args=[study.pk]), headers=HTMX)
    assert not Event.objects.filter(action=Action.VIEW).exists()
    studies.analysed(study)
    client.get(reverse("study_state", args=[study.pk]), headers=HTMX)
    event = Event.objects.get(action=Action.VIEW)
    assert (event.patient, event.study, event.actor) == (claire.pk, study.pk, alice)


@pytest.mark.parametrize(
    ("language", "sentence", "draft"),
    [
        ("en", "Too old for it.", "AI draft – not signed"),
        ("fr", "Trop âgé.", "Brouillon de l’IA – non signé"),
    ],
)
def test_a_refusal_gives_every_reason_and_no_score(
    client: Client, alice: User, claire: Patient, language: str, sentence: str, draft: str
) -> None:
    reasons = (
        Problem("adult", Text("Too old for it.", "Trop âgé.")),
        Problem("inverted", Text("Upside down.", "À l’envers.")),
    )
    study = stopped(studies.waiting(alice, claire), State.REFUSED, *reasons)
    alice.language = language
    alice.save()
    client.force_login(alice)
    shown = page(client, study)
    assert sentence in shown
    assert reasons[1].message.to(language) in shown
    assert "answer-figure" not in shown
    assert draft not in shown


def test_a_failure_says_why_and_can_be_tried_again(client: Client, alice: User, claire: Patient) -> None:
    reason = Problem("lost", Text("The analyser was lost.", "L’analyseur a été perdu."))
    study = stopped(studies.waiting(alice, claire), State.FAILED, reason)
    client.force_login(alice)
    assert "The analyser was lost." in page(client, study)
    client.post(reverse("study_retry", args=[study.pk]))
    study.refresh_from_db()
    assert study.state == State.QUEUED


def test_the_haemorrhage_page_draws_what_the_model_said(client: Client, bob: User, claire: Patient) -> None:
    study = assessed(bob, claire)
    client.force_login(bob)
    shown = page(client, study)
    per_100 = study.prediction.result["per_100"]
    drawn = re.search(r'<svg class="women".*?</svg>', shown, re.S)[0]
    assert drawn.count("<circle") == 100
    assert drawn.count('class="bleeds"') == per_100["risk"]
    assert "AI draft – not signed" in shown
    assert study.prediction.package_version in shown
    assert study.prediction.package_sha256[:8] in shown


def test_a_failed_explanation_leaves_the_figure(client: Client, bob: User, claire: Patient) -> None:
    study = answered(bob, claire, "haemorrhage", assessed(bob, claire).prediction.result)
    client.force_login(bob)
    shown = page(client, study)
    assert "women like her" in shown
    assert "could not be computed" in shown


def test_numbers_of_drawings_keep_their_point_in_french(client: Client, bob: User, claire: Patient) -> None:
    study = assessed(bob, claire)
    bob.language = "fr"
    bob.save()
    client.force_login(bob)
    attributes = re.findall(r' (?:x|x1|x2|cx|cy|y|width|height|d)="([^"]*)"', page(client, study))
    assert attributes
    assert not [value for value in attributes if "," in value]


def verdict(study: Study, **more: str) -> dict[str, str]:
    return {"prediction": str(study.prediction.pk), **more}


def test_disagreement_needs_a_reason_and_keeps_what_was_typed(
    client: Client, alice: User, claire: Patient
) -> None:
    study = assessed(alice, claire)
    client.force_login(alice)
    sent = verdict(study, verdict="disagree", comment="she bled last time")
    response = client.post(reverse("study_review", args=[study.pk]), sent)
    assert response.status_code == 422
    assert "Choose a reason." in response.content.decode()
    assert "she bled last time" in response.content.decode()


def test_sign_then_read_only_then_amend(client: Client, bob: User, claire: Patient) -> None:
    study = assessed(bob, claire)
    client.force_login(bob)
    client.post(reverse("study_sign", args=[study.pk]), verdict(study, verdict="agree"))
    signed = page(client, study)
    assert "version 1, signed by Bob Invented" in signed
    assert 'name="verdict"' not in signed
    client.post(reverse("study_amend", args=[study.pk]), {"reason": "wrong parity"})
    amended = page(client, study)
    assert 'name="verdict"' in amended
    assert "wrong parity" in amended
    assert "signed version 1" in amended
    assert not re.search(r'name="verdict"[^>]* checked', amended)
    assert 'rows="3"></textarea>' in amended
    response = client.post(reverse("study_sign", args=[study.pk]), {"prediction": str(study.prediction.pk)})
    assert "Give your own verdict" in response.content.decode()


def test_the_former_verdict_is_not_sent_again_after_an_amendment(
    client: Client, bob: User, claire: Patient
) -> None:
    study = assessed(bob, claire)
    client.force_login(bob)
    sent = verdict(study, verdict="disagree", reason="poor_input", comment="old words")
    client.post(reverse("study_review", args=[study.pk]), sent)
    assert re.search(r'value="disagree" checked', page(client, study))
    client.post(reverse("study_sign", args=[study.pk]), verdict(study))
    client.post(reverse("study_amend", args=[study.pk]), {"reason": "wrong parity"})
    form = re.search(r"<review-form>.*</review-form>", page(client, study), re.S)[0]
    assert " checked" not in form
    assert "selected" not in form
    assert "old words" not in form
    kept = client.post(reverse("study_review", args=[study.pk]), verdict(study, verdict="agree"), follow=True)
    assert re.search(r'value="agree" checked', kept.content.decode())


@pytest.mark.parametrize("name", ["study_review", "study_sign", "study_amend", "study_retry", "study_repeat"])
def test_what_takes_posts_leads_back_to_the_study_when_it_is_opened(
    client: Client, bob: User, claire: Patient, name: str
) -> None:
    """A refused form stays at its address: a reload or another language opens it."""
    study = studies.waiting(bob, claire)
    client.force_login(bob)
    address = reverse(name, args=[study.pk])
    assert client.get(address)["Location"] == reverse("study", args=[study.pk])
    refused = client.put(address)
    assert (refused.status_code, refused["Allow"]) == (405, "POST")
    assert "Open the worklist" in refused.content.decode()


def test_only_the_result_on_the_screen_can_be_signed(client: Client, bob: User, claire: Patient) -> None:
    study = assessed(bob, claire)
    client.force_login(bob)
    stale = {"verdict": "agree", "prediction": "00000000-0000-0000-0000-000000000000"}
    response = client.post(reverse("study_sign", args=[study.pk]), stale)
    assert response.status_code == 422
    study.refresh_from_db()
    assert study.state == State.READY


def test_a_midwife_has_no_signature(client: Client, alice: User, claire: Patient) -> None:
    study = assessed(alice, claire)
    client.force_login(alice)
    assert reverse("study_sign", args=[study.pk]) not in page(client, study)


def stored(prediction: Prediction, name: str, content: Any) -> None:
    payload = json.dumps(content).encode()
    received = receive(ContentFile(payload), limit=10**7)
    digest = received.sha256
    StoredArtefact.objects.create(
        prediction=prediction,
        name=name,
        media_type="application/json",
        stored_name=storage.adopt(received, "artefacts"),
        size=len(payload),
        sha256=digest,
    )


def night_result() -> Mapping[str, Any]:
    chances = [[0.6 if stage == own else 0.1 for stage in night.STAGES] for own in STAGES]
    return {
        "stages": STAGES,
        "probabilities": chances,
        "epoch_seconds": 30,
        "channels": {"eeg_frontal_central": "C4-M1", "eeg_posterior": None, "eog": None, "emg_chin": None},
        "statistics": statistics(STAGES),
        "uncertain": [5, 3],
        "start": "2026-11-20T22:41:30",
        "simulated": True,
    }


@pytest.fixture
def slept(sandra: User, nina: Patient) -> Study:
    """Return an analysed night of Nina's."""
    study = answered(sandra, nina, "sleep", night_result())
    bands = ["delta", "theta", "alpha", "sigma", "beta"]
    contributions = {
        "slots": ["eeg_frontal_central", "eeg_posterior", "eog"],
        "bands": bands,
        "contributions": [[0.5, -0.25] + [0.0] * 13] * len(STAGES),
        "neighbours": [0.4] * len(STAGES),
    }
    stored(study.prediction, "contributions.json", contributions)
    return study


def test_the_night_shows_stages_statistics_and_what_to_check(
    client: Client, sandra: User, slept: Study
) -> None:
    client.force_login(sandra)
    shown = page(client, slept)
    assert "Simulated recording" in shown
    assert "2 epochs are uncertain" in shown
    assert "wake between the first and the last sleep" in shown
    assert shown.count('class="stage-N3" x=') == 1


def test_an_epoch_says_what_spoke_for_its_stage(client: Client, sandra: User, slept: Study) -> None:
    client.force_login(sandra)
    shown = client.get(reverse("study_epoch", args=[slept.pk, 5])).content.decode()
    assert "Epoch 6" in shown
    assert "22:44:00" in shown
    assert shown.index("delta") < shown.index("theta")
    assert "+0.50" in shown
    assert client.get(reverse("study_epoch", args=[slept.pk, len(STAGES)])).status_code == 404


def test_the_hypnogram_covers_every_epoch_once() -> None:
    runs = night.hypnogram(STAGES)
    assert [(run["x"], run["width"], run["stage"]) for run in runs] == [
        (0, 4, "W"),
        (4, 2, "N1"),
        (6, 8, "N2"),
        (14, 4, "N3"),
        (18, 2, "R"),
    ]
    assert night.hypnogram([]) == []


def test_the_waterfall_ends_at_the_figure() -> None:
    text = {"en": "a", "fr": "a"}
    data = {
        "base": -4.0,
        "final": -3.0,
        "averaging": 0.1,
        "labels": {"base": text, "final": text},
        "contributions": [
            {"label": text, "value": text, "contribution": 1.2, "modifiable": False},
            {"label": text, "value": text, "contribution": -0.3, "modifiable": False},
        ],
    }
    data["labels"]["averaging"] = text
    fall = figure.waterfall(data)
    last = fall["bars"][-1]
    assert last["x"] + last["width"] == pytest.approx(fall["final"]["x"], abs=0.2)
    assert [bar["direction"] for bar in fall["bars"]] == ["raises", "lowers", "raises"]


def test_the_hundred_women_are_always_a_hundred() -> None:
    placed = figure.women({"risk": 4, "high": 7})
    kinds = [woman["kind"] for woman in placed]
    assert (kinds.count("bleeds"), kinds.count("may"), kinds.count("not")) == (4, 3, 93)


def test_a_file_of_a_result_is_recorded_and_hidden_from_strangers(
    client: Client, sandra: User, alice: User, slept: Study
) -> None:
    address = reverse("study_artefact", args=[slept.pk, "contributions.json"])
    client.force_login(sandra)
    assert json.loads(b"".join(client.get(address)))["neighbours"]
    assert Event.objects.filter(kind="artefact", study=slept.pk).count() == 1
    client.force_login(alice)
    assert client.get(address).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("before", "language", "said"),
    [
        (True, "en", "px (analysed by an earlier version, which kept no spacing)"),
        (True, "fr", "px (analysé par une version antérieure, qui ne conservait pas l’échelle)"),
        (False, "en", "px (the file gives no spacing)"),
    ],
)
def test_a_length_in_pixels_says_why_it_is_none_in_millimetres(
    before: bool, language: str, said: str
) -> None:
    outcome = outputs.radiograph_before() if before else None
    study = outputs.answered("chest_xray", outcome=outcome)
    with override(language):
        assert {film["unmeasured"] for film in films(study.prediction)} == {said}
