"""Audit events: written in a transaction each, then chained by the sealer; against a plain row."""

from bench.measuring import Measurement, Ratio

MEASUREMENT = Measurement(
    name="audit",
    title="Audit: events on SQLite, each in a transaction of its own",
    prepare="bench.database",
    sides={"vigie": "bench.audit.events", "plain_row": "bench.audit.plain_row"},
    ratios=(
        Ratio("CPU per event recorded with its details ÷ one plain row",
              "vigie.event_cpu_ms", "plain_row.row_cpu_ms"),
        Ratio("CPU per event sealed ÷ one plain row", "vigie.sealed_event_cpu_ms", "plain_row.row_cpu_ms"),
    ),
)  # fmt: skip
