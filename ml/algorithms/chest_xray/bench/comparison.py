"""All runs of the bench side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ml.algorithms.chest_xray.bench.training import SHOWN

TITLES = {"roc_auc": "AUC", "accuracy": "accuracy", "recall": "sensitivity", "specificity": "specificity"}


def markdown(results: Sequence[Mapping[str, Any]], common: Mapping[str, Any]) -> str:
    """Write the comparison as tables, best AUC under shift first."""
    ordered = sorted(results, key=lambda result: -result["shifted"]["figures"]["roc_auc"][0])
    lines = [
        "# Chest X-ray: the runs of the bench",
        "",
        "`python -m ml.algorithms.chest_xray.bench --data ../shared/data`; 95 % intervals over patients, "
        f"threshold 0.5. Images drawn from the training split: {common['images'] or 'all'}, a quarter of the "
        "patients held out; the official test plays no part. Short runs on a small sample: they rank "
        "recipes roughly and promise nothing.",
    ]
    for which, title in (("shifted", "Held out, under shift"), ("held_out", "Held out, as they are")):
        lines += ["", f"## {title}, n = {ordered[0][which]['n']} images", ""]
        lines += [
            "| run | epochs | " + " | ".join(TITLES[name] for name in SHOWN) + " | TN, FP / FN, TP |",
            "|---|---|" + "---|" * (len(SHOWN) + 1),
        ]
        lines += [_row(result, which) for result in ordered]
    lines += ["", "## Loss per epoch: training / held out under shift", ""]
    lines += [f"- {result['name']}: {_curve(result['curves'])}" for result in ordered]
    return "\n".join(lines) + "\n"


def _row(result: Mapping[str, Any], which: str) -> str:
    cells = ["{:.3f} [{:.3f}, {:.3f}]".format(*result[which]["figures"][name]) for name in SHOWN]
    (tn, fp), (fn, tp) = result[which]["confusion"]
    return f"| {result['name']} | {len(result['curves'])} | {' | '.join(cells)} | {tn}, {fp} / {fn}, {tp} |"


def _curve(curves: Sequence[Mapping[str, float]]) -> str:
    return ", ".join(f"{epoch['loss']:.3f} / {epoch['val_loss']:.3f}" for epoch in curves)
