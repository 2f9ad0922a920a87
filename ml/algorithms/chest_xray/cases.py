"""The training images and their altered copies, as features: what heads are fitted to and chosen on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ml.algorithms.chest_xray import appearance, heads
from ml.algorithms.chest_xray.augment import FAMILIES
from ml.algorithms.chest_xray.dataset import Images
from ml.algorithms.chest_xray.features import Extractor, families_drawn

QUARTER = 4
"""Every how many-th training image is also stored again."""
UNSEEN_SEED = 100
"""Validation copies have seeds of their own, far from those of the training copies."""


@dataclass(frozen=True)
class Cases:
    """Training images and their altered copies, as features.

    Parameters
    ----------
    y, patients
        Shape (n,).
    described
        Shape (n, numbers), of :func:`ml.algorithms.chest_xray.appearance.describe`.
    clean
        Shape (n, features): the images as they are.
    copies
        Each (n, features), learned from beside the clean images.
    altered_by
        Per copy and family whether an image is altered by it, shape (n,) of bool.
    unseen
        Per family a copy altered by it alone, shape (n, features); never learned from.
    shift
        Shape (n, features): altered by several families; never learned from.
    stored_again
        Shape (m, features): how far storing an image again moves its features.
    """

    y: np.ndarray
    patients: np.ndarray
    described: np.ndarray
    clean: np.ndarray
    copies: list[np.ndarray]
    altered_by: list[dict[str, np.ndarray]]
    unseen: dict[str, np.ndarray]
    shift: np.ndarray
    stored_again: np.ndarray

    def copy(self, name: str) -> np.ndarray:
        """Return the features of a copy not learned from, or of the images as they are.

        Parameters
        ----------
        name
            A family, ``"shift"`` or ``"clean"``; ``KeyError`` for any other.
        """
        return {**self.unseen, "shift": self.shift, "clean": self.clean}[name]

    def damped(self, strength: float) -> tuple[Cases, np.ndarray]:
        """Return the same cases with damped features, and the matrix that does it."""
        matrix = heads.damping(self.clean, self.stored_again, strength)
        return self._through(matrix), matrix

    def only(self, rows: np.ndarray, columns: np.ndarray) -> Cases:
        """Return some images and features only; ``stored_again`` keeps its images."""

        def cut(copy: np.ndarray) -> np.ndarray:
            return copy[np.ix_(rows, columns)]

        return Cases(
            y=self.y[rows],
            patients=self.patients[rows],
            described=self.described[rows],
            clean=cut(self.clean),
            copies=[cut(copy) for copy in self.copies],
            altered_by=[{name: by[rows] for name, by in each.items()} for each in self.altered_by],
            unseen={family: cut(copy) for family, copy in self.unseen.items()},
            shift=cut(self.shift),
            stored_again=self.stored_again[:, columns],
        )

    def _through(self, matrix: np.ndarray) -> Cases:
        centre = self.clean.mean(axis=0)
        return replace(
            self,
            clean=(self.clean - centre) @ matrix,
            copies=[(copy - centre) @ matrix for copy in self.copies],
            unseen={family: (copy - centre) @ matrix for family, copy in self.unseen.items()},
            shift=(self.shift - centre) @ matrix,
        )


def gather(images: Images, extractor: Extractor, params: Mapping[str, Any]) -> Cases:
    """Compute the features of the training images and of all their copies, or read them from the cache.

    Parameters
    ----------
    params
        ``seed`` and ``copies``, the number of altered copies learned from.
    """

    def copy(recipe: str, seed: int) -> np.ndarray:
        return extractor.copies("kermany_train", images.pixels, recipe, seed)

    seeds = [params["seed"] + number for number in range(params["copies"])]
    apart = params["seed"] + UNSEEN_SEED
    clean = copy("clean", 0)
    quarter = images.pixels[::QUARTER]
    again = extractor.copies("kermany_quarter", quarter, "stored_again", params["seed"])
    return Cases(
        y=images.y,
        patients=images.patients,
        described=appearance.describe(images.pixels),
        clean=clean,
        copies=[copy("train", seed) for seed in seeds],
        altered_by=[families_drawn(seed, len(images.y)) for seed in seeds],
        unseen={family: copy(family, apart) for family in FAMILIES},
        shift=copy("shift", apart),
        stored_again=again - clean[::QUARTER],
    )
