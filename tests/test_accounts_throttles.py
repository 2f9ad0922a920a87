"""Limits that hold over processes and restarts, and close nobody out for good."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from clinic.accounts import throttles
from clinic.accounts.attempts import Attempts


@pytest.mark.django_db
def test_a_window_lets_so_many_pass_and_closes_by_itself() -> None:
    assert [throttles.hit("test", "alice", 3, 60) for _ in range(5)] == [True, True, True, False, False]
    assert throttles.hit("test", "bob", 3, 60)
    assert 0 < throttles.remaining("test", "alice") <= 60

    Attempts.objects.update(until=timezone.now() - timedelta(seconds=1))
    assert throttles.hit("test", "alice", 3, 60)


@pytest.mark.django_db
def test_a_success_is_given_back_and_the_others_still_count() -> None:
    for _ in range(3):
        throttles.hit("test", "alice", 3, 60)
    throttles.give_back("test", "alice")
    assert throttles.hit("test", "alice", 3, 60)
    assert not throttles.hit("test", "alice", 3, 60)
    throttles.forget("test", "alice")
    assert throttles.hit("test", "alice", 3, 60)


@pytest.mark.django_db
def test_what_was_typed_as_a_name_is_not_kept_and_closed_windows_go() -> None:
    throttles.hit("test", "my-real-password-by-mistake", 3, 60)
    assert "password" not in str(Attempts.objects.values_list("scope", "key").get())
    Attempts.objects.update(until=timezone.now() - timedelta(seconds=1))
    throttles.hit("test", "somebody else", 3, 60)
    assert Attempts.objects.count() == 1


@pytest.mark.django_db
def test_a_clock_set_back_does_not_lengthen_a_window() -> None:
    for _ in range(4):
        throttles.hit("test", "alice", 3, 60)
    Attempts.objects.update(until=timezone.now() + timedelta(hours=5))
    assert throttles.hit("test", "alice", 3, 60)


@pytest.mark.django_db(transaction=True)
def test_attempts_made_at_once_are_all_counted() -> None:
    def one(_: int) -> bool:
        try:
            return throttles.hit("test", "alice", 3, 60)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(one, range(12))) == 3
