"""What a section of ``params.yaml`` may say: held against its shape before any work starts.

A wrong key or value would otherwise end a training minutes later, with an error that names neither.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ml import registry
from ml.tabular.preparation import OPERATIONS, OUTLIERS, SCALINGS
from ml.training import estimators
from ml.training.calibration import CALIBRATIONS
from ml.training.feature_selection import KINDS
from ml.training.objectives import OBJECTIVES
from ml.training.pipeline import Recipe
from ml.training.resampling import RESAMPLERS
from ml.training.search import SAMPLERS

# From a value and the dotted name of its key to one sentence per fault.
Check = Callable[[Any, str], Iterator[str]]


class WrongParams(ValueError):
    """``params.yaml`` or ``--param`` does not say what it should; the message names the key."""


def check(algorithm: str, params: Mapping[str, Any]) -> None:
    """Hold a section of ``params.yaml`` against the shape that its training reads.

    Raises
    ------
    WrongParams
        With every fault: the key, what it is and what is allowed.
    """
    faults = list(SECTIONS[algorithm](params, algorithm)) or list(_recipe_faults(algorithm, params))
    if faults:
        raise WrongParams("; ".join(faults))


def number(low: float, high: float = np.inf, *, whole: bool = False, within: bool = False) -> Check:
    """Allow a number from ``low`` to ``high``; ``within`` leaves out both ends."""
    kind = "a whole number" if whole else "a number"
    limits = f"above {low:g}" if within else f"from {low:g}"
    if np.isfinite(high):
        limits += f" and below {high:g}" if within else f" to {high:g}"
    elif not within:
        limits += " up"

    def faults(value: Any, key: str) -> Iterator[str]:
        numeric = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if not numeric or not (low < value < high if within else low <= value <= high):
            yield f"{key} is {value!r}; allowed is {kind} {limits}"

    return faults


def choice(*allowed: Any) -> Check:
    """Allow one of some values."""

    def faults(value: Any, key: str) -> Iterator[str]:
        if not any(value is one or (type(value) is type(one) and value == one) for one in allowed):
            yield f"{key} is {value!r}; allowed: {', '.join(str(one) for one in allowed)}"

    return faults


def listed(each: Check, length: int = 0) -> Check:
    """Allow a list, not empty, of exactly ``length`` where given."""

    def faults(value: Any, key: str) -> Iterator[str]:
        if not isinstance(value, list) or not value or (length and len(value) != length):
            yield f"{key} is {value!r}; allowed is a list" + (f" of {length}" if length else "")
            return
        for place, one in enumerate(value):
            yield from each(one, f"{key}[{place}]")

    return faults


def named(each: Check) -> Check:
    """Allow keys of any name, at least one."""

    def faults(value: Any, key: str) -> Iterator[str]:
        if not isinstance(value, Mapping) or not value:
            yield f"{key} is {value!r}; allowed are names, each with its own settings"
            return
        for name, one in value.items():
            yield from each(one, f"{key}.{name}")

    return faults


def section(needed: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """Allow these keys and no others."""
    known = {**needed, **(optional or {})}

    def faults(value: Any, key: str) -> Iterator[str]:
        if not isinstance(value, Mapping):
            yield f"{key} is {value!r}; allowed are the keys {', '.join(known)}"
            return
        for name in value:
            if name not in known:
                yield f"{key}.{name} is no key; allowed: {', '.join(known)}"
        for name in needed:
            if name not in value:
                yield f"{key}.{name} is missing"
        for name in value:
            if name in known:
                yield from known[name](value[name], f"{key}.{name}")

    return faults


def text(value: Any, key: str) -> Iterator[str]:
    """Allow words."""
    if not isinstance(value, str) or not value:
        yield f"{key} is {value!r}; allowed is a text, between quotes where it looks like a number"


def anything(value: Any, key: str) -> Iterator[str]:
    """Allow whatever its own reader checks."""
    yield from ()


def members(value: Any, key: str) -> Iterator[str]:
    """Allow estimators with parameters of their own that they accept."""
    if not isinstance(value, Mapping) or not value:
        yield f"{key} is {value!r}; allowed are estimators: {', '.join(estimators.ESTIMATORS)}"
        return
    for name, given in value.items():
        if name not in estimators.ESTIMATORS:
            yield f"{key}.{name} is no estimator; allowed: {', '.join(estimators.ESTIMATORS)}"
        else:
            yield from estimator(name)(given, f"{key}.{name}")


def estimator(name: str) -> Check:
    """Allow parameters that an estimator has, with values that it takes."""

    def faults(value: Any, key: str) -> Iterator[str]:
        if not isinstance(value, Mapping):
            yield f"{key} is {value!r}; allowed are its parameters, or {{}}"
            return
        known = _parameters(name)
        unknown = [parameter for parameter in value if parameter not in known]
        yield from (f"{key}.{p} is no key; allowed: {', '.join(sorted(known))}" for p in unknown)
        # A network is the one that takes minutes; what it refuses, it refuses when it is built.
        if not unknown and name not in estimators.STOPPING_EARLY:
            yield from _refused(name, value, key)

    return faults


def _parameters(name: str) -> set[str]:
    made = estimators.make(name, {}, 0)
    # The support vector machine hands its parameters on to one of scikit-learn.
    made = getattr(made, "machine", made)
    known = made.get_params() if hasattr(made, "get_params") else inspect.signature(type(made)).parameters
    return set(known) - {"random_state"}


def _refused(name: str, given: Mapping[str, Any], key: str) -> Iterator[str]:
    """Fit two trees, or one curve, to a few made-up rows: only fitting looks at the values."""
    x = np.random.default_rng(0).normal(size=(60, 4))
    few = {"n_estimators": 2} if isinstance(given.get("n_estimators"), int) else {}
    if few and given["n_estimators"] < 1:
        few = {}
    try:
        estimators.make(name, {**given, **few}, 0).fit(x, np.arange(60) % 2)
    except (TypeError, ValueError) as error:
        yield f"{key}: {' '.join(str(error).split())[:300]}"


COUNT, SEED, FOLDS = number(1, whole=True), number(0, whole=True), number(2, whole=True)
SHARE, POSITIVE = number(0, 1, within=True), number(0, within=True)
DERIVED = section({"name": text, "operation": choice(*OPERATIONS), "of": listed(text)})


def _selection(value: Any, key: str) -> Iterator[str]:
    if value is not None and value != "none":
        yield from section({"kind": choice(*KINDS), "keep": COUNT})(value, key)


def _none_or_names(value: Any, key: str) -> Iterator[str]:
    if value:
        yield from listed(text)(value, key)


SHARED_KEYS: Mapping[str, Check] = {
    "outliers": choice(*OUTLIERS),
    "scaling": choice(*SCALINGS),
    "min_count": COUNT,
    "calibration": choice(*CALIBRATIONS),
    "calibration_folds": FOLDS,
    "resampler": choice(*RESAMPLERS),
    "selection": _selection,
    "derived": listed(DERIVED),
    "seed": SEED,
}
COMMON = section({}, SHARED_KEYS)
RECIPES = named(section({"members": members}, {**SHARED_KEYS, "weights": named(number(0))}))


def _dimension(value: Any, key: str) -> Iterator[str]:
    kinds = {"int": listed(number(-np.inf, whole=True), 2), "float": listed(number(-np.inf), 2)}
    allowed = {**kinds, "choice": listed(anything)}
    found = [kind for kind in allowed if isinstance(value, Mapping) and kind in value]
    if len(found) != 1:
        yield f"{key} is {value!r}; allowed is one of int: [low, high], float: [low, high], choice: [...]"
        return
    yield from section({found[0]: allowed[found[0]]}, {"log": choice(True, False)})(value, key)
    ends = value[found[0]]
    if found[0] in kinds and not list(kinds[found[0]](ends, key)) and ends[0] > ends[1]:
        yield f"{key} runs from {ends[0]} to {ends[1]}; the lower end comes first"


SEARCH = section(
    {"metric": choice(*OBJECTIVES), "sampler": choice(*SAMPLERS), "trials": COUNT, "space": named(_dimension)}
)
STUDY = section(
    {
        "recall": SHARE,
        "samples": COUNT,
        "zurich": section({"folds": FOLDS, "repeats": COUNT, "seed": SEED}),
        "synthetic": section({"births": COUNT, "incidence": SHARE, "seed": SEED}),
        "common": COMMON,
        "recipes": RECIPES,
    }
)
VERSION: Mapping[str, Check] = {"version": text}
SLEEP_NETWORK = {
    "units": COUNT, "dropout": number(0, 0.99), "passes": COUNT, "window": COUNT, "batch": COUNT,
    "learning_rate": POSITIVE, "label_smoothing": number(0, 1), "class_weight_power": number(0),
    "noise": number(0), "gain_jitter": number(0), "band_jitter": number(0), "change_wake": number(0, 1),
    "eye_movements": number(0, 1), "contrast_jitter": number(0), "excerpts": number(0, 1),
    "device_jitter": number(0), "between_eeg": number(0, 1), "swap_eeg": number(0, 1),
    "nights": number(0, 1), "raw_repeats": number(0, whole=True), "raw_colour": number(0, 1),
}  # fmt: skip
SLEEP_BOOSTED = {
    "rounds": COUNT, "depth": COUNT, "learning_rate": POSITIVE, "bins": COUNT, "rows": number(0, 1),
    "columns": number(0, 1), "least_weight": number(0),
}  # fmt: skip
SLEEP_CNN = {
    "folds": FOLDS, "passes": COUNT, "patience": COUNT, "window": COUNT, "batch": COUNT,
    "learning_rate": POSITIVE, "weight_decay": number(0), "label_smoothing": number(0, 1),
    "class_weight_power": number(0), "gain_jitter": number(0), "noise": number(0),
}  # fmt: skip
SECTIONS: Mapping[str, Check] = {
    "haemorrhage": section(
        {
            "incidence": SHARE, "incidence_range": listed(SHARE, 2), "flag_share": SHARE,
            "flag_shares": listed(SHARE), "thresholds": listed(SHARE), "spread_without_interval": POSITIVE,
            "draws": COUNT, "incidence_steps": FOLDS, "seed": SEED,
        },
        {**VERSION, "study": STUDY},
    ),
    "chest_xray": section(
        {
            "seed": SEED, "networks": named(listed(text)), "copies": COUNT, "blocks": FOLDS,
            "groups": FOLDS, "damping": number(0), "regularisation": POSITIVE, "balance": number(1),
            "sensitivity": SHARE, "score_test": choice(True, False),
            "gate": section(
                {
                    "regularisation": POSITIVE, "components": COUNT, "folds": FOLDS, "adult_copies": SEED,
                    "accept_clean": SHARE, "accept_shift": SHARE,
                }
            ),
        },
        {
            **VERSION, "bench": anything, "candidates": anything,
            "tuned": section(
                {
                    "every": COUNT, "copies": listed(named(SEED)), "epochs": COUNT, "batch": COUNT,
                    "learning_rate": POSITIVE, "head_learning_rate": POSITIVE, "consistency": number(0),
                    "label_smoothing": number(0, 0.5), "seed": SEED,
                }
            ),
        },
    ),
    "sleep": section(
        {
            "seed": SEED, "folds": FOLDS, "review_share": SHARE,
            "network": section(SLEEP_NETWORK),
            "members": named(section({}, {"package": text, **SLEEP_NETWORK})),
            "raw_members": named(section({}, {"package": text, **SLEEP_NETWORK})),
            "gate": section({"regularisation": POSITIVE, "tilt": number(0, 1)}),
            "boosted": section(SLEEP_BOOSTED),
            "forest16": section({"trees": COUNT, "min_samples_leaf": COUNT, "folds": FOLDS}),
            "cnn": section(SLEEP_CNN),
        },
        {**VERSION, "recipe": choice("sequence", "forest16", "cnn")},
    ),
    "german_credit": section(
        {
            "seed": SEED, "excluded": _none_or_names,
            "costs": section({"missed": POSITIVE, "false_alarm": POSITIVE}, {"gain": number(-np.inf)}),
            "nested": section({"folds": FOLDS, "repeats": COUNT}),
            "comparison": section({"folds": FOLDS, "repeats": COUNT, "reference": text}),
            "common": COMMON, "recipes": RECIPES,
        },
        VERSION,
    ),
    "accident_severity": section(
        {
            "seed": SEED, "held_out": SHARE, "common": COMMON, "baseline": estimator("random_forest"),
            "recipes": RECIPES, "search": section({"xgboost": SEARCH}, {"random_forest": SEARCH}),
        },
        VERSION,
    ),
}  # fmt: skip


def _recipe_faults(algorithm: str, params: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong between keys that are right each by themselves."""
    of = params.get("study", {}) if algorithm == "haemorrhage" else params
    for name, own in of.get("recipes", {}).items():
        try:
            Recipe.from_params(name, {**of["common"], **own}, (), ())
        except ValueError as error:
            yield f"{algorithm}: {error}"
    fields = {field.name for field in registry.contract(algorithm).fields}
    names = [name for feature in of.get("common", {}).get("derived", ()) for name in feature["of"]]
    names += params.get("excluded") or []
    if unknown := [str(name) for name in names if name not in fields]:
        allowed = ", ".join(sorted(fields))
        yield f"{algorithm}: {', '.join(unknown)} is no field of the form; allowed: {allowed}"
    reference = params.get("comparison", {}).get("reference")
    if reference is not None and reference not in params["recipes"]:
        yield f"{algorithm}.comparison.reference is {reference!r}; allowed: {', '.join(params['recipes'])}"
    low, high = params.get("incidence_range", (0, 1))
    if not low <= params.get("incidence", low) <= high:
        yield f"{algorithm}.incidence is {params['incidence']}; allowed is {low} to {high} (incidence_range)"
