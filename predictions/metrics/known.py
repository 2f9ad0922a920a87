"""Codes that are known before they happen: their counters begin at nought.

Monitoring sees an increase only of a series that was there: from nothing to one it sees none. Other codes
appear with their first count.
"""

from __future__ import annotations

FAILURES = (
    "internal",
    "no_room",
    "out_of_memory",
    "package_broken",
    "package_outdated",
    "stopped_the_analyser",
    "too_slow",
)
AT_INTAKE, BY_ANALYSIS = "intake", "analysis"
FILES = ("empty_file", "file_too_large", "unknown_format", "identity_mismatch")
REFUSALS: dict[str, dict[str, tuple[str, ...]]] = {
    "haemorrhage": {
        AT_INTAKE: (
            "required",
            "in_the_future",
            "gestation_twice",
            "caesareans_exceed_parity",
            "parity_exceeds_gravidity",
        ),
        BY_ANALYSIS: (),
    },
    "chest_xray": {
        AT_INTAKE: (*FILES, "archive", "dicomdir", "image_damaged", "too_many_pixels"),
        BY_ANALYSIS: (
            "adult",
            "adult_appearance",
            "burnt_over",
            "clipped",
            "image_damaged",
            "not_chest_xray",
            "not_frontal",
            "secondary_capture",
        ),
    },
    "sleep": {
        AT_INTAKE: (*FILES, "edf_header_damaged", "edf_size_mismatch", "not_edf"),
        BY_ANALYSIS: (
            "edf_only_annotations",
            "edf_too_long",
            "flat_signal",
            "no_eeg",
            "rate_too_high",
            "rate_too_low",
            "too_short",
        ),
    },
}
