"""A silent evaluation: the answer is stored, reaches nobody by any door, and is there once it is signed."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import User
from ml import package as packages
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from ml.contracts import Outcome, Refused, Text
from patients.models import Patient
from predictions import first_read, outcomes, reading, review, timeline, waiting
from predictions.agreement import births, radiographs
from predictions.agreement.scope import Scope
from predictions.deployments import services
from predictions.deployments.models import Allocation, Deployment, Mode, Standing
from predictions.models import Inquiry, Origin, Reason, Review, Study, Verdict
from predictions.states import State
from predictions.workspaces.haemorrhage import course
from predictions.workspaces.sleep import scoring, state
from tests import deploying, factories, outputs, scored_nights, studies, test_first_read, test_outputs_pdf
from tests.test_first_read import HTMX, Ways, walked

pytestmark = pytest.mark.django_db

WALRUS = Text("The walrus says 37 in 100", "Le morse dit 37 sur 100")
ZEBRA = Text("The zebra counts most", "Le zèbre compte le plus")
NOTE = "This study belongs to a silent evaluation"
ALGORITHMS = ("haemorrhage", "chest_xray", "sleep")
WAYS: Ways = (("get", {}), ("post", {}))
OWN = {"haemorrhage": "answer-figure", "chest_xray": "viewer-maps", "sleep": "Least certain epochs"}
"""What the page of a result shows of each, and the walrus does not."""


UNSEEN_WORDS = {
    "pdf": "Signed in a silent evaluation, without sight of this result",
    "fhir": "not-seen",
    "csv": "not_seen",
}
DOCUMENT_WORDS = {
    "pdf": test_outputs_pdf.words,
    "fhir": bytes.decode,
    "csv": bytes.decode,
}


def outcome(algorithm: str) -> Outcome:
    """Return an answer whose words only somebody who may see it can know."""
    made = outputs.OUTCOMES[algorithm][1]()
    assert made.report is not None
    explained = made.explanation and replace(made.explanation, sentence=ZEBRA)
    return replace(made, report=replace(made.report, headline=WALRUS), explanation=explained)


def silenced(algorithm: str) -> Study:
    """Return a study answered under a silent evaluation, waiting for its reader."""
    serving = packages.champion_version(algorithm)
    deployment = deploying.deployed(Mode.SILENT, algorithm=algorithm, of=serving)
    study = outputs.answered(algorithm, outcome=outcome(algorithm))
    Allocation.objects.create(study=study, deployment=deployment, silent=True, at=timezone.now())
    return study


def reader(study: Study) -> User:
    """Return who signs it."""
    return study.submitted_by


def leaks(user: User, study: Study, ways: Ways = WAYS[:1]) -> dict[str, set[str]]:
    """Return what of the answer reaches ``user``, by word, with the addresses that give it away."""
    given: dict[str, set[str]] = {}
    for address, answer in walked(user, study, ways):
        for word in ("walrus", "zebra", OWN[study.algorithm]):
            if word in answer:
                given.setdefault(word, set()).add(address)
    return given


def signed(study: Study) -> None:
    """Sign a study unseen, as its unit does."""
    user = reader(study)
    if study.algorithm == "chest_xray":
        first_read.commit(user=user, study=study, impression="normal", confidence="sure")
        reading.save(user=user, study=study, values={"impression": "Clear."}, language="en")
    if study.algorithm == "sleep":
        scored_nights.finished(user, study, scored_nights.stage(0, "N2"))
    review.sign(user=user, study=study, assessment="Nothing to fear")
    study.refresh_from_db()


@pytest.fixture
def addresses_of_studies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Walk what shows studies alone: the lists of them, and every address of a study."""
    lists = {"worklist", "patient", "api-studies", "api-patient", "notices", "deployment_list"}
    kept = {
        name: address
        for name, address in test_first_read.ADDRESSES.items()
        if name in lists or "study_id" in address.pattern.converters
    }
    monkeypatch.setattr(test_first_read, "ADDRESSES", kept)


