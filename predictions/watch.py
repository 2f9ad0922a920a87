"""The watch over everything that waits or runs: one process, its own steady clock, no broker needed.

It is what makes a row in the database an outbox: whatever was accepted and never sent, or sent and lost, or
taken by a worker that died, is found here and sent again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial

from django.db import Error

from clinic.audit import alarms
from predictions import disclosing, erasing, jobs, kept, sweep
from predictions.agreement import services as agreement
from predictions.batches import services as batches
from predictions.feedback import services as feedback
from predictions.metrics import counting
from predictions.monitoring import windows as monitoring
from predictions.outputs import rendering
from predictions.reap import STUDIES, Reaper
from predictions.sightings import Sightings
from predictions.stewardship import reap as stewardship
from predictions.testbench import services as testbench
from predictions.versions import services as versions

log = logging.getLogger(__name__)


class Watch:
    """Looks after studies, trainings, background jobs and documents, and remembers what it saw.

    Parameters
    ----------
    clock
        Seconds that only ever go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        kinds = (STUDIES, stewardship.TRAININGS, *jobs.reaped())
        self._reapers = [Reaper(kind, clock) for kind in kinds]
        self._documents, self._disclosures = Sightings(clock), Sightings(clock)

    def look(self) -> None:
        """Recover what was lost since, and send again what nobody is coming for."""
        _each(
            *(reaper.look for reaper in self._reapers),
            partial(rendering.reap, self._documents),
            partial(disclosing.reap, self._disclosures),
            alarms.watch,
            erasing.look,
            counting.count,
        )

    def sweep(self) -> None:
        """Throw away what is left over, and note what came to be."""
        _each(
            sweep.sweep,
            rendering.sweep,
            disclosing.sweep,
            stewardship.sweep,
            agreement.sweep,
            feedback.sweep,
            batches.sweep,
            testbench.sweep,
            monitoring.duty,
            versions.register_all,
            kept.look,
        )


def _each(*duties: Callable[[], object]) -> None:
    """Do every duty, whatever becomes of the one before: a defect in one must not lose the others' rows.

    Raises
    ------
    django.db.Error
        When the database does not answer; the next look does them all again.
    """
    for duty in duties:
        try:
            duty()
        except Error:
            raise
        except Exception as error:
            log.error("duty of the watch failed", exc_info=error)
