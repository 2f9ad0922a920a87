"""Scoring a night by events: folded, undone, sent twice, sent from two windows, refused one by one."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from clinic.audit.models import Action, Event
from ml.contracts import Refused
from patients.models import Patient
from predictions.models import Scoring, ScoringEvent, Study
from predictions.workspaces.sleep import events, refusals, scoring, state
from tests import factories, scored_nights, studies
from tests.scored_nights import STAGES, event, score, stage

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(terry: User, nina: Patient) -> Study:
    """Return a night of Nina's with a draft of twenty epochs."""
    return scored_nights.night(terry, nina)


def stages(study: Study) -> list[str]:
    """Return the stages of the one scoring there is."""
    return list(scoring.scored(Scoring.objects.select_related("scorer", "prediction").get()).stages)


def with_stages(changes: dict[int, str]) -> list[str]:
    """Return the draft with some epochs changed."""
    return [changes.get(epoch, before) for epoch, before in enumerate(STAGES)]


def problem(taken: events.Taken) -> str:
    """Return the code of the one refusal of a batch."""
    ((_identity, refused),) = taken.refused
    return refused.code


def test_keys_change_the_draft_and_the_draft_is_kept(study: Study, terry: User) -> None:
    taken = score(terry, study, stage(0, "N1"), stage(5, "?"), stage(5, "N2"))
    assert (taken.scoring.number, len(taken.kept), taken.refused) == (3, 3, [])
    assert stages(study) == with_stages({0: "N1", 5: "N2"})
    assert scoring.draft(study.prediction).stages == STAGES
    assert state.of(terry, study)["changed"] == [0, 5]


def test_marks_comments_and_lights(study: Study, terry: User) -> None:
    arousal = event("arousal", onset_s=301.5, duration_s=4)
    score(
        terry, study, arousal, event("arousal", epoch=12), event("artefact", epoch=2),
        event("artefact", epoch=2), event("comment", epoch=9, text=" spindle\x00? "),
        event("lights_off", seconds=45), event("lights_on", seconds=570),
    )  # fmt: skip
    now = state.of(terry, study)
    assert now["arousals"] == [
        {"id": arousal["id"], "epoch": 10, "onset_s": 301.5, "duration_s": 4.0},
        {"id": now["arousals"][1]["id"], "epoch": 12, "onset_s": 360.0, "duration_s": None},
    ]
    assert [mark["epoch"] for mark in now["artefacts"]] == [2], "the same epoch marked twice is one mark"
    assert [(one["epoch"], one["text"]) for one in now["comments"]] == [(9, "spindle?")]
    assert now["statistics"]["trt"] == (570 - 45) / 60
    assert now["statistics"]["arousals"] == 2
    off = event("arousal", epoch=10, value="off")
    score(terry, study, off, event("comment", epoch=9, text=""), event("lights_on", seconds=None))
    now = state.of(terry, study)
    assert ([mark["epoch"] for mark in now["arousals"]], now["comments"]) == ([12], [])
    assert (now["lights_off"], now["lights_on"]) == (45.0, None)


def test_undo_goes_back_step_by_step_and_redo_forward_until_something_new(study: Study, terry: User) -> None:
    score(terry, study, stage(1, "N1"), stage(1, "N2"), stage(2, "R"))
    score(terry, study, event("undo"), event("undo"))
    assert stages(study) == with_stages({1: "N1"})
    score(terry, study, event("redo"))
    assert stages(study) == with_stages({1: "N2"})
    score(terry, study, stage(4, "N1"))
    assert problem(score(terry, study, event("redo"))) == "nothing_to_redo"
    score(terry, study, *(event("undo") for _ in range(3)))
    assert stages(study) == list(STAGES)
    assert problem(score(terry, study, event("undo"))) == "nothing_to_undo"
    assert ScoringEvent.objects.filter(kind="stage").count() == 4, "what was undone is kept all the same"


