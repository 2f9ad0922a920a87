"""Where a batch begins: files received, a table's columns named, accepted once and whole, or refused.

Runs in the web process: of a table the first line is read, of any other file its first bytes. A worker takes
it apart.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.utils import timezone

from clinic.accounts import shares
from clinic.accounts.models import Unit, User
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml import package as packages
from ml import registry
from ml.contracts import Contract, InputKind, Problem, Refused
from ml.package import BrokenPackage, Package
from predictions.batches import access, progress, selectors, services, table
from predictions.batches.models import Batch, BatchFile, Holding, Stage, Step
from predictions.batches.words import MOST_FILES, MOVED_ON, ONE_TABLE, TOO_MANY_FILES
from predictions.intake import KEY_REUSED, LONGEST_KEY, NO_KEY
from predictions.run import PACKAGE_BROKEN
from predictions.storage import MEBIBYTE, Received, StreamedUpload, receive, storage, too_large
from predictions.uploads import NO_FILE

LARGEST_TABLE = 32 * MEBIBYTE
LARGEST_UPLOAD = 2048 * MEBIBYTE
FOLDER = "batches"
LONGEST_NAME = 255


def submit(
    *,
    user: User,
    algorithm: str,
    files: Sequence[File],
    idempotency_key: str,
    language: str,
    columns: Mapping[str, str] | None = None,
) -> Batch:
    """Accept a batch whose columns are known and have it answered; for programs and the command line.

    Parameters
    ----------
    files
        One table; or images, recordings and ZIP archives of them.
    idempotency_key
        Unique per person: the same key with the same content gives the same batch again.
    language
        Of the sentences in the result.
    columns
        Column → field of a table, for columns that are not called as their field; empty for one to leave
        aside.

    Raises
    ------
    ml.contracts.Refused
        With every problem, those of a column at the column; nothing is kept.
    django.http.Http404, django.core.exceptions.PermissionDenied
        When this person may not send batches to that algorithm; recorded.
    """
    return _accept(user, algorithm, files, idempotency_key, language, dict(columns or {}), named=True)


def prepare(
    *, user: User, algorithm: str, files: Sequence[File], idempotency_key: str, language: str
) -> Batch:
    """Accept a batch from the page: a table waits for its columns to be named; raises as :func:`submit`."""
    return _accept(user, algorithm, files, idempotency_key, language, {}, named=False)


def describe(*, user: User, batch: Batch, columns: Mapping[str, str]) -> None:
    """Have a prepared table answered with its columns named; once.

    Raises
    ------
    ml.contracts.Refused
        With what is wrong with the columns, each problem at its column, when it is too late, or while the
        unit evaluates in silence.
    """
    if problems := table.check(batch.contract, batch.header, columns):
        raise Refused(*problems)
    access.require_answers(user, batch)
    with transaction.atomic():
        held = progress.locked(batch.pk)
        if held is None or held.stage != Stage.PREPARED:
            raise Refused(MOVED_ON)
        progress.move(held, Stage.READING, columns=dict(columns))
        _go(held, user)


def _accept(
    user: User,
    algorithm: str,
    files: Sequence[File],
    key: str,
    language: str,
    columns: dict[str, str],
    *,
    named: bool,
) -> Batch:
    contract = access.require_sender(user, algorithm)
    received: list[Received] = []
    try:
        received = _received(contract, files)
        problems = [] if 0 < len(key) <= LONGEST_KEY and key.isprintable() else [NO_KEY]
        problems += _wrong(contract, received)
        header: list[str] = []
        if not problems and contract.input_kind is InputKind.FORM:
            header, columns, problems = _table(contract, received[0], columns, named)
        if problems:
            _record_refusal(user, algorithm, problems)
            raise Refused(*problems)
        waits = contract.input_kind is InputKind.FORM and not named
        names = [_sanitised(file.name or "") for file in files]
        spoken = "fr" if language.startswith("fr") else "en"
        draft = Batch(
            algorithm=algorithm,
            created_by=user,
            idempotency_key=key,
            fingerprint=_fingerprint(algorithm, received, names, spoken, columns if named else {}),
            language=spoken,
            header=header,
            columns=columns,
            stage=Stage.PREPARED if waits else Stage.READING,
            file_name=names[0],
            file_count=len(names),
        )
        return _accept_once(draft, received, names)
    finally:
        for file in received:
            file.close()


def _received(contract: Contract, files: Sequence[File]) -> list[Received]:
    limit = LARGEST_TABLE if contract.input_kind is InputKind.FORM else LARGEST_UPLOAD
    return [
        file.received if isinstance(file, StreamedUpload) else receive(file, limit=limit) for file in files
    ]


def _wrong(contract: Contract, received: Sequence[Received]) -> list[Problem]:
    if not received:
        return [NO_FILE]
    cut = next((file.problem for file in received if file.problem), None)
    if contract.input_kind is not InputKind.FORM:
        return [cut] if cut else [TOO_MANY_FILES] if len(received) > MOST_FILES else []
    if len(received) > 1:
        return [ONE_TABLE]
    return [too_large(LARGEST_TABLE)] if cut or received[0].size > LARGEST_TABLE else []


def _table(
    contract: Contract, file: Received, columns: Mapping[str, str], named: bool
) -> tuple[list[str], dict[str, str], list[Problem]]:
    try:
        with file.local() as path:
            header = table.header(path)
    except Refused as refusal:
        return [], {}, list(refusal.problems)
    if not named:
        return header, table.proposal(contract, header), []
    return header, *table.resolved(contract, header, columns)


def _accept_once(draft: Batch, received: Sequence[Received], names: Sequence[str]) -> Batch:
    if (earlier := _earlier(draft)) is not None:
        return earlier
    _pin(draft)
    draft.created_at = timezone.now()
    files: list[BatchFile] = []
    kept = False
    try:
        for number, (file, name) in enumerate(zip(received, names, strict=True), 1):
            files.append(
                BatchFile(
                    batch=draft,
                    holding=Holding.SENT,
                    number=number,
                    original_name=name,
                    size=file.size,
                    sha256=file.sha256,
                    stored_name=storage.adopt(file, FOLDER),
                )
            )
        # The unique key decides between two clicks that both came past the look above.
        with suppress(IntegrityError), transaction.atomic():
            _write(draft, files)
            kept = True
    finally:
        if not kept:
            for kept_file in files:
                storage.discard(kept_file.stored_name)
    if kept:
        return draft
    if (earlier := _earlier(draft)) is None:
        raise IntegrityError("a batch was refused by the database for another reason than its key")
    return earlier


def answers_now(algorithm: str) -> tuple[Package, dict[str, Any]]:
    """Return the package that answers a batch sent now, and what the unit has set for it.

    Raises
    ------
    ml.contracts.Refused
        When the package is broken.
    """
    try:
        serving = packages.serving(algorithm)
    except BrokenPackage as error:
        raise Refused(PACKAGE_BROKEN) from error
    unit = Unit.objects.filter(code=registry.contract(algorithm).unit).first()
    return serving, shares.options(unit, algorithm) if unit else {}


def _pin(draft: Batch) -> None:
    """Note what answers all of the batch, and what the unit has set today."""
    serving, draft.options = answers_now(draft.algorithm)
    draft.package_version, draft.package_sha256 = serving.version, serving.sha256


def _write(batch: Batch, files: Sequence[BatchFile]) -> None:
    batch.save(force_insert=True)
    BatchFile.objects.bulk_create(files)
    sent = [{"size": file.size, "sha256": file.sha256} for file in files]
    detail = {"algorithm": batch.algorithm, "files": sent}
    record(Action.UPLOAD, actor=batch.created_by, kind="batch", object_id=str(batch.pk), detail=detail)
    if batch.stage == Stage.READING:
        _go(batch, batch.created_by)


def _go(batch: Batch, user: User) -> None:
    detail = {
        "algorithm": batch.algorithm,
        "version": batch.package_version,
        "sha256": batch.package_sha256,
    }
    record(Action.SUBMIT, actor=user, kind="batch", object_id=str(batch.pk), detail=detail)
    progress.begin(batch, Step.READ)


def _earlier(draft: Batch) -> Batch | None:
    """Return the batch already accepted under this key; :class:`Refused` when it brought other content.

    One whose time is over is deleted now instead of at the next sweep: its key is free again.
    """
    under_key = {"created_by": draft.created_by, "idempotency_key": draft.idempotency_key}
    for over in selectors.overdue().filter(**under_key):
        services.delete(over)
    earlier = Batch.objects.filter(**under_key).first()
    if earlier is not None and earlier.fingerprint != draft.fingerprint:
        raise Refused(KEY_REUSED)
    return earlier


def _sanitised(name: str) -> str:
    """Return the name of a file as people read it, printable, its end where it is long."""
    composed = unicodedata.normalize("NFC", name)
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in composed)[-LONGEST_NAME:]


def _fingerprint(
    algorithm: str,
    received: Sequence[Received],
    names: Sequence[str],
    language: str,
    columns: Mapping[str, str],
) -> str:
    """Return a hash of everything sent; not of what answers it, which is pinned with the first sending."""
    content: dict[str, Any] = {
        "algorithm": algorithm,
        "files": [[name, file.sha256] for name, file in zip(names, received, strict=True)],
        "language": language,
        "columns": columns,
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _record_refusal(user: User, algorithm: str, problems: Sequence[Problem]) -> None:
    codes = [problem.code for problem in problems]
    record(Action.REFUSE_INPUT, actor=user, kind="batch", detail={"algorithm": algorithm, "codes": codes})
