"""Synthetic births: the table's own truth, exact numbers of events, a file that says what it is."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from datetime import UTC
from pathlib import Path

import numpy as np
import pytest
import yaml

from ml.__main__ import main
from ml.algorithms.haemorrhage import (
    answers,
    contract,
    literature,
    mapping,
    simulate,
    simulated_csv,
    synthetic,
)
from ml.contracts import Severity
from ml.training.evaluation import roc_auc
from tests.machine import ROOT

N = 20_000


@pytest.fixture(scope="module")
def births() -> simulate.Births:
    return simulate.births(N, seed=4, missing=0.0)


def test_births_are_as_common_and_as_severe_as_the_table_says() -> None:
    table = literature.model()
    drawn = synthetic.cohort(100_000, incidence=0.022, seed=1)

    assert drawn.risk.mean() == pytest.approx(0.022, rel=0.01)
    assert drawn.outcome.mean() == pytest.approx(0.022, abs=4 * np.sqrt(0.022 / 100_000))
    for factor in table.factors:
        shares = drawn.levels[factor.name].value_counts(normalize=True)
        for code, expected in zip(factor.codes, factor.prevalence, strict=True):
            assert shares.get(code, 0) == pytest.approx(expected, abs=0.006), (factor.name, code)
    nulliparous = drawn.levels["parity"] == "none"
    assert set(drawn.levels.loc[nulliparous, "previous_pph"]) == {"no"}


def test_the_true_risk_is_the_exact_models_own() -> None:
    table = literature.model()
    drawn = synthetic.cohort(50, incidence=0.03, seed=2)
    intercept = table.intercept(0.03)

    for row, risk in zip(drawn.levels.to_dict("records"), drawn.risk, strict=True):
        allowed = {name: frozenset({code}) for name, code in row.items()}
        assert table.spectrum(allowed).mean_risk(intercept) == pytest.approx(risk, rel=1e-4)


@pytest.mark.parametrize("events", [0, 40, 400, 4_999, 5_000])
def test_a_file_can_have_exactly_so_many_events(events: int) -> None:
    drawn = synthetic.cohort(5_000, incidence=0.02, seed=3, events=events)

    assert drawn.outcome.sum() == events
    if 40 <= events < 4_999:
        assert roc_auc(drawn.outcome, drawn.risk) == pytest.approx(0.67, abs=0.12)


def test_one_seed_one_cohort() -> None:
    first, again, other = (synthetic.cohort(500, incidence=0.02, seed=s, missing=0.2) for s in (5, 5, 6))

    assert first.levels.equals(again.levels)
    assert (first.risk == again.risk).all()
    assert not first.levels.equals(other.levels)
    assert (first.levels == synthetic.UNKNOWN).to_numpy().mean() == pytest.approx(0.2, abs=0.02)
    assert not (first.complete == synthetic.UNKNOWN).to_numpy().any()


def test_a_hospital_may_differ_from_the_literature() -> None:
    weak = synthetic.cohort(N, incidence=0.022, seed=7, drift=synthetic.Drift(slope=0.5))
    more = synthetic.Drift(log_odds={"onset": 1.0})
    strong = synthetic.cohort(N, incidence=0.022, seed=7, drift=more)

    assert weak.risk.mean() == pytest.approx(0.022, rel=1e-6)
    assert roc_auc(weak.outcome, weak.risk) < roc_auc(strong.outcome, strong.risk)
    induced = (strong.levels["onset"] == "induced").to_numpy()
    assert strong.risk[induced].mean() > 2 * strong.risk[~induced].mean()


@pytest.mark.parametrize(
    "wrong", [{"n": 0}, {"incidence": 0.0}, {"incidence": 1.0}, {"missing": 1.0}, {"events": 11}]
)
def test_what_cannot_be_is_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match=r"expected|not possible"):
        synthetic.cohort(**{"n": 10, "incidence": 0.02, "seed": 1} | wrong)


def test_every_simulated_admission_passes_the_form_and_keeps_its_levels(births: simulate.Births) -> None:
    table = literature.model()
    rows = births.values.drop(columns=["mother", "blood_loss_ml"]).head(800).to_dict("records")
    for row, drawn in zip(rows, births.cohort.complete.to_dict("records"), strict=False):
        row["admission_at"] = row["admission_at"].replace(tzinfo=UTC)
        typed, problems = contract.check(row)
        assert not [p for p in problems if p.severity is Severity.REFUSE], problems
        assert answers.allowed(table, typed) == {name: frozenset({code}) for name, code in drawn.items()}


def test_blood_loss_agrees_with_the_outcome_and_looks_like_blood_loss(births: simulate.Births) -> None:
    loss = births.values["blood_loss_ml"].astype(float)

    assert ((loss >= 1000) == (births.cohort.outcome == 1)).all()
    assert 180 < loss.median() < 350
    assert 0.08 < (loss >= 500).mean() < 0.2
    assert (loss >= 1500).sum() > 20


def test_mothers_seen_twice_have_one_history(births: simulate.Births) -> None:
    table = births.values.sort_values("admission_at", kind="stable")
    twice = table.groupby("mother").filter(lambda rows: len(rows) > 1).groupby("mother")
    first, second = twice.nth(0).set_index("mother"), twice.nth(1).set_index("mother")
    second = second.loc[first.index]

    assert 0.05 < len(first) / N < 0.2
    assert (first["parity"] + 1 == second["parity"]).all()
    assert (first["birth_date"] == second["birth_date"]).all()
    assert (first["height_cm"] == second["height_cm"]).all()
    assert ((first["blood_loss_ml"] >= 500) == (second["previous_pph"] != "none")).all()
    assert ((first["blood_loss_ml"] >= 1000) == (second["previous_pph"] == "pph_1000")).all()
    assert (second["admission_at"] - first["admission_at"]).min().days >= 329


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_command_writes_a_file_and_the_mapping_of_its_columns(tmp_path: Path, language: str) -> None:
    out = tmp_path / "births.csv"
    command = (
        sys.executable, "-m", "ml", "simulate-births", "--n", "300", "--events", "12",
        "--out", str(out), "--language", language,
    )  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["synthetic"], said["births"], said["events"]) == (True, 300, 12)

    delimiter = ";" if language == "fr" else ","
    with out.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter=delimiter))
    assert {row[simulated_csv.SYNTHETIC.to(language)] for row in rows} == {
        "oui" if language == "fr" else "yes"
    }
    text = (tmp_path / "mapping.yaml").read_text("utf-8")
    assert "synthetic births" in text
    assert "naissances synthétiques" in text
    read = mapping.Mapping.from_mapping(yaml.safe_load(text))
    assert read.synthetic
    assert mapping.check(list(rows[0]), read) == []
    loss = "pertes_sanguines_ml" if language == "fr" else "blood_loss_ml"
    assert sum(float(row[loss]) >= 1000 for row in rows) == 12


@pytest.mark.parametrize("share", ["1.5", "-3", "1", "nan"])
def test_a_share_missing_that_cannot_be_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], share: str
) -> None:
    out = tmp_path / "births.csv"
    assert main(["simulate-births", "--n", "10", f"--missing={share}", "--out", str(out)]) == 2
    assert "between 0 and 1" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_another_mapping_is_written_over_only_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["simulate-births", "--n", "50", "--out"]
    own = tmp_path / "mapping.yaml"
    assert main([*call, str(tmp_path / "a.csv")]) == 0
    assert main([*call, str(tmp_path / "b.csv")]) == 0, "the same columns: nothing is lost"
    own.write_text("columns: {mother: id}", "utf-8")
    assert main([*call, str(tmp_path / "c.csv")]) == 2
    assert "--force" in capsys.readouterr().err
    assert own.read_text("utf-8") == "columns: {mother: id}"
    assert not (tmp_path / "c.csv").exists()
    assert main([*call, str(tmp_path / "c.csv"), "--force"]) == 0
    assert "synthetic: true" in own.read_text("utf-8")


def test_a_wrong_call_is_one_sentence(tmp_path: Path) -> None:
    command = (
        sys.executable, "-m", "ml", "simulate-births", "--n", "10", "--events", "11",
        "--out", str(tmp_path / "births.csv"),
    )  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 2
    assert "11 events are not possible in 10 births" in done.stderr
    assert not list(tmp_path.iterdir())
