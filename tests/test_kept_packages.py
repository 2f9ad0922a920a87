"""A package that gave an answer and is gone is said where it happened, not when somebody needs it."""

from __future__ import annotations

import logging
import shutil
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from clinic.accounts.models import User
from ml import package as packages
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from patients.models import Patient
from predictions import kept
from predictions.models import Study
from predictions.watch import Watch
from tests.studies import analysed, waiting

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return a folder of kept packages of its own, beside a shipped package that can be taken away."""
    shutil.copytree(packages.ROOT / "haemorrhage", tmp_path / "shipped" / "haemorrhage")
    monkeypatch.setattr(packages, "ROOT", tmp_path / "shipped")
    monkeypatch.setattr(packages, "SITE", tmp_path / "site")
    packages._kept.clear()
    packages._verified.cache_clear()
    return tmp_path / "site" / packages.KEPT


def admission(user: User, patient: Patient) -> Study:
    """Return an admission that was answered."""
    return analysed(waiting(user, patient, values=as_of(EXAMPLES[0], timezone.now())))


@pytest.fixture
def answered(store: Path, alice: User, claire: Patient) -> Study:
    """Return an admission that was answered."""
    return admission(alice, claire)


def checked() -> str:
    """Return what ``manage.py check`` says of the database."""
    said = StringIO()
    call_command("check", databases=["default"], stderr=said, stdout=said)
    return said.getvalue()


def test_a_store_that_was_removed_is_filled_again_while_the_originals_last(
    store: Path, answered: Study, caplog: pytest.LogCaptureFixture
) -> None:
    sha256 = answered.prediction.package_sha256
    shutil.rmtree(store)
    Watch().sweep()
    assert packages.read(store / sha256).sha256 == sha256
    assert "package kept anew" in caplog.text
    assert not kept.without_copy()


def test_the_next_answer_of_a_running_worker_fills_it_too(
    store: Path, answered: Study, alice: User, claire: Patient
) -> None:
    shutil.rmtree(store)
    admission(alice, claire)
    assert not kept.without_copy()


def test_what_cannot_be_kept_anew_is_said_by_the_watch_the_check_and_the_weekly_look(
    store: Path, answered: Study, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    sha256 = answered.prediction.package_sha256
    assert "W001" not in checked()
    shutil.rmtree(store)
    for folder in (packages.ROOT / "haemorrhage").iterdir():
        if folder.is_dir() and packages.read(folder).sha256 == sha256:
            shutil.rmtree(folder)
    packages._verified.cache_clear()
    with caplog.at_level(logging.ERROR):
        kept.look()
    (line,) = [one for one in caplog.records if one.message == "package of answers gone"]
    assert (line.algorithm, line.package) == ("haemorrhage", sha256)
    assert f"packages/kept/{sha256}" in checked()
    with pytest.raises(CommandError, match="packages that gave answers are gone") as error:
        call_command("verify_storage")
    assert error.value.returncode == 3
    assert f"gone: haemorrhage {answered.prediction.package_version} ({sha256})" in capsys.readouterr().err
