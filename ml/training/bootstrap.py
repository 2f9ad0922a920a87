"""The bootstrap: an interval from resampling whole cases, or whole patients when cases share them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

CHUNK_CELLS = 4_000_000
Weighted = Callable[[np.ndarray], dict[str, np.ndarray]]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and its 95 % interval; ``low`` and ``high`` are ``None`` where none can be given."""

    value: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.value:.3f}"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def bootstrap(
    statistic: Callable[..., float],
    *arrays: np.ndarray,
    groups: np.ndarray | None = None,
    repeats: int = 1000,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap of any statistic of aligned arrays.

    Parameters
    ----------
    statistic
        Called with the resampled arrays; ``nan`` marks a sample in which it is undefined.
    *arrays
        Arrays of shape (n, ...), resampled together.
    groups
        Shape (n,): the patient or subject of each case. Whole groups are drawn, because cases of
        one person are not independent and an interval over cases would be too narrow.
    repeats
        Number of bootstrap samples.
    seed
        Seed of the draws.

    Returns
    -------
    Interval
        The statistic on the full data with its 2.5 % and 97.5 % percentiles (Efron 1979).
    """
    arrays = tuple(np.asarray(a) for a in arrays)
    n = _common_length(arrays)
    rows = np.arange(n)
    drawn = [
        statistic(*(a[index] for a in arrays))
        for chunk in draws(n, groups, repeats=repeats, seed=seed)
        for index in (np.repeat(rows, w) for w in chunk)
    ]
    return interval(float(statistic(*arrays)), np.asarray(drawn, dtype=float))


def weighted_bootstrap(
    statistics: Weighted, n: int, groups: np.ndarray | None = None, *, repeats: int = 1000, seed: int = 0
) -> dict[str, Interval]:
    """Bootstrap statistics that take weights instead of copies of the data: many times faster.

    Parameters
    ----------
    statistics
        Takes weights of shape (samples, n) and returns arrays of shape (samples,) by name.
    n
        Number of cases.

    Returns
    -------
    dict of str to Interval
        Without the statistics that are undefined (``nan``) on the full data.
    """
    full = statistics(np.ones((1, n)))
    parts = [statistics(chunk.astype(float)) for chunk in draws(n, groups, repeats=repeats, seed=seed)]
    drawn = {name: np.concatenate([part[name] for part in parts]) for name in full}
    return {
        name: interval(float(value[0]), drawn[name]) for name, value in full.items() if np.isfinite(value[0])
    }


def draws(n: int, groups: np.ndarray | None, *, repeats: int, seed: int) -> Iterator[np.ndarray]:
    """Yield how often each case is drawn, as integer arrays of shape (some samples, n)."""
    rng = np.random.default_rng(seed)
    if groups is None:
        members, units = None, n
    else:
        names, members = np.unique(np.asarray(groups), return_inverse=True)
        units = len(names)
    per_chunk = max(1, min(repeats, CHUNK_CELLS // max(n, 1)))
    for start in range(0, repeats, per_chunk):
        size = min(per_chunk, repeats - start)
        counts = np.stack([np.bincount(rng.integers(0, units, units), minlength=units) for _ in range(size)])
        yield counts if members is None else counts[:, members]


def interval(value: float, drawn: np.ndarray) -> Interval:
    """Return the 95 % percentile interval around ``value``; samples that are ``nan`` do not count."""
    kept = drawn[np.isfinite(drawn)]
    if len(kept) < 2:
        return Interval(value)
    low, high = np.percentile(kept, (2.5, 97.5))
    return Interval(value, float(low), float(high))


def wilson(successes: int, n: int) -> Interval:
    """Return a share with its 95 % score interval (Wilson 1927), sound near 0 and 1."""
    if n <= 0 or not 0 <= successes <= n:
        raise ValueError(f"expected 0 <= successes <= n and n > 0, got {successes} of {n}")
    z = 1.959964
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Interval(share, max(0.0, float(centre - half)), min(1.0, float(centre + half)))


def _common_length(arrays: tuple[np.ndarray, ...]) -> int:
    lengths = {len(a) for a in arrays}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"expected arrays of one common length above zero, got lengths {sorted(lengths)}")
    return lengths.pop()
