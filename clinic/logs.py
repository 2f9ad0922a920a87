"""Structured logs, JSON or text, that cannot carry patient data by accident.

Only the event text and an allow-list of fields are written; a traceback is reduced to the type of
the error and the places it passed, because messages of exceptions quote the values they met.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any

import structlog

HEALTH = "health"

request_id: ContextVar[str] = ContextVar("request_id", default="")

ALLOWED_FIELDS = (
    "algorithm", "attempt", "code", "duration_ms", "error", "event_id", "method", "package",
    "pid", "queue", "request_id", "state", "status", "study", "task", "training", "user_id", "version",
    "view", "where",
)  # fmt: skip


def _only_allowed(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    record: logging.LogRecord | None = event.get("_record")
    kept = {key: event[key] for key in ("event", "level", "logger", "timestamp") if key in event}
    if current := request_id.get():
        kept["request_id"] = current
    if record is not None:
        kept |= {key: record.__dict__[key] for key in ALLOWED_FIELDS if key in record.__dict__}
    # structlog has moved the traceback from the record into the event, for its own renderers to write out.
    _type, error, _trace = event.get("exc_info") or (None, None, None)
    if error is not None:
        kept["error"] = type(error).__name__
        kept["where"] = [f"{f.filename}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)[-5:]]
    return kept


class WithoutAddresses(logging.Filter):
    """Names the page, not the address, of a request Django logs: somebody may have typed a name there."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, changed."""
        if record.name.startswith("django.") and isinstance(record.args, tuple):
            record.args = tuple("…" if _is_address(argument) else argument for argument in record.args)
            if status := getattr(record, "status_code", None):
                record.status = status
            match = getattr(getattr(record, "request", None), "resolver_match", None)
            if match is not None:
                record.view = match.view_name
                if match.view_name == HEALTH and record.levelno == logging.ERROR:
                    # Its 503 is an answer, given at every start while the workers come up, and no defect.
                    record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def _is_address(argument: object) -> bool:
    return isinstance(argument, str) and argument.startswith("/")


def logging_config(*, level: str, form: str) -> dict[str, Any]:
    """Return Django's LOGGING for ``level`` and ``form`` (``"json"`` or ``"text"``)."""
    renderer = (
        structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer(colors=False)
    )
    stamps = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "vigie": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": stamps,
                "processors": [_only_allowed, renderer],
            }
        },
        "filters": {"addresses": {"()": WithoutAddresses}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "vigie", "filters": ["addresses"]}
        },
        "root": {"handlers": ["stderr"], "level": level.upper()},
    }
