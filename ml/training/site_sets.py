"""What a hospital signed, read from a training set that the product wrote, to be learned from as well.

A set is a folder with ``manifest.json`` (what it holds, who agreed), ``provenance.csv`` (where each label
comes from) and the examples. Nothing is learned from one that is not whole, or names somebody who did not
agree.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ml import package as packages
from ml import registry
from ml.contracts import Text
from ml.package import Metric, Package
from ml.training import tracking

FORMAT = "vigie-training-set/2"
MANIFEST, PROVENANCE = "manifest.json", "provenance.csv"
AGREED, BLIND = "agreed", "yes"
COLUMNS = {"example", "patient", "outcome", "blind"}
KINDS = {"algorithm": str, "number": int, "purpose": str, "files": list, "consent": dict}
"""What is read of a manifest, and as what."""
WRITTEN_BY_PACKAGE = ("files", "sha256", "created")


class WrongSet(ValueError):
    """A training set cannot be learned from; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class SiteSet:
    """A training set of a hospital.

    Parameters
    ----------
    sha256
        Of its manifest, which holds the hash of every file.
    examples
        Lines of ``provenance.csv`` to learn from.
    months
        First and last month in which a patient said that they agree, empty where nobody wrote it down.
    left_out
        Examples that are in it and not learned from, because somebody was named or only blind ones are.
    """

    folder: Path
    number: int
    sha256: str
    purpose: str
    examples: tuple[Mapping[str, str], ...]
    months: tuple[str, ...]
    left_out: int = 0
    blind_only: bool = False

    @property
    def patients(self) -> int:
        """How many patients it is of."""
        return len({row["patient"] for row in self.examples})

    def as_json(self) -> dict[str, Any]:
        """Return what the manifest of a package says of it."""
        return {
            "sha256": self.sha256,
            "number": self.number,
            "purpose": self.purpose,
            "examples": len(self.examples),
            "patients": self.patients,
            "consent": {"agreed": self.patients, "recorded": list(self.months)},
            "left_out": self.left_out,
            "blind_only": self.blind_only,
        }

    @property
    def said(self) -> Text:
        """What the package says it learned from besides."""
        n, patients, number = len(self.examples), self.patients, self.number
        return Text(
            f"Also learned from {n} signed examples of {patients} patients of this hospital who agreed "
            f"(training set {number}).",
            f"A aussi appris de {n} exemples signés de {patients} patients de cet hôpital, avec leur accord "
            f"(jeu d’entraînement {number}).",
        )


def read(folder: Path, algorithm: str, *, without: Collection[str] = (), blind_only: bool = False) -> SiteSet:
    """Read a set and check every byte of it.

    Parameters
    ----------
    without
        Pseudonyms of patients who no longer agree; their files need not be there.
    blind_only
        Whether to learn only from what was said before the answer was shown.

    Raises
    ------
    WrongSet
        When it is none, damaged, of another algorithm, older than the consent in it, changed, or empty, or
        somebody is to be left out who is not in it.
    """
    manifest = _manifest(folder, algorithm)
    if unknown := sorted(set(without) - manifest["consent"].keys()):
        raise WrongSet(
            f"--without {', '.join(unknown)}: nobody in {folder} has this name. Write it as "
            f"{PROVENANCE} does; leave it out where it is of another set"
        )
    for file in manifest["files"]:
        gone = any(name in file["name"] for name in without)
        path = folder / file["name"]
        if gone and not path.is_file():
            continue
        if not path.is_file() or packages.file_sha256(path) != file["sha256"]:
            raise WrongSet(f"{path} is not what the set's manifest says: unpack the set again")
    rows = _rows(folder / PROVENANCE)
    consent = manifest["consent"]
    silent = {row["patient"] for row in rows} - {
        n for n, said in consent.items() if said["research"] == AGREED
    }
    if silent:
        raise WrongSet(f"{folder}: no agreement is written down of {', '.join(sorted(silent))}")
    kept = [row for row in rows if row["patient"] not in without]
    kept = [row for row in kept if row["blind"] == BLIND] if blind_only else kept
    if not kept:
        raise WrongSet(f"{folder}: nothing is left of the set to learn from")
    months = sorted(filter(None, {consent[row["patient"]]["month"] for row in kept}))
    return SiteSet(
        folder=folder,
        number=manifest["number"],
        sha256=hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest(),
        purpose=manifest["purpose"],
        examples=tuple(kept),
        months=tuple({months[0]: None, months[-1]: None}) if months else (),
        left_out=len(rows) - len(kept),
        blind_only=blind_only,
    )


