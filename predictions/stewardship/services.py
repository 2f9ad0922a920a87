"""What a steward does with a training, each step once: upload, name the columns, train, withdraw."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import Problem, Refused, Text
from predictions.intake import KEY_REUSED, LONGEST_KEY, NO_KEY
from predictions.stewardship import columns, queue, reap, table
from predictions.stewardship.models import Training
from predictions.stewardship.states import Stage, State, check
from predictions.storage import Received, StreamedUpload, receive, storage
from predictions.uploads import NO_FILE

LARGEST_TABLE = 64 * 2**20
FOLDER = "tables"
TRIES = 3
ACTIONS = {Stage.REPORT: Action.SUBMIT, Stage.TRAINING: Action.TRAIN}

GONE_ON = Problem(
    "training_moved_on",
    Text(
        "This training has gone on meanwhile; the page shows where it is now.",
        "Cet entraînement a avancé entre-temps ; la page montre où il en est.",
    ),
)


def upload(*, user: User, algorithm: str, file: File | None, idempotency_key: str) -> Training:
    """Take a table into private storage, whole, or raise with every reason why not.

    Parameters
    ----------
    idempotency_key
        Unique per steward: the same key with the same file gives the same training again.

    Raises
    ------
    ml.contracts.Refused
        When it is no table of births that can be read; nothing is kept.
    """
    if not 0 < len(idempotency_key) <= LONGEST_KEY or not idempotency_key.isprintable():
        raise Refused(NO_KEY)
    if file is None:
        raise Refused(NO_FILE)
    received = file.received if isinstance(file, StreamedUpload) else receive(file, limit=LARGEST_TABLE)
    try:
        try:
            if received.problem:
                raise Refused(received.problem)
            with received.local() as path:
                head = table.read_head(algorithm, path)
        except Refused as refusal:
            _record_refusal(user, algorithm, refusal)
            raise
        draft = Training(
            algorithm=algorithm,
            uploaded_by=user,
            uploaded_at=timezone.now(),
            idempotency_key=idempotency_key,
            original_name=(file.name or "")[:255],
            size=received.size,
            sha256=received.sha256,
            header=list(head.header),
            mapping=columns.suggestion(algorithm, head),
        )
        return _accept_once(draft, received)
    finally:
        received.close()


def describe(*, user: User, training: Training, mapping: Mapping[str, Any]) -> None:
    """Keep what the columns mean and have a worker read the whole table.

    Raises
    ------
    ml.contracts.Refused
        With what is wrong with the mapping, each problem at its column, or when it is too late for one.
    """
    problems = columns.check(training.algorithm, training.header, mapping)
    if refusals := columns.refusals(problems):
        raise Refused(*refusals)
    _send(user, training, State.UPLOADED, Stage.REPORT, mapping=dict(mapping), report=None)


def rename(*, training: Training) -> None:
    """Go back from the data report to the columns; :class:`ml.contracts.Refused` when it is too late."""
    check(State.CHECKED, State.UPLOADED)
    if not Training.objects.filter(pk=training.pk, state=State.CHECKED).update(state=State.UPLOADED):
        raise Refused(GONE_ON)


def keep_mapping(*, training: Training, mapping: Mapping[str, Any]) -> None:
    """Keep a mapping as far as it goes, so that a page left half-way is found again."""
    waiting = Training.objects.filter(pk=training.pk, state=State.UPLOADED)
    # What was wrong with the columns as they were named before says nothing of these.
    waiting.update(mapping=dict(mapping), problems=[])


def start(*, user: User, training: Training) -> None:
    """Have the candidate trained and judged; a second click finds nothing to do.

    Raises
    ------
    ml.contracts.Refused
        When the training is not one that was read and waits to be started.
    """
    _send(user, training, State.CHECKED, Stage.TRAINING)


def withdraw(*, user: User, training: Training) -> None:
    """Delete the table of a training that will not be run; :class:`ml.contracts.Refused` once it runs."""
    if not reap.withdraw(training, actor=user):
        raise Refused(GONE_ON)


def _send(user: User, training: Training, state: State, stage: Stage, **values: Any) -> None:
    check(state, State.QUEUED)
    with transaction.atomic():
        moved = Training.objects.filter(pk=training.pk, state=state).update(
            state=State.QUEUED, stage=stage, problems=[], progress={}, deaths=0, sent_at=None, **values
        )
        if moved:
            detail = {"algorithm": training.algorithm, "stage": stage, "sha256": training.sha256}
            record(ACTIONS[stage], actor=user, kind="training", object_id=str(training.pk), detail=detail)
            transaction.on_commit(partial(queue.send, training.pk))
    training.refresh_from_db()
    if not moved and training.stage != stage:
        raise Refused(GONE_ON)


def _accept_once(draft: Training, received: Received) -> Training:
    if (earlier := _earlier(draft)) is not None:
        return earlier
    draft.stored_name = storage.adopt(received, FOLDER)
    kept = False
    try:
        for _attempt in range(TRIES):
            # Two unique keys decide here: one between two clicks, one between two stewards.
            with suppress(IntegrityError), transaction.atomic():
                _write(draft)
                kept = True
            if kept or (earlier := _earlier(draft)) is not None:
                return draft if kept else earlier
        raise IntegrityError("no number was free for a training")
    finally:
        if not kept:
            storage.discard(draft.stored_name)


def _write(draft: Training) -> None:
    last = Training.objects.filter(algorithm=draft.algorithm).aggregate(last=Max("number"))["last"]
    draft.number = (last or 0) + 1
    draft.save(force_insert=True)
    record(
        Action.UPLOAD,
        actor=draft.uploaded_by,
        kind="training",
        object_id=str(draft.pk),
        detail={"algorithm": draft.algorithm, "size": draft.size, "sha256": draft.sha256},
    )


def _earlier(draft: Training) -> Training | None:
    earlier = Training.objects.filter(
        uploaded_by=draft.uploaded_by, idempotency_key=draft.idempotency_key
    ).first()
    if earlier is not None and earlier.sha256 != draft.sha256:
        raise Refused(KEY_REUSED)
    return earlier


def _record_refusal(user: User, algorithm: str, refusal: Refused) -> None:
    codes = [problem.code for problem in refusal.problems]
    record(Action.REFUSE_INPUT, actor=user, kind="training", detail={"algorithm": algorithm, "codes": codes})
