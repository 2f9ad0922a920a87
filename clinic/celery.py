"""The Celery app: queues to analyse, to train, for upkeep. A worker refuses to start misconfigured."""

from __future__ import annotations

import logging
import os
from typing import Any

from celery import Celery, bootsteps
from celery.concurrency.prefork import TaskPool
from celery.signals import celeryd_after_setup, setup_logging, worker_process_init
from celery.worker.state import reserved_requests
from django.conf import settings
from redis.exceptions import ConnectionError

from clinic import checks, pulse
from clinic.processes import die_with_parent, give_memory_back, resident_bytes

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic.settings")

app = Celery("vigie")
app.config_from_object("clinic.celeryconfig")
app.autodiscover_tasks(["predictions", "predictions.stewardship"])

log = logging.getLogger(__name__)


class Pulse(bootsteps.StartStopStep):
    """Says in the broker that this worker lives, for ``/health``."""

    requires = ("celery.worker.components:Timer",)

    def start(self, worker: Any) -> None:
        """Begin with the worker."""
        self._stuck = False
        self._say(worker)
        self._entry = worker.timer.call_repeatedly(pulse.SECONDS, self._beat, (worker,))

    def stop(self, worker: Any) -> None:
        """End with it, so that a worker stopped in good order is missed at once."""
        self._entry.cancel()
        try:
            pulse.silence(worker.hostname)
        except pulse.NoBroker:
            log.info("broker gone before this worker")

    def _beat(self, worker: Any) -> None:
        """Say so, unless this worker waits for nothing: then have it connect anew.

        When the broker dies just as a message is acknowledged, kombu counts that message as unacknowledged
        for ever and, with one at a time, never asks for another: alive, connected, and idle.

        Raises
        ------
        redis.exceptions.ConnectionError
            When it was so at the beat before, too; the consumer then closes its connection and opens another.
        """
        was_stuck, self._stuck = self._stuck, _waits_for_nothing(worker)
        if self._stuck and was_stuck:
            self._stuck = False
            raise ConnectionError("the message of an earlier connection was never acknowledged")
        self._say(worker)

    def _say(self, worker: Any) -> None:
        try:
            queues = worker.app.amqp.queues.consume_from
            pulse.say(worker.hostname, queues, resident_bytes=resident_bytes())
        except pulse.NoBroker:
            log.warning("broker does not answer")


def _waits_for_nothing(worker: Any) -> bool:
    """Say whether the worker holds no message and may not take one either."""
    consumer = getattr(worker.consumer, "task_consumer", None)
    return consumer is not None and not consumer.channel.qos.can_consume() and not reserved_requests


app.steps["worker"].add(Pulse)


@worker_process_init.connect
def die_with_the_worker(**_: Any) -> None:
    """Keep no child of a killed worker analysing for nobody."""
    die_with_parent(os.getppid())


@worker_process_init.connect
def keep_no_freed_memory(**_: Any) -> None:
    """Stay small between a large image and its explanation."""
    give_memory_back()


@setup_logging.connect
def keep_our_logs(**_: Any) -> None:
    """Leave logging to the settings: Celery's own format would print what tasks were given."""


@celeryd_after_setup.connect
def refuse_misconfigured(instance: Any, conf: Any, **_: Any) -> None:
    """Stop a worker that could lose work or never get any, and say what to change.

    Raises
    ------
    SystemExit
        With every reason.
    """
    reasons = list(misconfigurations(instance, conf))
    if reasons:
        raise SystemExit("This worker cannot start.\n" + "\n".join(f"- {reason}" for reason in reasons))


def misconfigurations(worker: Any, conf: Any) -> list[str]:
    """Return what is wrong with a worker's options and surroundings, with what to do."""
    reasons = []
    if worker.pool_cls is not TaskPool:
        reasons.append("The pool must be prefork (-P prefork): the others ignore time limits.")
    unknown = set(worker.app.amqp.queues.consume_from) - set(conf.QUEUES)
    if unknown:
        reasons.append(
            f"There is no queue {', '.join(sorted(unknown))}; name some of {', '.join(conf.QUEUES)}."
        )
    if not settings.REDIS_URL:
        reasons.append("REDIS_URL is not set: say where the broker is.")
    if not settings.DATA_DIR.is_dir() or not os.access(settings.DATA_DIR, os.W_OK | os.X_OK):
        reasons.append("VIGIE_DATA_DIR is not a folder this process can write to: uploads could not be read.")
    return reasons + checks.failures()
