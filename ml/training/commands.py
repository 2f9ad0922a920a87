"""What ``python -m ml train | evaluate | compare | …`` do: they need the training stack."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import yaml

from ml import held_out as beside_it
from ml import package as packages
from ml import registry, smoke
from ml import subgroups as parts
from ml.training import quiet, site_sets, store, tracking
from ml.training import registry as mlflow_registry
from ml.training.data import DataMissing
from ml.training.params import WrongParams, check

SERVING_RECIPE = "sequence"
"""Of the algorithms with several recipes: the one that answers studies."""


class NothingToDescribe(LookupError):
    """The algorithm has no analysis of its data set."""


class NothingToCompare(LookupError):
    """The algorithm has one kind of model only."""


class NothingToDerive(LookupError):
    """The operating point of the algorithm follows from no held-out scores."""


class WrongVersion(ValueError):
    """The version asked for is no name of a package, or that of one that would be lost."""


WRONG = (
    DataMissing,
    store.Unreachable,
    WrongParams,
    WrongVersion,
    site_sets.WrongSet,
    NothingToDescribe,
    NothingToCompare,
    NothingToDerive,
)


def read_params(file: Path, algorithm: str, overrides: list[str]) -> dict[str, Any]:
    """Return the parameters of an algorithm from ``params.yaml`` with ``KEY=VALUE`` overrides.

    Raises
    ------
    WrongParams
        When the file or a key is missing, or an override is not ``KEY=VALUE``.
    """
    try:
        everything = yaml.safe_load(file.read_text("utf-8"))
    except FileNotFoundError as error:
        raise WrongParams(f"{file} does not exist; run from the project's root or give --params") from error
    except yaml.YAMLError as error:
        raise WrongParams(f"{file} is not YAML: {error}") from error
    if not isinstance(everything, dict) or algorithm not in everything:
        raise WrongParams(f"{file} has no section {algorithm!r}")
    params = dict(everything[algorithm] or {})
    for override in overrides:
        key, separator, value = override.partition("=")
        if not separator or key not in params:
            known = ", ".join(sorted(params))
            raise WrongParams(f"--param {override}: give KEY=VALUE with a key of {file}: {known}")
        try:
            params[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise WrongParams(f"--param {override}: {value!r} is not YAML") from error
    return params


def train(chosen: argparse.Namespace) -> Iterator[Mapping[str, Any]]:
    """Train a package into ``--out`` and yield what was written, then its figures.

    With ``--mapping`` the data are a hospital's own table, which may be refused or do no better than what
    serves: the one line then says why.
    """
    _check_version(chosen.version)
    params = read_params(chosen.params, chosen.algorithm, chosen.param)
    if chosen.mapping is not None:
        if not registry.learns_from_tables(chosen.algorithm):
            raise WrongParams(
                f"{chosen.algorithm} does not learn from a hospital's own table: leave --mapping out"
            )
        if chosen.version:
            _check_free(chosen, chosen.version)
        store.check()
        # The study's recipes take no part, and to look at its network costs seconds and 400 MB.
        check(chosen.algorithm, {key: value for key, value in params.items() if key != "study"})
        yield registry.door(chosen.algorithm, "hospital.command").train(chosen, params)
        return
    check(chosen.algorithm, params)
    version = chosen.version or str(params.get("version", ""))
    if not version:
        raise WrongParams("no version: give --version, or `version` in params.yaml")
    recipe = params.get("recipe")
    version = registry.version_of(chosen.algorithm, recipe, version)
    _check_version(version)
    _check_free(chosen, version)
    trainer = _trainer(chosen.algorithm, recipe)
    site = _site(chosen, recipe)
    store.check()
    if site is None:
        package = trainer.train(chosen.data, chosen.out, version=version, params=params)
        if package.serves and _keeps_scores(chosen.algorithm):
            beside_it.publish(package, _scores(chosen.data, package))
    else:
        package = _train_with(chosen, site, trainer, version, params)
    if package.serves and chosen.out == packages.SITE:
        smoke.record(package)
    yield {
        "algorithm": package.algorithm,
        "version": package.version,
        "sha256": package.sha256,
        "written": str(package.folder),
    }
    yield from (asdict(metric) for metric in package.metrics)


def _site(chosen: argparse.Namespace, recipe: Any) -> site_sets.SiteSet | None:
    """Return the training set to learn from too, read and checked before anything is made."""
    if getattr(chosen, "site", None) is None:
        return None
    if find_spec(f"{registry.ALGORITHMS[chosen.algorithm]}.joining") is None:
        raise WrongParams(
            f"{chosen.algorithm} learns from no training set beside its data; births of a hospital are "
            "trained with --mapping"
        )
    if recipe not in (None, SERVING_RECIPE):
        raise WrongParams(
            f"--with goes with the recipe {SERVING_RECIPE}; give recordings/ of a set as --data"
        )
    if not chosen.version:
        raise WrongVersion("--with needs a --version of its own: the shipped one is without the set")
    return site_sets.read(chosen.site, chosen.algorithm, without=chosen.without, blind_only=chosen.blind_only)


def _train_with(
    chosen: argparse.Namespace,
    site: site_sets.SiteSet,
    trainer: ModuleType,
    version: str,
    params: Mapping[str, Any],
) -> packages.Package:
    """Train on the data and a set of this hospital, and measure on the data alone as every version is.

    Nothing is in ``--out`` before the package says what it learned from.
    """
    with quiet.imports():
        joining = registry.door(chosen.algorithm, "joining")
    with (
        site_sets.joined(chosen.algorithm, chosen.data, site) as (folder, changes),
        _drafts(chosen.out) as drafts,
    ):
        own = joining.changed(params, changes) | {"site_set": site.sha256}
        package = trainer.train(folder, drafts, version=version, params=own)
        metrics = joining.remeasured(chosen.data, folder, site, package)
        package = site_sets.told(package, site, metrics)
        scores = _scores(folder, package) if package.serves and _keeps_scores(chosen.algorithm) else None
        package = _moved(package, chosen.out)
    if scores is not None:
        beside_it.publish(package, scores)
    return package


@contextmanager
def _drafts(out: Path) -> Iterator[Path]:
    """Yield a folder on the disk of ``out`` in which nobody looks for packages; it is gone afterwards."""
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".training-", dir=out) as folder:
        yield Path(folder)


def _moved(draft: packages.Package, out: Path) -> packages.Package:
    """Give a whole package its place; what lay there goes with the drafts."""
    place = out / draft.algorithm / draft.version
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists():
        place.rename(draft.folder.with_name(".former"))
    draft.folder.rename(place)
    return packages.read(place)


def evaluate(chosen: argparse.Namespace) -> Iterator[Mapping[str, Any]]:
    """Compute a package's figures again, log them to MLflow, and yield them."""
    package = packages.load(chosen.algorithm, chosen.version)
    trainer = _trainer(chosen.algorithm, package.manifest["training"].get("recipe"))
    with tracking.run(chosen.algorithm, "evaluate", params={"version": package.version}) as run:
        run.pin(package)
        metrics = trainer.evaluate(chosen.data, package)
        run.metrics(metrics)
    yield from (asdict(metric) for metric in metrics)


