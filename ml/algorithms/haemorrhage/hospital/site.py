"""The package of a model learned here, written whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from ml import package as packages
from ml.algorithms.haemorrhage import about, literature, model, operating, sampling
from ml.algorithms.haemorrhage.hospital.births import Births
from ml.algorithms.haemorrhage.hospital.gate import CANDIDATE, CURRENT, REPEATS, Verdict
from ml.algorithms.haemorrhage.hospital.tiers import Candidate
from ml.algorithms.haemorrhage.mapping import TIERS
from ml.contracts import Text
from ml.package import Metric, Package
from ml.training import curves
from ml.training.evaluation import as_metrics

COMMAND = "python -m ml train haemorrhage --data births.csv --mapping mapping.yaml"
SYNTHETIC = Text(
    "Learned from simulated births: it says nothing about women.",
    "Appris sur des naissances simulées : il ne dit rien des femmes.",
)


def next_version(out: Path, today: date) -> str:
    """Return ``site-YYYY.MM.DD-n`` with the first ``n`` that is free."""
    day = f"site-{today:%Y.%m.%d}"
    taken = {folder.name for folder in (out / "haemorrhage").glob(f"{day}-*")}
    n = 1
    while f"{day}-{n}" in taken:
        n += 1
    return f"{day}-{n}"


def write(
    out: Path,
    version: str,
    candidate: Candidate,
    verdict: Verdict,
    births: Births,
    later: Births,
    risks: np.ndarray,
    current: Package,
    params: Mapping[str, Any],
    holdout: Mapping[str, Any],
) -> Package:
    """Write the package and return it, verified.

    Parameters
    ----------
    births
        The whole table, for what the manifest says of the data.
    later, risks
        Births held out, and the candidate's risks of them.

    """
    folder = out / "haemorrhage" / version
    # Nobody sees the folder before it is whole: names that begin with a dot are no versions.
    building = folder.with_name(f".{version}")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    fitted = candidate.model
    incidence = candidate.coefficients["incidence"]
    points = [operating.operating_point(fitted, incidence, share) for share in params["flag_shares"]]
    _json(building / model.COEFFICIENTS, candidate.coefficients)
    np.savez(building / model.DRAWS, **draws(fitted, candidate, params))
    _json(
        building / "operating_points.json",
        {
            "incidence": incidence,
            "basis": about.MODEL_IMPLIED.as_json(),
            "points": [point.as_json() for point in points],
            "decision_curve": operating.decision_curve(fitted, incidence, params["thresholds"]),
        },
    )
    said = _data_words(later)
    drawn = curves.curves(
        later.outcome, risks, threshold=verdict.threshold, groups=later.mother, data=said,
        unit=Text("births", "accouchements"), repeats=REPEATS, seed=params["seed"],
    )  # fmt: skip
    _json(building / curves.FILE, drawn)
    thresholds = {f"top_{point.flag_share:.0%}".rstrip("%"): point.threshold for point in points}
    packages.write(
        building,
        {
            "algorithm": "haemorrhage",
            "version": version,
            "input": _input(incidence, params),
            "thresholds": thresholds,
            "metrics": [asdict(metric) for metric in _metrics(verdict, said)],
            "data": _data(births),
            "intended_use": about.INTENDED_USE.as_json(),
            "limits": [limit.as_json() for limit in _limits(candidate, births)],
            "training": {
                "kind": "hospital",
                "tier": candidate.tier,
                "tier_words": TIERS[candidate.tier].as_json(),
                "learned": dict(candidate.learned),
                "params": dict(params),
                "holdout": dict(holdout),
                "criteria": [criterion.as_json() for criterion in verdict.criteria],
                "literature_sha256": packages.file_sha256(literature.TABLE),
                "replaces": {"version": current.version, "sha256": current.sha256},
            },
        },
    )
    building.rename(folder)
    return packages.read(folder)


def draws(fitted: model.Model, candidate: Candidate, params: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return the package's draws; intercepts also carry how surely the hospital's incidence is known."""
    found = sampling.draws(fitted, params)
    rng = np.random.default_rng([params["seed"], 1])
    moved = fitted.offset + candidate.incidence_error * rng.standard_normal(params["draws"])
    return {**found, "intercepts": (found["intercepts"] + moved[:, None]).astype(np.float32)}


def _input(incidence: float, params: Mapping[str, Any]) -> dict[str, Any]:
    low, high = params["incidence_range"]
    return {
        "form": "admission",
        "settings": {
            "incidence": {"default": incidence, "minimum": low, "maximum": high, "learned": True},
            "flag_share": {"default": params["flag_share"], "minimum": 0.01, "maximum": 0.5},
        },
    }


def _metrics(verdict: Verdict, data: Text) -> list[Metric]:
    of_whom = {
        CANDIDATE: ("holdout_", "this model"),
        CURRENT: ("holdout_former_", "the model that served before, on the same births"),
    }
    return [
        metric
        for name, (prefix, words) in of_whom.items()
        for metric in as_metrics(
            {f"{prefix}{figure}": value for figure, value in verdict.figures[name].items()},
            data=data.en,
            n=verdict.births,
            command=COMMAND,
            unit="births",
            note=f"{words}; {verdict.events} with the outcome; threshold {verdict.threshold:.4f}; "
            "whole mothers resampled",
        )
    ]


def _data(births: Births) -> dict[str, Any]:
    kept = ("rows", "births", "events", "incidence", "period", "dropped", "mothers", "outcome", "synthetic")
    return {
        "training": "simulated births" if births.mapping.synthetic else "births of this hospital",
        **{name: births.report[name] for name in kept},
        "file_sha256": births.sha256,
        "mapping": births.mapping.as_dict(),
        "licence": "local: these data belong to the hospital and stay in it",
    }


def _data_words(later: Births) -> Text:
    first, last = str(later.day.min()), str(later.day.max())
    whose = Text("this hospital’s births", "accouchements de cet hôpital")
    if later.mapping.synthetic:
        whose = Text("simulated births", "accouchements simulés")
    return Text(
        f"{whose.en} from {first} to {last}, none of whose mothers was learned from",
        f"{whose.fr} du {first} au {last}, dont aucune mère n’a servi à l’apprentissage",
    )


def _limits(candidate: Candidate, births: Births) -> list[Text]:
    first, last = births.report["period"]
    words, count = TIERS[candidate.tier], births.report["births"]
    if births.mapping.synthetic:
        whose = Text(f"{count} simulated births", f"{count} accouchements simulés")
        holds = Text("It holds for no hospital.", "Il ne vaut pour aucun hôpital.")
    else:
        whose = Text(f"{count} births of this hospital", f"{count} accouchements de cet hôpital")
        holds = Text(
            "It holds for this hospital, as long as its women and its care stay as they were.",
            "Il vaut pour cet hôpital, tant que ses patientes et ses soins restent les mêmes.",
        )
    own = Text(
        f"Learned from {whose.en} from {first} to {last}, {births.events} with the outcome: {words.en}. "
        f"{holds.en}",
        f"Appris sur {whose.fr} du {first} au {last}, dont {births.events} avec le critère : {words.fr}. "
        f"{holds.fr}",
    )
    # Fitted here, odds ratios and prevalences are no judgement values any more.
    general = [limit for limit in about.LIMITS if candidate.tier != "refit" or limit != about.JUDGEMENT]
    return [*([SYNTHETIC] if births.mapping.synthetic else []), own, *general]


def _json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", "utf-8")
