"""Addresses of one's own notices."""

from django.urls import path

from clinic.accounts import notice_views

urlpatterns = [
    path("", notice_views.notice_list, name="notices"),
    path("acknowledge/", notice_views.notice_acknowledge, name="notice_acknowledge"),
]
