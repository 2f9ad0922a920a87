"""Addresses of patients; nothing in them identifies anybody to an outsider."""

from django.urls import path

from patients import emergency_views, erasure_views, views

urlpatterns = [
    path("", views.patient_search, name="patient_search"),
    path("new/", views.patient_new, name="patient_new"),
    path("emergency/", emergency_views.emergency_new, name="emergency_new"),
    path("emergency/<uuid:access_id>/end/", emergency_views.emergency_end, name="emergency_end"),
    path("<uuid:patient_id>/", views.patient_page, name="patient"),
    path("<uuid:patient_id>/erasure/", erasure_views.patient_erasure, name="patient_erasure"),
    path("<uuid:patient_id>/hold/", erasure_views.patient_hold, name="patient_hold"),
    path("<uuid:patient_id>/edit/", views.patient_edit, name="patient_edit"),
    path("<uuid:patient_id>/encounters/new/", views.encounter_new, name="encounter_new"),
    path("<uuid:patient_id>/encounters/<uuid:encounter_id>/end/", views.encounter_end, name="encounter_end"),
    path(
        "<uuid:patient_id>/encounters/<uuid:encounter_id>/reopen/",
        views.encounter_reopen,
        name="encounter_reopen",
    ),
]
