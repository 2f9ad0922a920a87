"""A worker killed while it erases: before the commit nothing happened, after it the rest is done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from django.conf import settings
from django.db import connection

from clinic.accounts.roles import Role
from patients import erasure
from patients.models import Erasure, ErasureState, Patient
from predictions import erasing
from tests import factories, studies
from tests.machine import ROOT
from tests.test_erasure import asked, kept_files, taken

WORKER = """
import os, signal, sys
from pathlib import Path
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
settings.PRIVATE_ROOT, settings.STORAGE_KEY_FILE = Path(sys.argv[2]), Path(sys.argv[3])
settings.ERASURE_LIST = settings.PRIVATE_ROOT.parent / "erasures.jsonl"
django.setup()
from patients import erasure
from predictions import erasing
from predictions.storage import PrivateStorage

def killed_in(owner, name, turn):
    whole, turns = getattr(owner, name), iter(range(1, 99))
    def step(*given):
        if next(turns) == turn:
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(*given)
    setattr(owner, name, step)

if sys.argv[5] == "rows":
    killed_in(erasure.Shredder, "shred", 9)
else:
    killed_in(PrivateStorage, "discard", 2)
erasing.work(sys.argv[4])
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="the other process is given the file of the database"
)
def test_a_worker_killed_among_rows_or_files_leaves_nothing_half_erased() -> None:
    unit = factories.unit("radiology")
    physician, admin = factories.staff("bob", Role.PHYSICIAN, unit), factories.staff("admin", Role.ADMIN)
    study = studies.radiograph(physician, factories.patient(unit))
    studies.written(study, b"a report")
    wanted = taken(physician, asked(physician, study))
    erasure.approve(user=admin, erasure=wanted)
    before = sorted(kept_files())

    def killed(stage: str) -> None:
        connection.close()
        database = connection.settings_dict["NAME"]
        given = [
            str(database),
            str(settings.PRIVATE_ROOT),
            str(settings.STORAGE_KEY_FILE),
            str(wanted.pk),
            stage,
        ]
        environment = os.environ | {"DJANGO_SETTINGS_MODULE": "clinic.settings"}
        done = subprocess.run([sys.executable, "-c", WORKER, *given], cwd=ROOT, env=environment, timeout=120)
        assert done.returncode == -signal.SIGKILL

    killed("rows")
    assert Erasure.objects.get().state == ErasureState.APPROVED
    assert Patient.objects.exists()
    assert sorted(kept_files()) == before
    killed("files")
    assert Erasure.objects.get().state == ErasureState.SHREDDING
    assert not Patient.objects.exists()
    assert 0 < len(kept_files()) < len(before)
    erasing.work(wanted.pk)
    assert Erasure.objects.get().state == ErasureState.DONE
    assert kept_files() == []
