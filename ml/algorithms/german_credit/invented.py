"""Invented credit applications for the test bench."""

from ml.algorithms.german_credit.examples import APPLICATIONS
from ml.invented import of_rows

MAKERS = {"credit_application": of_rows(APPLICATIONS)}
