"""Addresses that programs expect at the root: health, and the sleep seed's own."""

from __future__ import annotations

from django.urls import path

from predictions.api import health, metrics, seeds

urlpatterns = [
    path("health", health.HealthView.as_view(), name="health"),
    path("metrics", metrics.MetricsView.as_view(), name="metrics"),
    path("model-info", seeds.SleepModelView.as_view(), name="sleep-model-info"),
    path("predict", seeds.SleepEpochView.as_view(), name="sleep-predict"),
]
