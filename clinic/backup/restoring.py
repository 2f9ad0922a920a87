"""Bringing a backup back into empty places, and proving that it is all there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction

from clinic.accounts import sessions
from clinic.accounts.models import User
from clinic.audit import verify
from clinic.audit.anchors import keys as audit_keys
from clinic.audit.anchors import targets
from clinic.audit.anchors.keys import NoKey
from clinic.audit.anchors.targets import FileTarget
from clinic.audit.models import Action, AnchorTarget
from clinic.audit.recording import record
from clinic.audit.seal import seal_all
from clinic.backup import loading, manifest
from clinic.backup.making import ANCHORS, FILES, PACKAGES, PUBLIC
from clinic.backup.manifest import Manifest, NoBackup
from ml import package
from ml.package import BrokenPackage, Gone, Outdated
from predictions.models import Document, Prediction, StoredArtefact, StudyFile
from predictions.storage import storage
from predictions.sweep import named
from predictions.vault import container, upkeep
from predictions.vault import keys as storage_keys
from predictions.vault.damage import Damaged
from predictions.vault.upkeep import NO_OWNER

# Rows that know the hash of the plaintext of their file, and under which name it lies.
HASHED = ((StudyFile, "name"), (StoredArtefact, "stored_name"), (Document, "stored_name"))

Say = Callable[[str], None]


@dataclass(slots=True)
class Proof:
    """What was looked at after a restore, and everything that was wrong.

    Damaged are files that were so when they were backed up, each with the study it belongs to: they give
    nothing out and keep nobody from using the rest.
    """

    seals: int = 0
    files: int = 0
    packages: int = 0
    faults: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


def restore(folder: Path, *, say: Say = lambda line: None) -> Proof:
    """Bring a whole backup back into the empty database and folders of the settings, and verify all of it.

    Sessions and tokens that were open when it was made are ended: what was revoked since must not open
    again.

    Raises
    ------
    clinic.backup.manifest.NoBackup
        Before anything is written: the backup is not whole, a place is not empty, this version or its keys
        do not fit. Nothing of a backup is ever written over something else.
    """
    say("checking every byte of the backup")
    held = manifest.read(folder)
    _require_fit(folder, held)
    say(f"restoring {len(held.files)} files and {len(held.packages)} packages")
    for name in held.files:
        manifest.copy(folder / FILES / name, Path(settings.PRIVATE_ROOT) / name)
    for name in manifest.names(folder / PACKAGES):
        manifest.copy(folder / PACKAGES / name, package.SITE / name)
    say("restoring the database")
    loading.load(folder, held)
    proof = _counted(held)
    call_command("migrate", verbosity=0)
    _place_anchors(folder / ANCHORS, held)
    say("verifying files, packages and the audit")
    _verify_files(proof)
    _verify_packages(proof)
    _verify_trained(held, proof)
    _end_access()
    detail = {
        "made_at": held.made_at,
        "head": held.head,
        "files": proof.files,
        "faults": len(proof.faults),
        "damaged": len(proof.damaged),
    }
    record(Action.RESTORE, kind="backup", object_id=folder.name[:64], detail=detail)
    seal_all()
    _verify_audit(folder / ANCHORS, held, proof)
    return proof


def _require_fit(folder: Path, held: Manifest) -> None:
    if held.engine != connection.vendor:
        raise NoBackup(
            f"the backup is of {held.engine} and DATABASE_URL names {connection.vendor}: name one of its kind"
        )
    loading.require_known(held.migrations)
    loading.require_empty()
    for place in (Path(settings.PRIVATE_ROOT), package.SITE):
        if any(path.is_file() for path in place.rglob("*")):
            raise NoBackup(f"{place} is not empty; a restore never writes over anything: name an empty place")
    _require_keys(folder, held)
    _require_audit_keys(folder / ANCHORS)


def _require_keys(folder: Path, held: Manifest) -> None:
    if not held.files:
        return
    if not storage_keys.there():
        raise NoBackup(
            f"there is no storage key at {settings.STORAGE_KEY_FILE}: put the storage key of the backed up "
            "installation there, or name it in VIGIE_STORAGE_KEY_FILE, and begin again"
        )
    ids = {key.id for key in storage_keys.ring().keys}
    for name in held.files:
        with (folder / FILES / name).open("rb") as stream:
            try:
                needed = container.key_ids(stream.fileno())
            except Damaged:
                continue  # it is named with what else is wrong
        if name in held.damaged:
            continue
        if not needed & ids:
            raise NoBackup(
                f"{name} is encrypted under a key that is not here: put the storage key of the backed up "
                "installation into VIGIE_STORAGE_KEY_FILE and begin again"
            )


def _require_audit_keys(folder: Path) -> None:
    """Ask for the keys that signed the anchors: the restored installation has to trust them from then on."""
    own = Path(settings.AUDIT_KEY_FILE)
    former = [Path(name) for name in settings.AUDIT_FORMER_KEYS]
    try:
        signed = audit_keys.known([folder / PUBLIC])
        # Asked for where there is none, a demo would make one.
        known = audit_keys.known() if own.exists() else audit_keys.known(former) if former else {}
    except NoKey as error:
        raise NoBackup(f"the audit could not be verified: {error}") from error
    if strange := sorted(signed.keys() - known.keys()):
        raise NoBackup(
            f"its audit is signed by the key {', '.join(strange)}, which is none of this installation: put "
            f"the audit key of the backed up one at {own} (VIGIE_AUDIT_KEY_FILE), or, if it is lost, keep a "
            f"copy of {folder / PUBLIC} and name it in VIGIE_AUDIT_FORMER_KEYS, now and for good; then begin "
            "again"
        )


def _counted(held: Manifest) -> Proof:
    """Hold the rows of every table against the snapshot's."""
    proof = Proof()
    with connection.cursor() as cursor:
        for table, rows in held.tables.items():
            cursor.execute(f"SELECT COUNT(*) FROM {connection.ops.quote_name(table)}")  # noqa: S608
            found = cursor.fetchone()[0]
            if found != rows:
                proof.faults.append(f"table {table} has {found} rows instead of {rows}")
    return proof


