"""Two scorers of one night: apart until both are done, then compared; consensus; the signer looks over it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.http import Http404
from django.urls import reverse

from clinic.accounts.models import Unit, User
from clinic.accounts.roles import Role
from ml.contracts import Refused
from patients.models import Patient
from predictions.models import Study
from predictions.outputs import ordering, rendering
from predictions.workspaces.sleep import comparing, events, refusals, scoring, signing, state
from tests import factories, outputs, scored_nights
from tests.scored_nights import STAGES, event, finished, score, stage
from tests.test_access_matrix import ADDRESSES

pytestmark = pytest.mark.django_db


@pytest.fixture
def tessa(sleep_lab: Unit) -> User:
    """Return a second technician."""
    return factories.staff("tessa", Role.TECHNICIAN, sleep_lab)


@pytest.fixture
def study(terry: User, nina: Patient) -> Study:
    """Return a night of Nina's with a draft of twenty epochs."""
    return scored_nights.night(terry, nina)


def test_neither_sees_the_other_before_both_are_done(study: Study, terry: User, tessa: User) -> None:
    first = finished(terry, study, stage(7, "N3"))
    second = score(tessa, study, stage(8, "R")).scoring
    for user, other, closed in ((terry, second, False), (tessa, first, True)):
        (told,) = state.of(user, study)["others"]
        assert (told["id"], told["closed"]) == (None, closed)
        with pytest.raises(Http404):
            state.of(user, study, other.pk)
        with pytest.raises(Refused) as refused:
            comparing.compare(user, study)
        assert refused.value.problems == (comparing.APART,)
    assert scoring.current(study).stages == STAGES, "a document would show one scorer the other’s work"
    score(tessa, study, event("close"))
    assert state.of(tessa, study, first.pk)["changed"] == [7]
    assert state.of(terry, study, second.pk)["may_score"] is False, "to look at, not to touch"


def test_somebody_who_has_not_begun_does_not_see_a_colleague_s_work(
    study: Study, terry: User, tessa: User
) -> None:
    finished(terry, study, stage(7, "N3"))
    assert state.of(tessa, study)["stages"] == list(STAGES)
    assert score(tessa, study, stage(8, "R")).scoring.blind


def test_both_closed_are_compared_epoch_by_epoch(study: Study, terry: User, tessa: User) -> None:
    finished(terry, study, stage(7, "N3"), stage(0, "?"))
    finished(tessa, study, stage(7, "N1"), stage(8, "R"))
    compared = comparing.compare(terry, study)
    assert [one["scorer"] for one in compared["scorings"]] == [terry.label, tessa.label]
    assert all(one["blind"] for one in compared["scorings"])
    assert [(one["epoch"], one["first"], one["second"]) for one in compared["list"]] == [
        (7, "N3", "N1"), (8, "N2", "R"),
    ]  # fmt: skip
    assert [one["epoch"] for one in compared["list"]] == list(compared["differ"]), "one rule for both"
    assert [(one["epoch"], one["first"], one["second"]) for one in compared["unscored"]] == [(0, "?", "W")]
    assert (compared["independent"], compared["dependence"]) == (True, "")
    assert (compared["epochs"], compared["left_out"]) == (19, 1)
    assert compared["accuracy"]["value"] == 17 / 19
    assert 0 < compared["kappa"]["value"] < 1
    assert compared == comparing.compare(tessa, study), "whoever asks, it is the same"


def test_what_was_compared_is_not_opened_again(study: Study, terry: User, tessa: User) -> None:
    finished(terry, study, stage(7, "N3"))
    score(terry, study, event("reopen"), event("close"))
    finished(tessa, study)
    ((_id, refused),) = score(terry, study, event("reopen")).refused
    assert refused.code == "scoring_compared"


def test_a_consensus_begins_from_either_and_counts(study: Study, terry: User, tessa: User) -> None:
    finished(terry, study, stage(7, "N3"))
    theirs = finished(tessa, study, stage(8, "R"))
    begun = events.begin(user=terry, study=study, origin=str(theirs.pk))
    assert (begun.origin, begun.source, begun.blind) == ("scoring", theirs, False)
    finished(terry, study, stage(9, "N1"))
    assert state.of(terry, study)["changed"] == [8, 9]
    now = scoring.current(study)
    assert (now.scorer, now.stages[7:10]) == (terry, ("N2", "R", "N1"))
    compared = comparing.compare(tessa, study)
    assert [one["blind"] for one in compared["scorings"]] == [True, True], "what was scored apart goes first"
    with pytest.raises(Refused) as refused:
        comparing.compare(terry, study, theirs.pk, theirs.pk)
    assert refused.value.problems == (comparing.ONE_NAMED,)


