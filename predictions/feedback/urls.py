"""Addresses of training sets."""

from __future__ import annotations

from django.urls import path

from predictions.feedback import views

ONE = "training-sets/<uuid:request_id>/"

urlpatterns = [
    path("training-sets/", views.training_sets, name="training_sets"),
    path(ONE, views.training_set, name="training_set"),
    path(f"{ONE}state/", views.training_set_state, name="training_set_state"),
    path(f"{ONE}decide/", views.training_set_decide, name="training_set_decide"),
    path(f"{ONE}withdraw/", views.training_set_withdraw, name="training_set_withdraw"),
    path(f"{ONE}file", views.training_set_file, name="training_set_file"),
]