def test_two_windows_undo_their_own_acts_and_lose_nothing_of_each_other(study: Study, terry: User) -> None:
    score(terry, study, stage(1, "N1"), window="left")
    right = score(terry, study, stage(2, "R"), stage(1, "N3"), window="right", base=0)
    assert right.merged, "the right window did not know of the key in the left one"
    score(terry, study, event("undo"), window="left")
    assert stages(study) == with_stages({1: "N3", 2: "R"})
    score(terry, study, event("undo"), window="right")
    assert stages(study) == with_stages({2: "R"}), "the left one’s N1 stays undone"
    score(terry, study, event("redo"), window="left")
    assert stages(study) == with_stages({1: "N1", 2: "R"})
    reloaded = score(terry, study, event("undo"), window="left, loaded again")
    assert reloaded.refused == []
    assert stages(study) == with_stages({1: "N1"}), "a new window takes back the last act of all"


def test_an_undo_may_name_what_it_takes_back(study: Study, terry: User) -> None:
    first, second = stage(1, "N1"), stage(2, "R")
    score(terry, study, first, second, event("undo", target=first["id"]))
    assert stages(study) == with_stages({2: "R"})
    again = score(terry, study, event("undo", target=first["id"]))
    assert problem(again) == "nothing_to_undo"
    assert problem(score(terry, study, event("undo", target=str(uuid.uuid4())))) == "nothing_to_undo"


def test_a_batch_sent_again_is_known_again(study: Study, terry: User) -> None:
    batch = [stage(1, "N1"), stage(2, "N1"), event("close")]
    first = score(terry, study, *batch)
    again = score(terry, study, *batch)
    assert again.kept == first.kept
    assert (again.scoring.pk, again.scoring.number, again.merged) == (first.scoring.pk, 3, False)
    assert ScoringEvent.objects.count() == 3
    assert Event.objects.filter(kind="scoring", action=Action.UPDATE).count() == 1, "nothing happened twice"


def test_half_a_batch_that_arrived_is_completed(study: Study, terry: User) -> None:
    batch = [stage(1, "N1"), stage(2, "N1"), stage(3, "N1")]
    score(terry, study, *batch[:2])
    assert len(score(terry, study, *batch).kept) == 3
    assert ScoringEvent.objects.count() == 3


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(
    "other",
    [{"value": "N3"}, {"epoch": 2}, {"epoch": 99}, {"kind": "arousal", "value": "on"}],
)
def test_an_id_used_again_for_something_else_is_refused(
    study: Study, terry: User, other: dict[str, Any], together: bool
) -> None:
    first = stage(1, "N1")
    if together:
        taken = score(terry, study, first, first | other, stage(3, "N1"))
    else:
        score(terry, study, first)
        taken = score(terry, study, first | other, stage(3, "N1"))
    assert problem(taken) == "event_id_reused"
    assert stages(study) == with_stages({1: "N1", 3: "N1"})


def test_any_act_sent_again_unchanged_is_the_same_act(study: Study, terry: User) -> None:
    batch = [
        stage(1, "N1"), event("arousal", onset_s=31.7, duration_s=3), event("artefact", epoch=3),
        event("comment", epoch=9, text=" spindle? "), event("lights_off", seconds=12.25),
        event("seen", epoch=4), event("undo"), event("redo"), event("close"),
    ]  # fmt: skip
    assert len(score(terry, study, *batch).kept) == 9
    again = score(terry, study, *(one | {"at": "2026-01-05T22:14:03Z"} for one in batch))
    assert (len(again.kept), again.refused) == (9, [])