def test_a_consensus_may_begin_from_the_draft(study: Study, terry: User, tessa: User) -> None:
    finished(terry, study, stage(7, "N3"))
    finished(tessa, study, stage(8, "R"))
    events.begin(user=tessa, study=study, origin="draft")
    assert state.of(tessa, study)["changed"] == []


@pytest.mark.parametrize("origin", ["signed", "walrus", "00000000-0000-0000-0000-000000000000"])
def test_a_scoring_begins_with_something_that_is_there(study: Study, terry: User, origin: str) -> None:
    with pytest.raises(Refused) as refused:
        events.begin(user=terry, study=study, origin=origin)
    assert refused.value.problems == (refusals.NO_SUCH_BEGINNING,)


def test_one_open_scoring_each(study: Study, terry: User, tessa: User) -> None:
    theirs = score(terry, study, stage(7, "N3")).scoring
    with pytest.raises(Refused) as refused:
        events.begin(user=terry, study=study)
    assert refused.value.problems == (refusals.ALREADY_OPEN,)
    with pytest.raises(Refused) as refused:
        score(tessa, study, stage(7, "N3"), scoring_id=theirs.pk)
    assert refused.value.problems == (refusals.NOT_YOURS,)


def test_the_first_key_of_who_signs_takes_over_nothing_of_a_colleague(
    study: Study, terry: User, sandra: User, client: Any
) -> None:
    finished(terry, study, stage(7, "N3"))
    now = state.of(sandra, study)
    assert (now["from"], now["scorer"], now["from_scorer"], now["changed"]) == ("draft", None, None, [])
    finished(sandra, study, stage(8, "R"))
    assert state.of(sandra, study)["changed"] == [8]
    compared = comparing.compare(sandra, study)
    assert not compared["independent"], "a finished scoring was there for her to look at"
    assert sandra.label in compared["dependence"]


def test_going_on_from_a_colleague_is_chosen_and_said_beside_every_comparison(
    study: Study, terry: User, sandra: User, client: Any
) -> None:
    theirs = finished(terry, study, stage(7, "N3"))
    client.force_login(sandra)
    sent = {"from": str(theirs.pk)}
    begun = client.post(f"/studies/{study.pk}/scoring/begin/", sent, content_type="application/json").json()
    assert (begun["from"], begun["from_scorer"], begun["changed"]) == ("scoring", terry.label, [7])
    assert (begun["scorer"], begun["blind"]) == (sandra.label, False)
    finished(sandra, study, stage(8, "R"))
    compared = comparing.compare(sandra, study)
    assert (
        compared["dependence"] == f"Not independent: {sandra.label} began with the scoring of {terry.label}."
    )
    page = client.get(f"/studies/{study.pk}/scoring/comparison/").content.decode()
    assert "Not independent" in page
    assert "Two people who score the same night agree" not in page


def test_what_a_scoring_began_with_stays_when_its_source_goes_on(
    study: Study, terry: User, sandra: User
) -> None:
    theirs = finished(terry, study, stage(7, "N3"))
    events.begin(user=sandra, study=study, origin=str(theirs.pk))
    score(sandra, study, stage(8, "R"))
    score(terry, study, event("reopen"), stage(9, "N1"), event("close"))
    assert state.of(sandra, study)["changed"] == [7, 8]


def test_a_physician_who_scores_apart_does_not_see_it(study: Study, terry: User, sandra: User) -> None:
    mine = score(sandra, study, stage(8, "R")).scoring
    theirs = finished(terry, study, stage(7, "N3"))
    assert mine.blind
    with pytest.raises(Http404):
        state.of(sandra, study, theirs.pk)


def test_the_page_of_the_night_keeps_them_apart_too(
    study: Study, terry: User, tessa: User, client: Any
) -> None:
    finished(terry, study, stage(7, "N3"), *(stage(epoch, "R") for epoch in range(5)))
    shown = {}
    for user in (terry, tessa):
        client.force_login(user)
        shown[user] = client.get(f"/studies/{study.pk}/").context["drawing"]["reported"].scorer
    assert shown == {terry: terry, tessa: None}


def test_a_consensus_is_begun_from_the_page_that_compares(
    study: Study, terry: User, tessa: User, client: Any
) -> None:
    mine, theirs = finished(terry, study, stage(7, "N3")), finished(tessa, study, stage(8, "R"))
    client.force_login(terry)
    page = client.get(f"/studies/{study.pk}/scoring/comparison/").content.decode()
    for origin in (mine.pk, theirs.pk, "draft"):
        assert f'name="from" value="{origin}"' in page
    begun = client.post(f"/studies/{study.pk}/scoring/begin/", {"from": str(theirs.pk)})
    assert begun.headers["Location"].endswith(f"/studies/{study.pk}/scoring/")
    assert state.of(terry, study)["changed"] == [8]
    again = client.post(f"/studies/{study.pk}/scoring/begin/", {"from": "draft"}, follow=True)
    assert "already have a scoring of this night open" in again.content.decode()
    assert 'name="from"' not in again.content.decode()
    score(terry, study, event("close"))
    client.post(f"/studies/{study.pk}/scoring/begin/", {"from": str(mine.pk)})
    assert state.of(terry, study)["changed"] == [7]


