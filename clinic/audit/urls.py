"""Addresses of the audit."""

from django.urls import path

from clinic.audit import views

urlpatterns = [
    path("", views.audit_search, name="audit_search"),
    path("export/", views.audit_export, name="audit_export"),
    path("patients/<uuid:patient_id>/", views.audit_patient, name="audit_patient"),
    path("people/<int:pk>/", views.audit_person, name="audit_person"),
]