@pytest.mark.usefixtures("addresses_of_studies")
@pytest.mark.parametrize(
    "algorithm", ["haemorrhage", "sleep", pytest.param("chest_xray", marks=pytest.mark.long)]
)
def test_no_address_gives_the_answer_before_the_signature_and_every_one_after(algorithm: str) -> None:
    study = silenced(algorithm)
    if algorithm == "chest_xray":  # it opens nothing here
        first_read.commit(user=reader(study), study=study, impression="normal", confidence="sure")
    assert leaks(reader(study), study, WAYS) == {}
    signed(study)
    assert {"walrus", OWN[algorithm]} <= leaks(reader(study), study).keys()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_page_says_plainly_that_an_evaluation_is_going_on(algorithm: str, client: Client) -> None:
    study = silenced(algorithm)
    client.force_login(reader(study))
    page = client.get(reverse("study", args=[study.pk])).content.decode()
    assert NOTE in page
    assert "AI draft" not in page
    partial = client.get(reverse("study_state", args=[study.pk]), headers=HTMX).content.decode()
    assert NOTE in partial
    for part in ("study_state", "study_documents", "study_what_if", "worklist"):
        address = reverse(part, args=[study.pk] if part != "worklist" else [])
        assert "walrus" not in client.get(address, headers=HTMX).content.decode()
    row = client.get(reverse("worklist")).content.decode()
    awaited = "first impression awaited" if algorithm == "chest_xray" else "silent evaluation: shown once"
    assert awaited in row
    client.force_login(reader(study))
    french = client.get(reverse("study", args=[study.pk]), headers={"Accept-Language": "fr"})
    assert french.status_code == 200
    signed(study)
    assert NOTE not in client.get(reverse("study", args=[study.pk])).content.decode()


def test_a_first_impression_opens_nothing_while_it_is_silent(client: Client) -> None:
    study = silenced("chest_xray")
    user = reader(study)
    first_read.commit(user=user, study=study, impression="normal", confidence="sure")
    assert first_read.needed(user, study)
    again = first_read.commit(user=user, study=study, impression="normal", confidence="sure")
    assert again.impression == "normal"
    client.force_login(user)
    row = client.get(reverse("worklist")).content.decode()
    assert "silent evaluation: shown once signed" in row
    assert "Read and sign" in row


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_nobody_judges_what_they_have_not_seen(algorithm: str) -> None:
    study = silenced(algorithm)
    with pytest.raises(first_read.Blind) as error:
        review.give(user=reader(study), study=study, verdict=Verdict.AGREE)
    expected = "first_read_missing" if algorithm == "chest_xray" else "silent_evaluation"
    assert [problem.code for problem in error.value.problems] == [expected]


def test_a_form_is_signed_by_own_words_on_the_page(client: Client) -> None:
    study = silenced("haemorrhage")
    client.force_login(reader(study))
    page, sign = reverse("study", args=[study.pk]), reverse("study_sign", args=[study.pk])
    form = {"prediction": str(study.prediction.pk), "confirm_password": factories.PASSWORD}
    reader(study).set_password(factories.PASSWORD)
    User.objects.filter(pk=reader(study).pk).update(password=reader(study).password)
    client.force_login(User.objects.get(pk=reader(study).pk))
    refused = client.post(sign, form)
    assert refused.status_code == 422
    assert "Write your own assessment" in refused.content.decode()
    assert "walrus" not in refused.content.decode()
    assert client.post(sign, form | {"assessment": "I would watch her closely"}).status_code == 302
    shown = client.get(page).content.decode()
    assert "I would watch her closely" in shown
    assert "walrus" in shown
    given = Review.objects.get()
    assert (given.verdict, given.reason) == (Verdict.CANNOT_ASSESS, Reason.UNSEEN)


def test_that_an_answer_was_unseen_is_no_reason_to_choose(client: Client) -> None:
    study = outputs.answered("haemorrhage")
    client.force_login(reader(study))
    assert 'value="unseen"' not in client.get(reverse("study", args=[study.pk])).content.decode()
    with pytest.raises(Refused):
        review.give(user=reader(study), study=study, verdict=Verdict.DISAGREE, reason=Reason.UNSEEN)


