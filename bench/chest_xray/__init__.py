"""One image: gate and score, then both maps, against a plain prediction and against the shap library.

Our own targets: 15 ms of CPU for gate and score, 1 s for the maps, 300 MiB for a worker. The library is
given the same network, baseline, regions and number of evaluations.
"""

from bench.measuring import Measurement, Ratio

MEASUREMENT = Measurement(
    name="chest_xray",
    title="Chest X-ray: one image of 1300 × 1500 pixels",
    prepare="bench.chest_xray.film",
    sides={
        "vigie": "bench.chest_xray.vigie",
        "worker": "bench.chest_xray.worker",
        "keras": "bench.chest_xray.keras_mobilenet",
        "shap": "bench.chest_xray.shap_library",
    },
    ratios=(
        Ratio("gate + score on a prepared array, Vigie ÷ Keras predict of MobileNetV2 α 0.35",
              "vigie.network_cpu_ms", "keras.predict_cpu_ms"),
        Ratio("from file to score, gate findings and preview, Vigie ÷ Keras load_img + predict",
              "vigie.file_cpu_ms", "keras.file_cpu_ms"),
        Ratio("both maps, their numbers, pictures and words, Vigie ÷ regions alone by shap",
              "vigie.explain_cpu_ms", "shap.regions_cpu_ms"),
        Ratio("peak memory of a whole worker with maps, Vigie ÷ Keras predict alone",
              "worker.peak_mib", "keras.peak_mib"),
        Ratio("peak memory of a whole worker with maps, Vigie ÷ regions alone by shap",
              "worker.peak_mib", "shap.peak_mib"),
    ),
)  # fmt: skip
