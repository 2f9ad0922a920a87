"""Addresses of erasures and legal holds."""

from django.urls import path

from patients import erasure_views as views

urlpatterns = [
    path("", views.erasures, name="erasures"),
    path("<uuid:erasure_id>/", views.erasure_page, name="erasure"),
    path("<uuid:erasure_id>/decide/", views.erasure_decide, name="erasure_decide"),
    path("<uuid:erasure_id>/export", views.erasure_export, name="erasure_export"),
    path("<uuid:erasure_id>/certificate.json", views.erasure_certificate, name="erasure_certificate"),
    path("holds/<uuid:hold_id>/release/", views.hold_release, name="hold_release"),
]