@pytest.mark.parametrize("kind", [pytest.param("pdf", marks=pytest.mark.poppler), "fhir", "csv"])
def test_a_document_of_a_silent_study_says_that_its_signer_had_not_seen_it(kind: str) -> None:
    study = silenced("haemorrhage")
    with pytest.raises(first_read.Blind):
        outputs.written(study, kind)
    signed(study)
    words = DOCUMENT_WORDS[kind](outputs.written(study, kind, version="1"))
    assert UNSEEN_WORDS[kind] in words
    assert "Nothing to fear" in words
    for untrue in ("could not assess", "Cannot assess", "cannot_assess", "cannot-assess"):
        assert untrue not in words


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "Signed in a silent evaluation, without sight of this result"),
        ("fr", "Signé en évaluation silencieuse, sans avoir vu ce résultat"),
    ],
)
def test_the_page_of_a_silent_signature_gives_it_no_opinion(client: Client, language: str, told: str) -> None:
    study = silenced("haemorrhage")
    signed(study)
    User.objects.filter(pk=reader(study).pk).update(language=language)
    client.force_login(reader(study))
    page = client.get(reverse("study", args=[study.pk])).content.decode()
    assert told in page
    assert "Nothing to fear" in page
    for untrue in ("could not assess", "Cannot assess", "pas pu évaluer", "Impossible à évaluer"):
        assert untrue not in page


def test_the_same_file_sent_before_is_no_way_to_the_answer(client: Client) -> None:
    earlier = outputs.answered("chest_xray")
    study = silenced("chest_xray")
    Study.objects.filter(pk=study.pk).update(patient=earlier.patient)
    film = outputs.as_file(outputs.dicom_image())
    for one in (earlier, study):
        outputs.send(one, film)
    study.refresh_from_db()
    client.force_login(reader(study))
    link = reverse("study", args=[earlier.pk])
    page = client.get(reverse("study", args=[study.pk])).content.decode()
    assert "The same file was sent for this patient before" in page
    assert link not in page
    signed(study)
    assert link in client.get(reverse("study", args=[study.pk])).content.decode()


def test_nothing_is_supposed_of_a_signed_study_while_its_unit_is_silent(client: Client) -> None:
    study = outputs.answered("haemorrhage")
    user = reader(study)
    review.give(user=user, study=study, verdict=Verdict.AGREE)
    review.sign(user=user, study=study)
    client.force_login(user)
    address = reverse("study_what_if", args=[study.pk])
    page = reverse("study", args=[study.pk])
    assert address in client.get(page).content.decode()
    deploying.deployed(Mode.SILENT, of=packages.champion_version("haemorrhage"))
    assert address not in client.get(page).content.decode()
    answer = client.post(address, {"haemoglobin": "12.1"})
    assert answer.status_code == 409
    assert "no figure is computed for another answer" in answer.content.decode()
    within = client.post(address, {"haemoglobin": "12.1"}, headers=HTMX).content.decode()
    assert "no figure is computed for another answer" in within
    assert not Inquiry.objects.exists()


def test_a_night_is_scored_from_an_empty_one(client: Client) -> None:
    study = silenced("sleep")
    user = reader(study)
    drafted = study.prediction.result["stages"]
    shown = state.of(user, study)
    assert set(shown["stages"]) == {"?"}
    assert (shown["from"], shown["changed"], shown["review"]["of"]) == ("blank", [], 0)
    client.force_login(user)
    room = client.get(reverse("scoring_room", args=[study.pk])).content.decode()
    assert NOTE in room
    assert not re.search(r'"N3"[ ,]+"N3"', room)
    why = client.get(reverse("study_epoch", args=[study.pk, 0]))
    assert why.status_code == 200
    assert NOTE in why.content.decode()
    assert "Epoch" not in why.content.decode()
    taken = scored_nights.score(user, study, scored_nights.stage(0, drafted[0]))
    assert (taken.scoring.origin, taken.scoring.blind) == (Origin.BLANK, True)
    assert state.of(user, study)["changed"] == [0]  # of an empty night, whether or not the draft has it so


def test_a_night_without_a_scoring_is_not_signed(client: Client) -> None:
    study = silenced("sleep")
    with pytest.raises(Refused) as error:
        review.sign(user=reader(study), study=study)
    assert [problem.code for problem in error.value.problems] == ["hypnogram_not_scored"]
    scored_nights.finished(reader(study), study, scored_nights.stage(0, "N2"))
    signature = review.sign(user=reader(study), study=study)
    assert signature.hypnogram.content["stages"][0] == "N2"
    assert set(signature.hypnogram.content["stages"][1:]) == {"?"}
    assert signature.hypnogram.agreement["epochs"] <= 1  # measured against the network, not an empty night
    study.refresh_from_db()
    assert scoring.draft(study.prediction).stages == tuple(study.prediction.result["stages"])
    assert scoring.scored(study.scorings.get()).stages[1] == "?"


