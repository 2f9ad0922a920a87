"""Which column of a hospital's table holds which field of the admission form. Standard library only.

The web process proposes, shows and checks mappings with this package; the package ``hospital`` beside it
reads tables by them.
"""

from ml.algorithms.haemorrhage.mapping.fields import FIELDS, MOTHER, OUTCOMES, Mapped, Unit
from ml.algorithms.haemorrhage.mapping.names import LEAKS, leak
from ml.algorithms.haemorrhage.mapping.simulated import simulated
from ml.algorithms.haemorrhage.mapping.structure import (
    MISSING,
    TIERS,
    Column,
    Mapping,
    Outcome,
    WrongMapping,
    check,
)
from ml.algorithms.haemorrhage.mapping.suggestion import named_unit, suggest
from ml.tables import sample

__all__ = [
    "FIELDS", "LEAKS", "MISSING", "MOTHER", "OUTCOMES", "TIERS", "Column", "Mapped", "Mapping", "Outcome",
    "Unit", "WrongMapping", "check", "leak", "named_unit", "sample", "simulated",
    "suggest",
]  # fmt: skip
