"""Reading and training in a pool child: within limits, under a lease, written down whole or not at all."""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

import yaml
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from clinic.accounts.models import Unit
from clinic.audit.models import Action
from clinic.audit.recording import WORKER, record
from clinic.outages import despite_outage
from ml import package as packages
from ml import registry, smoke
from ml.contracts import Problem, Refused, Text
from predictions.lease import release, renewed, take
from predictions.limits import TooSlow, within
from predictions.stewardship.models import Training
from predictions.stewardship.queue import LIMITS
from predictions.stewardship.states import Stage, State, check
from predictions.storage import storage

log = logging.getLogger(__name__)

# A training gives way to whatever a clinician waits for on the same machine.
NICENESS = 10
SECONDS_BETWEEN_WORDS = 1.0

OUT_OF_MEMORY = Problem(
    "out_of_memory",
    Text(
        "This needed more memory than it may take, and was stopped. Send fewer years of births.",
        "La mémoire accordée n’a pas suffi et le travail a été arrêté. Envoyez moins d’années "
        "d’accouchements.",
    ),
)
TOO_SLOW = Problem(
    "too_slow",
    Text(
        "This took longer than it may, and was stopped. Send fewer years of births.",
        "Le temps accordé n’a pas suffi et le travail a été arrêté. Envoyez moins d’années d’accouchements.",
    ),
)
INTERNAL = Problem(
    "internal",
    Text(
        "The worker stopped on a defect of its own; nothing was changed. Tell IT the number of this "
        "training.",
        "L’exécutant s’est arrêté sur un défaut interne ; rien n’a été changé. Donnez au service "
        "informatique le numéro de cet entraînement.",
    ),
)


@dataclass(frozen=True, slots=True)
class Ending:
    """How the work ended: the state that follows, what to write, and what the audit says."""

    state: State
    action: Action
    values: Mapping[str, Any] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)


def claim(training_id: UUID) -> Training | None:
    """Take a waiting training, or return ``None``: somebody else has it, or it is done."""
    check(State.QUEUED, State.RUNNING)
    mine = take(Training.objects.filter(pk=training_id, state=State.QUEUED), running=State.RUNNING)
    return Training.objects.get(pk=training_id, lease=mine) if mine else None


def run(training: Training) -> None:
    """Do what a claimed training asks for and write down how it ended; once the lease is lost, nothing."""
    os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    with renewed(training, seconds=LIMITS[Stage(training.stage)].seconds):
        ending = attempt(training)
        if not despite_outage(partial(_write, training, ending)):
            log.warning("lease lost, outcome dropped", extra={"training": str(training.pk)})


def attempt(training: Training) -> Ending:
    """Read or train within the limits; whatever goes wrong becomes a sentence."""
    stage = Stage(training.stage)
    try:
        with within(LIMITS[stage]), storage.local(training.stored_name) as path:
            return WORK[stage](training, path)
    except Refused as refusal:
        return _refused(stage, refusal)
    except MemoryError:
        return _failed(OUT_OF_MEMORY)
    except TooSlow:
        return _failed(TOO_SLOW)
    except Exception as error:
        # Any defect must end as a sentence; the log keeps its type and place.
        log.error("training failed", exc_info=error, extra={"training": str(training.pk)})
        return _failed(INTERNAL)


def _report(training: Training, path: Any) -> Ending:
    hospital = registry.door(training.algorithm, "hospital")
    report = _plain(hospital.read(path, _mapping(training)).report)
    detail = {key: report[key] for key in ("rows", "births", "events") if key in report}
    return Ending(State.CHECKED, Action.VIEW, {"report": report}, detail)


def _train(training: Training, path: Any) -> Ending:
    hospital = registry.door(training.algorithm, "hospital")
    current = packages.load(training.algorithm)
    _clear(training, current)
    outcome = hospital.run(
        path,
        _mapping(training),
        out=packages.SITE,
        version=training.version,
        current=current,
        params=_params(training),
        progress=Progress(training),
    )
    found = _plain(outcome.as_json())
    del found["report"]  # the training has it already
    return _judged(training, current, found)


