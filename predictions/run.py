"""One analysis in a pool child: within its limits, under its lease, written down whole or not at all."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone

from clinic.audit.models import Action
from clinic.audit.recording import WORKER, record
from clinic.outages import AWAY, despite_outage, is_full
from ml import package as packages
from ml import runner, runtime
from ml.contracts import Artefact, InputKind, Outcome, Problem, Source, Status, Text
from ml.package import BrokenPackage, Outdated
from predictions import channel_mapping, queue
from predictions.deployments import answering
from predictions.lease import release, renewed
from predictions.limits import TooSlow, within
from predictions.models import Explanation, ExplanationStatus, Prediction, StoredArtefact, Study
from predictions.states import State, check
from predictions.storage import receive, storage
from predictions.vault.damage import Damaged

log = logging.getLogger(__name__)

OUT_OF_MEMORY = Problem(
    "out_of_memory",
    Text(
        "The analysis needed more memory than it may take. The input is probably damaged or unusually large: "
        "export it again, or send a smaller one.",
        "L’analyse demandait plus de mémoire qu’il ne lui en est accordé. L’entrée est sans doute abîmée ou "
        "anormalement grande : exportez-la de nouveau, ou envoyez-en une plus petite.",
    ),
)
TOO_SLOW = Problem(
    "too_slow",
    Text(
        "The analysis took longer than the time it may take and was stopped. Retry once; if it happens "
        "again, export the input again.",
        "L’analyse a dépassé le temps qui lui est accordé et a été arrêtée. Relancez-la une fois ; si cela "
        "se reproduit, exportez de nouveau l’entrée.",
    ),
)
PACKAGE_BROKEN = Problem(
    "package_broken",
    Text(
        "The model package is missing or damaged, so nothing was computed. Tell the model steward, then "
        "retry.",
        "Le paquet du modèle est absent ou altéré : rien n’a été calculé. Prévenez le responsable des "
        "modèles, puis relancez.",
    ),
)
PACKAGE_OUTDATED = Text(
    "The model package in service, {version}, was made for another version of this software, so nothing was "
    "computed. Have the model steward name a version that can serve, then retry.",
    "Le paquet de modèle en service, {version}, a été fait pour une autre version de ce logiciel : rien n’a "
    "été calculé. Demandez au responsable des modèles de désigner une version utilisable, puis relancez.",
)
INTERNAL = Problem(
    "internal",
    Text(
        "The analyser stopped on a defect of its own. Retry; if it happens again, tell IT the number of this "
        "study.",
        "L’analyseur s’est arrêté sur un défaut interne. Relancez ; si cela se reproduit, donnez au service "
        "informatique le numéro de cette étude.",
    ),
)
NO_ROOM = Problem(
    "no_room",
    Text(
        "There is no room left on the disk of the analyser, so nothing was kept of this analysis. Tell IT, "
        "then retry.",
        "Le disque de l’analyseur est plein : rien n’a été conservé de cette analyse. Prévenez le service "
        "informatique, puis relancez.",
    ),
)

OUTDATED = "package_outdated"
FAULTS_OF_A_VERSION = (OUT_OF_MEMORY, TOO_SLOW, PACKAGE_BROKEN, INTERNAL)
"""Why an analysis failed, where another version may do better."""


class LostLease(Exception):
    """Somebody else has this study now: whatever was computed here is dropped."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an analysis gave no answer."""

    problem: Problem


def run(study: Study) -> None:
    """Analyse a study claimed by this process and write down how it ended.

    Parameters
    ----------
    study
        As :func:`predictions.lease.claim` returned it. A process that lost the lease writes nothing.
    """
    with renewed(study, seconds=study.contract.limits.seconds):
        ending = _answer(study)
        if ending is None:
            return
        try:
            _write_down(study, ending)
        except LostLease:
            log.warning("lease lost, answer dropped", extra={"study": str(study.pk)})


def _answer(study: Study) -> Outcome | Failure | None:
    """Analyse a study with the version that its unit has on trial, else with the one in service.

    Whatever the version on trial does wrong, the one in service answers.

    Returns
    -------
    Outcome, Failure or None
        ``None`` when the study went back to its queue: a second analysis has no time left in this one.
    """
    version = despite_outage(partial(answering.allocate, study))
    ending = analyse(study, version)
    if not version:
        return _unless_replaced(study, ending)
    if isinstance(ending, Outcome):
        why = despite_outage(partial(answering.objection, study, ending.sha256))
    else:
        why = ending.problem.code if ending.problem in FAULTS_OF_A_VERSION or _outdated(ending) else ""
    if not why:
        return ending
    despite_outage(partial(answering.fall_back, study, why))
    if why == TOO_SLOW.code:
        despite_outage(partial(_send_back, study))
        return None
    return _unless_replaced(study, analyse(study))