def describe(chosen: argparse.Namespace) -> Iterator[Mapping[str, Any]]:
    """Yield the analysis of an algorithm's data set."""
    if find_spec(f"{registry.ALGORITHMS[chosen.algorithm]}.describe") is None:
        raise NothingToDescribe(f"{chosen.algorithm} has no analysis of its data set")
    yield registry.door(chosen.algorithm, "describe").describe(chosen.data)


def compare(chosen: argparse.Namespace) -> Iterator[Mapping[str, Any]]:
    """Yield how the models of an algorithm do on the same cases."""
    if find_spec(f"{registry.ALGORITHMS[chosen.algorithm]}.compare") is None:
        raise NothingToCompare(f"{chosen.algorithm} has one kind of model only: there is nothing to compare")
    door = registry.door(chosen.algorithm, "compare")
    yield from door.compare(chosen.data, version=chosen.version, publish=chosen.publish)


def subgroups(chosen: argparse.Namespace) -> Iterator[Mapping[str, Any]]:
    """Yield how a package does in parts of the patients; ``--publish`` shows it on the page of the model."""
    if find_spec(f"{registry.ALGORITHMS[chosen.algorithm]}.subgroups") is None:
        raise NothingToCompare(f"the data of {chosen.algorithm} do not tell its cases apart")
    package = packages.load(chosen.algorithm, chosen.version)
    found = registry.door(chosen.algorithm, "subgroups").measure(chosen.data, package)
    if chosen.publish:
        parts.publish(package, found)
    yield from ({"axis": axis} | asdict(metric) for axis, metrics in found.items() for metric in metrics)


