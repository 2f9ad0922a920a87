"""A prediction with its explanation, warm: one admission at a time, and 10,000 at once.

Our own targets: 5 ms an admission, 3 s a batch. Both sides begin with checked answers. The reference's batch
is two matrix products; ours averages over what is unknown and never leaves the interval out, so the fair
ratio is the one in which the reference has an interval too.
"""

from bench.measuring import Measurement, Ratio

MEASUREMENT = Measurement(
    name="haemorrhage",
    title="Haemorrhage: predict and explain one admission, and 10,000 at once",
    sides={
        "vigie": "bench.haemorrhage.vigie",
        "sklearn_shap": "bench.haemorrhage.sklearn_shap",
    },
    prepare="bench.haemorrhage.births",
    ratios=(
        Ratio("predict + explain with interval, Vigie ÷ scikit-learn logistic + shap.LinearExplainer",
              "vigie.row_cpu_ms", "sklearn_shap.row_cpu_ms"),
        Ratio("explain alone, Vigie ÷ scikit-learn + shap",
              "vigie.explain_row_cpu_ms", "sklearn_shap.row_cpu_ms"),
        Ratio("10,000 with reasons and intervals, Vigie ÷ scikit-learn + shap + sampled coefficients",
              "vigie.batch_interval_cpu_ms", "sklearn_shap.batch_interval_cpu_ms"),
        Ratio("10,000, Vigie with intervals ÷ scikit-learn + shap without any",
              "vigie.batch_interval_cpu_ms", "sklearn_shap.batch_cpu_ms"),
        Ratio("from form to report, Vigie ÷ scikit-learn + shap",
              "vigie.whole_row_cpu_ms", "sklearn_shap.row_cpu_ms"),
        Ratio("peak memory, Vigie ÷ reference", "vigie.peak_mib", "sklearn_shap.peak_mib"),
    ),
)  # fmt: skip
