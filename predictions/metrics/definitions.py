"""The metrics that are counted: their names, what they mean, their labels and buckets."""

from __future__ import annotations

from dataclasses import dataclass

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900)
# Fine where the risk of haemorrhage lies, and even over the rest, where the probability of pneumonia does.
SHARES = (
    0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Metric:
    """One counted metric.

    Parameters
    ----------
    help
        What it counts, for whoever reads the text.
    labels
        Names of its labels; each takes few values, none of them of a patient or a person.
    bounds
        Upper bounds of the buckets of a histogram, inclusive; empty for a counter.
    """

    name: str
    help: str
    labels: tuple[str, ...]
    bounds: tuple[float, ...] = ()

    @property
    def size(self) -> int:
        """How many numbers a series of it has: one per bucket and one for what lies above."""
        return len(self.bounds) + 1 if self.bounds else 1


OUTCOMES = (ANSWERED, REFUSED, FAILED) = ("answered", "refused", "failed")
ENDED = Metric(
    "vigie_studies_ended",
    "Analyses of studies that came to an end: answered, refused or failed. A retried study counts again.",
    ("algorithm", "outcome"),
)
STAGES = Metric(
    "vigie_study_stage_seconds",
    "Seconds of answered studies in each stage: queue (accepted until begun), load, predict, explain, "
    "and total (accepted until answered). The network of chest_xray runs in load, for its gate judges by "
    "what the network saw.",
    ("algorithm", "stage"),
    SECONDS,
)
REFUSALS = Metric(
    "vigie_study_refusals",
    "Reasons for which inputs were refused, at intake or by the analysis; one input may have several.",
    ("algorithm", "at", "code"),
)
FAILURES = Metric(
    "vigie_study_failures",
    "Reasons for which analyses failed.",
    ("algorithm", "code"),
)
SCORES = Metric(
    "vigie_prediction_score",
    "What was predicted, between 0 and 1: the risk of haemorrhage, the probability of pneumonia.",
    ("algorithm", "version"),
    SHARES,
)
EPOCHS = Metric(
    "vigie_sleep_epochs",
    "Epochs of 30 s of staged nights, by the stage predicted (? where a gap cuts the epoch).",
    ("version", "stage"),
)
METRICS = {metric.name: metric for metric in (ENDED, STAGES, REFUSALS, FAILURES, SCORES, EPOCHS)}
