"""Which hypnogram a signature stands for, and that it stands."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from clinic.accounts.models import Unit, User
from clinic.accounts.roles import Role
from ml.contracts import Refused
from patients.models import Patient
from predictions import review
from predictions.models import ReportedHypnogram, Scoring, ScoringEvent, Signature, Study
from predictions.states import State
from predictions.workspaces.sleep import events, refusals, scoring, signing, state
from tests import factories, scored_nights, studies
from tests.scored_nights import STAGES, event, finished, score, stage

pytestmark = pytest.mark.django_db


@pytest.fixture
def tessa(sleep_lab: Unit) -> User:
    """Return a second technician."""
    return factories.staff("tessa", Role.TECHNICIAN, sleep_lab)


@pytest.fixture
def study(terry: User, nina: Patient) -> Study:
    """Return a night of Nina's with a draft of twenty epochs."""
    return scored_nights.night(terry, nina)


def sign(study: Study, by: User, hypnogram: str = "") -> Signature:
    """Agree and sign."""
    review.give(user=by, study=study, verdict="agree")
    return review.sign(user=by, study=study, hypnogram=hypnogram)


def refused(study: Study, by: User, hypnogram: str = "") -> str:
    """Return why a signature was refused; nothing of it is left."""
    with pytest.raises(Refused) as problem:
        sign(study, by, hypnogram)
    study.refresh_from_db()
    assert (study.state, ReportedHypnogram.objects.count()) == (State.READY, 0)
    return problem.value.problems[0].code


def changed(signature: Signature) -> list[int]:
    """Return the epochs in which what was signed departs from the draft."""
    stood = scoring.of(Signature.objects.get(pk=signature.pk)).stages
    return [epoch for epoch, (now, before) in enumerate(zip(stood, STAGES, strict=True)) if now != before]


def test_without_a_scorer_the_draft_is_signed_and_says_so(study: Study, sandra: User) -> None:
    signature = sign(study, sandra)
    stood = scoring.of(signature)
    assert (stood.source, stood.scorer, stood.stages) == ("draft", None, STAGES)
    assert signature.hypnogram.agreement["accuracy"]["value"] == 1
    assert scoring.current(study).stages == STAGES


def test_the_technician_s_finished_scoring_is_what_the_physician_signs(
    study: Study, terry: User, sandra: User
) -> None:
    finished(terry, study, stage(7, "N3"), event("lights_off", seconds=60))
    signature = sign(study, sandra)
    stood = scoring.of(signature)
    assert (stood.source, stood.scorer, changed(signature)) == ("scoring", terry, [7])
    assert stood.statistics["trt"] == 9
    assert signature.hypnogram.agreement["accuracy"]["value"] == 19 / 20
    assert [one["epoch"] for one in signature.hypnogram.agreement["list"]] == [7]
    assert scoring.current(study).stages == stood.stages


def test_the_signer_s_own_goes_first_and_is_closed_with_the_signature(
    study: Study, terry: User, sandra: User
) -> None:
    score(sandra, study, stage(9, "N1"))
    finished(terry, study, stage(7, "N3"))
    signature = sign(study, sandra)
    assert changed(signature) == [9]
    made = Scoring.objects.get(scorer=sandra)
    assert made.finished
    assert made.events.last().kind == "close"
    assert signature.hypnogram.number == made.number == 2


def test_a_scoring_begun_beside_a_finished_one_does_not_pass_it_over(
    study: Study, terry: User, sandra: User
) -> None:
    theirs = finished(terry, study, stage(7, "N3"))
    score(sandra, study, stage(9, "N1"))
    assert refused(study, sandra) == "hypnogram_choice"
    assert changed(sign(study, sandra, str(theirs.pk))) == [7]


def test_who_goes_on_from_a_colleague_signs_their_own(study: Study, terry: User, sandra: User) -> None:
    theirs = finished(terry, study, stage(7, "N3"))
    events.begin(user=sandra, study=study, origin=str(theirs.pk))
    score(sandra, study, stage(9, "N1"))
    assert changed(sign(study, sandra)) == [7, 9]


