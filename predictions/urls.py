"""Addresses of the worklist, the studies and the models."""

from __future__ import annotations

from django.urls import path

from predictions.views import preferences, worklist

urlpatterns = [
    path("", worklist.worklist, name="worklist"),
    path("preferences/language/", preferences.set_language, name="set_language"),
    path("preferences/theme/", preferences.set_theme, name="set_theme"),
]
