"""The bench as a document: tables in the engine's form, curves, confusion matrices, and why the winner won.

The same document is the page's (``comparison.json``) and the reader's (``COMPARISON.md``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.algorithms.chest_xray.bench.judging import PLAIN, SHIFTED, Judged, table
from ml.algorithms.chest_xray.bench.settings import Bench
from ml.algorithms.chest_xray.bench.stages import CANDIDATES, CHALLENGERS, Found
from ml.contracts import Text
from ml.training.comparison import Comparison, document

DECIMALS = 4
BY_PATIENT = Text("patients drawn by chance held out", "patients tirés au sort mis de côté")
BY_CLUSTER = Text(
    "clusters of patients whose images look alike held out",
    "groupes de patients aux images semblables mis de côté",
)
TITLES = {
    "final": Text(
        "Whom each validation chooses, against the seed’s recipe",
        "Ce que choisit chaque validation, face à la recette de départ",
    ),
    "clusters": Text(
        "The same, on images unlike those learned from",
        "Les mêmes, sur des images différentes de celles apprises",
    ),
    CANDIDATES: Text("Candidates", "Candidats"),
    CHALLENGERS: Text("Challengers of the chosen candidate", "Variantes du candidat retenu"),
}
WITH = {
    PLAIN: Text("images as they are", "images telles quelles"),
    SHIFTED: Text("under shift", "images altérées"),
}


@dataclass(frozen=True)
class Tables:
    """The comparisons, by validation (``plain``, ``shifted``); a stage left out has none."""

    final: Mapping[str, Comparison]
    clusters: Mapping[str, Comparison]
    candidates: Mapping[str, Comparison]
    challengers: Mapping[str, Comparison]

    def all(self) -> list[Comparison]:
        """Return every comparison in the order shown: what was chosen by, first."""
        kinds = (self.final, self.clusters, self.candidates, self.challengers)
        return [kind[which] for kind in kinds for which in (SHIFTED, PLAIN) if which in kind]


def tables(found: Found, bench: Bench) -> Tables:
    """Judge every stage on both validations."""
    named = {bench.reference, found.chosen, found.winner(PLAIN).name, found.winner(SHIFTED).name}
    final = [run for run in found.everybody() if run.name in named]
    return Tables(
        final=_both(found, bench, "final", final, bench.reference, BY_PATIENT),
        clusters=_both(found, bench, "clusters", found.finalists, bench.reference, BY_CLUSTER),
        candidates=_both(found, bench, CANDIDATES, found.candidates, bench.reference, BY_PATIENT),
        challengers=_both(found, bench, CHALLENGERS, found.challengers, found.chosen, BY_PATIENT),
    )


def _both(
    found: Found, bench: Bench, kind: str, runs: Sequence[Judged], reference: str, held_out: Text
) -> dict[str, Comparison]:
    if len(runs) < 2:
        return {}
    return {
        which: table(
            runs, which, found.shop.copies.images, bench, reference=reference, held_out=held_out,
            title=Text(f"{TITLES[kind].en}, {words.en}", f"{TITLES[kind].fr}, {words.fr}"),
        )
        for which, words in WITH.items()
    }  # fmt: skip


def as_json(found: Found, judged: Tables, sentences: Sequence[Text]) -> dict[str, Any]:
    """Return the contents of ``comparison.json``.

    Beside ``comparisons``, in the form of every package, ``bench`` holds ``sentences`` (why the winner
    won) and ``runs``: name, label, stage, whether it is the winner, losses per fold and epoch, and the
    confusion matrix per validation at the threshold of the tables.
    """
    winner = found.winner(SHIFTED).name
    staged = [(CANDIDATES, run) for run in found.candidates]
    staged += [(CHALLENGERS, run) for run in found.challengers[1:]]
    y = found.shop.copies.images.y
    runs = [_run(stage, run, y) | {"winner": run.name == winner} for stage, run in staged]
    own = {"sentences": [text.as_json() for text in sentences], "runs": runs}
    return document(judged.all()) | {"bench": own}


def _run(stage: str, run: Judged, y: np.ndarray) -> dict[str, Any]:
    return {
        "name": run.name,
        "label": run.label.as_json(),
        "stage": stage,
        "curves": [np.round(curve, DECIMALS).tolist() for curve in run.result.curves],
        "confusion": {which: confusion(run.calibrated[which], y) for which in (SHIFTED, PLAIN)},
    }


def confusion(p: np.ndarray, y: np.ndarray) -> dict[str, int]:
    """Return the confusion matrix at the share of events, all copies counted.

    Parameters
    ----------
    p
        Shape (copies, n).
    """
    flagged, sick = p >= y.mean(), np.broadcast_to(y == 1, p.shape)
    return {
        "tp": int(np.sum(flagged & sick)),
        "fn": int(np.sum(~flagged & sick)),
        "fp": int(np.sum(flagged & ~sick)),
        "tn": int(np.sum(~flagged & ~sick)),
    }
