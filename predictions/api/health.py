"""``/health``: whether everything a study needs answers. Open to anybody, who hears of each part yes or no.

How many workers there are, which versions serve and what is wrong with the audit is told to an administrator
who is logged in and to monitoring that sends the token of ``VIGIE_MONITORING_TOKEN``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from clinic import pulse
from clinic.audit import alarms
from clinic.celeryconfig import QUEUES
from clinic.outages import has_room
from clinic.rules import EVERYBODY
from ml import package as packages
from ml import registry
from predictions.api.base import ApiView
from predictions.api.monitoring import may_know_more
from predictions.api.permissions import Door
from predictions.inquiries import SLEEP_VERSION
from predictions.vault.checks import unfit

CACHED_SECONDS = 1
CACHE_KEY = "health"

HealthDetailsSerializer = inline_serializer(
    "HealthDetails",
    {
        "workers": serializers.DictField(child=serializers.IntegerField(), help_text="How many, by queue"),
        "packages": serializers.DictField(child=serializers.CharField(), help_text="Serving version"),
        "alarms": serializers.ListField(child=serializers.CharField(), help_text="Of the audit, by code"),
    },
    required=False,
    help_text="For administrators who are logged in, and for monitoring with its token",
)
HealthSerializer = inline_serializer(
    "Health",
    {
        "status": serializers.ChoiceField(choices=["healthy", "degraded"]),
        "model_loaded": serializers.BooleanField(help_text="The package of the sleep seed's API is whole"),
        "model_path": serializers.CharField(help_text="Of which algorithm that is"),
        "database": serializers.BooleanField(),
        "broker": serializers.BooleanField(),
        "workers": serializers.DictField(child=serializers.BooleanField(), help_text="By queue"),
        "watch": serializers.BooleanField(help_text="Somebody looks after lost studies"),
        "storage": serializers.BooleanField(help_text="The storage key that is here opens what is stored"),
        "disk": serializers.BooleanField(help_text="There is room for what comes in"),
        "audit": serializers.BooleanField(help_text="Its events are sealed and anchored, and verified well"),
        "packages": serializers.DictField(child=serializers.BooleanField(), help_text="By algorithm"),
        "details": HealthDetailsSerializer,
    },
)


class HealthView(ApiView):
    """``/health``."""

    doors = {"GET": Door(EVERYBODY, None)}
    authentication_classes = (SessionAuthentication,)
    throttle_classes = ()

    @extend_schema(operation_id="health", auth=[], responses={200: HealthSerializer, 503: HealthSerializer})
    def get(self, request: Request) -> Response:
        """Tell whether each part is well; 503 when one is not.

        Monitoring that sends `Authorization: Bearer` with its token is told the details too.
        """
        found = cache.get(CACHE_KEY)
        if found is None:
            found = examine()
            cache.set(CACHE_KEY, found, CACHED_SECONDS)
        healthy = found["status"] == "healthy"
        said = found if may_know_more(request) else _in_short(found)
        return Response(said, status=status.HTTP_200_OK if healthy else status.HTTP_503_SERVICE_UNAVAILABLE)


def _in_short(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name != "details"}


def examine() -> dict[str, Any]:
    """Ask everything a study needs whether it is there."""
    broker, workers, watch = _workers()
    versions = {name: _version(name) for name in registry.names()}
    wrong = _alarms()
    parts = {
        "database": _database(),
        "broker": broker,
        "watch": watch,
        "audit": wrong == [],
        "storage": not unfit(),
        "disk": has_room(Path(settings.DATA_DIR)),
    }
    whole = all(parts.values()) and all(workers.values()) and all(versions.values())
    return {
        "status": "healthy" if whole else "degraded",
        "model_loaded": bool(_version("sleep", SLEEP_VERSION)),
        "model_path": "sleep",
        **parts,
        "workers": {queue: bool(living) for queue, living in workers.items()},
        "packages": {name: bool(version) for name, version in versions.items()},
        "details": {"workers": workers, "packages": versions, "alarms": wrong or []},
    }


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return cursor.fetchone() == (1,)
    except DatabaseError:
        return False


def _alarms() -> list[str] | None:
    """Return what is wrong with the audit; ``None`` when nobody can tell."""
    try:
        return [alarm.code for alarm in alarms.current()]
    except DatabaseError:
        return None


def _workers() -> tuple[bool, dict[str, int], bool]:
    """Return whether the broker answers, how many workers each queue has, and whether the watch lives."""
    try:
        living = pulse.living()
    except pulse.NoBroker:
        return False, dict.fromkeys(QUEUES, 0), False
    return True, {queue: living[queue] for queue in QUEUES}, living[pulse.WATCH] > 0


def _version(algorithm: str, version: str = "") -> str:
    """Return the version of a package whose every byte was verified, empty when there is none."""
    try:
        return packages.load(algorithm, version).version
    except packages.BrokenPackage:
        return ""