def test_of_several_the_signer_chooses(study: Study, terry: User, tessa: User, sandra: User) -> None:
    theirs, hers = finished(terry, study, stage(7, "N3")), finished(tessa, study, stage(8, "R"))
    assert refused(study, sandra) == "hypnogram_choice"
    assert refused(study, sandra, "walrus") == "hypnogram_choice"
    offered = signing.candidates(sandra, study)
    assert [one.hypnogram.scorer for one in offered] == [terry, tessa, None]
    assert not any(one.chosen for one in offered)
    signature = sign(study, sandra, f"{hers.pk}@{hers.number}")
    assert changed(signature) == [8]
    assert theirs.finished


def test_the_draft_can_be_chosen_against_a_scoring(study: Study, terry: User, sandra: User) -> None:
    finished(terry, study, stage(7, "N3"))
    assert changed(sign(study, sandra, "draft")) == []


def test_somebody_still_at_work_is_not_passed_over_silently(study: Study, terry: User, sandra: User) -> None:
    score(terry, study, stage(7, "N3"))
    with pytest.raises(Refused) as early:
        signing.require_choice(sandra, study)
    (problem,) = early.value.problems
    last = timezone.localtime(ScoringEvent.objects.get().received_at)
    assert problem.code == "hypnogram_in_progress"
    assert f"{terry.label}, nothing scored since {last:%Y-%m-%d %H:%M}" in problem.message.en
    assert f"{terry.label}, plus rien scoré depuis le {last:%d/%m/%Y %H:%M}" in problem.message.fr
    sign(study, sandra, "draft")
    left = Scoring.objects.get()
    assert (left.unfinished, left.finished, left.events.count()) == (True, False, 1)
    with pytest.raises(Refused) as late:
        score(terry, study, stage(8, "R"))
    assert late.value.problems == (refusals.SIGNED,)


def test_a_colleague_s_open_scoring_cannot_be_chosen_and_the_sentence_says_what_can(
    study: Study, terry: User, sandra: User
) -> None:
    made = score(terry, study, stage(7, "N3")).scoring
    assert refused(study, sandra, str(made.pk)) == "hypnogram_not_finished"
    assert refused(study, sandra, f"{made.pk}@{made.number}") == "hypnogram_not_finished"
    for problem in (signing.IN_PROGRESS, signing.NOT_FINISHED):
        assert "the draft or a finished scoring" in problem.message.en
    assert changed(sign(study, sandra, "draft")) == []


def test_what_changed_since_it_was_shown_is_not_signed(study: Study, sandra: User) -> None:
    made = score(sandra, study, stage(7, "N3")).scoring
    (shown, _draft) = signing.candidates(sandra, study)
    score(sandra, study, stage(8, "R"))
    assert shown.value == f"{made.pk}@1"
    assert refused(study, sandra, shown.value) == "hypnogram_changed"


def test_a_scoring_of_an_earlier_analysis_is_signed_unless_its_epochs_are_others(
    study: Study, terry: User, sandra: User
) -> None:
    finished(terry, study, stage(7, "N3"))
    scored_nights.drafted(study, ("N2",) * 12, sha256="6" * 64)
    assert [one.hypnogram.scorer for one in signing.candidates(sandra, Study.objects.get())] == [None]
    latest = scored_nights.drafted(study, ("N2",) * 20, sha256="7" * 64)
    again = Study.objects.get()
    signature = sign(again, sandra)
    assert (changed(signature), signature.prediction) == ([7], latest)
    assert signature.hypnogram.agreement["accuracy"]["value"] == 0.25, "of the draft that served then"


def test_the_hash_covers_the_hypnogram_and_can_be_computed_again(
    study: Study, terry: User, sandra: User
) -> None:
    finished(terry, study, stage(7, "N3"), event("arousal", onset_s=301.25, duration_s=3.5))
    signature = sign(study, sandra)
    again = Signature.objects.get(pk=signature.pk)
    assert again.content_version == 3
    assert review.content_sha256(again) == signature.content_sha256
    held = review.content(again)["hypnogram"]
    assert (held["stages"][7], held["arousals"][0]["onset_s"]) == ("N3", 301.25)
    assert held["scoring"]["scorer"] == terry.pk
    again.content_version = 2
    assert review.content_sha256(again) != signature.content_sha256
    assert "hypnogram" not in review.content(again), "older signatures keep the content they were made of"


def test_signatures_from_before_scoring_stand_for_the_draft(study: Study, sandra: User) -> None:
    signature = sign(study, sandra)
    signature.hypnogram, signature.content_version = None, 2
    assert scoring.of(signature).stages == STAGES


