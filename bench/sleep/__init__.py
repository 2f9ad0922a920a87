"""A simulated night of eight hours: read, staged, counted; against YASA, and MNE's reading and filtering."""

from bench.measuring import Elsewhere, Measurement, Ratio
from ml.algorithms.sleep.opinion import python

MEASUREMENT = Measurement(
    name="sleep",
    title="Sleep: a night of 8 h, twenty channels at 256 Hz, three of them staged from",
    prepare="bench.sleep.night",
    sides={
        "vigie": "bench.sleep.vigie", "vigie_whole": "bench.sleep.vigie_whole",
        "yasa": "bench.yasa.staging", "yasa_documented": "bench.yasa.documented",
        "mne": "bench.sleep.mne_welch",
    },
    elsewhere=dict.fromkeys(("yasa", "yasa_documented"), Elsewhere(python(), "make yasa installs it")),
    ratios=(
        Ratio("CPU, stages and statistics, Vigie ÷ YASA given three channels",
              "vigie.night_cpu_ms", "yasa.night_cpu_ms"),
        Ratio("peak memory, stages and statistics, Vigie ÷ YASA given three channels",
              "vigie.peak_mib", "yasa.peak_mib"),
        Ratio("CPU, stages and statistics, Vigie ÷ YASA as its documentation reads a file",
              "vigie.night_cpu_ms", "yasa_documented.night_cpu_ms"),
        Ratio("peak memory, stages and statistics, Vigie ÷ YASA as its documentation reads a file",
              "vigie.peak_mib", "yasa_documented.peak_mib"),
        Ratio("CPU, everything the worker does, Vigie ÷ YASA given three channels",
              "vigie_whole.night_cpu_ms", "yasa.night_cpu_ms"),
        Ratio("CPU, stages and statistics, Vigie ÷ MNE read + resample + filter + Welch",
              "vigie.night_cpu_ms", "mne.night_cpu_ms"),
    ),
)  # fmt: skip