def _unless_replaced(study: Study, ending: Outcome | Failure) -> Outcome | Failure | None:
    """Return how the version in service ended, or ``None`` once another one serves: that one answers then.

    Whoever went back from a version wants no further answer of it, not even of the study under way.
    """
    if isinstance(ending, Failure):
        return ending
    try:
        serves = packages.champion_version(study.algorithm)
    except BrokenPackage:
        return ending
    if serves == ending.version:
        return ending
    log.info("another version serves by now", extra={"study": str(study.pk), "version": ending.version})
    despite_outage(partial(_send_back, study))
    return None


def _outdated(ending: Failure) -> bool:
    return ending.problem.code == OUTDATED


def _send_back(study: Study) -> None:
    check(State.RUNNING, State.QUEUED)
    with transaction.atomic():
        if release(study, state=State.QUEUED, sent_at=None):
            transaction.on_commit(partial(queue.send, study.pk))


def analyse(study: Study, version: str = "") -> Outcome | Failure:
    """Run the algorithm within its limits; whatever goes wrong becomes a sentence.

    Parameters
    ----------
    version
        Of the package; the one in service when empty.
    """
    try:
        with within(study.contract.limits), source_of(study) as source:
            outcome = runner.run(study.algorithm, source, version=version)
        _require_plain(outcome)
        return outcome
    except MemoryError:
        return Failure(OUT_OF_MEMORY)
    except TooSlow:
        return Failure(TOO_SLOW)
    except Outdated as error:
        log.error("model package outdated", exc_info=error, extra={"study": str(study.pk)})
        return Failure(Problem(OUTDATED, PACKAGE_OUTDATED.format(version=error.version)))
    except BrokenPackage as error:
        log.error("model package broken", exc_info=error, extra={"study": str(study.pk)})
        return Failure(PACKAGE_BROKEN)
    except Damaged as error:
        log.error("stored file does not open", extra={"study": str(study.pk), "code": error.problems[0].code})
        return Failure(error.problems[0])
    except Exception as error:
        # Any defect of an algorithm must end as a sentence; the log keeps its type and place.
        log.error("analysis failed", exc_info=error, extra={"study": str(study.pk)})
        return Failure(_reason(error))


def _require_plain(outcome: Outcome) -> None:
    """Raise ``ValueError`` or ``TypeError`` for an answer that JSON cannot hold."""
    plain(outcome.result)
    if outcome.explanation:
        plain(outcome.explanation.data)


def _reason(error: Exception) -> Problem:
    if is_full(error):
        return NO_ROOM
    return OUT_OF_MEMORY if _native_memory(error) else INTERNAL


def _native_memory(error: Exception) -> bool:
    """Whether a native library reports in its own words that an allocation failed."""
    words = str(error).lower()
    return "bad_alloc" in words or "failed to allocate memory" in words


@contextmanager
def source_of(study: Study, *, identified: bool = True) -> Iterator[Source]:
    """Lend the input of a study as the algorithms take it, times held against the moment it was begun.

    Parameters
    ----------
    identified
        Whether the identity in a file is to be held against the patient's record.
    """
    with ExitStack() as stack:
        paths: list[Path] = []
        if study.contract.input_kind is InputKind.FILE:
            files = despite_outage(lambda: list(study.files.all()))
            paths = [stack.enter_context(storage.local(file.name)) for file in files]
        yield Source(
            values=study.values,
            path=paths[0] if paths else None,
            further=tuple(paths[1:]),
            options=study.options,
            record=study.patient.identity if identified else None,
            at=study.started_at,
        )


def _write_down(study: Study, ending: Outcome | Failure) -> None:
    """Write how it ended; an answer that cannot be kept ends as a sentence why."""
    try:
        despite_outage(partial(_write, study, ending))
    except (LostLease, *AWAY):
        raise
    except Exception as error:
        # Whoever waits must hear that something broke; the log keeps its type and place.
        log.error("answer not kept", exc_info=error, extra={"study": str(study.pk)})
        failure = Failure(NO_ROOM if is_full(error) else INTERNAL)
        despite_outage(partial(_write, study, failure))


def _write(study: Study, ending: Outcome | Failure) -> None:
    if isinstance(ending, Failure):
        _end(study, State.FAILED, lambda: _failed(study, ending))
    elif ending.status is Status.REFUSED:
        _end(study, State.REFUSED, lambda: _refused(study, ending))
    else:
        _write_answer(study, ending)


