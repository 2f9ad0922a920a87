"""Addresses of what runs beside the versions in service."""

from __future__ import annotations

from django.urls import path

from predictions.deployments import views

ONE = "deployments/<uuid:deployment_id>/"

urlpatterns = [
    path("deployments/", views.deployment_list, name="deployment_list"),
    path("deployments/new/", views.deployment_new, name="deployment_new"),
    path(ONE, views.deployment, name="deployment"),
    path(f"{ONE}decide/", views.deployment_decide, name="deployment_decide"),
    path(f"{ONE}end/", views.deployment_end, name="deployment_end"),
]