@pytest.mark.parametrize(
    ("sent", "en", "fr"),
    [
        (event("stage", epoch="5", value="N1"), 'without quotes or decimals, not by "5"', 'non par "5"'),
        (event("stage", epoch=5.0, value="N1"), "not by 5.0", "non par 5.0"),
        (event("stage", value="N1"), "names no epoch", "ne désigne pas d’époque"),
        (event("stage", epoch=5), "names no stage", "n’indique pas de stade"),
        (event(None, epoch=5), "does not say what was done", "ne dit pas ce qui a été fait"),
        (event("lights_off", seconds="12"), '0 to 600, without quotes, not "12"', 'et non "12"'),
        (event("lights_off", seconds=900), "900 s is not inside", "900 s n’est pas dans"),
        (event("comment", epoch=5), "given as “text”", "dans « text »"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_is_expected(study: Study, terry: User, sent: Any, en: str, fr: str) -> None:
    ((_identity, refused),) = score(terry, study, sent).refused
    assert en in refused.message.en
    assert fr in refused.message.fr
    assert "None" not in refused.message.en + refused.message.fr


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"kind": "stage", "epoch": 1, "value": "N1"}, "event_id"),
        ("not an event", "event_id"),
        (event("dream", epoch=1), "event_kind"),
        (event(["stage"], epoch=1), "event_kind"),
        (stage(20, "N1"), "event_epoch"),
        (stage(-1, "N1"), "event_epoch"),
        (stage(True, "N1"), "event_epoch"),
        (stage("3", "N1"), "event_epoch"),
        (stage(3, "N4"), "event_stage"),
        (event("comment", epoch=3), "event_text"),
        (event("comment", epoch=3, text="x" * 2001), "event_text"),
        (event("arousal", epoch=3, value="maybe"), "event_mark"),
        (event("arousal", onset_s=600.5, duration_s=3), "event_seconds"),
        (event("arousal", onset_s=599, duration_s=3), "event_duration"),
        (event("artefact", onset_s=5, duration_s=0), "event_duration"),
        (event("lights_off", seconds="22:00"), "event_seconds"),
        (event("lights_off", seconds=float("nan")), "event_seconds"),
        (event("lights_off", seconds=600), "lights_crossed"),
        (event("undo", target="the last"), "event_target"),
        (stage(3, "N1") | {"at": "yesterday"}, "event_at"),
        (stage(3, "N1") | {"at": "0001-01-01T00:00:00+14:00"}, "event_at"),
        (event("reopen"), "scoring_not_closed"),
    ],
)
def test_what_cannot_be_is_refused_by_itself_with_a_sentence(
    study: Study, terry: User, sent: Any, code: str
) -> None:
    taken = score(terry, study, stage(1, "N1"), sent, stage(2, "N1"))
    assert problem(taken) == code
    ((_identity, refused),) = taken.refused
    assert refused.message.en != refused.message.fr
    assert "{" not in refused.message.en + refused.message.fr
    assert stages(study) == with_stages({1: "N1", 2: "N1"}), "its neighbours are kept"


def test_lights_never_cross_not_even_by_undoing(study: Study, terry: User) -> None:
    score(terry, study, event("lights_off", seconds=300), event("lights_off", seconds=60))
    score(terry, study, event("lights_on", seconds=240))
    first = ScoringEvent.objects.get(number=2)
    refused = score(terry, study, event("undo", target=str(first.event)))
    assert problem(refused) == "lights_crossed"
    assert state.of(terry, study)["lights_off"] == 60.0


@pytest.mark.parametrize("sent", [[], "events", None, [stage(1, "N1")] * (refusals.MOST_EVENTS + 1)])
def test_a_batch_has_its_limits_and_then_keeps_nothing(study: Study, terry: User, sent: Any) -> None:
    with pytest.raises(Refused) as refused:
        events.take(user=terry, study=study, sent=sent)
    assert refused.value.problems == (refusals.TOO_MANY,)
    assert not Scoring.objects.exists()


def test_a_closed_scoring_takes_nothing_until_it_is_opened_again(study: Study, terry: User) -> None:
    taken = score(terry, study, stage(1, "N1"), event("close"), stage(2, "N1"))
    assert problem(taken) == "scoring_closed"
    with pytest.raises(Refused) as refused:
        score(terry, study, stage(3, "N1"))
    assert refused.value.problems == (refusals.CLOSED,)
    score(terry, study, event("reopen"), stage(4, "N1"))
    assert stages(study) == with_stages({1: "N1", 4: "N1"})
    assert Scoring.objects.get().closed_at is None


def test_looking_counts_and_so_does_confirming(study: Study, terry: User) -> None:
    score(terry, study, event("seen", epoch=5), stage(13, STAGES[13]), event("seen", epoch=0))
    now = state.of(terry, study)
    assert now["review"] == {"of": 3, "seen": 2, "left": [6], "all_seen": 3}
    assert (now["seen"], now["changed"], now["can_undo"]) == ([0, 5, 13], [], True)


