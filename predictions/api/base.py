"""What every door of the API shares: who is asking, how large a body may be, and where errors go."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import SessionAuthentication, TokenAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed, ParseError
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.views import APIView

from clinic.accounts.access import may_enter
from clinic.accounts.models import User


class StaffToken(TokenAuthentication):
    """A token serves only as long as its owner may enter."""

    def authenticate_credentials(self, key: str) -> tuple[User, Token]:
        """Return the owner of a token."""
        user, token = super().authenticate_credentials(key)
        if not may_enter(user):
            raise AuthenticationFailed(_("Invalid token."))
        return user, token


class BoundedJSONParser(JSONParser):
    """JSON no larger than any form here, and not nested to exhaust the parser."""

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Read the body; ``ParseError`` with the reason."""
        announced = int(parser_context["request"].META.get("CONTENT_LENGTH") or 0)
        if announced > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise ParseError(_("The JSON body is larger than 2 MiB."), code="request_too_large")
        try:
            body = super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError(_("The JSON body is nested too deeply.")) from error
        require_whole_characters(body)
        return body


def require_whole_characters(body: Any) -> None:
    """Raise ``ParseError`` for half a character (``"\\ud800"``): JSON can say it, nobody can store it."""
    try:
        json.dumps(body, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ParseError from error


class ApiView(APIView):
    """Base of our views; permissions stay closed until a view opens them."""

    authentication_classes = (StaffToken, SessionAuthentication)
    parser_classes = (BoundedJSONParser, MultiPartParser)
