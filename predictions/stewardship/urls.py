"""Addresses of the model steward's pages."""

from __future__ import annotations

from django.urls import include, path

from predictions.stewardship.views import naming, service, trainings

TRAINING = [
    path("", trainings.training, name="training"),
    path("state/", trainings.training_state, name="training_state"),
    path("columns/", naming.training_columns, name="training_columns"),
    path("columns/check/", naming.training_columns_check, name="training_columns_check"),
    path("mapping.yaml", naming.training_mapping, name="training_mapping"),
    path("mapping/", naming.training_mapping_upload, name="training_mapping_upload"),
    path("start/", trainings.training_start, name="training_start"),
    path("withdraw/", trainings.training_withdraw, name="training_withdraw"),
    path("serve/", service.training_serve, name="training_serve"),
]

urlpatterns = [
    path("models/<slug:algorithm>/training/", trainings.training_list, name="training_list"),
    path("models/<slug:algorithm>/training/new/", trainings.training_new, name="training_new"),
    path("models/<slug:algorithm>/training/<uuid:training_id>/", include(TRAINING)),
    path("models/<slug:algorithm>/roll-back/", service.serving_roll_back, name="serving_roll_back"),
]
