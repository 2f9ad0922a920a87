"""Log-in of programs: a name and a password, and the second factor of whoever has one, for a token.

A token opens what its scopes say, for twelve hours; one that may export for an hour, one that may sign or
open a record in an emergency for a quarter of one: to ask for it is how a program confirms who is there, as a
person does at the page.
"""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from clinic.accounts import codes, factors, throttles, tokens
from clinic.accounts.models import ApiToken, User
from clinic.audit.context import client_address
from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.rules import EVERYBODY, STAFF
from ml.contracts import Problem, Refused, Text
from predictions.api.base import ApiView
from predictions.api.errors import shown
from predictions.api.permissions import Door
from predictions.api.serializers import CredentialsSerializer, ProblemsSerializer, TokenSerializer

MOST_ATTEMPTS, ATTEMPT_SECONDS = 10, 60
WRONG = Problem(
    "wrong_credentials",
    Text(
        "The user name, the password or the code is wrong, or the account is closed.",
        "Le nom d’utilisateur, le mot de passe ou le code est erroné, ou le compte est fermé.",
    ),
)
TEMPORARY = Problem(
    "temporary_password",
    Text(
        "This password is temporary. Log in with a browser once and choose your own.",
        "Ce mot de passe est provisoire. Connectez-vous une fois avec un navigateur et choisissez le vôtre.",
    ),
)
NO_TOKEN = Problem(
    "no_token",
    Text(
        "This call was made without a token, so there is none to give back.",
        "Cet appel a été fait sans jeton : il n’y en a aucun à rendre.",
    ),
)


class LoginThrottle(BaseThrottle):
    """Ten attempts a minute from one address, the one the audit records, over all processes."""

    def allow_request(self, request: Request, view: ApiView) -> bool:
        """Whether the attempt is within the limit."""
        self.key = client_address(request._request) or "unknown"
        return throttles.hit("token", self.key, MOST_ATTEMPTS, ATTEMPT_SECONDS)

    def wait(self) -> float:
        """Return the seconds until the window is over."""
        return throttles.remaining("token", self.key)


class TokenView(ApiView):
    """``/api/token``."""

    doors = {"POST": Door(EVERYBODY, None), "DELETE": Door(STAFF, None)}

    def get_authenticators(self) -> list:
        """Ignore a stale token or session while logging in."""
        return [] if self.request and self.request.method == "POST" else super().get_authenticators()

    def get_throttles(self) -> list:
        """Limit attempts to log in more than other calls."""
        return [LoginThrottle()] if self.request.method == "POST" else super().get_throttles()

    @extend_schema(
        operation_id="token_create",
        request=CredentialsSerializer,
        responses={
            200: TokenSerializer,
            401: ProblemsSerializer,
            403: ProblemsSerializer,
            422: ProblemsSerializer,
            429: ProblemsSerializer,
        },
    )
    def post(self, request: Request) -> Response:
        """Log in and receive a token for the scopes asked for."""
        sent = CredentialsSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        fields = dict(sent.validated_data)
        name, scopes = fields.pop("name"), fields.pop("scopes")
        user = _authenticated(request, **fields)
        if user is None:
            return Response(shown([WRONG]), status=status.HTTP_401_UNAUTHORIZED)
        if user.temporary_password:
            return Response(shown([TEMPORARY]), status=status.HTTP_403_FORBIDDEN)
        if settings.REQUIRE_MFA and not factors.enrolled(user):
            return Response(factors.missing(), status=status.HTTP_403_FORBIDDEN)
        lifetime = tokens.longest(scopes, tokens.LOGIN)
        token, secret = tokens.issue(owner=user, name=name, scopes=scopes, lifetime=lifetime, confirmed=True)
        record(Action.LOGIN, actor=user, kind="token", object_id=str(token.pk))
        return Response({"token": secret, "scopes": token.scopes, "expires_at": token.expires_at})

    @extend_schema(operation_id="token_delete", request=None, responses={204: None, 409: ProblemsSerializer})
    def delete(self, request: Request) -> Response:
        """Give the token of this call back: it serves nobody any more."""
        if not isinstance(request.auth, ApiToken):
            return Response(shown([NO_TOKEN]), status=status.HTTP_409_CONFLICT)
        tokens.revoke(actor=request.user, token=request.auth)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _authenticated(request: Request, *, username: str, password: str, code: str = "") -> User | None:
    try:
        user = get_adapter(request._request).authenticate(
            request._request, username=username, password=password
        )
    except ValidationError:
        # Too many attempts for this name: the same answer as for a wrong password.
        return None
    if user is None:
        return None
    if Authenticator.objects.filter(user=user).exists() and not _right_code(user, code):
        # Nobody has proven to be this person yet: the event names the account, not an actor.
        record(
            Action.LOGIN_FAILED,
            kind="token",
            object_id=str(user.pk),
            detail={"account": user.username, "factor": "code"},
        )
        return None
    return user


def _right_code(user: User, code: str) -> bool:
    try:
        codes.check(user, code)
    except Refused:
        return False
    return True
