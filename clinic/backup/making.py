"""Writing a backup while the product runs.

Files are written once under names that never come back, so a snapshot of the database and the files that
its rows name belong together whenever the files are copied. Only a file that was discarded between the two
could be missed: then another snapshot is taken, which no longer names it.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from clinic.audit.anchors import keys as audit_keys
from clinic.audit.anchors import targets
from clinic.audit.anchors.keys import NoKey, public_pem
from clinic.audit.anchors.targets import FileTarget
from clinic.audit.models import Action, Anchor, Head
from clinic.audit.recording import record
from clinic.backup import manifest, snapshot
from clinic.backup.manifest import Manifest, NoBackup
from ml import package
from ml.package import BrokenPackage
from predictions.sweep import REFERENCES
from predictions.vault import container, fitting
from predictions.vault import keys as storage_keys
from predictions.vault.damage import Damaged
from predictions.vault.fitting import Unfitting

TRIES = 5
EVERY = 500
FILES, PACKAGES, ANCHORS, KEYS = "files", "packages", "anchors", "keys"
PUBLIC = "public.pem"
DRAFT = ".partial"

Say = Callable[[str], None]


def make(target: Path, *, keys: bool = False, check: bool = True, say: Say = lambda line: None) -> Manifest:
    """Write a whole backup into ``target``, which must not be there yet.

    It grows in ``target.partial`` and gets its name when it is whole, so that one cut short is never taken
    for a backup.

    Parameters
    ----------
    keys
        Whether to put the keys of stored files and of the anchors into it: whoever has such a backup can
        read everything.
    check
        Whether to decrypt every file that was copied. A damaged one is named in the manifest and stops
        nothing: the backup is of everything else.

    Raises
    ------
    clinic.backup.manifest.NoBackup
        When the place is taken or is one of the folders to be backed up, the files do not come to rest, or
        they need a key that is not here.
    """
    draft = target.with_name(target.name + DRAFT)
    _require_free(target, draft)
    _require_apart(target)
    _require_keys()
    draft.mkdir(mode=0o700, parents=True)
    written = _consistent(draft, keys=keys, say=say)
    if check:
        written = replace(written, damaged=_damaged(draft / FILES, written.files, say))
    manifest.write(draft, written)
    draft.rename(target)
    _sync(target.parent)
    counts = {"files": len(written.files), "packages": len(written.packages), "keys": written.keys}
    record(Action.BACK_UP, kind="backup", object_id=target.name[:64], detail=counts | {"head": written.head})
    return written


def _damaged(folder: Path, names: list[str], say: Say) -> list[str]:
    """Decrypt what was copied, and return what does not open."""
    found = []
    for number, name in enumerate(names, start=1):
        try:
            _open_through(folder / name, name)
        except Damaged as error:
            found.append(name)
            say(f"damaged: {name} ({error.problems[0].code})")
        if number % EVERY == 0:
            say(f"{number:,} of {len(names):,} files checked")
    return found


def _open_through(path: Path, name: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with container.opened(descriptor, name, storage_keys.ring) as stream:
        while stream.read1():
            pass


def _consistent(draft: Path, *, keys: bool, say: Say) -> Manifest:
    for attempt in range(1, TRIES + 1):
        made_at = datetime.now(UTC).isoformat(timespec="seconds")
        _clear_database(draft)
        with snapshot.taken(draft) as taken:
            named = _named(taken)
            missing = _copy_files(draft / FILES, named)
            if missing:
                say(f"{len(missing)} files were discarded meanwhile; looking again ({attempt} of {TRIES})")
                continue
            _forget(draft / FILES, named)
            _copy_anchors(draft / ANCHORS, last=_last_anchor(taken), say=say)
            return Manifest(
                made_at=made_at,
                engine=connection.vendor,
                migrations=_migrations(taken),
                tables=taken.tables(),
                head=_head(taken),
                files=sorted(named),
                packages=_copy_packages(draft / PACKAGES),
                anchors=[target.name for target in targets.configured() if isinstance(target, FileTarget)],
                keys=keys and _copy_keys(draft / KEYS),
            )
    raise NoBackup(
        f"{sorted(missing)[0]} is named by the database and is not among the private files: "
        "look for it, or restore it from an earlier backup"
    )


def _named(taken: snapshot.Snapshot) -> set[str]:
    """Return the private files that rows of the snapshot refer to."""
    columns = [(model._meta.db_table, column) for model, column in REFERENCES]
    return {name for table, column in columns for (name,) in taken.rows(table, column) if name}


def _copy_files(folder: Path, named: set[str]) -> set[str]:
    """Copy what is not there yet, as it lies on the disk, encrypted; return what is missing."""
    missing = set()
    for name in sorted(named):
        if (folder / name).exists():
            continue
        try:
            manifest.copy(Path(settings.PRIVATE_ROOT) / name, folder / name)
        except FileNotFoundError:
            missing.add(name)
    return missing


def _forget(folder: Path, named: set[str]) -> None:
    """Remove what only an earlier snapshot named: it was discarded, and must not come back."""
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if path.relative_to(folder).as_posix() not in named:
            path.unlink()


def _copy_packages(folder: Path) -> list[str]:
    """Copy every whole package trained here or kept, and which one serves; none that is still being written.

    A kept one lies in ``kept/<sha256>`` as a trained one lies in ``<algorithm>/<version>``.
    """
    found = []
    for written in sorted(package.SITE.glob(f"*/*/{package.MANIFEST}")):
        source = written.parent
        name = source.relative_to(package.SITE).as_posix()
        try:
            package.read(source)
        except BrokenPackage:
            continue
        for path in sorted(path for path in source.rglob("*") if path.is_file()):
            manifest.copy(path, folder / name / path.relative_to(source))
        found.append(name)
    for named in sorted(package.SITE.glob(f"*/{package.CHAMPION}")):
        manifest.copy(named, folder / named.relative_to(package.SITE))
    return found


def _copy_anchors(folder: Path, *, last: int, say: Say) -> None:
    """Copy the anchors that the snapshot knows of, and the public keys to check them with.

    A later one would speak of events that the snapshot lacks, as if its chain had been cut. A last line
    without an end is still being written, or was when its sealer was killed: the database has it, and it is
    sent again. Any other line that is no anchor is taken along as it is, for ``verify_audit`` to name.
    """
    folder.mkdir(mode=0o700)
    for number, path in enumerate(targets.files()):
        if path.exists():
            known = []
            with path.open(encoding="utf-8", errors="replace") as lines:
                for row, line in enumerate(lines, start=1):
                    if not line.endswith("\n") or not line.strip():
                        continue
                    if (anchor := _anchor_number(line)) is None:
                        say(f"line {row} of {path} is no anchor: look what manage.py verify_audit says of it")
                    if anchor is None or anchor <= last:
                        known.append(line)
            manifest.write_text(folder / f"{number}.jsonl", "".join(known))
    try:
        public = [public_pem(key) for key in audit_keys.known().values()]
    except NoKey as error:
        raise NoBackup(f"its anchors could not be checked without the public key: {error}") from error
    manifest.write_text(folder / PUBLIC, "".join(public))


def _anchor_number(line: str) -> int | None:
    try:
        return int(json.loads(line)["number"])
    except (ValueError, KeyError, TypeError):
        return None


def _last_anchor(taken: snapshot.Snapshot) -> int:
    return max((number for (number,) in taken.rows(Anchor._meta.db_table, "number")), default=0)


def _copy_keys(folder: Path) -> bool:
    """Write down every secret that the restored product needs, under names that say which."""
    folder.mkdir(mode=0o700)
    ring = [base64.b64encode(key.secret).decode("ascii") for key in storage_keys.ring().keys]
    manifest.write_text(folder / "storage-key", "\n".join(ring) + "\n")
    manifest.write_text(folder / "audit-key.pem", Path(settings.AUDIT_KEY_FILE).read_text("ascii"))
    manifest.write_text(folder / "secret-key", settings.SECRET_KEY)
    return True


def _migrations(taken: snapshot.Snapshot) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for app, name in taken.rows("django_migrations", "app", "name"):
        found.setdefault(app, []).append(name)
    return {app: sorted(names) for app, names in sorted(found.items())}


def _head(taken: snapshot.Snapshot) -> dict[str, str | int]:
    for position, link in taken.rows(Head._meta.db_table, "position", "hash"):
        return {"position": position, "hash": link}
    return {}


def _clear_database(draft: Path) -> None:
    (draft / snapshot.SQLITE).unlink(missing_ok=True)
    shutil.rmtree(draft / snapshot.TABLES, ignore_errors=True)


def _require_free(target: Path, draft: Path) -> None:
    if target.exists():
        raise NoBackup(f"{target} is there already; a backup is never written over: name another folder")
    if draft.exists():
        raise NoBackup(f"{draft} is left of a backup that was cut short; delete it, or name another folder")


def _require_apart(target: Path) -> None:
    """Refuse a place among the data: it would be backed up itself, swept away, or lost with them."""
    data = Path(settings.DATA_DIR).resolve()
    places = (data, Path(settings.PRIVATE_ROOT).resolve(), package.SITE.resolve())
    for place in places:
        if target.resolve().is_relative_to(place):
            raise NoBackup(
                f"{target} lies in {place}, with what is backed up: name a folder outside, "
                "best on another disk"
            )


def _require_keys() -> None:
    try:
        fitting.require()
    except (Unfitting, ImproperlyConfigured) as error:
        raise NoBackup(str(error)) from error


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
