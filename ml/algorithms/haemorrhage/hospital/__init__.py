"""A hospital's own births: read, judged, learned from in tiers, and accepted only when that is better."""

from ml.algorithms.haemorrhage.hospital.births import Births
from ml.algorithms.haemorrhage.hospital.reading import read
from ml.algorithms.haemorrhage.hospital.training import Outcome, run

__all__ = ["Births", "Outcome", "read", "run"]
