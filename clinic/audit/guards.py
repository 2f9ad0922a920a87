"""Triggers that make the audit append-only, on SQLite and PostgreSQL.

Events, seals, payloads, redactions and anchors refuse UPDATE and DELETE, and on PostgreSQL TRUNCATE. They
stop the product, its bugs and whoever holds its database password without the right to alter tables; who has
that right can drop them, which is what the chain of seals is for. ``Waiting`` is plumbing and not guarded:
an event taken out of it stays unsealed, which ``verify_audit`` reports.

A payload may be deleted by one door only, :mod:`clinic.audit.redaction`: it leaves a row in
``audit_redaction`` first, which the trigger looks for and which can itself be neither changed nor deleted.
"""

from __future__ import annotations

from clinic.audit.triggers import TRUNCATE, WriteOnce

GUARDS = WriteOnce(
    label="audit",
    tables=("audit_event", "audit_payload", "audit_seal", "audit_redaction", "audit_anchor"),
    refusal="the audit is append-only",
    verbs=("UPDATE", "DELETE", TRUNCATE),
    unless={
        ("audit_payload", "DELETE"): (
            "EXISTS (SELECT 1 FROM audit_redaction WHERE audit_redaction.event_id = OLD.event_id)"
        )
    },
)