def test_no_address_shows_a_scorer_at_work_what_the_other_did(
    study: Study, terry: User, tessa: User, client: Any
) -> None:
    """Walk every address about the study, so that a new page cannot forget."""
    theirs = finished(terry, study, stage(7, "N3"), event("comment", epoch=7, text="a narwhal surfaces"))
    score(tessa, study, event("seen", epoch=0))
    places = {"study_id": study.pk, "patient_id": study.patient_id, "patient": study.patient_id}
    places |= {"algorithm": "sleep", "index": 7, "name": "signals.json"}
    told: dict[User, dict[str, bool]] = {terry: {}, tessa: {}}
    for user, answers in told.items():
        client.force_login(user)
        for name, address in ADDRESSES.items():
            parts = address.pattern.converters
            if parts and places.keys() >= parts.keys() and name != "api-schema":
                url = reverse(name, kwargs={part: places[part] for part in parts})
                answer = client.get(url, {"scoring": str(theirs.pk), "first": str(theirs.pk)})
                content = b"".join(answer.streaming_content) if answer.streaming else answer.content
                said = content.decode("utf-8", "replace").replace(url, "")
                answers[name] = "narwhal" in said or (str(theirs.pk) in said and answer.status_code == 200)
    assert {name for name, shown in told[terry].items() if shown} >= {"scoring_state", "api-scoring"}
    assert not {name for name, shown in told[tessa].items() if shown}


def test_no_document_shows_who_could_still_score_apart_what_the_other_did(
    study: Study, terry: User, tessa: User, sandra: User, client: Any
) -> None:
    finished(terry, study, event("comment", epoch=7, text="a narwhal surfaces"))
    by = {user: csv(user, study) for user in (terry, sandra, tessa)}
    assert {user for user, (_pk, text) in by.items() if "narwhal" in text} == {terry, sandra}
    client.force_login(tessa)
    for user, status in ((terry, 404), (tessa, 200)):
        address = reverse("study_document", args=[study.pk, by[user][0]])
        assert client.get(address).status_code == status
        assert (address in client.get(reverse("study", args=[study.pk])).content.decode()) == (status == 200)
    finished(tessa, study, event("comment", epoch=3, text="a beluga"))
    assert client.get(reverse("study_document", args=[study.pk, by[terry][0]])).status_code == 200
    third = factories.staff("third", Role.TECHNICIAN, study.unit)
    assert "beluga" in csv(third, study)[1], "two people finished: nothing is left to keep apart"


def csv(user: User, study: Study) -> tuple[UUID, str]:
    """Order the night as a table, and return the document's id and its text."""
    order = ordering.order(user=user, study=study, kind="csv", language="en")
    rendering.render(order.pk)
    return order.pk, outputs.content_of(order).decode()


def test_a_scoring_begun_by_mistake_is_withdrawn_and_may_be_taken_up_again(
    study: Study, terry: User, tessa: User, sandra: User
) -> None:
    finished(terry, study, stage(7, "N3"))
    begun = score(tessa, study, stage(8, "R")).scoring
    assert score(tessa, study, event("withdraw")).refused == []
    assert state.of(tessa, study)["stages"] == list(STAGES), "withdrawn, it opens no colleague's"
    assert (state.of(tessa, study)["scoring"], state.of(terry, study)["others"]) == (None, [])
    assert [one.hypnogram.scorer for one in signing.candidates(sandra, study)] == [terry, None]
    with pytest.raises(Refused) as refused:
        comparing.compare(sandra, study)
    assert refused.value.problems == (comparing.APART,)
    with pytest.raises(Refused) as refused:
        score(tessa, study, stage(9, "R"), scoring_id=begun.pk)
    assert refused.value.problems == (refusals.CLOSED,)
    again = score(tessa, study, event("reopen"), scoring_id=begun.pk)
    assert (again.scoring.closed_at, again.scoring.unfinished) == (None, False)
    assert state.of(tessa, study)["changed"] == [8]
    assert begun.events.count() == 3, "nothing of it is lost"


def test_who_saw_a_colleague_s_scoring_begins_no_blind_one_by_withdrawing(
    study: Study, terry: User, sandra: User
) -> None:
    finished(terry, study, stage(7, "N3"))
    assert not score(sandra, study, stage(8, "R")).scoring.blind
    score(sandra, study, event("withdraw"))
    score(terry, study, event("reopen"))
    assert not score(sandra, study, stage(8, "R")).scoring.blind
