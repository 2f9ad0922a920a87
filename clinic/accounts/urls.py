"""Addresses of this application."""

urlpatterns: list = []
