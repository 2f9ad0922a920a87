"""Addresses of the batches."""

from __future__ import annotations

from django.urls import path

from predictions.batches import views

ONE = "batches/<uuid:batch_id>/"

urlpatterns = [
    path("batches/", views.batch_list, name="batch_list"),
    path("batches/new/<slug:algorithm>/", views.batch_new, name="batch_new"),
    path(ONE, views.batch, name="batch"),
    path(f"{ONE}state/", views.batch_state, name="batch_state"),
    path(f"{ONE}columns/", views.batch_columns, name="batch_columns"),
    path(f"{ONE}withdraw/", views.batch_withdraw, name="batch_withdraw"),
    path(f"{ONE}again/", views.batch_again, name="batch_again"),
    path(f"{ONE}delete/", views.batch_delete, name="batch_delete"),
    path(f"{ONE}result.<str:form>", views.batch_result, name="batch_result"),
]
