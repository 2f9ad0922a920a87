"""What every door of the API shares: who is asking, how large a body may be, and where errors go."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import SessionAuthentication, TokenAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed, ParseError
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from clinic.accounts.access import may_enter
from clinic.accounts.models import User
from predictions.api.errors import NOT_JSON, Unreadable, not_finite, not_json

# What a sender of too much may still send to hear so; whoever sends more is cut off.
MOST_DRAINED, PIECE = 64 << 20, 1 << 16


class StaffToken(TokenAuthentication):
    """A token serves only as long as its owner may enter."""

    def authenticate_credentials(self, key: str) -> tuple[User, Token]:
        """Return the owner of a token."""
        user, token = super().authenticate_credentials(key)
        if not may_enter(user):
            raise AuthenticationFailed(_("Invalid token."))
        return user, token


class StrictJSONParser(JSONParser):
    """JSON not nested to exhaust the parser, of numbers and letters that can be stored."""

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Read the body.

        Raises
        ------
        predictions.api.errors.Unreadable, ParseError
            With the reason.
        """
        try:
            body = loads(stream.read())
        except RecursionError as error:
            raise ParseError(_("The JSON body is nested too deeply.")) from error
        require_whole_characters(body)
        return body


def loads(text: str | bytes) -> Any:
    """Read JSON whose every number is finite: ``1e400`` is infinity to Python, and to no database.

    Raises
    ------
    predictions.api.errors.Unreadable
        With the place, or the number.
    """
    try:
        return json.loads(text, parse_float=_finite, parse_constant=_finite)
    except json.JSONDecodeError as error:
        raise Unreadable(not_json(error.lineno, error.colno)) from error
    # Bytes that are no UTF-8, and integers of more digits than Python reads.
    except ValueError as error:
        raise Unreadable(NOT_JSON) from error


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise Unreadable(not_finite(text))
    return value


def require_whole_characters(body: Any) -> None:
    """Raise ``ParseError`` for half a character (``"\\ud800"``): JSON can say it, nobody can store it."""
    try:
        json.dumps(body, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ParseError from error


class ApiView(APIView):
    """Base of our views; permissions stay closed until a view opens them."""

    authentication_classes = (StaffToken, SessionAuthentication)
    parser_classes = (StrictJSONParser, MultiPartParser)

    def handle_exception(self, exc: Exception) -> Response:
        """Answer a body that is too large once it is sent: a connection closed before loses the answer."""
        if isinstance(exc, RequestDataTooBig):
            _drain(self.request._request)
        return super().handle_exception(exc)


def _drain(request: HttpRequest) -> None:
    announced = int(request.META.get("CONTENT_LENGTH") or 0)
    if announced <= MOST_DRAINED:
        while request.read(PIECE):
            pass
