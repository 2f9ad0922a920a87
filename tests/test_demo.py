"""The demo can be built again and again, and never under production settings."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from clinic.accounts.models import User
from patients.models import Patient
from predictions.demo import nights
from predictions.models import Study
from predictions.states import State
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def short_night(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(nights, "NIGHT_HOURS", 0.05)
    monkeypatch.delenv("DEMO_PASSWORD", raising=False)


def build() -> str:
    told = StringIO()
    call_command("create_demo", stdout=told)
    return told.getvalue()


def test_the_same_demo_however_often_it_is_built(tmp_path: Path) -> None:
    assert build() == build()
    assert User.objects.filter(demo=True).count() == Patient.objects.filter(invented=True).count() == 6
    assert Study.objects.filter(algorithm="haemorrhage").count() == 4
    films = Study.objects.filter(algorithm="chest_xray").order_by("submitted_at")
    assert [study.files.count() for study in films] == [1, 1, 2]
    assert [study.signatures.count() for study in films] == [1, 0, 0]
    night = Study.objects.get(algorithm="sleep")
    assert night.state == State.READY
    assert night.prediction.result["simulated"]
    secret = (tmp_path / "demo" / "password").read_text()
    assert User.objects.get(username="midwife").check_password(secret)
    assert b"simulated" in (tmp_path / "demo" / "simulated_night.edf").read_bytes()[:256].lower()


def test_the_password_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    build()
    monkeypatch.setenv("DEMO_PASSWORD", "a lamp at the window")
    assert "a lamp at the window" in build()
    assert User.objects.get(username="steward").check_password("a lamp at the window")


def test_production_refuses_the_demo(settings: Any) -> None:
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="production"):
        build()
    assert not User.objects.exists()


def test_a_real_member_of_staff_is_never_taken_over() -> None:
    factories.staff("midwife", "midwife", password=factories.PASSWORD)
    with pytest.raises(CommandError, match="midwife"):
        build()
    assert User.objects.get().check_password(factories.PASSWORD)
