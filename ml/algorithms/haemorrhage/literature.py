"""The literature table: odds ratios as published and as used, turned into coefficients."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from scipy.stats import norm

from ml.algorithms.haemorrhage.model import Model, from_json

TABLE = Path(__file__).with_name("literature.yaml")
Z_95 = norm.ppf(0.975)
# Where only the odds ratios themselves are wanted; a package takes its spread from params.yaml.
NOMINAL_SPREAD = 0.3


def coefficients(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the coefficient file: the literature table with prevalences, log odds and spreads worked out.

    The intercept at the default incidence is written for readers; serving solves it for the ward's own.
    """
    literature = yaml.safe_load(TABLE.read_text("utf-8"))
    factors = [_factor(entry, params["spread_without_interval"]) for entry in literature["factors"]]
    table = {
        "outcome": literature["outcome"],
        "sources": literature["sources"],
        "incidence": params["incidence"],
        "intercept_solved": "so that the mean risk over the prevalences equals the incidence; factors taken "
        "as independent, except that only women who gave birth before have had a caesarean or a haemorrhage; "
        "the mean is an exact convolution over all combinations on a grid of log odds, not a sample",
        "factors": factors,
    }
    return {**table, "intercept": from_json(table).intercept(params["incidence"])}


def model() -> Model:
    """Return the model of the table, without an intercept: which women there are, and their odds ratios."""
    literature = yaml.safe_load(TABLE.read_text("utf-8"))
    return from_json({"factors": [_factor(entry, NOMINAL_SPREAD) for entry in literature["factors"]]})


def _factor(entry: Mapping[str, Any], default_spread: float) -> dict[str, Any]:
    levels = entry["levels"]
    shares = _prevalences(entry)
    return {
        "name": entry["name"],
        "label": entry["label"],
        "fields": entry["fields"],
        "normal": entry.get("normal"),
        "parous_only": entry.get("parous_only", False),
        "modifiable": entry.get("modifiable", False),
        "levels": [
            {
                "code": level["code"],
                "label": level["label"],
                "odds_ratio": level["or"],
                "log_odds_ratio": float(np.log(level["or"])),
                "spread": _spread(level, default_spread),
                "prevalence": share,
                "below": level.get("below"),
                "interval": level.get("interval"),
                "published": level.get("published", ""),
                "source": level.get("source", ""),
                "checked": level.get("checked", False),
            }
            for level, share in zip(levels, shares, strict=True)
        ],
    }


def _prevalences(entry: Mapping[str, Any]) -> list[float]:
    """Shares of the levels: from the normal distribution, or the reference as what is left."""
    levels = entry["levels"]
    if normal := entry.get("normal"):
        bounds = [level["below"] for level in levels if "below" in level]
        edges = norm.cdf(bounds, normal["mean"], normal["sd"])
        return np.diff([0.0, *edges, 1.0]).tolist()
    rest = 1 - sum(level.get("prevalence", 0) for level in levels)
    return [level.get("prevalence", rest) for level in levels]


def _spread(level: Mapping[str, Any], default: float) -> float:
    if "source" not in level:
        return 0.0
    if "interval" not in level:
        return default
    low, high = level["interval"]
    return float(np.log(high / low) / (2 * Z_95))
