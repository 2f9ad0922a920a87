"""The figures of a model package by the names people know, beside the names programs know."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from django import template
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from ml.package import Metric

register = template.Library()

# A manifest prefixes a name with its data (zurich_roc_auc) and ends it with a class (recall_N3).
NAMES = {
    "kappa_within_sleep_period": _("Cohen’s kappa within the sleep period"),
    "kappa_after_10_percent_by_confidence_jury": _(
        "Cohen’s kappa after the review of 10 in 100 epochs, the least certain to the jury"
    ),
    "kappa_after_10_percent_by_confidence_boosted": _(
        "Cohen’s kappa after the review of 10 in 100 epochs, the least certain to the boosted trees"
    ),
    "kappa_after_10_percent_by_confidence": _(
        "Cohen’s kappa after the review of 10 in 100 epochs, the least certain"
    ),
    "kappa_after_10_percent_by_margin": _(
        "Cohen’s kappa after the review of 10 in 100 epochs, those with the closest two stages"
    ),
    "kappa_after_10_percent_by_all": _(
        "Cohen’s kappa after the review of 10 in 100 epochs, chosen by all signs of doubt together"
    ),
    "kappa_after_review": _("Cohen’s kappa after the review of uncertain epochs"),
    "nap_called_raw": _("share of cleaned naps that the gate calls raw"),
    "night_called_raw": _("share of cleaned nights that the gate calls raw"),
    "raw_called_raw": _("share of raw recordings that the gate calls raw"),
    "gate_accepts_test": _("share of fitting images accepted"),
    "gate_refuses_adults": _("share of adults refused"),
    "gate_refuses_other_images": _("share of other images refused"),
    "calibration_intercept": _("calibration in the large"),
    "calibration_slope": _("calibration slope"),
    "precision_at_recall": _("precision at a given sensitivity"),
    "probability_shift": _("mean shift of a probability between refits"),
    "decision_flips": _("share of decisions that change between refits"),
    "brier_skill": _("gain of the Brier score over the bare frequency"),
    "roc_auc_above_baseline": _("gain in area under the ROC curve over the baseline"),
    "acceptance_rate": _("share accepted"),
    "uncertain_share": _("share of uncertain epochs"),
    "flagged_rate": _("share flagged"),
    "specificity": _("specificity"),
    "net_benefit": _("net benefit"),
    "brier_null": _("Brier score of the bare frequency"),
    "precision": _("positive predictive value"),
    "accuracy": _("accuracy"),
    "macro_f1": _("mean F1 of the classes"),
    "roc_auc": _("area under the ROC curve"),
    "pr_auc": _("area under the precision–recall curve"),
    "recall": _("sensitivity"),
    "brier": _("Brier score"),
    "kappa": _("Cohen’s kappa"),
    "saving": _("saving per case against flagging nobody"),
    "profit": _("profit per case"),
    "cost": _("cost per case"),
    "npv": _("negative predictive value"),
    "ece": _("expected calibration error"),
    "f1": _("F1 score"),
}

# What a manifest calls its operating points; haemorrhage's are named by the share they flag, top_10.
POINTS = {
    "probability": _("predicted probability"),
    "confidence": _("certainty below which an epoch is to be checked"),
    "best_f1": _("threshold of the best F1 score"),
    "costs": _("threshold by the costs"),
}
FLAGGED = re.compile(r"top_(\d+)")

FEW = 30
"""Figures that are read at a glance; more are folded by what they were computed on."""

CLASS = re.compile(r"_(W|N1|N2|N3|R)$")


@register.filter
def metric_name(name: str) -> str:
    """Return the words for a metric's name, the longest known part of it; empty when none is known.

    The class a figure is of stands behind it: ``recall_N3`` is the sensitivity for N3.
    """
    for known, words in NAMES.items():
        if re.search(rf"(?:^|[._]){known}(?:$|[._])", name):
            of = CLASS.search(name)
            apart = "\u00a0: " if (get_language() or "en").startswith("fr") else ": "
            return f"{words}{apart}{of[1]}" if of else str(words)
    return ""


@register.filter
def point_name(name: str) -> str:
    """Return the words for an operating point's name; the name itself where it has none."""
    if share := FLAGGED.fullmatch(name):
        return _("threshold that flags %(n)s in 100") % {"n": share[1]}
    return str(POINTS.get(name, name))


@register.filter
def by_data(metrics: Iterable[Metric]) -> list[dict[str, Any]]:
    """Group figures by what they were computed on, in their order.

    Returns
    -------
    list of dict
        ``data``, ``metrics``, and ``open``: whether they are few enough to stand open, or the first.
    """
    given = list(metrics)
    groups = [(data, list(rows)) for data, rows in groupby(given, key=lambda metric: metric.data)]
    return [
        {"data": data, "metrics": rows, "open": at == 0 or len(given) <= FEW}
        for at, (data, rows) in enumerate(groups)
    ]
