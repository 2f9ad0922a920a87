"""An overnight recording of 64 channels at 512 Hz, 1.9 GB: read without holding more than what is used."""

from bench.measuring import Measurement

MEASUREMENT = Measurement(
    name="sleep_large",
    title="Sleep: 8 h, 64 channels at 512 Hz (1.9 GB), read and staged; resident memory, CPU",
    prepare="bench.sleep_large.recording",
    sides={"stages": "bench.sleep_large.stages", "whole": "bench.sleep_large.whole"},
    ratios=(),
)
