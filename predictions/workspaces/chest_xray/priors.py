"""Earlier X-rays of the same patient, to be laid beside the one that is read."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import User
from clinic.templatetags.vigie import day
from predictions import selectors
from predictions.models import Study
from predictions.states import State
from predictions.workspaces.chest_xray.films import films

MOST = 20
"""Examinations looked through, the latest first."""


def priors(user: User, study: Study) -> list[dict[str, Any]]:
    """Return the images of earlier examinations of the patient, the latest first.

    An examination is earlier when it was taken earlier; the day it was sent counts where a file does not
    say when it was taken. Images alone: whatever was said about them stays on their own page.

    Returns
    -------
    list of dict
        ``label`` (day and view), ``address`` of the examination's page, ``image`` as
        :func:`predictions.workspaces.chest_xray.films.films` gives it.
    """
    others = (
        selectors.studies_for(user)
        .filter(patient=study.patient_id, algorithm=study.algorithm, state__in=(State.READY, State.SIGNED))
        .exclude(pk=study.pk)
        .prefetch_related("predictions")[:MOST]
    )
    now = _taken(study)
    earlier = sorted((other for other in others if _taken(other) < now), key=_taken, reverse=True)
    return [entry for other in earlier for entry in _entries(other)]


def _entries(study: Study) -> list[dict[str, Any]]:
    sent = day(study.submitted_at)
    return [
        {
            "label": film["title"] if film["taken_at"] else f"{film['title']} · {sent}",
            "address": reverse("study", args=[study.pk]),
            "image": film,
        }
        for film in (films(study.prediction) if study.prediction else ())
    ]


def _taken(study: Study) -> tuple[str, str]:
    """Return when a study was taken and when it was sent, in ISO form without a zone: what sorts.

    Of two of the same day, whose files give no more than the day, the one sent first is the earlier one.
    """
    sent = timezone.localtime(study.submitted_at).replace(tzinfo=None).isoformat()
    result = study.prediction.result if study.prediction else {}
    moments = [image.get("taken_at") for image in result.get("images", ())]
    return min((moment for moment in moments if moment), default=sent), sent
