"""Addresses of the test bench."""

from __future__ import annotations

from django.urls import path

from predictions.testbench import views

urlpatterns = [
    path("testbench/", views.testbench, name="testbench"),
    path("testbench/<uuid:bench_run_id>/", views.bench_run, name="bench_run"),
    path("testbench/<uuid:bench_run_id>/state/", views.bench_run_state, name="bench_run_state"),
]
