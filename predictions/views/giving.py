"""What every view that gives out a stored file has in common: the file in pieces, or what comes first."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.files.base import File
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render

from predictions.first_read import Blind
from predictions.models import Study
from predictions.storage import CHUNK_BYTES, storage

CONFLICT = 409


def stored(name: str, *, media_type: str, size: int) -> StreamingHttpResponse:
    """Return a file of private storage, read in pieces while it is sent.

    Raises
    ------
    predictions.vault.damage.Damaged
        Before anything is sent, as :meth:`predictions.storage.PrivateStorage.checked` does.
    """
    response = StreamingHttpResponse(_chunks(storage.checked(name)), content_type=media_type)
    response["Content-Length"] = size
    return response


def not_yet(request: HttpRequest, study: Study, refusal: Blind) -> HttpResponse:
    """Say what comes first, the same whether there is such a file or not; never kept by the browser."""
    shown = {"study": study, "problem": refusal.problems[0]}
    response = render(request, "studies/not_yet.html", shown, status=CONFLICT)
    response["Cache-Control"] = "no-store"
    return response


def _chunks(opened: File) -> Iterator[bytes]:
    with opened as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk
