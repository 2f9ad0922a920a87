"""The transfer-learning bench: what a setting may say, what is built of it, and that a run can be resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from ml.algorithms.chest_xray.bench.settings import Settings, WrongSetting, settings
from tests.chest_phantom import phantom

BENCH = yaml.safe_load(Path("params.yaml").read_text("utf-8"))["chest_xray"]["bench"]


def small(**changes: Any) -> Settings:
    given = BENCH["run"] | {"side": 32, "weights": "random", "epochs": 1, "batch": 8, "fixed_layers": 20}
    return settings(given | changes, "run")


@pytest.mark.parametrize("stage", ["candidates", "challengers"])
def test_every_run_of_the_file_can_be_made(stage: str) -> None:
    for name, own in BENCH[stage].items():
        assert settings(BENCH["run"] | own, f"{stage}.{name}").added_layers


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizer": "adamm"}, r"run\.optimizer: expected one of adam, .*, got 'adamm'"),
        ({"optimiser": "adam"}, r"run\.optimiser: no such setting"),
        ({"epochs": 0}, r"run\.epochs: expected a whole number from 1, got 0"),
        ({"augmentation": "yes"}, r"run\.augmentation: expected true or false, got 'yes'"),
        ({"learning_rate": 2}, r"run\.learning_rate: expected a number in 0 to 1, got 2"),
        ({"added_layers": [{"kind": "conv"}]}, r"run\.added_layers\.0\.kind: expected one of dense"),
        ({"added_layers": [{"kind": "dropout", "rate": 1.5}]}, r"run\.added_layers\.0\.rate: expected 0 to"),
        ({"added_layers": [{"kind": "dense", "units": 2}]}, r"run\.added_layers\.0\.activation: expected"),
        ({"added_layers": [{"kind": "dropout", "rate": 0.1}]}, r"run\.added_layers\.0: .* as the last layer"),
    ],
)
def test_a_wrong_setting_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(WrongSetting, match=message):
        small(**changes)


@pytest.mark.long
def test_strategies_fix_what_they_say_and_a_finished_run_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Heavy, and only this test needs it: Keras takes several seconds to import.
    from ml.algorithms.chest_xray.bench import comparison, networks, training
    from ml.algorithms.chest_xray.bench.images import Split

    layers = BENCH["run"]["added_layers"]
    trainable = {
        strategy: len(networks.build(small(strategy=strategy), layers).trainable_weights)
        for strategy in ("no_tuning", "fixed_layers", "full")
    }
    assert trainable["no_tuning"] == 4  # two dense layers: kernel and bias each
    assert 4 < trainable["fixed_layers"] < trainable["full"]
    with pytest.raises(
        WrongSetting, match=r"run\.backbone: expected one of Keras Applications .*EfficientNetB0"
    ):
        networks.build(small(backbone="MobileNetV9"), layers)
    with pytest.raises(WrongSetting, match=r"run\.fixed_layers: expected at most \d+"):
        networks.build(small(fixed_layers=5000), layers)

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    pixels = np.stack([phantom(224, 224, seed=seed) for seed in range(24)])
    y, patients = np.tile([0, 1], 12), np.array([f"child{index // 2}" for index in range(24)])
    split = Split(pixels[:16], y[:16], pixels[16:], pixels[16:, ::-1], y[16:], patients[16:])
    given = ("a run", small(strategy="no_tuning"), split, tmp_path, tmp_path / "run", 1)
    first = training.run(*given)
    assert len(first["curves"]) == 1
    assert sum(map(sum, first["shifted"]["confusion"])) == 8
    (tmp_path / "run" / "best.weights.h5").unlink()
    again = training.run(*given)
    assert again == first
    assert "| a run | 1 |" in comparison.markdown([again], {"images": 24})
