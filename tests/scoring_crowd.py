"""Two scorers with several windows each, every batch sent twice, and a signature in between; prints the end.

A program of its own, because the tests' own database lives in memory, where nobody has to wait.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic.settings")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from clinic.accounts.models import User  # noqa: E402
from clinic.accounts.roles import Role  # noqa: E402
from ml.contracts import Refused  # noqa: E402
from predictions import review  # noqa: E402
from predictions.models import Scoring, Signature, Study  # noqa: E402
from predictions.workspaces.sleep import events, refusals  # noqa: E402
from tests import factories  # noqa: E402
from tests.scored_nights import event, night, stage  # noqa: E402

WINDOWS, BATCHES, EACH = 3, 4, 5


def batches(window: int) -> list[list[dict[str, Any]]]:
    """Return what one window does: stages, and one undo at the end of each batch."""
    return [
        [*(stage((window + turn + key) % 20, "N2") for key in range(EACH - 1)), event("undo")]
        for turn in range(BATCHES)
    ]


def together(*works: Callable[[], None]) -> None:
    """Do several things at once, each with a connection of its own."""

    def alone(work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            connection.close()

    threads = [threading.Thread(target=alone, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def windows(scorer: User, study: Study) -> list[Callable[[], None]]:
    """Return the work of a scorer's windows, each batch of it done by two threads at once."""

    def of(name: str, mine: list[list[dict[str, Any]]]) -> Callable[[], None]:
        def send() -> None:
            for batch in mine:
                events.take(user=scorer, study=study, sent=batch, window=name)

        return send

    return [of(str(number), mine) for number in range(WINDOWS) for mine in [batches(number)] for _ in "12"]


def whole(scoring: Scoring) -> bool:
    """Whether the events of a scoring are numbered without a gap, up to the number on its row."""
    return list(scoring.events.values_list("number", flat=True)) == list(range(1, scoring.number + 1))


def sign_meanwhile(signer: User, study: Study) -> list[str]:
    """Sign while two windows of the signer go on; return why the late ones were refused."""
    late: list[str] = []

    def go_on() -> None:
        try:
            for _ in range(200):
                events.take(user=signer, study=study, sent=[stage(3, "R")])
        except Refused as refusal:
            late.append(refusal.problems[0].code)

    events.take(user=signer, study=study, sent=[stage(3, "R")])
    review.give(user=signer, study=study, verdict="agree")
    together(go_on, go_on, lambda: review.sign(user=signer, study=study))
    return late


def main() -> None:
    """Let them all loose, then look at what is kept."""
    call_command("migrate", verbosity=0)
    unit = factories.unit("sleep")
    terry, tessa = (factories.staff(name, Role.TECHNICIAN, unit) for name in ("terry", "tessa"))
    sandra = factories.staff("sandra", Role.PHYSICIAN, unit)
    study = night(terry, factories.patient(unit))
    together(*windows(terry, study), *windows(tessa, study))
    made = list(Scoring.objects.all())
    counts = sorted(scoring.events.count() for scoring in made)
    late = sign_meanwhile(sandra, Study.objects.get())
    signature, hers = Signature.objects.get(), Scoring.objects.get(scorer=sandra)
    print(  # noqa: T201
        f"events={counts} whole={all(whole(one) for one in [*made, hers])} "
        f"late={set(late) == {refusals.SIGNED.code}} "
        f"reported_last={signature.hypnogram.number == hers.events.count() == hers.number} "
        f"closed_last={hers.events.last().kind == 'close'} "
        f"hash={review.content_sha256(signature) == signature.content_sha256}"
    )


if __name__ == "__main__":
    main()