@contextmanager
def joined(algorithm: str, data: Path, site: SiteSet) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield a data folder that holds a set beside the data of the recipe, and parameters that it changes.

    It holds links and what is computed from nights, and is gone afterwards. The official test is the one of
    ``data``.
    """
    with TemporaryDirectory(prefix="vigie-training-") as folder:
        changed = registry.door(algorithm, "joining").join(data, site, Path(folder))
        yield Path(folder), changed


def told(package: Package, site: SiteSet, metrics: list[Metric]) -> Package:
    """Write into a package what it learned from besides, and figures in words that are true of it.

    Parameters
    ----------
    metrics
        All of them; those on the data of the recipe alone stand beside the serving version's.
    """
    kept = {key: value for key, value in package.manifest.items() if key not in WRITTEN_BY_PACKAGE}
    about = kept["data"]
    kept["data"] = about | {"site": site.said.en} if isinstance(about, dict) else f"{about}. {site.said.en}"
    kept["limits"] = [*kept["limits"], site.said.as_json()]
    kept["training"] = kept["training"] | {"site_set": site.as_json()}
    kept["metrics"] = [asdict(metric) for metric in metrics]
    written = packages.write(package.folder, kept)
    with tracking.run(package.algorithm, f"with training set {site.number}", params=site.as_json()) as run:
        run.data(site.sha256, f"training set {site.number} of this hospital")
        run.package(written)
    return written


def linked(target: Path, link: Path) -> None:
    """Link one file, making the folders above it; a folder is read file by file, so that none is missed."""
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target.resolve())


def linked_files(folder: Path, beside: Path, *, but: Collection[str] = ()) -> None:
    """Link every file below a folder to the same place below another one."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if path.is_file() and name.as_posix() not in but:
            linked(path, beside / name)


def _manifest(folder: Path, algorithm: str) -> Mapping[str, Any]:
    path = folder / MANIFEST
    if not path.is_file():
        raise WrongSet(
            f"{folder} is no training set: there is no {MANIFEST} in it. Unpack the ZIP, name its folder"
        )
    damaged = f"{path} is damaged{{}}: unpack the set again, or ask for a new one".format
    try:
        found = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise WrongSet(damaged("")) from error
    if not isinstance(found, dict):
        raise WrongSet(damaged(", it is not the manifest of a set"))
    if found.get("format") != FORMAT:
        raise WrongSet(
            f"{folder} is of the format {found.get('format')!r}, {FORMAT} is read: ask for a new set, "
            "which says of every patient that they agree"
        )
    if wrong := [name for name, kind in KINDS.items() if not isinstance(found.get(name), kind)]:
        raise WrongSet(damaged(f", {', '.join(wrong)} cannot be read in it"))
    if not all(_has(file, "name", "sha256") for file in found["files"]):
        raise WrongSet(damaged(", a file in it has no name or hash"))
    if not all(_has(said, "research", "month") for said in found["consent"].values()):
        raise WrongSet(damaged(", of a patient it does not say whether and when they agreed"))
    if not any(file["name"] == PROVENANCE for file in found["files"]):
        raise WrongSet(damaged(f", it names no {PROVENANCE}"))
    if found["algorithm"] != algorithm:
        raise WrongSet(f"{folder} is a set for {found['algorithm']}, not for {algorithm}")
    return found


def _has(found: Any, *names: str) -> bool:
    return isinstance(found, dict) and all(isinstance(found.get(name), str) for name in names)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        table = csv.DictReader(stream)
        if lacking := COLUMNS - set(table.fieldnames or ()):
            raise WrongSet(f"{path} has no column {', '.join(sorted(lacking))}: ask for a new set")
        return list(table)
