"""Addresses of the tokens of programs."""

from django.urls import path

from clinic.accounts import token_views

urlpatterns = [
    path("", token_views.token_list, name="token_list"),
    path("new/", token_views.token_new, name="token_new"),
    path("all/", token_views.token_list_all, name="token_list_all"),
    path("<uuid:token_id>/revoke/", token_views.token_revoke, name="token_revoke"),
]
