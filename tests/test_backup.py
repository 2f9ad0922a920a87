"""A backup made while the product works, brought back into empty places, and everything that stops either."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.utils import timezone

from clinic import checks
from clinic.accounts import tokens
from clinic.accounts.models import ApiToken, User
from clinic.accounts.roles import Role
from clinic.audit.anchors import keys as audit_keys
from clinic.audit.anchors import sending
from clinic.audit.models import Action, AnchorTarget, Event
from clinic.audit.seal import seal_all
from clinic.backup import making, manifest, restoring
from clinic.backup.manifest import NoBackup
from ml import package
from patients.models import Patient
from predictions.api import health
from predictions.models import Document, Prediction, Signature, StoredArtefact, Study, StudyFile
from predictions.states import State
from predictions.storage import receive, storage
from predictions.sweep import REFERENCES
from predictions.vault import keys as storage_keys
from predictions.vault.damage import Damaged
from tests import factories, own_database, studies
from tests.machine import ROOT
from tests.servers import LiveStack, running_stack

SECRET = b"signed report of LANTERN Claire"


class Place:
    """Where one installation keeps everything."""

    def __init__(self, folder: Path, url: str, key: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.url, self.key = folder, url, key
        self.private, self.packages = folder / "private", folder / "packages"
        self.anchors = folder / "audit/anchors.jsonl"
        self.former: list[str] = []

    @contextmanager
    def used(self) -> Iterator[None]:
        """Work here until the block ends."""
        with pytest.MonkeyPatch.context() as patch, own_database.used(self.url):
            patch.setattr(django_settings, "PRIVATE_ROOT", self.private)
            patch.setattr(package, "SITE", self.packages)
            patch.setattr(django_settings, "STORAGE_KEYS", ())
            patch.setattr(django_settings, "STORAGE_KEY_FILE", self.key)
            patch.setattr(django_settings, "AUDIT_KEY_FILE", self.folder / "audit/key.pem")
            patch.setattr(django_settings, "AUDIT_FORMER_KEYS", self.former)
            patch.setattr(django_settings, "AUDIT_ANCHORS", [f"file:{self.anchors}"])
            package._verified.cache_clear()
            yield


def make_key(path: Path) -> Path:
    path.write_text(storage_keys.made() + "\n", "ascii")
    path.chmod(0o600)
    return path


def filled(place: Place) -> None:
    """Have a ward work there: studies in several states, files, a signature, a package, a sealed audit."""
    call_command("migrate", verbosity=0)
    radiology = factories.unit("radiology")
    reader = factories.staff("backup-charlie", Role.RADIOLOGIST, radiology)
    patient = factories.patient(radiology)
    signed = studies.radiograph(reader, patient)
    studies.signed(signed, reader)
    studies.written(signed, SECRET)
    studies.waiting(reader, patient, algorithm="chest_xray", unit=radiology)
    tokens.issue(owner=reader, name="nightly", scopes=["read"], lifetime=timedelta(days=30))
    shipped = package.ROOT / "haemorrhage" / package.champion_version("haemorrhage")
    shutil.copytree(shipped, place.packages / "haemorrhage" / shipped.name)
    seal()


def seal() -> None:
    seal_all()
    sending.anchor()
    sending.deliver()


def counts() -> dict[str, int]:
    return {model.__name__: model.objects.count() for model in (User, Patient, Study, Prediction, Signature)}


@pytest.fixture(scope="module")
def once_filled(
    tmp_path_factory: pytest.TempPathFactory, empty_sqlite: Path, django_db_blocker: Any
) -> Place:
    """Return a filled installation, to be copied."""
    folder = tmp_path_factory.mktemp("filled")
    url = own_database.copied(empty_sqlite, folder / "ward.sqlite3")
    place = Place(folder, url, make_key(folder / "key"))
    with django_db_blocker.unblock(), place.used():
        filled(place)
    return place


@pytest.fixture
def ward(once_filled: Place, tmp_path: Path, django_db_blocker: Any) -> Iterator[Place]:
    """Return a filled installation, in use."""
    folder = tmp_path / "ward"
    shutil.copytree(once_filled.folder, folder)
    place = Place(folder, own_database.sqlite(folder / "ward.sqlite3"), folder / "key")
    with django_db_blocker.unblock(), place.used():
        yield place


@pytest.fixture
def empty(ward: Place, tmp_path: Path) -> Place:
    """Return an installation where nothing is, with the key of the other."""
    place = Place(tmp_path / "empty", own_database.sqlite(tmp_path / "empty.sqlite3"), ward.key)
    place.former = _public(ward)
    return place


def assert_comes_back(ward: Place, empty: Place, target: Path) -> None:
    before, documents = counts(), list(Document.objects.values_list("stored_name", flat=True))
    making.make(target)
    lost = studies.waiting(User.objects.get(), Patient.objects.get(), algorithm="chest_xray")
    seal()
    with empty.used():
        proof = restoring.restore(target)
        assert proof.faults == []
        assert counts() == before
        assert (proof.files, proof.packages, proof.seals > 3) == (3, 1, True)
        with storage.reader(documents[0]) as stream:
            assert stream.read() == SECRET
        assert not Study.objects.filter(pk=lost.pk).exists()
        assert Event.objects.filter(action=Action.RESTORE).count() == 1
        # Life goes on: numbers continue, the chain and its anchors too.
        studies.waiting(User.objects.get(), Patient.objects.get(), algorithm="chest_xray")
        seal()
        call_command("verify_audit")
    assert Event.objects.filter(action=Action.BACK_UP).count() == 1


def _public(place: Place) -> list[str]:
    path = place.folder / "public.pem"
    path.write_text(audit_keys.public_pem(audit_keys.signing_key().public_key()), "ascii")
    return [str(path)]


def test_a_backup_comes_back_whole_into_empty_places(ward: Place, empty: Place, tmp_path: Path) -> None:
    assert_comes_back(ward, empty, tmp_path / "monday")
    check = ("sha256sum", "-c", "--quiet", manifest.SUMS)
    assert subprocess.run(check, cwd=tmp_path / "monday").returncode == 0
    everything = [path for path in (tmp_path / "monday").rglob("*") if path.is_file()]
    assert not any(SECRET in path.read_bytes() for path in everything)
    assert not any(ward.key.read_bytes().strip() in path.read_bytes() for path in everything)
    assert [path for path in everything if path.stat().st_mode & 0o077] == []


@pytest.mark.long
@pytest.mark.postgres
def test_a_backup_of_postgresql_comes_back_whole(
    postgres_url: str, tmp_path: Path, django_db_blocker: Any
) -> None:
    key = make_key(tmp_path / "key")
    ward, empty = (
        Place(tmp_path / name, own_database.postgres(postgres_url), key) for name in ("ward", "empty")
    )
    with django_db_blocker.unblock(), ward.used():
        filled(ward)
        empty.former = _public(ward)
        assert_comes_back(ward, empty, tmp_path / "monday")


@pytest.mark.long
def test_the_product_runs_on_what_was_restored(tmp_path: Path) -> None:
    target, ward, folder = (tmp_path / name for name in ("monday", "ward", "other"))
    ward.mkdir()
    with running_stack(ward) as stack:
        backed_up = stack.manage("backup", str(target), "--with-keys")
        before = asked(stack, "/api/studies")["count"]
    assert (backed_up.returncode, before > 0) == (0, True), backed_up.stderr
    (folder / "audit").mkdir(parents=True)
    keys = {
        "storage-key": "demo-storage-key",
        "secret-key": "demo-secret-key",
        "audit-key.pem": "audit/key.pem",
    }
    for name, place in keys.items():
        shutil.copy(target / "keys" / name, folder / place)
    environment = os.environ | {"VIGIE_DATA_DIR": str(folder)}
    command = (sys.executable, "manage.py", "restore", str(target))
    restored = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert restored.returncode == 0, restored.stderr
    with running_stack(folder) as stack:
        assert asked(stack, "/api/studies")["count"] == before
        study = asked(stack, "/api/studies?algorithm=haemorrhage")["results"][0]["id"]
        assert asked(stack, f"/api/studies/{study}/result")["study"] == study
        verified = stack.manage("verify_audit")
        assert verified.returncode == 0, verified.stderr


def asked(stack: LiveStack, path: str) -> dict:
    """Log in as the midwife of the demo and ask."""
    given = json.dumps({"username": "midwife", "password": stack.password, "scopes": ["read"]}).encode()
    token = _answer(f"{stack.url}/api/token", {"Content-Type": "application/json"}, given)["token"]
    return _answer(f"{stack.url}{path}", {"Authorization": f"Token {token}"})


def _answer(url: str, headers: dict, body: bytes | None = None) -> dict:
    request = urllib.request.Request(url, body, headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


def test_what_goes_wrong_with_a_backup_is_said_and_nothing_is_written(
    ward: Place, empty: Place, tmp_path: Path
) -> None:
    target = tmp_path / "monday"
    making.make(target, keys=True)
    with pytest.raises(NoBackup, match="never written over"):
        making.make(target)
    with pytest.raises(NoBackup, match="is not empty"):
        restoring.restore(target)
    (ciphertext, *_) = sorted(path for path in (target / "files").rglob("*") if path.is_file())
    whole = ciphertext.read_bytes()
    other = Place(tmp_path / "other", empty.url, make_key(tmp_path / "other-key"))
    with other.used(), pytest.raises(NoBackup, match="VIGIE_STORAGE_KEY_FILE"):
        restoring.restore(target)
    with empty.used():
        for spoiled, told in (
            (whole[:-1] + bytes([whole[-1] ^ 1]), "is not what was backed up"),
            (None, "missing"),
        ):
            ciphertext.unlink()
            if spoiled:
                ciphertext.write_bytes(spoiled)
            with pytest.raises(NoBackup, match=told):
                restoring.restore(target)
        ciphertext.write_bytes(whole)
        (target / "keys/more").write_text("x")
        with pytest.raises(CommandError, match="nothing was restored"):
            call_command("restore", str(target))
        assert connection.introspection.table_names() == []
        assert not empty.private.exists()
    assert (target / "keys/storage-key").read_text().strip() == ward.key.read_text().strip()


def test_a_file_discarded_during_the_backup_is_not_in_it(
    ward: Place, empty: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = Document.objects.get()
    copy = manifest.copy

    def discards(source: Path, target: Path) -> None:
        if Document.objects.exists():
            Document.objects.all().delete()
            storage.discard(document.stored_name)
        copy(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(manifest, "copy", discards)
        held = making.make(tmp_path / "monday")
    assert document.stored_name not in held.files
    assert held.tables["predictions_document"] == 0
    with empty.used():
        assert restoring.restore(tmp_path / "monday").faults == []


def test_a_file_that_is_lost_stops_the_backup_by_name(ward: Place, tmp_path: Path) -> None:
    name = StoredArtefact.objects.first().stored_name
    (ward.private / name).unlink()
    with pytest.raises(CommandError, match=name):
        call_command("backup", str(tmp_path / "monday"))
    assert not (tmp_path / "monday").exists()
    with pytest.raises(CommandError, match="cut short"):
        call_command("backup", str(tmp_path / "monday"))


def test_nobody_gets_in_by_what_was_open_when_it_was_made(ward: Place, empty: Place, tmp_path: Path) -> None:
    user = User.objects.get()
    generation = user.session_generation
    making.make(tmp_path / "monday")
    with empty.used():
        restoring.restore(tmp_path / "monday")
        assert User.objects.get().session_generation > generation
        assert not any(token.serves(timezone.now()) for token in ApiToken.objects.all())
        assert not Session.objects.exists()


def test_a_changed_row_is_named_after_the_restore(ward: Place, empty: Place, tmp_path: Path) -> None:
    """Somebody who can write the backup and its list of checksums still cannot change what was recorded."""
    target = tmp_path / "monday"
    making.make(target)
    with sqlite3.connect(target / "database.sqlite3") as copy:
        for (trigger,) in copy.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
            copy.execute(f"DROP TRIGGER {trigger}")
        copy.execute("UPDATE audit_event SET actor_label = 'nobody' WHERE id = 2")
        copy.execute("UPDATE predictions_document SET sha256 = ?", ["0" * 64])
    os.remove(target / manifest.SUMS)
    held = [f"{manifest.sha256(target / name)}  {name}\n" for name in manifest.names(target)]
    (target / manifest.SUMS).write_text("".join(held))
    with empty.used():
        faults = " ".join(restoring.restore(target).faults)
    assert "event 2" in faults
    assert "is not what its row says" in faults
    assert State.SIGNED in {study.state for study in Study.objects.all()}


def test_every_column_that_names_a_file_is_backed_up_and_kept_from_the_sweep() -> None:
    columns = {
        (model, field.name)
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.CharField) and field.name in ("stored_name", "export_name")
    }
    assert columns | {(StudyFile, "name")} == set(REFERENCES)


def spoil(path: Path) -> None:
    """Change the last byte of a file."""
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))


def test_a_damaged_file_is_named_by_the_backup_and_keeps_nobody_from_the_rest(
    ward: Place, empty: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = StoredArtefact.objects.select_related("prediction").first()
    spoil(ward.private / kept.stored_name)
    target = str(tmp_path / "monday")
    for command, folder in (("verify_storage", []), ("backup", [target])):
        with pytest.raises(CommandError) as told:
            call_command(command, *folder)
        assert told.value.returncode == 3
        assert kept.stored_name in capsys.readouterr().err
    with empty.used():
        with pytest.raises(CommandError, match="can be used") as told:
            call_command("restore", target)
        assert told.value.returncode == 3
        assert f"{kept.stored_name} (study {kept.prediction.study_id})" in capsys.readouterr().err
    call_command("backup", str(tmp_path / "unchecked"), "--unchecked")


def test_a_restore_without_its_keys_says_which_and_leaves_the_places_empty(
    ward: Place, empty: Place, tmp_path: Path
) -> None:
    making.make(tmp_path / "monday")
    empty.former, empty.key = [], tmp_path / "none"
    with empty.used():
        with pytest.raises(NoBackup, match="no storage key at"):
            restoring.restore(tmp_path / "monday")
        empty.key = ward.key
    with empty.used(), pytest.raises(NoBackup, match="VIGIE_AUDIT_FORMER_KEYS"):
        restoring.restore(tmp_path / "monday")
    assert [path for path in empty.folder.rglob("*") if path.is_file()] == []
    assert not (tmp_path / "empty.sqlite3").exists()


def test_a_demo_without_keys_makes_none_before_a_restore_has_looked(ward: Place, tmp_path: Path) -> None:
    making.make(tmp_path / "monday")
    environment = os.environ | {"VIGIE_DATA_DIR": str(tmp_path / "new")}
    command = (sys.executable, "manage.py", "restore", str(tmp_path / "monday"))
    told = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (told.returncode, "no storage key at" in told.stderr) == (1, True), told.stderr
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"demo-secret-key"}


def test_half_a_line_of_a_killed_sealer_stops_neither_backup_nor_anchors(
    ward: Place, empty: Place, tmp_path: Path
) -> None:
    whole = ward.anchors.read_bytes()
    ward.anchors.write_bytes(whole[:-40])
    AnchorTarget.objects.update(sent=0)
    making.make(tmp_path / "monday")
    sending.deliver()
    call_command("verify_audit")
    assert ward.anchors.read_bytes().startswith(whole)
    with empty.used():
        assert restoring.restore(tmp_path / "monday").faults == []


def test_a_full_disk_is_said_by_backup_and_restore(
    ward: Place, empty: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    making.make(tmp_path / "monday")
    for error in (OSError(errno.ENOSPC, "No space left"), sqlite3.OperationalError("disk is full")):

        def full(*args: Any, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(manifest, "copy", full)
        with pytest.raises(CommandError, match=r"delete .*\.partial"):
            call_command("backup", str(tmp_path / "tuesday"))
        shutil.rmtree(tmp_path / "tuesday.partial")
        with empty.used(), pytest.raises(CommandError, match="cut short"):
            call_command("restore", str(tmp_path / "monday"))


def test_a_backup_is_not_made_among_the_data(ward: Place) -> None:
    for place in (ward.private / "backup", ward.packages / "backup", Path(django_settings.DATA_DIR) / "b"):
        with pytest.raises(CommandError, match="name a folder outside"):
            call_command("backup", str(place))
        assert not place.parent.joinpath(f"{place.name}{making.DRAFT}").exists()


def test_a_wrong_key_is_refused_at_the_start_by_a_backup_and_for_new_files(
    ward: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert checks.failures() == []
    monkeypatch.setattr(django_settings, "STORAGE_KEY_FILE", make_key(tmp_path / "wrong"))
    assert "The storage key does not fit" in " ".join(checks.failures())
    assert not health.examine()["storage"]
    with pytest.raises(CommandError, match="is not here"):
        call_command("backup", str(tmp_path / "monday"))
    received = receive(ContentFile(SECRET), limit=len(SECRET))
    with pytest.raises(Damaged) as refused:
        storage.adopt(received, "uploads")
    assert refused.value.problems[0].code == "wrong_key_to_keep"
