"""A study goes only where its state leads."""

from __future__ import annotations

import pytest

from predictions.states import FINAL, PENDING, WAYS, NoSuchWay, State, check


@pytest.mark.parametrize("current", State)
@pytest.mark.parametrize("following", State)
def test_only_the_ways_drawn_can_be_taken(current: State, following: State) -> None:
    if following in WAYS[current]:
        check(current, following)
        return
    with pytest.raises(NoSuchWay, match=f"{current} cannot become {following}"):
        check(current, following)


def test_every_state_is_drawn_and_can_be_reached() -> None:
    assert set(WAYS) == set(State) == {*PENDING, *FINAL}
    assert set().union(*WAYS.values()) | {State.QUEUED} == set(State)


def test_nothing_leads_out_of_a_refusal_and_a_result_never_becomes_a_failure() -> None:
    assert WAYS[State.REFUSED] == frozenset()
    assert State.FAILED not in WAYS[State.READY] | WAYS[State.SIGNED]


def test_every_waiting_state_has_a_way_to_an_end() -> None:
    for state in PENDING:
        assert State.FAILED in WAYS[state] or State.READY in WAYS[state]
