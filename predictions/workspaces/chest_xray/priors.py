"""Earlier X-rays of the same patient, to be laid beside the one that is read."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from clinic.accounts.models import User
from clinic.templatetags.vigie import day, moment
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
    found = films(study.prediction) if study.prediction else []
    return [
        {
            "label": _label(study, film, len(found)),
            "address": reverse("study", args=[study.pk]),
            "image": film,
        }
        for film in found
    ]


def _label(study: Study, film: dict[str, Any], count: int) -> str:
    """Name an earlier image so that neither its examination nor its day is taken for another."""
    said = [film["title"]]
    if count > 1:
        said.append(_("of %(count)d images") % {"count": count})
    if not film["taken_at"]:
        said.append(_("no date in the file, sent on %(when)s") % {"when": moment(study.submitted_at)})
    elif film["taken_at"][11:16]:
        said.append(film["taken_at"][11:16])
    if film["taken_at"] and not selectors.taken_at(study):
        said.append(_("date in the future, sent on %(when)s") % {"when": day(study.submitted_at)})
    return " · ".join(said)
