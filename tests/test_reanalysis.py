"""Analyse again: another version's answer to the same files, as a study beside the one that stands."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from clinic.audit.models import Action, Event
from ml import package as packages
from ml.contracts import Refused
from patients import timeline
from predictions import intake, reanalysis
from predictions.models import Study, StudyFile
from predictions.monitoring import days
from predictions.states import State
from predictions.storage import receive, storage
from tests import factories, nights, outputs, studies
from tests.sleep_files import edf_bytes
from tests.test_api import Program
from tests.test_intake import PNG

pytestmark = pytest.mark.django_db

CONFLICT, ACCEPTED = 409, 202


def keep(study: Study, content: bytes) -> None:
    """Store a file as the one that a study was sent with."""
    received = receive(ContentFile(content), limit=len(content))
    StudyFile.objects.create(
        study=study,
        name=storage.adopt(received, "uploads"),
        original_name="nap.edf",
        size=received.size,
        sha256=received.sha256,
    )


@pytest.fixture
def night() -> Study:
    """Return a night that version 0.0.1 staged, with its recording; a newer version serves."""
    study = outputs.answered("sleep", outcome=nights.outcome())
    keep(study, edf_bytes(seconds=600))
    Study.objects.filter(pk=study.pk).update(options={"frontal": "EEG C3-A2", "confirmed": "yes"})
    study.refresh_from_db()
    return study


@pytest.fixture
def technician(night: Study) -> User:
    """Return somebody who sends nights and scores them."""
    return factories.staff("tech", Role.TECHNICIAN, night.unit)


def everything_of(study: Study) -> list[list[dict]]:
    """Return every row of a study, its answer and what people did with it."""
    rows = (
        Study.objects.filter(pk=study.pk), study.files, study.predictions, study.signatures, study.scorings,
    )  # fmt: skip
    return [list(found.values()) for found in rows]


def test_a_signed_and_scored_night_is_staged_anew_beside_itself(night: Study, technician: User) -> None:
    nights.score(night, technician, *nights.correction())
    outputs.sign(night)
    before = everything_of(night)
    made = reanalysis.ask(user=technician, study=night)
    assert (made.repeats, made.repeats_with) == (night, packages.champion_version("sleep"))
    assert (made.submitted_by, made.patient, made.unit) == (technician, night.patient, night.unit)
    # What its sender named, and nothing that says a person looked at it this time.
    assert made.options == {"frontal": "EEG C3-A2"}
    assert made.files.get().sha256 == night.files.get().sha256
    assert made.files.get().name != night.files.get().name

    studies.analysed(made)
    assert (made.state, made.prediction.package_version) == (State.READY, made.repeats_with)
    assert made.prediction.result["networks"]["log_odds"] is not None
    assert (made.scorings.count(), made.signatures.count()) == (0, 0)
    night.refresh_from_db()
    assert night.state == State.SIGNED
    assert everything_of(night) == before

    old, new = (Event.objects.filter(study=study.pk) for study in (night, made))
    asked = old.get(action=Action.RETRY)
    assert (asked.actor, asked.payload.data) == (
        technician, {"repeated_as": str(made.pk), "version": made.repeats_with},
    )  # fmt: skip
    assert new.get(action=Action.SUBMIT).payload.data["repeats"] == str(night.pk)


def test_asked_twice_it_is_one_study_whoever_asks(night: Study, technician: User) -> None:
    made = reanalysis.ask(user=technician, study=night)
    assert reanalysis.offered(technician, night) == ""
    assert reanalysis.ask(user=technician, study=night) == made
    assert reanalysis.ask(user=night.submitted_by, study=night) == made
    assert night.repetitions.count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        Study.objects.filter(pk=studies.waiting(technician, night.patient, algorithm="sleep").pk).update(
            repeats=night, repeats_with=made.repeats_with
        )


def test_two_who_ask_in_the_same_moment_get_the_same_study(
    night: Study, technician: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    colleague, real = night.submitted_by, intake.repeat
    made: list[Study] = []

    def overtaken(**asked: object) -> Study:
        if not made:
            made.append(real(**asked | {"user": colleague, "idempotency_key": "theirs"}))
        return real(**asked)

    monkeypatch.setattr(intake, "repeat", overtaken)
    assert reanalysis.ask(user=technician, study=night) == made[0]
    assert night.repetitions.count() == 1
    assert len(list(storage_files())) == 2


def storage_files() -> list[str]:
    """Return the names of the recordings that are kept."""
    return [str(path) for path in (storage.base_location / "uploads").rglob("*") if path.is_file()]


def test_what_cannot_be_analysed_again_is_said_and_not_offered(night: Study, technician: User) -> None:
    def refused(study: Study) -> str:
        assert reanalysis.offered(technician, study) == ""
        with pytest.raises(Refused) as refusal:
            reanalysis.ask(user=technician, study=study)
        return refusal.value.problems[0].code

    assert reanalysis.offered(technician, night) == packages.champion_version("sleep")
    Study.objects.filter(pk=night.pk).update(state=State.FAILED)
    night.refresh_from_db()
    assert refused(night) == "nothing_to_analyse_again"
    Study.objects.filter(pk=night.pk).update(state=State.READY)
    night.refresh_from_db()

    made = studies.analysed(reanalysis.ask(user=technician, study=night))
    assert refused(made) == "same_version"
    # By the version of before it is another answer again, once that one serves.
    packages.name_champion("sleep", "1.2.0")
    assert reanalysis.offered(technician, made) == "1.2.0"
    assert reanalysis.offered(technician, night) == "1.2.0"

    birth = outputs.answered("haemorrhage")
    assert refused(birth) == "no_files_to_analyse_again"
    night.files.all().delete()
    assert refused(night) == "no_files_to_analyse_again"


def test_what_the_version_in_service_said_of_the_same_files_is_not_asked_for_again(
    night: Study, technician: User
) -> None:
    serving = packages.champion_version("sleep")
    first = studies.waiting(technician, night.patient, algorithm="sleep")
    keep(first, edf_bytes(seconds=600))
    assert studies.analysed(first).state == State.READY
    packages.name_champion("sleep", "1.2.0")
    made = studies.analysed(reanalysis.ask(user=technician, study=first))
    packages.name_champion("sleep", serving)
    assert reanalysis.offered(technician, made) == ""
    with pytest.raises(Refused) as refusal:
        reanalysis.ask(user=technician, study=made)
    assert refusal.value.problems[0].code == "answered_before"
    assert Program(technician).post("api-repeat", made.pk).status_code == CONFLICT
    assert reanalysis.family(made) == reanalysis.family(first) == [first, made]


def test_another_repetition_of_the_same_files_is_the_one_that_is_meant(
    night: Study, technician: User
) -> None:
    serving = packages.champion_version("sleep")
    packages.name_champion("sleep", "1.2.0")
    first = studies.analysed(reanalysis.ask(user=technician, study=night))
    packages.name_champion("sleep", serving)
    second = reanalysis.ask(user=technician, study=night)
    assert reanalysis.offered(technician, first) == ""
    assert reanalysis.ask(user=technician, study=first) == second
    assert reanalysis.later(first).get() == second
    read = {
        study.pk: Program(technician).get("api-study", study.pk).json() for study in (night, first, second)
    }
    assert set(read[night.pk]["repeated_by"]) == {str(first.pk), str(second.pk)}
    assert (read[night.pk]["repeats_with"], read[second.pk]["repeats_with"]) == (None, serving)
    assert read[second.pk]["repeated_by"] == []


def test_a_damaged_recording_is_told_and_nothing_is_sent(night: Study, technician: User) -> None:
    storage.discard(night.files.get().name)
    with pytest.raises(Refused) as refusal:
        reanalysis.ask(user=technician, study=night)
    assert refusal.value.problems[0].code == "stored_file_missing"
    assert not night.repetitions.exists()


def test_whoever_does_not_send_nights_may_not_ask(client: Client, night: Study) -> None:
    nurse = factories.staff("nurse", Role.MIDWIFE, night.unit)
    assert reanalysis.offered(nurse, night) == ""
    with pytest.raises(PermissionDenied):
        reanalysis.ask(user=nurse, study=night)
    client.force_login(nurse)
    assert client.post(reverse("study_repeat", args=[night.pk])).status_code == 403
    assert "Analyse again" not in client.get(reverse("study", args=[night.pk])).content.decode()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_pages_offer_it_and_each_study_names_the_other(
    client: Client, night: Study, technician: User, language: str
) -> None:
    words = {
        "en": (
            "Analyse again with 1.3.0",
            "Analyses again the files of the",
            "Its files were analysed again",
        ),
        "fr": (
            "Réanalyser avec la version 1.3.0",
            "Réanalyse les fichiers",
            "Ses fichiers ont été réanalysés",
        ),
    }[language]
    User.objects.filter(pk=technician.pk).update(language=language)
    technician.refresh_from_db()
    client.force_login(technician)
    address = reverse("study", args=[night.pk])
    assert words[0] in client.get(address).content.decode()
    answer = client.post(reverse("study_repeat", args=[night.pk]))
    made = night.repetitions.get()
    assert answer["Location"] == reverse("study", args=[made.pk])
    shown = client.get(answer["Location"]).content.decode()
    assert words[1] in shown
    assert f'href="{address}"' in shown
    assert "0.0.1" in shown
    again = client.get(address).content.decode()
    assert words[0] not in again
    assert words[2] in again
    assert answer["Location"] in again
    assert [bool(entry.detail) for entry in timeline.of(technician, night.patient)] == [True, True]
    history = client.get(reverse("patient", args=[night.patient_id])).content.decode()
    told = {"en": ("analyses an earlier study again", "analysed again since"),
            "fr": ("réanalyse d’une étude antérieure", "réanalysée depuis")}[language]  # fmt: skip
    assert all(one in history for one in told)


def test_a_program_asks_for_it(night: Study, technician: User) -> None:
    program = Program(technician)
    answer = program.post("api-repeat", night.pk)
    made = night.repetitions.get()
    assert answer.status_code == ACCEPTED
    assert answer["Location"] == reverse("api-study", args=[made.pk])
    sent = answer.json()
    assert (sent["id"], sent["repeats"], sent["state"], sent["problems"]) == (
        str(made.pk), str(night.pk), "queued", [],
    )  # fmt: skip
    assert program.post("api-repeat", night.pk).json()["id"] == str(made.pk)
    pending = program.post("api-repeat", made.pk)
    assert pending.status_code == CONFLICT
    assert [problem["code"] for problem in pending.json()["problems"]] == ["nothing_to_analyse_again"]


def test_a_film_read_blind_is_analysed_again_and_read_blind_again(client: Client) -> None:
    unit = factories.unit("radiology")
    reader = factories.staff("reader", Role.RADIOLOGIST, unit)
    study = studies.radiograph(reader, factories.patient(unit))
    keep(study, PNG)
    made = reanalysis.ask(user=reader, study=study)
    client.force_login(reader)
    shown = client.get(reverse("study", args=[made.pk])).content.decode()
    assert "Analyses again the files of the" in shown
    # Of the cases that are watched over the months it is one.
    Study.objects.filter(pk=made.pk).update(state=State.READY)
    assert days.studies("chest_xray", unit).get() == study
