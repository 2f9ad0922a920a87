"""The scores that the operating point of a crash package was chosen on: each by a model fitted without it."""

from __future__ import annotations

from pathlib import Path

from ml import held_out
from ml.algorithms.accident_severity import train
from ml.contracts import Text
from ml.held_out import HeldOut
from ml.package import Package
from ml.tabular.preparation import take
from ml.training.data import require
from ml.training.search import Found
from ml.training.selection import judge
from ml.training.threads import one_thread

COMMAND = "python -m ml held-out accident_severity --data ../shared/data --publish"
DATA = Text(
    "Chicago crashes, June 2019, the 80 % of every choice: each scored out of fold, by models fitted without "
    "it",
    "Accidents de Chicago, juin 2019, les 80\u00a0% de tous les choix\u00a0: chacun noté hors pli, par des "
    "modèles appris sans lui",
)


@one_thread
def collect(data: Path, package: Package) -> HeldOut:
    """Fit the recipe that a package was made by once more in its folds, and return the out-of-fold scores.

    Its curves lie in the package: they are of the crashes that took no part in any choice.

    Raises
    ------
    ml.training.data.DataMissing
        When the table is not below ``data``.
    """
    (path,) = require(data, train.FILE, hint=train.HINT)
    table, y = train.read(path)
    about = package.manifest["training"]
    rows, _ = train.split(y, about["params"])
    found = {kind: Found(of["params"], float("nan"), of["trials"]) for kind, of in about["search"].items()}
    losses = about["out_of_fold_log_loss"]
    chosen = min(losses, key=lambda name: losses[name])
    recipe = next(one for one in train.recipes(about["params"], found) if one.name == chosen)
    judged = judge(recipe, take(table, rows), y[rows])
    event = y[rows] == 1
    return HeldOut(
        data=DATA,
        unit=train.UNIT,
        n=len(rows),
        command=COMMAND,
        scores={
            "events": held_out.packed(judged.probabilities[event]),
            "others": held_out.packed(judged.probabilities[~event]),
        },
        curves={},
    )
