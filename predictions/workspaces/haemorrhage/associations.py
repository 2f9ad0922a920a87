"""Where the reasons of a figure come from: published cohorts, or births learned from here."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ml import package as packages
from ml.package import BrokenPackage
from predictions.models import Prediction

PUBLISHED = _("Associations in published cohorts, not causes in her.")
FITTED = _("Associations in published cohorts, fitted to this hospital’s births; not causes in her.")
LEARNED = _("Associations in this hospital’s births, held near published ones; not causes in her.")
SIMULATED = _("Learned from simulated births: these associations say nothing about women.")
UNKNOWN = _("Associations, not causes in her.")
# Only these tiers learn every odds ratio; the others move or stretch the published ones.
EVERY_ODDS_RATIO = ("refit", "trees")


def words(prediction: Prediction) -> Promise:
    """Say of the package that answered what its odds ratios are associations in."""
    try:
        manifest = packages.load(prediction.study.algorithm, prediction.package_version).manifest
    except BrokenPackage:
        return UNKNOWN
    training = manifest.get("training") or {}
    if training.get("kind") != "hospital":
        return PUBLISHED
    if manifest["data"].get("synthetic"):
        return SIMULATED
    return LEARNED if training.get("tier") in EVERY_ODDS_RATIO else FITTED
