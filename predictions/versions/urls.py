"""Addresses of the versions of the models."""

from __future__ import annotations

from django.urls import path

from predictions.versions.views import proposals, versions, way_back

OF = "models/<slug:algorithm>/"
ONE = f"{OF}versions/<str:version>/"
PROPOSAL = f"{OF}proposals/<uuid:proposal_id>/"

urlpatterns = [
    path("models/versions/", versions.versions, name="versions"),
    path(ONE, versions.version, name="version"),
    path(f"{ONE}propose/", proposals.version_propose, name="version_propose"),
    path(PROPOSAL, proposals.proposal, name="proposal"),
    path(f"{PROPOSAL}decide/", proposals.proposal_decide, name="proposal_decide"),
    path(f"{PROPOSAL}withdraw/", proposals.proposal_withdraw, name="proposal_withdraw"),
    path(f"{OF}roll-back/", way_back.serving_roll_back, name="serving_roll_back"),
]
