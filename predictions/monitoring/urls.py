"""Addresses of the watch over drift and performance."""

from __future__ import annotations

from django.urls import path

from predictions.monitoring.views import pages

UNIT = "monitoring/<slug:algorithm>/<slug:code>/"

urlpatterns = [
    path("monitoring/", pages.monitoring, name="monitoring"),
    path("monitoring/reports/<uuid:window_id>/", pages.monitoring_report, name="monitoring_report"),
    path(
        "monitoring/reports/<uuid:window_id>/state/",
        pages.monitoring_report_state,
        name="monitoring_report_state",
    ),
    path(
        "monitoring/alerts/<uuid:alert_id>/acknowledge/",
        pages.monitoring_acknowledge,
        name="monitoring_acknowledge",
    ),
    path(UNIT, pages.monitoring_unit, name="monitoring_unit"),
    path(f"{UNIT}reference/", pages.monitoring_reference, name="monitoring_reference"),
]
