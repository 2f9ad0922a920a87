"""What the card says of births the model never saw, computed again."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml import package as packages
from ml.algorithms.haemorrhage import external, model, train
from ml.training.data import DataMissing

SHARED = Path(__file__).resolve().parents[1].parent / "shared" / "data"


def test_missing_data_is_said_with_what_to_put_where(tmp_path: Path) -> None:
    with pytest.raises(DataMissing) as missing:
        train.evaluate(tmp_path, packages.load("haemorrhage"))

    assert external.ZURICH in str(missing.value)


@pytest.mark.shared
def test_zurich_is_reproduced() -> None:
    """Published for this table of odds ratios: AUC 0.60 [0.54, 0.66], calibration slope 1.07."""
    package = packages.load("haemorrhage")
    found = {
        m.name: m for m in external.zurich(model.of(package), SHARED / external.ZURICH, repeats=200, seed=1)
    }
    shipped = {m.name: m for m in package.metrics}

    auc, slope = found["zurich_roc_auc"], found["zurich_calibration_slope"]
    assert (auc.n, auc.note.split(" ")[0]) == (1309, "96")
    assert 0.54 <= auc.value <= 0.66
    assert slope.low <= 1.07 <= slope.high
    assert slope.value == pytest.approx(1.07, abs=0.05)
    for name, metric in found.items():
        assert shipped[name].value == pytest.approx(metric.value), name


@pytest.mark.long
@pytest.mark.shared
def test_natality_figures_of_the_manifest_are_reproduced() -> None:
    package = packages.load("haemorrhage")
    found = external.natality(model.of(package), SHARED / external.NATALITY, repeats=2, seed=1)
    shipped = {m.name: m for m in package.metrics}

    for metric in found:
        assert shipped[metric.name].value == pytest.approx(metric.value), metric.name
    assert shipped["natality_roc_auc"].low > 0.5
    assert shipped["natality_calibration_slope"].low <= 0.98 <= shipped["natality_calibration_slope"].high