def _end(study: Study, state: State, write: Callable[[], None]) -> None:
    """Move the study on and write what belongs to it in one transaction, if the lease is still ours."""
    check(State.RUNNING, state)
    with transaction.atomic():
        if not release(study, state=state, finished_at=timezone.now()):
            raise LostLease
        write()
    log.info("study ended", extra={"study": str(study.pk), "state": str(state)})


def _failed(study: Study, failure: Failure) -> None:
    Study.objects.filter(pk=study.pk).update(problems=[failure.problem.as_json()])
    _record(study, Action.FAIL, {"codes": [failure.problem.code]})


def _refused(study: Study, outcome: Outcome) -> None:
    Study.objects.filter(pk=study.pk).update(
        problems=[problem.as_json() for problem in outcome.problems],
        answer=plain(outcome.result) if outcome.result is not None else None,
    )
    _record(
        study,
        Action.REFUSE_INPUT,
        _package(outcome) | {"codes": [problem.code for problem in outcome.problems]},
    )
    _followed(study, outcome)


def _write_answer(study: Study, outcome: Outcome) -> None:
    stored: list[StoredArtefact] = []
    _keep(outcome)
    try:
        artefacts = [*outcome.artefacts, *(outcome.explanation.artefacts if outcome.explanation else ())]
        for artefact in artefacts:
            stored.append(_store(artefact))
        _end(study, State.READY, lambda: _answered(study, outcome, stored))
    except AWAY:
        # Nobody knows whether it was committed, and an answer without its files would be a broken one:
        # what no row names is swept after a day.
        raise
    except BaseException:
        for artefact in stored:
            storage.discard(artefact.stored_name)
        raise


def _keep(outcome: Outcome) -> None:
    """Keep the package that answered, for a replay after a release without it; the answer stands anyhow."""
    try:
        packages.keep(packages.load(outcome.algorithm, outcome.version))
    except (OSError, BrokenPackage) as error:
        log.error("package not kept", exc_info=error, extra={"package": outcome.sha256})


def _store(artefact: Artefact) -> StoredArtefact:
    received = receive(ContentFile(artefact.content), limit=len(artefact.content))
    return StoredArtefact(
        name=artefact.name,
        media_type=artefact.media_type,
        size=received.size,
        sha256=received.sha256,
        stored_name=storage.adopt(received, "artefacts"),
    )


def _answered(study: Study, outcome: Outcome, stored: Sequence[StoredArtefact]) -> None:
    pinned = {"package_version": outcome.version, "package_sha256": outcome.sha256}
    prediction = Prediction.objects.create(
        study=study,
        result=plain(outcome.result),
        report=plain(outcome.report.as_json()),
        problems=[
            *study.warnings,
            *(problem.as_json() for problem in (*answering.marks(study), *outcome.problems)),
        ],
        quality=[finding.as_json() for finding in outcome.quality],
        timings_ms=dict(outcome.timings_ms),
        runtime=runtime.described(),
        created_at=timezone.now(),
        **pinned,
    )
    explanation = outcome.explanation
    Explanation.objects.create(
        prediction=prediction,
        status=ExplanationStatus(outcome.explanation_status),
        method=explanation.method if explanation else "",
        sentence=explanation.sentence.as_json() if explanation else {},
        data=plain(explanation.data) if explanation else {},
        **pinned,
    )
    for artefact in stored:
        artefact.prediction = prediction
    StoredArtefact.objects.bulk_create(stored)
    channel_mapping.confirm(study)
    _record(study, Action.PREDICT, _package(outcome))
    _record(study, Action.EXPLAIN, _package(outcome) | {"status": outcome.explanation_status})
    _followed(study, outcome)


def _followed(study: Study, outcome: Outcome) -> None:
    total = outcome.timings_ms.get("total")
    answering.answered(study, version=outcome.version, sha256=outcome.sha256, total_ms=total)


def _record(study: Study, action: Action, detail: Mapping[str, Any]) -> None:
    record(action, actor_label=WORKER, patient=study.patient_id, study=study.pk, kind="study", detail=detail)


def _package(outcome: Outcome) -> dict[str, Any]:
    return {"algorithm": outcome.algorithm, "version": outcome.version, "sha256": outcome.sha256}


def plain(value: Any) -> Any:
    """Return ``value`` as JSON holds it; ``ValueError`` for NaN, which JSON and PostgreSQL lack."""
    return json.loads(json.dumps(value, allow_nan=False))
