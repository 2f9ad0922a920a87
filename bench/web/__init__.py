"""The web process: what it holds after fifty requests, and what a worklist costs."""

from bench.measuring import Measurement, Ratio

# File with the cookie of whoever looks at the worklist.
COOKIE = "cookie"

MEASUREMENT = Measurement(
    name="web",
    title="Web process: worklist of 60 answered studies",
    prepare="bench.web.ward",
    sides={"vigie": "bench.web.pages"},
    ratios=(
        Ratio("memory after 50 requests ÷ after the first", "vigie.after_50_mib", "vigie.after_1_mib"),
        Ratio("CPU of the worklist ÷ of the profile page", "vigie.worklist_cpu_ms", "vigie.profile_cpu_ms"),
    ),
)  # fmt: skip
