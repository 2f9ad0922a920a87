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
from rest_framework.exceptions import AuthenticationFailed, ParseError
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from clinic.accounts import throttles, tokens
from clinic.accounts.models import ApiToken, User
from clinic.audit import context as audit_context
from clinic.audit.context import client_address
from predictions.api.errors import NOT_JSON, Unreadable, not_finite, not_json
from predictions.api.permissions import ByDoor

# What a sender of too much may still send to hear so; whoever sends more is cut off.
MOST_DRAINED, PIECE = 64 << 20, 1 << 16
MOST_CALLS, CALL_SECONDS = 600, 60


class StaffToken(TokenAuthentication):
    """A token of ours, while it serves and its owner may enter: ``Authorization: Token vigie_…``."""

    def authenticate_credentials(self, key: str) -> tuple[User, ApiToken]:
        """Return the owner of a token, and the token, whose scopes the doors ask."""
        token = tokens.find(key)
        if token is None:
            raise AuthenticationFailed(_("Invalid token."))
        audit_context.token.set(str(token.pk))
        return token.owner, token


class CallThrottle(BaseThrottle):
    """How often one person, or one address that is not logged in, may call; counted over all processes."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Whether the call is within the limit."""
        who = request.user.pk if request.user.is_authenticated else client_address(request._request)
        self.key = str(who or "unknown")
        return throttles.hit("api", self.key, MOST_CALLS, CALL_SECONDS)

    def wait(self) -> float:
        """Return the seconds until the window is over."""
        return throttles.remaining("api", self.key)


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
    """Base of our views; a method stays closed until the view names its door."""

    authentication_classes = (StaffToken, SessionAuthentication)
    permission_classes = (ByDoor,)
    throttle_classes = (CallThrottle,)
    http_method_names = ("get", "head", "post", "put", "patch", "delete")
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
