"""Triggers that keep every decision about service as it was made."""

from __future__ import annotations

from clinic.audit.triggers import WriteOnce

GUARDS = WriteOnce(
    label="stewardship",
    tables=("stewardship_servingdecision",),
    refusal="written once: another decision is another row",
)
