"""A simulated night of eight hours: read, staged; against reading and analysing it with MNE."""

from bench.measuring import Measurement, Ratio

MEASUREMENT = Measurement(
    name="sleep",
    title="Sleep: a night of 8 h, five channels at 100 Hz, two EEG and one EOG derivation",
    prepare="bench.sleep.night",
    sides={"vigie": "bench.sleep.vigie", "mne": "bench.sleep.mne_welch"},
    ratios=(
        Ratio("read + band powers + stages, Vigie ÷ MNE read + resample + filter + Welch",
              "vigie.night_cpu_ms", "mne.night_cpu_ms"),
        Ratio("peak memory, Vigie ÷ MNE", "vigie.peak_mib", "mne.peak_mib"),
    ),
)  # fmt: skip
