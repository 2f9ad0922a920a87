"""Whether a candidate package may take the place of the one that serves: written bars, one verdict.

Standard library only: the page that proposes a version asks here too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ShadowFigures:
    """What running a version in the shadow of the serving one on live studies has shown; counts only.

    Parameters
    ----------
    since, until
        First and last study of them; ``None`` without any.
    studies
        Live studies that both versions finished, answered or refused.
    failed
        Studies that the serving version finished and the shadow did not.
    same
        Of ``studies``: how often both said the same (the same decision at each one's own operating point,
        the same refusal; for a night, stages alike in at least as many epochs as two scorers agree on).
    signed
        Of ``studies``: those with an outcome signed by a reader.
    right, serving_right
        Of ``signed``: how often the shadow's answer, and the serving version's, is what was signed.
    median_ms, serving_median_ms
        Median milliseconds per study of both; ``None`` without any.
    """

    since: datetime | None
    until: datetime | None
    studies: int
    failed: int
    same: int
    signed: int
    right: int
    serving_right: int
    median_ms: float | None = None
    serving_median_ms: float | None = None
