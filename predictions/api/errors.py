"""Every error of the API in one shape: ``{"problems": [{"code", "message", "field"}]}``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import Http404
from django.utils.translation import get_language
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import exception_handler

from ml.contracts import Problem, Refused, Text
from predictions.api.permissions import ScopeMissing

NOT_FOUND = Text(
    "There is no such record, or it is not yours to see.",
    "Ce dossier n’existe pas ou ne vous est pas ouvert.",
)
NOT_ALLOWED = Text("Your role may not do this.", "Votre rôle ne permet pas cette action.")
NO_SUCH_SCOPE = Text(
    "This token was not issued for that: it needs the scope “{scope}”.",
    "Ce jeton n’a pas été délivré pour cela : il lui faut la portée « {scope} ».",
)
TOO_LARGE = Text(
    "The request is larger than anything accepted here.", "La requête dépasse tout ce qui est admis ici."
)
NOT_JSON = Problem(
    "parse_error",
    Text("The body is not JSON in UTF-8.", "Le corps de la requête n’est pas du JSON en UTF-8."),
)
NOT_AN_OBJECT = Problem(
    "not_an_object",
    Text(
        'Send a JSON object of fields, such as {"duration": 24}.',
        'Envoyez un objet JSON de champs, par exemple {"duration": 24}.',
    ),
)
LONGEST_SHOWN = 40


class Unreadable(Refused):
    """A body that is not what the API reads, whatever it was about: 400."""


def not_json(line: int, column: int) -> Problem:
    """Say where a body stops being JSON."""
    return Problem(
        "parse_error",
        Text(
            f"The body is not JSON: line {line}, column {column} cannot be read.",
            f"Le corps de la requête n’est pas du JSON : la ligne {line}, colonne {column}, est illisible.",
        ),
    )


def not_finite(number: str) -> Problem:
    """Name a number too large to be one."""
    number = number if len(number) <= LONGEST_SHOWN else f"{number[:LONGEST_SHOWN]}…"
    return Problem(
        "not_finite",
        Text(
            f"The body holds {number}, which is no finite number. Send a number that can be, or null.",
            f"Le corps de la requête contient {number}, qui n’est pas un nombre fini. Envoyez un nombre "
            "possible, ou null.",
        ),
    )


def shown(problems: Iterable[Problem]) -> dict[str, list[dict[str, str]]]:
    """Write problems in the language of the request."""
    language = get_language() or "en"
    return {
        "problems": [
            {
                "code": problem.code,
                "message": problem.message.to(language),
                "field": problem.field,
                "severity": str(problem.severity),
            }
            for problem in problems
        ]
    }


def sentence(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an exception of a view; ``None`` leaves a defect of ours to the 500 page."""
    if isinstance(error, Unreadable):
        return Response(shown(error.problems), status=status.HTTP_400_BAD_REQUEST)
    if isinstance(error, Refused):
        return Response(shown(error.problems), status=status.HTTP_422_UNPROCESSABLE_ENTITY)
    if isinstance(error, Http404 | exceptions.NotFound):
        return Response(shown([Problem("not_found", NOT_FOUND)]), status=status.HTTP_404_NOT_FOUND)
    if isinstance(error, ScopeMissing):
        problem = Problem("scope_missing", NO_SUCH_SCOPE.format(scope=error.scope.value))
        return Response(shown([problem]), status=status.HTTP_403_FORBIDDEN)
    if isinstance(error, PermissionDenied):
        return Response(shown([Problem("not_allowed", NOT_ALLOWED)]), status=status.HTTP_403_FORBIDDEN)
    if isinstance(error, RequestDataTooBig | TooManyFieldsSent | TooManyFilesSent):
        return Response(shown([Problem("request_too_large", TOO_LARGE)]), status=413)
    response = exception_handler(error, context)
    if response is not None and isinstance(error, exceptions.APIException):
        response.data = {"problems": list(_flat(error.detail, ""))}
    return response


def _flat(detail: Any, field: str) -> Iterable[dict[str, str]]:
    """Spread the framework's nested details; their words are already in the language of the request."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            named = name not in ("detail", "non_field_errors")
            yield from _flat(inner, f"{field}.{name}".lstrip(".") if named else field)
    elif isinstance(detail, list):
        for inner in detail:
            yield from _flat(inner, field)
    else:
        yield {
            "code": getattr(detail, "code", "invalid"),
            "message": str(detail),
            "field": field,
            "severity": "refuse",
        }
