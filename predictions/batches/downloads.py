"""The result of a batch leaving the house: recorded, and under a name that says nothing of anybody."""

from __future__ import annotations

from django.http import Http404
from django.http.response import StreamingHttpResponse

from clinic.accounts.models import User
from clinic.audit.models import Action
from clinic.audit.recording import record
from predictions.batches import services
from predictions.batches.models import MEDIA_TYPES, Batch, Format
from predictions.views import giving


def given(user: User, batch: Batch, form: str) -> StreamingHttpResponse:
    """Return the result as a file.

    Raises
    ------
    django.http.Http404
        When there is no such format.
    ml.contracts.Refused
        When there is no result yet.
    predictions.vault.damage.Damaged
        When it does not open.
    """
    if form not in Format.values:
        raise Http404
    output = services.output(batch, form)
    response = giving.stored(output.stored_name, media_type=MEDIA_TYPES[Format(form)], size=output.size)
    detail = {"format": form, "size": output.size, "sha256": output.sha256}
    record(Action.EXPORT, actor=user, kind="batch", object_id=str(batch.pk), detail=detail)
    response["Content-Disposition"] = f'attachment; filename="vigie-batch-{str(batch.pk)[:8]}.{form}"'
    return response
