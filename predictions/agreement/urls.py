"""Addresses of the pages of agreement."""

from __future__ import annotations

from django.urls import path

from predictions.agreement import views

ONE = "agreement/<uuid:agreement_id>/"

urlpatterns = [
    path("agreement/", views.agreement, name="agreement"),
    path(ONE, views.agreement_report, name="agreement_report"),
    path(f"{ONE}state/", views.agreement_state, name="agreement_state"),
    path(f"{ONE}figures.csv", views.agreement_csv, name="agreement_csv"),
]
