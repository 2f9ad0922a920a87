"""Triggers that keep what ran where: a deployment ends, it is never deleted."""

from __future__ import annotations

from clinic.audit.triggers import WriteOnce

KEPT = WriteOnce(
    label="deployments_kept",
    tables=("deployments_deployment",),
    refusal="kept: a deployment is ended, not deleted",
    verbs=("DELETE",),
)
