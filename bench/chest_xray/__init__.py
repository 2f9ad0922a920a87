"""One image: gate and score, against a plain prediction of the network the package came from."""

from bench.measuring import Measurement, Ratio

MEASUREMENT = Measurement(
    name="chest_xray",
    title="Chest X-ray: one image of 1300 × 1500 pixels",
    prepare="bench.chest_xray.film",
    sides={
        "vigie": "bench.chest_xray.vigie",
        "keras": "bench.chest_xray.keras_mobilenet",
    },
    ratios=(
        Ratio("gate + score + evidence on a prepared array, Vigie ÷ Keras predict of MobileNetV2 α 0.35",
              "vigie.network_cpu_ms", "keras.predict_cpu_ms"),
        Ratio("from file to score, gate findings and preview, Vigie ÷ Keras load_img + predict",
              "vigie.file_cpu_ms", "keras.file_cpu_ms"),
        Ratio("peak memory, Vigie ÷ Keras", "vigie.peak_mib", "keras.peak_mib"),
    ),
)  # fmt: skip
