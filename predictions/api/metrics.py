"""``/metrics``: figures of this installation for Prometheus; nothing of a patient or a person."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from clinic.accounts.access import ADMINISTRATORS
from clinic.accounts.roles import Scope
from predictions.api.base import ApiView
from predictions.api.monitoring import ByMonitoring
from predictions.api.permissions import Door
from predictions.metrics import exposition


class AsAsked(DefaultContentNegotiation):
    """Figures in the format that a scraper names, of Prometheus or OpenMetrics; errors are JSON as ever.

    Scrapers name the versions that they read, also ones that there are not; each reads the plain text.
    """

    def select_renderer(
        self, request: Request, renderers: Sequence[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return what writes the errors."""
        return renderers[0], renderers[0].media_type


class MetricsView(ApiView):
    """``/metrics``."""

    content_negotiation_class = AsAsked
    doors = {"GET": Door(ADMINISTRATORS, Scope.READ)}
    permission_classes = (ByMonitoring,)
    throttle_classes = ()

    @extend_schema(operation_id="metrics", responses={(200, "text/plain"): OpenApiTypes.STR})
    def get(self, request: Request) -> HttpResponse:
        """Give the figures out in the text format of Prometheus, or in OpenMetrics where that is asked for.

        For an administrator, and for monitoring that sends `Authorization: Bearer` with its token.
        """
        content, media_type = exposition.text(request.headers.get("Accept", ""))
        return HttpResponse(content, content_type=media_type)