def _place_anchors(folder: Path, held: Manifest) -> None:
    """Put each file of anchors where the settings have it now; one that is there already stays."""
    files = [target for target in targets.configured() if isinstance(target, FileTarget)]
    for number, (target, former) in enumerate(zip(files, held.anchors, strict=False)):
        kept = folder / f"{number}.jsonl"
        if not kept.exists() or target.path.exists():
            continue
        manifest.copy(kept, target.path)
        if not AnchorTarget.objects.filter(name=target.name).exists():
            AnchorTarget.objects.filter(name=former).update(name=target.name)


def _verify_files(proof: Proof) -> None:
    """Decrypt every file that a row refers to and hold it against the hash in its row.

    Every byte of the backup was checked before: what does not open here lay so on the disk of then.
    """
    owners = upkeep.owners()
    hashes = {
        name: digest
        for model, column in HASHED
        for name, digest in model.objects.exclude(**{column: ""}).values_list(column, "sha256")
    }
    for name in sorted(named()):
        try:
            digest = _sha256(name)
        except Damaged as error:
            proof.damaged.append(f"{name} ({owners.get(name, NO_OWNER)}): {error.problems[0].code}")
            continue
        if hashes.get(name, digest) != digest:
            proof.faults.append(f"file {name} is not what its row says")
        proof.files += 1


def _sha256(name: str) -> str:
    digest = hashlib.sha256()
    with storage.reader(name) as stream:
        while piece := stream.read1():
            digest.update(piece)
    return digest.hexdigest()


def _verify_packages(proof: Proof) -> None:
    """Read every package that answered a study, byte by byte, unless it is nowhere any more."""
    answered = Prediction.objects.values_list("study__algorithm", "package_version", "package_sha256")
    for algorithm, version, digest in sorted(set(answered.order_by())):
        try:
            package.by_sha256(algorithm, digest)
            proof.packages += 1
        except Outdated:
            continue
        except Gone:
            if version in package.versions(algorithm):
                proof.faults.append(f"package {algorithm} {version} is not the one that answered studies")
        except BrokenPackage as error:
            proof.faults.append(str(error))


def _verify_trained(held: Manifest, proof: Proof) -> None:
    """Read every package that was trained here or kept."""
    for name in held.packages:
        try:
            package.read(package.SITE / name)
            proof.packages += 1
        except BrokenPackage as error:
            proof.faults.append(str(error))


def _verify_audit(folder: Path, held: Manifest, proof: Proof) -> None:
    outcome = verify.verify(anchor_files=sorted(folder.glob("*.jsonl")))
    proof.seals = outcome.seals
    proof.faults += [f"audit: {fault.text}" for fault in outcome.faults]
    if held.head and outcome.seals < int(held.head["position"]):
        proof.faults.append(f"audit: {outcome.seals} seals instead of {held.head['position']}")


def _end_access() -> None:
    """End every session and token of the moment of the backup."""
    with transaction.atomic():
        for user in User.objects.all():
            sessions.end_all(user)
