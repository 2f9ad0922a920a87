"""Addresses of the model steward's pages."""

from __future__ import annotations

from django.urls import path

from predictions.stewardship.views import naming, trainings

ALL = "models/<slug:algorithm>/training/"
ONE = f"{ALL}<uuid:training_id>/"

urlpatterns = [
    path(ALL, trainings.training_list, name="training_list"),
    path(f"{ALL}new/", trainings.training_new, name="training_new"),
    path(ONE, trainings.training, name="training"),
    path(f"{ONE}state/", trainings.training_state, name="training_state"),
    path(f"{ONE}columns/", naming.training_columns, name="training_columns"),
    path(f"{ONE}columns/check/", naming.training_columns_check, name="training_columns_check"),
    path(f"{ONE}mapping.yaml", naming.training_mapping, name="training_mapping"),
    path(f"{ONE}mapping/", naming.training_mapping_upload, name="training_mapping_upload"),
    path(f"{ONE}start/", trainings.training_start, name="training_start"),
    path(f"{ONE}withdraw/", trainings.training_withdraw, name="training_withdraw"),
]
