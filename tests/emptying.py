"""Lets a test with real transactions empty its database, which the guards refuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import TransactionTestCase

from clinic.audit.guards import GUARDS as AUDIT
from predictions.guards import GUARDS as SIGNED_WORK
from predictions.guards import KEPT
from predictions.stewardship.guards import GUARDS as SERVING


@pytest.fixture(scope="session", autouse=True)
def guarded_tables_can_be_emptied() -> Iterator[None]:
    """Take the guards down around the flush that follows such a test; ``post_migrate`` puts them back."""
    empty = TransactionTestCase._fixture_teardown

    def without_guards(case: Any) -> None:
        for guards in (AUDIT, SIGNED_WORK, KEPT, SERVING):
            guards.remove(connection)
        empty(case)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", without_guards)
        yield
