"""MLflow's registry of versions: one registered model per algorithm, one version per package, aliases.

The product's own table of versions is what serves; MLflow mirrors it for whoever trains and compares. Nothing
that answers a study comes here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from mlflow.entities.model_registry import ModelVersion
from mlflow.tracking import MlflowClient

from ml import package as packages
from ml import registry
from ml.package import Package
from ml.training import logged, store, tracking

CHAMPION, CHALLENGER, SHADOW, SILENT, CANARY = ALIASES = (
    "champion",
    "challenger",
    "shadow",
    "silent",
    "canary",
)
TOLD_AT = "vigie.told_at"
"""Tag of a registered model: when its aliases were last said; decisions made since are not in them."""
CHECKOUT = "mlflow.source.git."
"""Tags that MLflow takes from the checkout it runs in."""


def register(package: Package) -> str:
    """Register a package that was trained earlier or elsewhere, with what its manifest knows.

    Its run and its version say so in their tags. A package that is registered already gets nothing new.

    Returns
    -------
    str
        Its version in MLflow's registry.

    Raises
    ------
    ml.package.BrokenPackage
        When it cannot answer the examples of its algorithm.
    """
    store.connect()
    found = logged.registered(package.algorithm).get(package.sha256)
    if found is not None:
        return str(found.version)
    # Before a run is opened for a package that cannot be described.
    logged.described(package)
    training = package.manifest["training"]
    tags = {"origin": logged.LATER, "code.version": "unknown", "created": package.manifest["created"]}
    name = f"registered {package.version}"
    with tracking.run(package.algorithm, name, params=training.get("params", {}), tags=tags) as run:
        if fingerprint := fingerprint_of(package):
            run.data(fingerprint)
        run.package(package, origin=logged.LATER)
        # Of whoever registers it now: read as the commit it was trained at, it would be wrong.
        run.write(lambda: _forget_checkout(run.run_id))
    return str(logged.registered(package.algorithm)[package.sha256].version)


def _forget_checkout(run_id: str) -> None:
    client = MlflowClient()
    for name in client.get_run(run_id).data.tags:
        if name.startswith(CHECKOUT):
            client.delete_tag(run_id, name)
    kept = client.get_run(run_id).data.tags[logged.MODEL_ID]
    for name in client.get_logged_model(kept).tags:
        if name.startswith(CHECKOUT):
            client.delete_logged_model_tag(kept, name)


def fingerprint_of(package: Package) -> str:
    """Return the fingerprint of the data a package was trained on, empty when its manifest has none."""
    data, training = package.manifest["data"], package.manifest["training"]
    named = data.get("sha256", "") if isinstance(data, Mapping) else ""
    return named or training.get("data_sha256", "")


def mirror(
    algorithm: str, versions: Sequence[str], aliases: Mapping[str, Iterable[str]] | None = None
) -> dict[str, str]:
    """Register versions that MLflow does not know yet, and let its aliases say what the product's table says.

    Parameters
    ----------
    versions
        Of packages on disk; one that is broken or outdated is left out.
    aliases
        Per version its aliases, of :data:`ALIASES`; those of MLflow stay as they are when not given.

    Returns
    -------
    dict
        Per version the version in MLflow's registry.

    Raises
    ------
    ml.training.store.Unreachable
        When the store cannot be used.
    """
    store.check()
    found = {}
    for version in versions:
        try:
            found[version] = register(packages.load(algorithm, version))
        except packages.BrokenPackage:
            continue
    if aliases is not None:
        set_aliases(algorithm, {version: aliases.get(version, ()) for version in found})
    return found


def set_aliases(algorithm: str, aliases: Mapping[str, Iterable[str]]) -> None:
    """Give the aliases of an algorithm to these package versions, and take them from every other.

    Parameters
    ----------
    aliases
        Per package version; an alias that several have goes to each with a number, the first without.

    Raises
    ------
    KeyError
        For a version that is not registered.
    """
    store.connect()
    newest = _newest(algorithm)
    wanted: dict[str, str] = {}
    for version, names in aliases.items():
        for name in names:
            wanted[_free(name, wanted)] = str(newest[version].version)
    _assign(algorithm, wanted)


def sync(algorithms: Iterable[str] = ()) -> Iterator[dict[str, Any]]:
    """Register every package on disk and name the one that serves champion; yield a line for each.

    Challenger, shadow, silent and canary are the product's to say (:func:`mirror`) and stay.
    """
    store.check()
    for algorithm in tuple(algorithms) or registry.names():
        known = set(logged.registered(algorithm))
        for version in packages.versions(algorithm):
            about = {"algorithm": algorithm, "version": version}
            try:
                package = packages.load(algorithm, version)
                number = register(package)
            except packages.BrokenPackage as error:
                yield about | {"problem": str(error)}
                continue
            new = package.sha256 not in known
            yield about | {"sha256": package.sha256, "mlflow_version": number, "new": new}
        champion = packages.load(algorithm)
        kept = {alias: number for alias, number in _aliases(algorithm).items() if alias != CHAMPION}
        _assign(algorithm, kept | {CHAMPION: register(champion)})


def listed() -> Iterator[dict[str, Any]]:
    """Yield every version in MLflow's registry, with its aliases."""
    store.check()
    for algorithm in registry.names():
        named: dict[str, list[str]] = {}
        for alias, number in _aliases(algorithm).items():
            named.setdefault(number, []).append(alias)
        for sha256, found in logged.registered(algorithm).items():
            yield {
                "algorithm": algorithm,
                "version": found.tags[logged.VERSION],
                "sha256": sha256,
                "mlflow_version": str(found.version),
                "aliases": sorted(named.get(str(found.version), [])),
                "origin": found.tags[logged.ORIGIN],
                "run": found.run_id,
            }


def _newest(algorithm: str) -> dict[str, ModelVersion]:
    """Return the newest registered version of each package version."""
    return {found.tags[logged.VERSION]: found for found in logged.registered(algorithm).values()}


def _free(name: str, taken: Mapping[str, str]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free


def _aliases(algorithm: str) -> dict[str, str]:
    client = MlflowClient()
    # A search tells no aliases, and asking for a model that is not there is an error.
    if not client.search_registered_models(f"name='{algorithm}'"):
        return {}
    return {alias: str(number) for alias, number in client.get_registered_model(algorithm).aliases.items()}


def _assign(algorithm: str, wanted: Mapping[str, str]) -> None:
    """Let exactly these of our aliases lead to these versions; aliases of other names are left alone."""
    client, now = MlflowClient(), _aliases(algorithm)
    for alias in now:
        if alias.partition("-")[0] in ALIASES and alias not in wanted:
            client.delete_registered_model_alias(algorithm, alias)
    for alias, number in wanted.items():
        if now.get(alias) != number:
            client.set_registered_model_alias(algorithm, alias, number)
    client.set_registered_model_tag(algorithm, TOLD_AT, datetime.now(UTC).isoformat(timespec="seconds"))
