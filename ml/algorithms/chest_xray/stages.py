"""What is done in the stages whose time is taken, where their names alone would mislead."""

from __future__ import annotations

from ml.contracts import Text

STAGES = {
    "load": Text("Reading, network and gate", "Lecture, réseau et contrôle d’entrée"),
    "predict": Text("Calibrating the score", "Calibrage du score"),
}
"""The gate judges an image by what the network saw, so the network's one run lies in ``load``."""
