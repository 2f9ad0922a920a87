"""Contract of the probe: any behaviour, two seconds, little memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.contracts import Contract, InputKind, Limits, Problem, Text
from tests.probe import NAME

CONTRACT = Contract(
    name=NAME,
    title=Text("Probe", "Sonde"),
    purpose=Text("Tests of the workers", "Essais des analyseurs"),
    input_kind=InputKind.FORM,
    queue="tabular",
    limits=Limits(seconds=4, memory_bytes=256 * 2**20),
    unit="maternity",
    submit_roles=("midwife", "physician"),
    sign_roles=("physician",),
)


def check(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Accept anything."""
    return dict(values), []
