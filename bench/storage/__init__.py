"""Stored files: taken in, lent to an analysis and paged through, encrypted; against a plain file."""

from bench.measuring import Measurement, Ratio

MEASUREMENT = Measurement(
    name="storage",
    title="Storage: a recording of 256 MiB taken in with its hash, read through, paged in",
    prepare="bench.database",
    sides={"vigie": "bench.storage.encrypted", "plain_file": "bench.storage.plain_file"},
    ratios=(
        Ratio("CPU to take it in ÷ a plain file with a hash",
              "vigie.take_in_cpu_ms", "plain_file.take_in_cpu_ms"),
        Ratio("CPU to lend it to an analysis ÷ reading a plain file",
              "vigie.lend_cpu_ms", "plain_file.read_cpu_ms"),
        Ratio("CPU per page of 60 kB ÷ of a plain file", "vigie.page_cpu_ms", "plain_file.page_cpu_ms"),
    ),
)  # fmt: skip
