"""What is reported of a night, for programs: beside the draft's figures, and told apart from them."""

from __future__ import annotations

from typing import Any

from clinic.accounts.models import User
from predictions.models import Study
from predictions.states import State
from predictions.workspaces.sleep import headline, scoring


def of(user: User, study: Study) -> dict[str, Any]:
    """Return the hypnogram that ``user`` finds on the page of a night, with its statistics and whose it is.

    Returns
    -------
    dict
        ``source`` (draft, scoring), ``state`` (open, closed, signed), ``scorer``, ``scoring``, ``headline``
        in both languages, ``stages``, ``lights_off``, ``lights_on``, ``arousals``, ``artefacts`` and
        ``statistics``.
    """
    found = scoring.current(study, user)
    return {
        "source": found.source,
        "state": _state(study, found),
        "scorer": found.scorer.username if found.scorer else None,
        "scoring": str(found.scoring.pk) if found.scoring else None,
        "headline": headline.of(found).as_json(),
        "stages": list(found.stages),
        "lights_off": found.lights_off,
        "lights_on": found.lights_on,
        "arousals": list(found.arousals),
        "artefacts": list(found.artefacts),
        "statistics": found.statistics,
    }


def _state(study: Study, found: scoring.Hypnogram) -> str:
    if study.state == State.SIGNED:
        return "signed"
    return "closed" if found.scoring is not None and found.scoring.finished else "open"
