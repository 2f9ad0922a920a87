"""What the commands share: how a line is written, how a call is refused, and what lies behind an import."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any

# Training needs TensorFlow, scikit-learn and MLflow; they are imported only by these commands.
TRAINING = "ml.training.commands"
MONITORING = "ml.monitoring.commands"
# How a training from a hospital's own table ended; other lines have no such status.
EXITS = {"rejected": 1, "refused": 1, "wrong_mapping": 2}


class WrongCall(Exception):
    """The call itself is wrong: exit 2 with this sentence."""


def write_line(value: Mapping[str, Any]) -> None:
    """Write one line of the answer, at once: whoever reads may act on it before the next."""
    print(json.dumps(value, ensure_ascii=False, allow_nan=False), flush=True)


def in_stack(chosen: argparse.Namespace, stack: str = TRAINING) -> int:
    """Run the command that a stack of heavy packages knows, and return its exit status."""
    commands = import_module(stack)
    status = 0
    try:
        for answer in getattr(commands, chosen.command)(chosen):
            write_line(answer)
            status = max(status, EXITS.get(answer.get("status", ""), 0))
    except commands.WRONG as error:
        raise WrongCall(str(error)) from error
    return status
