"""Triggers that make the audit append-only, on SQLite and PostgreSQL.

Events, seals and payloads refuse UPDATE and DELETE, and on PostgreSQL TRUNCATE. They stop the product,
its bugs and whoever holds its database password without the right to alter tables; who has that right
can drop them, which is what the chain of seals is for. ``Waiting`` is plumbing and not guarded: an event
taken out of it stays unsealed, which ``verify_audit`` reports.

The erasure of a payload will get one door of its own, with a marker row that the trigger looks for; until
then no payload can be deleted by anybody.
"""

from __future__ import annotations

from clinic.audit.triggers import TRUNCATE, WriteOnce

GUARDS = WriteOnce(
    label="audit",
    tables=("audit_event", "audit_payload", "audit_seal"),
    refusal="the audit is append-only",
    verbs=("UPDATE", "DELETE", TRUNCATE),
)