def test_of_a_later_package_a_fifth_of_the_night_is_looked_at_first(terry: User, nina: Patient) -> None:
    review = {"order": [3, 1, *range(4, 12)], "budget": [{"epochs": 0, "share": 0.0}]}
    study = scored_nights.night(terry, nina, review=review)
    score(terry, study, event("seen", epoch=1))
    assert state.of(terry, study)["review"] == {"of": 2, "seen": 1, "left": [3], "all_seen": 1}


def test_a_night_with_a_gap_and_lights_of_its_own_is_scored(terry: User, nina: Patient) -> None:
    gap = ("N2",) * 10 + ("?",) * 4 + ("N2",) * 6
    study = scored_nights.night(terry, nina, stages=gap, lights_off=30.0, lights_on=540.0)
    score(terry, study, stage(0, "W"))
    now = state.of(terry, study)
    assert (now["stages"][0], now["stages"][10]) == ("W", "?")
    assert (now["lights_off"], now["statistics"]["trt"]) == (30.0, 8.5)


def test_oxygen_is_counted_again_in_the_sleep_that_was_scored(terry: User, nina: Patient) -> None:
    falls = [{"start_s": 40, "nadir_s": 55, "drop": 5.0}, {"start_s": 500, "nadir_s": 520, "drop": 3.2}]
    study = scored_nights.night(terry, nina, oxygen={"events": falls, "gate": {"usable": True}})
    before = state.of(terry, study)["statistics"]
    assert (before["odi3"]["events"], before["odi4"]["events"]) == (1, 0), "the first fall is in wake"
    after = score(terry, study, stage(1, "N1")).hypnogram.statistics
    assert (after["odi3"]["events"], after["odi4"]["events"]) == (2, 1)


def test_a_new_analysis_does_not_lose_a_scoring(study: Study, terry: User) -> None:
    score(terry, study, stage(1, "N1"))
    scored_nights.drafted(study, ("N2",) * 20, sha256="6" * 64)
    again = Study.objects.get(pk=study.pk)
    now = state.of(terry, again)
    assert (now["superseded"], now["stages"]) == (True, with_stages({1: "N1"}))
    assert now["changed"] == [1], "compared with the draft that it began with"


@pytest.mark.parametrize("statement", ["UPDATE {} SET number = number", "DELETE FROM {}"])
def test_events_are_never_changed_and_scorings_never_deleted(
    study: Study, terry: User, statement: str
) -> None:
    score(terry, study, stage(1, "N1"))
    tables = [ScoringEvent] + ([Scoring] if statement.startswith("DELETE") else [])
    for table in tables:
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement.format(table._meta.db_table))
    assert ScoringEvent.objects.count() == 1


def test_only_technician_and_physician_of_the_unit_score(
    study: Study, nina: Patient, charlie: User, sandra: User, sleep_lab: Any, radiology: Any
) -> None:
    nina.units.add(radiology)
    midwife = factories.staff("maude", Role.MIDWIFE, sleep_lab)
    for stranger in (charlie, midwife):
        with pytest.raises(PermissionDenied):
            score(stranger, study, stage(1, "N1"))
        assert Event.objects.filter(action=Action.REFUSED, actor=stranger, kind="scoring").exists()
        assert state.of(stranger, study)["may_score"] is False
    assert score(sandra, study, stage(1, "N1")).refused == []


def test_other_studies_have_no_night_to_score(terry: User, sandra: User, nina: Patient) -> None:
    unanswered = studies.waiting(terry, nina, algorithm="sleep")
    with pytest.raises(Refused) as refused:
        score(sandra, unanswered, stage(1, "N1"))
    assert refused.value.problems == (refusals.NOT_A_NIGHT,)


def test_the_sentences_come_in_the_language_of_the_page(study: Study, terry: User, client: Any) -> None:
    terry.language = "fr"
    terry.save()
    client.force_login(terry)
    url = reverse("scoring_events", args=[study.pk])
    told = client.post(url, {"events": [stage(99, "N1")]}, content_type="application/json").json()
    assert told["refused"][0]["text"].startswith("L’époque 99 ne fait pas partie")