def _judged(training: Training, current: packages.Package, outcome: dict[str, Any]) -> Ending:
    values: dict[str, Any] = {
        "outcome": outcome,
        "compared_version": current.version,
        "compared_sha256": current.sha256,
    }
    detail = {"tier": outcome.get("tier"), "compared_with": current.version}
    if not outcome["accepted"]:
        return Ending(State.REJECTED, Action.REJECT, values, detail)
    made = packages.load(training.algorithm, training.version)
    smoke.record(made)
    values |= {"package_version": made.version, "package_sha256": made.sha256}
    return Ending(
        State.ACCEPTED, Action.ACCEPT, values, detail | {"version": made.version, "sha256": made.sha256}
    )


WORK: dict[Stage, Callable[[Training, Any], Ending]] = {Stage.REPORT: _report, Stage.TRAINING: _train}


class Progress:
    """Writes down, at most once a second, which step a training is at."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._said_at = 0.0

    def __call__(self, done: float, step: Text) -> None:
        """Say that a share ``done`` (0 to 1) is behind, and what comes now."""
        now = time.monotonic()
        if now - self._said_at < SECONDS_BETWEEN_WORDS:
            return
        self._said_at = now
        said = {"percent": round(100 * done), "step": step.as_json()}
        held = Training.objects.filter(pk=self._training.pk, lease=self._training.lease)
        held.update(progress=said)


def _mapping(training: Training) -> Any:
    return registry.door(training.algorithm, "mapping").Mapping.from_mapping(training.mapping)


def _params(training: Training) -> dict[str, Any]:
    """Return the algorithm's parameters, with the incidence its ward has set: what women are told now."""
    params = yaml.safe_load((settings.BASE_DIR / "params.yaml").read_text("utf-8"))[training.algorithm]
    unit = Unit.objects.filter(code=training.contract.unit).first()
    return params | ({"ward_incidence": unit.incidence} if unit and unit.incidence else {})


def _clear(training: Training, current: packages.Package) -> None:
    """Remove what a worker lost after writing its package left behind: nobody was ever told of it."""
    if current.version != training.version:
        shutil.rmtree(packages.SITE / training.algorithm / training.version, ignore_errors=True)


def _refused(stage: Stage, refusal: Refused) -> Ending:
    """A table refused at its report goes back to its columns; one refused later has come to its end."""
    state = State.UPLOADED if stage is Stage.REPORT else State.REFUSED
    problems = [problem.as_json() for problem in refusal.problems]
    codes = [problem.code for problem in refusal.problems]
    return Ending(state, Action.REFUSE_INPUT, {"problems": problems}, {"codes": codes})


def _failed(problem: Problem) -> Ending:
    return Ending(State.FAILED, Action.FAIL, {"problems": [problem.as_json()]}, {"codes": [problem.code]})


def _write(training: Training, ending: Ending) -> bool:
    """Move the training on with what belongs to it; ``False`` when somebody else holds it by now."""
    check(State.RUNNING, ending.state)
    over = ending.state not in (State.CHECKED, State.UPLOADED)
    values = dict(ending.values) | {"progress": {}}
    if over:
        values |= {"stored_name": "", "finished_at": timezone.now()}
    with transaction.atomic():
        if not release(training, state=ending.state, **values):
            return False
        record(
            ending.action,
            actor_label=WORKER,
            kind="training",
            object_id=str(training.pk),
            detail={"algorithm": training.algorithm, "stage": training.stage, **ending.detail},
        )
        if over:
            transaction.on_commit(partial(storage.discard, training.stored_name))
    log.info("training moved on", extra={"training": str(training.pk), "state": str(ending.state)})
    return True


def _plain(value: Any) -> Any:
    """Return ``value`` as JSON holds it; ``ValueError`` for NaN, which JSON and PostgreSQL lack."""
    return json.loads(json.dumps(value, allow_nan=False))
