"""Who scored a night, in the lists and on its page: worklist, timeline, history."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from django.utils import translation

from clinic.accounts.models import User
from patients import timeline
from patients.models import Patient
from predictions import review
from predictions.models import Study
from tests import scored_nights
from tests.scored_nights import event, finished, score, stage

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(terry: User, nina: Patient) -> Study:
    """Return a night of Nina's with a draft of twenty epochs."""
    return scored_nights.night(terry, nina)


def told(user: User, patient: Patient) -> str:
    """Return what the timeline says of the one night, in English."""
    with translation.override("en"):
        (entry,) = [entry for entry in timeline.of(user, patient) if entry.kind == "study"]
    return entry.detail


def test_the_worklist_says_who_scores_and_refreshes_when_that_changes(
    study: Study, terry: User, sandra: User, client: Any
) -> None:
    client.force_login(sandra)
    before = client.get(reverse("worklist"))
    assert "scored by" not in before.content.decode()
    score(terry, study, stage(7, "N3"))
    again = client.get(reverse("worklist"), {"seen": before.context["seen"]}, headers={"HX-Request": "true"})
    assert f"being scored by {terry.label}" in again.content.decode()
    score(terry, study, event("close"))
    page = client.get(reverse("worklist")).content.decode()
    assert f"scored by {terry.label}" in page
    assert "being scored" not in page


def test_the_timeline_tells_what_was_signed_not_what_was_drafted(
    study: Study, terry: User, sandra: User, nina: Patient
) -> None:
    assert told(sandra, nina) == "Draft staging"
    finished(terry, study, *(stage(epoch, "N2") for epoch in range(5)))
    assert told(sandra, nina) == f"0 h 10 of sleep, efficiency 100%, scored by {terry.label}"
    review.give(user=sandra, study=study, verdict="agree")
    review.sign(user=sandra, study=study)
    assert told(sandra, nina) == f"0 h 10 of sleep, efficiency 100%, scored by {terry.label}"
    review.amend(user=sandra, study=study, reason="An arousal was missed.")
    assert told(sandra, nina).endswith(f"scored by {terry.label}"), "what stands signed is still what counts"
    score(sandra, study, stage(0, "W"))
    assert told(sandra, nina).endswith(f" · being scored by {sandra.label}")


def test_lists_say_what_the_page_of_the_night_says_to_the_same_person(
    study: Study, terry: User, sandra: User, nina: Patient, client: Any
) -> None:
    score(terry, study, *(stage(epoch, "N2") for epoch in range(5)))
    open_yet = f"0 h 10 of sleep, efficiency 100%, being scored by {terry.label}"
    assert told(terry, nina) == open_yet
    assert told(sandra, nina) == f"Draft staging · being scored by {terry.label}", "not open to her yet"
    score(terry, study, event("close"))
    client.force_login(sandra)
    answer = client.get(reverse("worklist")).context["rows"][0].answer["en"]
    assert answer == f"0 h 10 of sleep, efficiency 100%, scored by {terry.label}"
    shown = client.get(f"/studies/{study.pk}/").context["drawing"]["figures"]
    assert (shown["tst"], shown["se"]) == (10, 100)


def test_the_page_says_whose_figures_it_leads_with_and_what_a_verdict_is_about(
    study: Study, terry: User, sandra: User, nina: Patient, client: Any
) -> None:
    def page() -> str:
        return client.get(f"/studies/{study.pk}/").content.decode()

    client.force_login(sandra)
    assert "AI draft – not signed" in page()
    assert "epochs to check" in page()
    score(terry, study, stage(7, "N3"))
    assert f"A scoring by {terry.label} is under way" in page()
    assert "AI draft – not signed" in page(), "it is not open to her"
    score(terry, study, event("close"))
    closed = page()
    assert f"Scored by {terry.label} – not signed" in closed
    assert "AI draft – not signed" not in closed
    assert "is under way" not in closed
    review.give(user=sandra, study=study, verdict="disagree", reason="poor_input")
    review.sign(user=sandra, study=study)
    signed = page()
    assert "On the AI draft: Disagree" in signed
    assert "The signer disagrees with this result" not in signed, "above a person's own figures"
    assert "epochs to check" not in signed
    assert "disagrees" not in told(sandra, nina)


def test_the_history_names_scorers_and_what_was_left_unfinished(
    study: Study, terry: User, sandra: User, client: Any
) -> None:
    score(terry, study, stage(7, "N3"))
    finished(sandra, study, stage(7, "N1"))
    review.give(user=sandra, study=study, verdict="agree")
    review.sign(user=sandra, study=study)
    client.force_login(sandra)
    happened = [
        (moment.what, moment.who) for moment in client.get(f"/studies/{study.pk}/").context["history"]
    ]
    assert ("scored the night", sandra.label) in happened
    assert ("left a scoring unfinished", terry.label) in happened
