"""Invented crashes for the test bench."""

from ml.algorithms.accident_severity.examples import CRASHES
from ml.invented import of_rows

MAKERS = {"road_accident": of_rows(CRASHES)}
