"""A prediction with its explanation, warm, one admission at a time."""

from bench.measuring import Measurement, Ratio

MEASUREMENT = Measurement(
    name="haemorrhage",
    title="Haemorrhage: predict and explain one admission",
    sides={
        "vigie": "bench.haemorrhage.vigie",
        "sklearn_shap": "bench.haemorrhage.sklearn_shap",
    },
    ratios=(
        Ratio("predict + explain with interval, Vigie ÷ scikit-learn logistic + shap.LinearExplainer",
              "vigie.row_cpu_ms", "sklearn_shap.row_cpu_ms"),
        Ratio("explain alone, Vigie ÷ scikit-learn + shap",
              "vigie.explain_row_cpu_ms", "sklearn_shap.row_cpu_ms"),
        Ratio("from form to report, Vigie ÷ scikit-learn + shap",
              "vigie.whole_row_cpu_ms", "sklearn_shap.row_cpu_ms"),
        Ratio("peak memory, Vigie ÷ reference", "vigie.peak_mib", "sklearn_shap.peak_mib"),
    ),
)  # fmt: skip
