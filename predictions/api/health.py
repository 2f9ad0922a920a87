"""``/health``: whether everything a study needs answers. Open to anybody, and says no more than that."""

from __future__ import annotations

from typing import Any

from django.core.cache import cache
from django.db import DatabaseError, connection
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from clinic import pulse
from clinic.audit import alarms
from clinic.celeryconfig import QUEUES
from clinic.rules import EVERYBODY
from ml import package as packages
from ml import registry
from predictions.api.base import ApiView
from predictions.api.permissions import Door
from predictions.inquiries import SLEEP_VERSION

CACHED_SECONDS = 1
CACHE_KEY = "health"

HealthSerializer = inline_serializer(
    "Health",
    {
        "status": serializers.ChoiceField(choices=["healthy", "degraded"]),
        "model_loaded": serializers.BooleanField(help_text="The package of the sleep seed's API is whole"),
        "model_path": serializers.CharField(),
        "database": serializers.BooleanField(),
        "broker": serializers.BooleanField(),
        "workers": serializers.DictField(child=serializers.IntegerField(), help_text="By queue"),
        "watch": serializers.BooleanField(help_text="Somebody looks after lost studies"),
        "audit": serializers.BooleanField(help_text="Its events are sealed and anchored, and verified well"),
        "packages": serializers.DictField(child=serializers.CharField(), help_text="Serving version"),
    },
)


class HealthView(ApiView):
    """``/health``."""

    doors = {"GET": Door(EVERYBODY, None)}
    authentication_classes = ()
    throttle_classes = ()

    @extend_schema(operation_id="health", auth=[], responses={200: HealthSerializer, 503: HealthSerializer})
    def get(self, request: Request) -> Response:
        """Tell whether database, broker, workers, watch, audit and packages are well; 503 when one is not."""
        found = cache.get(CACHE_KEY)
        if found is None:
            found = examine()
            cache.set(CACHE_KEY, found, CACHED_SECONDS)
        healthy = found["status"] == "healthy"
        return Response(found, status=status.HTTP_200_OK if healthy else status.HTTP_503_SERVICE_UNAVAILABLE)


def examine() -> dict[str, Any]:
    """Ask everything a study needs whether it is there."""
    broker, workers, watch = _workers()
    serving = {name: _version(name) for name in registry.names()}
    found = {
        "model_loaded": bool(_version("sleep", SLEEP_VERSION)),
        "model_path": f"sleep/{SLEEP_VERSION}",
        "database": _database(),
        "broker": broker,
        "workers": workers,
        "watch": watch,
        "audit": _audit(),
        "packages": serving,
    }
    parts = ("database", "broker", "watch", "audit")
    whole = all(found[part] for part in parts) and all(workers.values()) and all(serving.values())
    return {"status": "healthy" if whole else "degraded", **found}


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return cursor.fetchone() == (1,)
    except DatabaseError:
        return False


def _audit() -> bool:
    try:
        return not alarms.current()
    except DatabaseError:
        return False


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