def test_the_course_of_a_birth_leaves_silent_figures_out() -> None:
    study = silenced("haemorrhage")
    stay = factories.encounter(study.patient)
    Study.objects.filter(pk=study.pk).update(encounter=stay)
    earlier = studies.waiting(
        study.submitted_by, study.patient, values=as_of(EXAMPLES[0], timezone.now()), encounter=stay
    )
    Deployment.objects.update(standing=Standing.ENDED)
    earlier = studies.analysed(earlier)
    assert [one.study for one in course.of(earlier)] == [earlier]
    signed(study)
    assert {one.study for one in course.of(earlier)} == {study, earlier}


def test_the_order_of_a_worklist_tells_nothing(settings: Any) -> None:
    settings.ALGORITHM_ORDER = waiting.ALL
    study = silenced("chest_xray")
    normal = studies.radiograph(reader(study), study.patient, probability=0.01)
    urgent = studies.radiograph(reader(study), study.patient, probability=0.99)
    ordered = [normal, study, urgent]
    assert waiting.by_algorithm(ordered, set()) == [urgent, study, normal]


def test_the_command_that_takes_a_study_out_waits_for_the_signature(tmp_path: Any) -> None:
    study = silenced("sleep")
    with pytest.raises(CommandError, match="silent evaluation"):
        call_command("export_deidentified", str(study.pk), str(tmp_path / "out.zip"))
    assert not (tmp_path / "out.zip").exists()


def test_an_evaluation_that_ended_leaves_its_answers_unseen_until_signed(bob: User) -> None:
    study = silenced("haemorrhage")
    services.end(user=bob, deployment=Deployment.objects.get())
    assert first_read.silent(study)
    later = outputs.answered("haemorrhage")
    assert not first_read.silent(later)


def test_a_unit_under_evaluation_gets_its_answers_silently(alice: User, claire: Patient) -> None:
    package = deploying.version()
    deploying.deployed(Mode.SILENT)
    study = studies.waiting(alice, claire, values=as_of(EXAMPLES[0], timezone.now()))
    browser = Client()
    browser.force_login(alice)
    assert (
        "A silent evaluation is going on" in browser.get(reverse("study", args=[study.pk])).content.decode()
    )
    studies.analysed(study)
    assert study.prediction.package_version == package.version
    assert first_read.silent(study)
    entry = timeline.studies(alice, claire)[0]
    assert "100" not in entry.detail


def test_a_silent_answer_of_a_broken_package_stays_silent(alice: User, claire: Patient) -> None:
    package = deploying.version()
    deploying.deployed(Mode.SILENT)
    deploying.damage(package)
    study = studies.analysed(studies.waiting(alice, claire, values=as_of(EXAMPLES[0], timezone.now())))
    assert study.state == State.READY
    assert study.prediction.package_version == packages.champion_version("haemorrhage")
    assert first_read.silent(study)


@pytest.mark.parametrize(("algorithm", "part"), [("chest_xray", radiographs), ("haemorrhage", births)])
def test_a_report_that_readers_open_counts_nothing_unseen(algorithm: str, part: Any) -> None:
    study = silenced(algorithm)
    now = timezone.now()
    if algorithm == "chest_xray":
        first_read.commit(user=reader(study), study=study, impression="normal", confidence="sure")
    else:
        stay = factories.encounter(study.patient)
        Study.objects.filter(pk=study.pk).update(encounter=stay, submitted_at=now - timedelta(minutes=90))
        measured = {"method": "weighed", "measured_at": (now - timedelta(hours=1)).isoformat()}
        values = {"millilitres": "400"} | measured
        outcomes.keep(user=reader(study), encounter=stay, values=values, confirmed=True)
    scope = Scope(algorithm, study.unit_id, "", now - timedelta(days=1), now + timedelta(days=1))
    assert [len(one.said) for one in part.collect(scope)] == [0] * len(part.collect(scope))
    study.refresh_from_db()
    signed(study)
    assert any(one.said for one in part.collect(scope))
