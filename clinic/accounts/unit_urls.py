"""Addresses of the administration of units. None deletes one: patients and studies belong to it."""

from django.urls import path

from clinic.accounts import unit_views

urlpatterns = [
    path("", unit_views.unit_list, name="unit_list"),
    path("new/", unit_views.unit_new, name="unit_new"),
    path("edit/<slug:code>/", unit_views.unit_edit, name="unit_edit"),
]
