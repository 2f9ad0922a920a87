"""Scores of cases that whatever scored them had not learned from: what an operating point follows from.

``<version>.held_out.json`` lies beside the folder of a version (:mod:`ml.beside`). Its training, or
``python -m ml held-out``, writes it; the gate derives the operating point anew from it, and the pages draw
its curves. It holds scores and labels in their order of size, never whose they are.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise, repeat
from pathlib import Path
from typing import Any

from ml import beside
from ml.contracts import Text
from ml.package import BrokenPackage, Package

WHAT = "held_out"
STEP = 1e-7
"""What sorted scores are written in: finer than a point is compared with."""
DIGITS = 7
TIMES = "\u00d7"


class Unusable(BrokenPackage):
    """A file of held-out scores that is damaged or of another package; ``said`` names it."""

    def __init__(self, path: Path, why: Text) -> None:
        self.said = Text(f"{path.name}: {why.en}", f"{path.name}\u00a0: {why.fr}")
        super().__init__(self.said.en)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Scores of cases that were held out of what scored them.

    Parameters
    ----------
    data, unit
        What the cases are and what one of them is, in words.
    n
        Number of cases.
    command
        What writes the file again.
    scores
        What the operating point follows from, each by :func:`packed`; of two classes ``events`` and
        ``others``.
    curves
        As ``ml.drawing`` draws them; empty where the package holds its curves itself.
    """

    data: Text
    unit: Text
    n: int
    command: str
    scores: Mapping[str, str]
    curves: Mapping[str, Any]

    def values(self) -> dict[str, list[float]]:
        """Return the scores, rising."""
        return {name: list(_unpacked(text)) for name, text in self.scores.items()}


def publish(package: Package, found: HeldOut) -> Path:
    """Write the held-out scores of a package beside it, over those it had; return the file."""
    content = asdict(found) | {"files": _files(package)}
    # Numbers as a reader of the file gets them, or the digest would be of other ones.
    content = json.loads(json.dumps(content))
    return beside.write(package, WHAT, content | {"digest": _digest({"sha256": package.sha256, **content})})


def of(package: Package) -> HeldOut | None:
    """Return the held-out scores of a package, or of one with the very same files; ``None`` without any.

    A package whose manifest alone was changed is the same model: its scores are those of the model.

    Raises
    ------
    Unusable
        When the file under its name is damaged, or is of another package.
    """
    own = beside.file(package, WHAT)
    if own.is_file():
        written = _read(own)
        if written["sha256"] != package.sha256:
            raise Unusable(own, _OTHER)
        return _held(written)
    for path in (p for folder in beside.folders(package) for p in sorted(folder.glob(f"*.{WHAT}.json"))):
        try:
            written = _read(path)
        except Unusable:
            # Not under the name of this version: whoever that file is of is refused by it.
            continue
        if package.sha256 == written["sha256"] or _files(package) == written["files"]:
            return _held(written)
    return None


def packed(scores: Iterable[float]) -> str:
    """Write scores in order of size, as steps of :data:`STEP`; ``step×times`` where several are equal."""
    counts = sorted(Counter(round(score / STEP) for score in scores).items())
    steps = (high - low for low, high in pairwise([0, *(whole for whole, _ in counts)]))
    return " ".join(
        f"{step}{TIMES}{times}" if times > 1 else str(step)
        for step, (_, times) in zip(steps, counts, strict=True)
    )


def _unpacked(text: str) -> Iterator[float]:
    """Yield the scores that :func:`packed` wrote, rising."""
    whole = 0
    for word in text.split():
        step, _, times = word.partition(TIMES)
        whole += int(step)
        yield from repeat(round(whole * STEP, DIGITS), int(times or 1))


_CHANGED = Text(
    "it is not as it was written (its digest differs). Write it again where its version was trained: "
    "python -m ml held-out",
    "ce fichier n’est pas tel qu’il a été écrit (son empreinte diffère). Récrivez-le là où sa version a été "
    "entraînée\u00a0: python -m ml held-out",
)
_OTHER = Text(
    "these held-out scores are of another package than the one beside them. Write those of this one where it "
    "was trained: python -m ml held-out",
    "ces scores hors apprentissage sont d’un autre paquet que celui qu’ils accompagnent. Écrivez ceux de "
    "celui-ci là où il a été entraîné\u00a0: python -m ml held-out",
)


def _read(path: Path) -> dict[str, Any]:
    """Return a file whose every byte is as it was written."""
    raw = path.read_bytes()
    try:
        written = json.loads(raw)
        kept = {key: value for key, value in written.items() if key != "digest"}
        whole = beside.text(written).encode() == raw and written["digest"] == _digest(kept)
    except (ValueError, KeyError, AttributeError):
        whole = False
    if not whole:
        raise Unusable(path, _CHANGED)
    return written


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(beside.text(content).encode()).hexdigest()


def _files(package: Package) -> str:
    """Return one hash of all files of a package but its manifest."""
    return _digest(package.manifest["files"])


def _held(written: Mapping[str, Any]) -> HeldOut:
    words = {name: Text.from_json(written[name]) for name in ("data", "unit")}
    return HeldOut(**words, **{name: written[name] for name in ("n", "command", "scores", "curves")})
