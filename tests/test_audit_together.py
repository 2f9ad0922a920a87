"""A change and its event commit together: where the event cannot be written, nothing changes.

Every address of the table of rules that changes something is asked for it while the audit refuses new events.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from typing import Any

import pytest
from django.apps import apps
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from clinic.accounts.models import User
from patients.models import Patient
from predictions.models import Study
from predictions.states import State
from tests.test_access_matrix import ADDRESSES, EXPECTED, Rule, rules
from tests.visitors import World, a_study, make_world

# What says nothing about a patient or a person's rights: sessions, counters, half-filled forms, read notices.
PLUMBING = frozenset(
    {
        "accounts_attempts", "accounts_lastcode", "accounts_notice", "django_session", "predictions_draft",
        "predictions_inquiry", "usersessions_usersession",
    }
)  # fmt: skip
# A language, a theme, and a form of columns kept while it is being filled in.
UNRECORDED = frozenset({"set_language", "set_theme", "training_columns_check"})
FULL = {
    "sqlite": "CREATE TRIGGER full BEFORE INSERT ON audit_event BEGIN SELECT RAISE(ABORT, 'full'); END",
    "postgresql": 'ALTER TABLE audit_event ADD CONSTRAINT "full" CHECK (false) NOT VALID',
}


def tables() -> dict[str, str]:
    """Return a hash of the rows of every table that matters."""
    found = {}
    for model in apps.get_models(include_auto_created=True):
        name = model._meta.db_table
        if name in PLUMBING:
            continue
        rows = sorted(map(repr, model._default_manager.order_by().values_list()))
        found[name] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


def ask_without_audit(
    rule: Rule, url: str, user: User | None, data: Mapping[str, Any]
) -> tuple[int, set[str]]:
    """Send a request while no event can be written; return its status and the tables changed all the same."""
    cache.clear()
    browser = Client(raise_request_exception=False)
    form = {"content_type": "application/json"} if url.startswith("/api/") else {}
    with transaction.atomic():
        if user is not None:
            browser.force_login(user)
        with connection.cursor() as cursor:
            cursor.execute(FULL[connection.vendor])
        before = tables()
        response = getattr(browser, rule.method.lower())(url, data or None, **form)
        after = tables()
        transaction.set_rollback(True)
    return response.status_code, {name for name in before if before[name] != after[name]}


def changing() -> list[tuple[str, Rule, str]]:
    """Return every rule of an address by which somebody changes something, and a visitor who may."""
    found = []
    for name in sorted(set(EXPECTED) & set(ADDRESSES) - UNRECORDED):
        for rule in rules(name):
            may = [
                visitor
                for visitor in ("midwife here", "physician here", "admin", "steward")
                if rule.expects(visitor) in (200, 201, 202, 204, 302)
            ]
            if rule.method not in ("GET", "HEAD") and may:
                found.append((name, rule, may[0]))
    return found


@pytest.fixture
def world(claire: Patient) -> World:
    """Return Claire and everybody who comes."""
    return make_world(claire)


@pytest.mark.django_db
def test_nothing_changes_that_cannot_be_recorded(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    studies: dict[State, Study] = {}
    wrong, failed = {}, 0
    for name, rule, visitor in changing():
        if "study_id" in ADDRESSES[name].pattern.converters and rule.state not in studies:
            studies[rule.state] = a_study(world, rule.state)
        study = studies.get(rule.state)
        data = {
            key: study.prediction.pk if study and value == "{prediction}" else value
            for key, value in rule.data.items()
        }
        url = reverse(name, kwargs=world.arguments(ADDRESSES[name], study))
        status, changed = ask_without_audit(rule, url, world.visitors[visitor], data)
        failed += status >= 500
        if changed:
            wrong[f"{rule.method} {name}"] = (status, changed)
    assert wrong == {}
    assert failed > 10  # the audit really refused
