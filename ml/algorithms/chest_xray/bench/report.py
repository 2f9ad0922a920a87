"""The bench's document as Markdown, for those who read the repository."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.training.comparison import Comparison, Row

COLUMNS = {
    "roc_auc": "AUC",
    "recall": "sensitivity",
    "specificity": "specificity",
    "accuracy": "accuracy",
    "brier": "Brier score",
}
VALIDATIONS = {"shifted": "under shift", "plain": "as they are"}

Document = Mapping[str, Any]


def markdown(document: Document) -> str:
    """Write sentences, tables, confusion matrices and losses of :func:`comparison.as_json`."""
    bench = document["bench"]
    lines = ["# Chest X-ray: the transfer-learning bench", ""]
    lines += [f"- {sentence['en']}" for sentence in bench["sentences"]]
    for stored in document["comparisons"]:
        lines += _table(Comparison.from_json(stored))
    lines += ["", "## Confusion matrices, recalibrated, at the threshold of the tables", ""]
    lines += [
        "| run | " + " | ".join(f"{words}: TP, FN / FP, TN" for words in VALIDATIONS.values()) + " |",
        "|---|---|---|",
    ]
    lines += [_matrices(run) for run in bench["runs"]]
    lines += ["", "## Losses of the first fold, per epoch: learned from / other patients under shift", ""]
    lines += [f"- {run['name']}: {_curve(run['curves'][0])}" for run in bench["runs"]]
    return "\n".join(lines) + "\n"


def _table(comparison: Comparison) -> list[str]:
    return [
        "",
        f"## {comparison.title.en}",
        "",
        f"{comparison.data.en}; n = {comparison.n} images, {comparison.events} with pneumonia; recalibrated, "
        f"95 % intervals over patients ({comparison.samples} samples), of differences jointly for all "
        f"{comparison.tests} of the comparison; decisions at {comparison.threshold:.3f}. "
        f"`{comparison.command}`",
        "",
        "| run | " + " | ".join(COLUMNS.values()) + f" | AUC minus {comparison.reference} | AUC, raw |",
        "|---|" + "---|" * (len(COLUMNS) + 2),
        *(_row(row) for row in comparison.rows),
    ]


def _row(row: Row) -> str:
    cells = [str(row.calibrated[name]) if name in row.calibrated else "–" for name in COLUMNS]
    found = row.differences.get("roc_auc")
    judged = f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}] {found.verdict}" if found else "–"
    raw = row.raw["roc_auc"]
    return f"| {row.name}: {row.label.en} | {' | '.join(cells)} | {judged} | {raw} |"


def _matrices(run: Document) -> str:
    cells = ["{tp}, {fn} / {fp}, {tn}".format(**run["confusion"][validation]) for validation in VALIDATIONS]
    return f"| {run['name']} | {' | '.join(cells)} |"


def _curve(epochs: list[list[float]]) -> str:
    return ", ".join(f"{loss:.3f} / {shifted:.3f}" for loss, _, shifted in epochs)
