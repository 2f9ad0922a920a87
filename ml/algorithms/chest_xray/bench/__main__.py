"""``python -m ml.algorithms.chest_xray.bench``: candidates, challengers, and a search when asked."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
import yaml

from ml.algorithms.chest_xray.bench import training
from ml.algorithms.chest_xray.bench.comparison import markdown
from ml.algorithms.chest_xray.bench.images import Split, split
from ml.algorithms.chest_xray.bench.settings import WrongSetting, settings
from ml.training import data as training_data
from ml.training.progress import progress

STAGES = ("candidates", "challengers")
WHERE = "chest_xray.bench"


def main() -> int:
    """Run the stages asked for; 2 when a setting is wrong or data are missing."""
    parser = argparse.ArgumentParser(prog="python -m ml.algorithms.chest_xray.bench", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the data")
    parser.add_argument("--params", type=Path, default=Path("params.yaml"), metavar="FILE")
    parser.add_argument("--out", type=Path, default=Path("var/bench/chest_xray"), metavar="DIR")
    parser.add_argument("--stage", choices=STAGES, help="only this one (default: both)")
    parser.add_argument("--trials", type=int, default=0, help="tune the search space with so many trials")
    chosen = parser.parse_args()
    try:
        _bench(chosen, yaml.safe_load(chosen.params.read_text("utf-8"))["chest_xray"]["bench"])
    except (WrongSetting, training_data.DataMissing) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _bench(chosen: argparse.Namespace, params: Mapping[str, Any]) -> None:
    stages = [chosen.stage] if chosen.stage else list(STAGES)
    # Everything is checked before the first image is read: a typing error must not cost an hour.
    runs = {
        f"{stage}/{name}": settings(params["run"] | own, f"{WHERE}.{stage}.{name}")
        for stage in stages
        for name, own in params[stage].items()
    }
    images = split(chosen.data, params)
    common = {key: params[key] for key in ("seed", "images", "shifts")}
    results = []
    for name, one in progress(runs.items(), "runs", total=len(runs), unit="run"):
        folder = chosen.out / training.identity(one, common)
        results.append(training.run(name, one, images, chosen.data, folder, params["seed"]))
        _write(chosen.out, results, common)
    if chosen.trials:
        results.append(_search(chosen, params, common, images))
        _write(chosen.out, results, common)
    sys.stdout.write(f"{chosen.out / 'comparison.md'}\n")


def _write(out: Path, results: Sequence[Mapping[str, Any]], common: Mapping[str, Any]) -> None:
    """Write the comparison of what is finished, after every run: a bench may be stopped any time."""
    (out / "comparison.json").write_text(json.dumps(results, indent=2) + "\n", "utf-8")
    (out / "comparison.md").write_text(markdown(results, common), "utf-8")


def _search(
    chosen: argparse.Namespace, params: Mapping[str, Any], common: Mapping[str, Any], images: Split
) -> dict[str, Any]:
    """Tune learning rate, depth of tuning and optimiser by the area under the curve under shift."""
    space = params["search"]

    def attempt(trial: optuna.Trial) -> float:
        drawn = {
            "strategy": "fixed_layers",
            "learning_rate": trial.suggest_float("learning_rate", *space["learning_rate"], log=True),
            "fixed_layers": trial.suggest_int("fixed_layers", *space["fixed_layers"]),
            "optimizer": trial.suggest_categorical("optimizer", space["optimizer"]),
        }
        one = settings(params["run"] | space["base"] | drawn, f"{WHERE}.search")
        folder = chosen.out / training.identity(one, common)
        name = f"search/trial-{trial.number}"
        result = training.run(name, one, images, chosen.data, folder, params["seed"])
        trial.set_user_attr("folder", folder.name)
        return result["shifted"]["figures"]["roc_auc"][0]

    study = optuna.create_study(
        study_name=training.identity(settings(params["run"] | space["base"], f"{WHERE}.search"), common),
        storage=f"sqlite:///{chosen.out / 'search.db'}", load_if_exists=True, direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=params["seed"]),
    )  # fmt: skip
    study.optimize(attempt, n_trials=max(0, chosen.trials - len(study.trials)))
    best = chosen.out / study.best_trial.user_attrs["folder"] / "result.json"
    return json.loads(best.read_text("utf-8")) | {"name": f"search, best of {len(study.trials)}"}


if __name__ == "__main__":
    sys.exit(main())