@pytest.mark.parametrize("statement", ["UPDATE {} SET number = 0", "DELETE FROM {}"])
def test_what_was_reported_is_never_changed(study: Study, sandra: User, statement: str) -> None:
    sign(study, sandra)
    table = ReportedHypnogram._meta.db_table
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table))


def test_an_amendment_goes_on_from_what_was_signed(study: Study, terry: User, sandra: User) -> None:
    before = finished(terry, study, stage(7, "N3"))
    first = sign(study, sandra)
    review.amend(user=sandra, study=study, reason="An arousal was missed.")
    assert scoring.current(study).stages == scoring.of(first).stages
    now = state.of(sandra, study)
    assert (now["from"], now["scoring"], now["changed"], now["others"]) == ("signed", None, [7], [])
    with pytest.raises(Refused) as stale:
        score(terry, study, stage(8, "R"), scoring_id=before.pk)
    assert stale.value.problems == (refusals.OF_ANOTHER_VERSION,)
    assert state.of(sandra, study, before.pk)["changed"] == [7], "what led to the first version stays open"
    made = score(sandra, study, stage(8, "R")).scoring
    assert (made.origin, made.version) == ("signed", 2)
    second = sign(study, sandra)
    assert (changed(first), changed(second)) == ([7], [7, 8])
    assert review.content_sha256(first) == first.content_sha256


def test_an_amendment_without_a_new_scoring_keeps_what_was_signed(
    study: Study, terry: User, sandra: User
) -> None:
    finished(terry, study, stage(7, "N3"))
    sign(study, sandra)
    review.amend(user=sandra, study=study, reason="A comment was missing.")
    second = sign(study, sandra)
    assert changed(second) == [7]
    assert scoring.of(second).scorer == terry


def test_a_signed_night_is_open_to_read_and_closed_to_score(
    study: Study, terry: User, sandra: User, nina: Patient, radiology: Unit, charlie: User
) -> None:
    made = finished(terry, study, stage(7, "N3"))
    sign(study, sandra)
    nina.units.add(radiology)
    now = state.of(charlie, study)
    assert (now["from"], now["changed"], now["signed"], now["closed"]) == ("signed", [7], True, True)
    assert now["may_score"] is False
    assert state.of(charlie, study, made.pk)["changed"] == [7]


def test_other_studies_have_no_hypnogram(alice: User, bob: User, claire: Patient) -> None:
    found = studies.ready(alice, claire)
    signature = sign(found, bob)
    assert (signature.hypnogram, review.content(signature)["hypnogram"]) == (None, None)


def test_the_page_offers_the_choice_and_takes_it(
    study: Study, terry: User, tessa: User, sandra: User, client: Any
) -> None:
    finished(terry, study, stage(7, "N3"))
    hers = finished(tessa, study, stage(8, "R"))
    client.force_login(sandra)
    page = client.get(f"/studies/{study.pk}/").content.decode()
    assert f'name="hypnogram" value="{hers.pk}@{hers.number}"' in page
    sent = {"verdict": "agree", "prediction": str(study.prediction.pk)}
    stopped = client.post(f"/studies/{study.pk}/sign/", sent)
    assert stopped.status_code == 422
    assert not study.prediction.reviews.exists(), "whoever is stopped here has not judged anything yet"
    done = client.post(f"/studies/{study.pk}/sign/", sent | {"hypnogram": f"{hers.pk}@{hers.number}"})
    assert done.status_code == 302
    assert changed(study.signatures.get()) == [8]
    page = client.get(f"/studies/{study.pk}/").content.decode()
    assert f"Hypnogram scored by {tessa.label}" in page
    assert "κ 0.94 with the draft, 1 of 20 epochs changed" in page


def test_a_night_that_a_technician_left_half_scored_can_still_be_signed(
    study: Study, terry: User, sandra: User, client: Any
) -> None:
    client.force_login(sandra)
    assert 'name="hypnogram"' not in client.get(f"/studies/{study.pk}/").content.decode()
    score(terry, study, stage(7, "N3"))
    sent = {"verdict": "agree", "prediction": str(study.prediction.pk)}
    stopped = client.post(f"/studies/{study.pk}/sign/", sent).content.decode()
    assert f"This night is still open in the scoring room: {terry.label}, nothing scored since" in stopped
    assert 'name="hypnogram" value="draft"' in stopped
    client.post(f"/studies/{study.pk}/sign/", sent | {"hypnogram": "draft"})
    assert changed(study.signatures.get()) == []
