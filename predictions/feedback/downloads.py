"""The file of a training set leaving the house: on record before its first byte goes, or why it stays."""

from __future__ import annotations

from django.http.response import StreamingHttpResponse

from clinic.accounts.models import User
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import Problem, Refused
from predictions.feedback import access, services
from predictions.feedback.models import Request
from predictions.views import giving


def given(user: User, asked: Request) -> StreamingHttpResponse:
    """Return the file.

    Raises
    ------
    ml.contracts.Refused
        When it is deleted or not written yet, or somebody in it may not be learned from now; recorded.
    predictions.vault.damage.Damaged
        When it does not open.
    """
    made = asked.made
    if why := services.GONE if made is None else services.held_back(made):
        raise _kept_here(user, asked, why)
    response = giving.stored(made.stored_name, media_type="application/zip", size=made.size)
    try:
        services.take(user=user, made=made)
    except Refused as refusal:
        response.close()
        raise _kept_here(user, asked, refusal.problems[0]) from refusal
    name = f"vigie-training-set-{asked.algorithm}-{asked.number}.zip"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _kept_here(user: User, asked: Request, why: Problem) -> Refused:
    record(Action.REFUSED, actor=user, kind=access.KIND, object_id=str(asked.pk), detail={"why": why.code})
    return Refused(why)