def held_out(chosen: argparse.Namespace) -> Iterator[Mapping[str, Any]]:
    """Yield the point that follows from a package's held-out scores; ``--publish`` writes them beside it."""
    if not _keeps_scores(chosen.algorithm):
        raise NothingToDerive(
            f"the operating point of {chosen.algorithm} follows from its package alone: there are no "
            "held-out scores to keep"
        )
    package = packages.serving(chosen.algorithm, chosen.version)
    if "site_set" in package.manifest["training"]:
        raise NothingToDerive(
            f"{package.version} learned from a training set of this hospital too, which --data does not "
            "hold: its scores were kept with its training"
        )
    found = _scores(chosen.data, package)
    derived = registry.door(chosen.algorithm, "operating").of(package, found.values())
    line = {"version": package.version, "sha256": package.sha256, "n": found.n, "data": found.data.en}
    line |= {"derived": derived, "thresholds": dict(package.thresholds)}
    yield line | ({"written": str(beside_it.publish(package, found))} if chosen.publish else {})


def _keeps_scores(algorithm: str) -> bool:
    return find_spec(f"{registry.ALGORITHMS[algorithm]}.out_of_fold") is not None


def _scores(data: Path, package: packages.Package) -> beside_it.HeldOut:
    with quiet.imports():
        door = registry.door(package.algorithm, "out_of_fold")
    return door.collect(data, package)


def versions(chosen: argparse.Namespace) -> Iterator[Mapping[str, Any]]:
    """Register every package on disk with MLflow (``sync``), or yield what its registry has (``list``)."""
    yield from mlflow_registry.sync() if chosen.what == "sync" else mlflow_registry.listed()


def _trainer(algorithm: str, recipe: Any) -> ModuleType:
    with quiet.imports():
        return registry.trainer(algorithm, recipe)


def _check_version(version: str) -> None:
    """Refuse a version that could not be loaded, or that leads out of ``--out``, before anything is made."""
    if version and not packages.VERSION.fullmatch(version):
        raise WrongVersion(
            f"--version {version!r}: a version is written in letters, digits, . _ + and -, begins with a "
            "letter or digit and is the name of a folder, such as 1.2.0"
        )


def _check_free(chosen: argparse.Namespace, version: str) -> None:
    """Refuse to write over a whole package, studies that it answered name it; and one that would be hidden.

    A folder without a manifest is what a stopped training left. The project's own recipe makes the shipped
    package again, with its figures (``dvc repro``); git keeps the one before.
    """
    shipped = packages.ROOT / chosen.algorithm / version
    own = chosen.version or chosen.param
    if own and chosen.out.resolve() == packages.SITE.resolve() and shipped.is_dir():
        raise WrongVersion(
            f"{version} of {chosen.algorithm} is shipped, and goes before what is trained here: give another "
            "--version"
        )
    folder = chosen.out / chosen.algorithm / version
    own_recipe = chosen.out.resolve() == packages.ROOT.resolve() and not own
    if chosen.force or own_recipe or not (folder / packages.MANIFEST).is_file():
        return
    raise WrongVersion(f"{folder} is a package already: give another --version, or --force to write over it")
