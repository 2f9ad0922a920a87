"""Earlier X-rays of the same patient, to be laid beside the one that is read."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from clinic.accounts.models import User
from clinic.templatetags.vigie import day
from predictions import selectors
from predictions.models import Study
from predictions.workspaces.chest_xray.films import films


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
    return [entry for other in selectors.earlier_taken(user, study) for entry in _entries(other)]


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
