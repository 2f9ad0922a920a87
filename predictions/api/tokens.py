"""Log-in of programs: a name and a password, and the second factor of whoever has one, for a token."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.authtoken.models import Token
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle

from clinic.accounts.models import User
from clinic.audit.context import client_address
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import Problem, Text
from predictions.api.base import ApiView
from predictions.api.errors import shown
from predictions.api.permissions import Staff
from predictions.api.serializers import CredentialsSerializer, ProblemsSerializer, TokenSerializer

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


class LoginThrottle(SimpleRateThrottle):
    """Ten attempts a minute from one address, the one the audit records."""

    scope = "token"
    rate = "10/min"

    def get_cache_key(self, request: Request, view: ApiView) -> str:
        """Count by address."""
        return self.cache_format % {"scope": self.scope, "ident": client_address(request) or "unknown"}


class TokenView(ApiView):
    """``/api/token``."""

    def get_permissions(self) -> list:
        """Anybody may try to log in; only the owner gives a token back."""
        return [AllowAny()] if self.request.method == "POST" else [Staff()]

    def get_authenticators(self) -> list:
        """Ignore a stale token or session while logging in."""
        return [] if self.request and self.request.method == "POST" else super().get_authenticators()

    def get_throttles(self) -> list:
        """Limit attempts to log in."""
        return [LoginThrottle()] if self.request.method == "POST" else []

    @extend_schema(
        operation_id="token_create",
        request=CredentialsSerializer,
        responses={200: TokenSerializer, 401: ProblemsSerializer, 429: ProblemsSerializer},
    )
    def post(self, request: Request) -> Response:
        """Log in and receive a token."""
        sent = CredentialsSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        user = _authenticated(request, **sent.validated_data)
        if user is None:
            return Response(shown([WRONG]), status=status.HTTP_401_UNAUTHORIZED)
        if user.temporary_password:
            return Response(shown([TEMPORARY]), status=status.HTTP_403_FORBIDDEN)
        token, _created = Token.objects.get_or_create(user=user)
        record(Action.LOGIN, actor=user, kind="token")
        return Response({"token": token.key})

    @extend_schema(operation_id="token_delete", request=None, responses={204: None})
    def delete(self, request: Request) -> Response:
        """Give the token back: it serves nobody any more."""
        Token.objects.filter(user=request.user).delete()
        record(Action.LOGOUT, actor=request.user, kind="token")
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
    factors = list(Authenticator.objects.filter(user=user))
    if factors and not any(factor.wrap().validate_code(code) for factor in factors):
        # Nobody has proven to be this person yet: the event names the account, not an actor.
        record(
            Action.LOGIN_FAILED,
            kind="token",
            object_id=str(user.pk),
            detail={"account": user.username, "factor": "code"},
        )
        return None
    return user
