"""Learning from a hospital's births: the tier its events allow, the gate, the package that comes of it."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import yaml

from ml import package as packages
from ml import runner
from ml.__main__ import main
from ml.algorithms.haemorrhage import (
    batch,
    contract,
    external,
    hospital,
    literature,
    model,
    synthetic,
    what_if,
)
from ml.algorithms.haemorrhage.hospital import gate, likelihood, site, tiers
from ml.algorithms.haemorrhage.mapping import TIERS
from ml.contracts import Refused, Source, Status
from ml.training.bootstrap import Interval
from ml.training.evaluation import roc_auc
from tests import mlflow_store
from tests.hospital_tables import Table
from tests.machine import ROOT

PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))["haemorrhage"] | {"draws": 128}
FORM = {
    "admission_at": "21/11/2025 07:40", "birth_date": "03/04/1988", "parity": 2, "gestation_weeks": "39+2",
    "height_cm": 165, "weight_kg": 90, "fetuses": 1, "previous_caesareans": 1, "previous_pph": "pph_500",
    "placenta": "normal", "haemoglobin": 9.6, "onset": "induced", "anticoagulant": "no",
}  # fmt: skip


@pytest.fixture(scope="module")
def current() -> packages.Package:
    return packages.read(packages.ROOT / "haemorrhage" / packages.champion_version("haemorrhage"))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Table:
    folder = tmp_path_factory.mktemp("large")
    drift = synthetic.Drift(log_odds={"fibroids": 1.2})
    return Table(folder, 22_000, seed=5, events=4000, language="fr", drift=drift)


@pytest.fixture(scope="module")
def births(large: Table) -> hospital.Births:
    return hospital.read(large.path, large.columns())


@pytest.fixture(scope="module")
def trained(
    large: Table, current: packages.Package, tmp_path_factory: pytest.TempPathFactory
) -> tuple[hospital.Outcome, Path]:
    """One training that is accepted, and the root its package is in."""
    out = tmp_path_factory.mktemp("packages")
    return hospital.run(large.path, large.columns(), out=out, current=current, params=PARAMS), out


@pytest.fixture
def served(trained: tuple[hospital.Outcome, Path], monkeypatch: pytest.MonkeyPatch) -> packages.Package:
    outcome, out = trained
    monkeypatch.setattr(packages, "SITE", out)
    return packages.load("haemorrhage", outcome.package)


@pytest.mark.parametrize(
    ("events", "n", "tier"),
    [
        (40, 1600, "intercept"),
        (120, 3000, "intercept_slope"),
        pytest.param(400, 6000, "refit", marks=pytest.mark.long),
    ],
)
def test_a_table_gets_the_tier_its_events_allow(
    tmp_path: Path, current: packages.Package, events: int, n: int, tier: str
) -> None:
    table = Table(tmp_path, n, seed=8, events=events)
    told = []
    outcome = hospital.run(
        table.path, table.columns(), out=tmp_path / "out", current=current, params=PARAMS,
        progress=lambda share, what: told.append((share, what.fr)),
    )  # fmt: skip
    assert (outcome.tier, outcome.model) == (tier, tier)
    assert tier in TIERS
    assert (outcome.package is not None) == outcome.accepted == (tmp_path / "out").exists()
    assert bool(outcome.reasons) != outcome.accepted
    assert {c["code"] for c in outcome.criteria} == {
        "calibration_slope", "brier", "net_benefit_treat_all", "net_benefit_treat_none",
        "net_benefit_current",
    }  # fmt: skip
    for criterion in outcome.criteria:
        assert criterion["figure"]["low"] <= criterion["figure"]["value"] <= criterion["figure"]["high"]
        assert criterion["sentence"]["fr"] != criterion["sentence"]["en"]
    assert outcome.notes
    assert told[0][0] == 0
    assert told[-1] == (1.0, "Terminé")
    json.dumps(outcome.as_json(), allow_nan=False)


@pytest.mark.long
def test_thousands_of_events_are_learned_from_and_trees_compared_but_not_served(
    trained: tuple[hospital.Outcome, Path], births: hospital.Births
) -> None:
    outcome, _ = trained
    assert (outcome.tier, outcome.model, outcome.accepted) == ("trees", "refit", True)
    trees = outcome.figures["trees"]
    assert trees["served"] is False
    assert trees["verdict"] in {"better", "worse", "undecided"}
    low, high = (trees["differences"]["brier"][bound] for bound in ("low", "high"))
    assert (trees["verdict"] == "undecided") == (low <= 0 <= high)
    # As well as the table the births were drawn from can tell them apart.
    later = births.take(gate.split(births).later)
    truth = external.risks(_drifted(), later.levels, births.report["incidence"])
    assert outcome.figures["candidate"]["roc_auc"]["value"] > roc_auc(later.outcome, truth) - 0.01
    assert 0.85 < outcome.figures["candidate"]["calibration_slope"]["value"] < 1.15


def _drifted() -> model.Model:
    table = literature.coefficients(PARAMS)
    for factor in table["factors"]:
        if factor["name"] == "fibroids":
            for level in factor["levels"]:
                level["log_odds_ratio"] += 1.2 * (level["code"] == "yes")
    return model.from_json(table)


def test_what_is_learned_moves_from_the_literature_as_far_as_the_births_say(
    served: packages.Package,
) -> None:
    learned, published = model.of(served), literature.model()

    def odds(found: model.Model, name: str) -> np.ndarray:
        return found.by_name[name].log_odds

    fibroids = odds(learned, "fibroids")[1] - odds(published, "fibroids")[1]
    assert 0.5 < fibroids < 1.4
    unmoved = [f for f in published.factors if f.name != "fibroids"]
    moved = [np.abs(odds(learned, f.name) - f.log_odds).max() for f in unmoved]
    assert np.median(moved) < 0.15
    # Hundreds of events know a common factor better than the studies did.
    assert learned.by_name["onset"].spread.max() < published.by_name["onset"].spread.max() / 2


def test_the_package_serves_through_the_usual_doors(served: packages.Package) -> None:
    outcome = runner.run(
        "haemorrhage", Source(values=FORM, options={"incidence": 0.02}), version=served.version
    )
    assert outcome.status is Status.OK, outcome.problems
    assert outcome.explanation_status == "ok"
    learned = served.input["settings"]["incidence"]["default"]
    assert outcome.result["incidence"] == pytest.approx(learned)
    assert "incidence_learned" in {finding.code for finding in outcome.quality}
    said = outcome.report.as_json()["sections"][-1]["rows"]
    assert "odds ratios learned here" in said[0]["value"]["en"]
    assert "simulées" in said[0]["value"]["fr"]
    assert "holdout" not in str(said)
    assert any("later simulated births" in row["label"]["en"] for row in said)
    data = outcome.explanation.data
    total = data["base"] + sum(c["contribution"] for c in data["contributions"]) + data["averaging"]
    assert total == pytest.approx(model.logit(outcome.result["risk"]))
    low, high = outcome.result["interval"]
    assert 0 < low < outcome.result["risk"] < high < 1
    typed, _ = contract.check(FORM)
    assert batch.risks(served, [typed]).risk[0] == pytest.approx(outcome.result["risk"], abs=1e-9)
    answer = what_if.answer(served, FORM, {}, {"haemoglobin": 12.0})
    assert answer["after"]["risk"] < answer["before"]["risk"] == pytest.approx(outcome.result["risk"])


def test_what_is_served_is_what_was_judged(
    served: packages.Package, trained: tuple[hospital.Outcome, Path], births: hospital.Births
) -> None:
    parts = gate.split(births)
    later = births.take(parts.later)
    incidence = served.input["settings"]["incidence"]["default"]
    risks = external.risks(model.of(served), later.levels, incidence)
    shown = trained[0].figures["candidate"]
    assert np.mean((risks - later.outcome) ** 2) == pytest.approx(shown["brier"]["value"])
    earlier = births.take(parts.earlier)
    fitted = external.risks(model.of(served), earlier.levels, incidence)
    assert fitted.mean() == pytest.approx(earlier.outcome.mean(), rel=0.01)


def test_the_manifest_says_what_it_was_made_of(served: packages.Package, large: Table) -> None:
    data = served.manifest["data"]
    assert (data["births"], data["events"]) == (22_000, 4000)
    assert data["file_sha256"] == packages.file_sha256(large.path)
    assert data["mapping"]["columns"]["haemoglobin"]["column"] == large.column("haemoglobin")
    assert data["licence"].startswith("local")
    assert served.manifest["training"]["kind"] == "hospital"
    assert any("simulées" in limit.fr for limit in served.limits)
    metric = next(m for m in served.metrics if m.name == "holdout_calibration_slope")
    assert metric.low < metric.value < metric.high
    assert metric.n == served.manifest["training"]["holdout"]["births"]
    assert metric.command.startswith("python -m ml train haemorrhage --data")
    assert "SYN-" not in json.dumps(served.manifest)


def test_simulated_births_are_nowhere_called_those_of_the_hospital(served: packages.Package) -> None:
    said = json.dumps([served.manifest["data"], *(limit.en for limit in served.limits)])
    assert "simulated births" in said
    assert "of this hospital" not in said
    assert served.json("curves.json")["data"]["en"].startswith("simulated births from ")


def test_one_figure_has_one_interval(served: packages.Package) -> None:
    held_out = served.manifest["training"]["holdout"]["figures"]["candidate"]
    for name, drawn in served.json("curves.json")["figures"].items():
        assert drawn == pytest.approx(held_out.get(name, drawn), abs=1e-5)


def test_old_versions_stay_and_going_back_is_naming_one(
    served: packages.Package, current: packages.Package
) -> None:
    packages.name_champion("haemorrhage", served.version)
    assert packages.load("haemorrhage").version == served.version
    packages.name_champion("haemorrhage", current.version)
    assert packages.load("haemorrhage").version == current.version
    assert served.version in packages.versions("haemorrhage")


def test_two_trainings_of_one_table_agree_and_no_package_is_written_over(
    tmp_path: Path, current: packages.Package
) -> None:
    table = Table(tmp_path, 1200, seed=3, events=100)
    births = hospital.read(table.path, table.columns())
    base = literature.coefficients(PARAMS)
    first, second = (tiers.learn(births, base, "refit", seed=1).coefficients for _ in range(2))
    assert first == second
    taken = tmp_path / "haemorrhage" / "site-2025.01.01-1"
    taken.mkdir(parents=True)
    with pytest.raises(Refused) as refusal:
        hospital.run(
            table.path, table.columns(), out=tmp_path, version=taken.name, current=current, params=PARAMS
        )
    assert refusal.value.problems[0].code == "version_taken"
    with pytest.raises(packages.BrokenPackage, match="a version is written in"):
        hospital.run(
            table.path, table.columns(), out=tmp_path, version="../x", current=current, params=PARAMS
        )
    assert site.next_version(tmp_path, datetime(2025, 1, 1)) == "site-2025.01.01-2"


def test_a_candidate_no_better_than_what_serves_is_not_accepted(
    served: packages.Package, births: hospital.Births
) -> None:
    later = births.take(gate.split(births).later)
    incidence = served.input["settings"]["incidence"]["default"]
    risks = external.risks(model.of(served), later.levels, incidence)
    same = gate.judge(
        later, {gate.CANDIDATE: risks, gate.CURRENT: risks}, rate=incidence, threshold=0.2, seed=0
    )
    assert not same.accepted
    assert [c.code for c in same.criteria if not c.met] == ["net_benefit_current"]
    assert "no more than the model in service" in same.reasons[0].en
    spread = model.sigmoid(2 * np.log(risks / (1 - risks)) + 1)
    worse = gate.judge(
        later, {gate.CANDIDATE: spread, gate.CURRENT: risks}, rate=incidence, threshold=0.2, seed=0
    )
    assert "calibration_slope" in {c.code for c in worse.criteria if not c.met}


def test_judges_know_none_of_the_mothers_learned_from(births: hospital.Births) -> None:
    parts = gate.split(births)
    assert not set(births.mother[parts.earlier]) & set(births.mother[parts.later])
    assert births.day[parts.earlier].max() < births.day[parts.later].min()
    assert parts.left_out > 0
    assert len(parts.earlier) + len(parts.later) + parts.left_out == len(births)


def test_unknown_answers_are_averaged_over_in_the_likelihood() -> None:
    base = literature.model()
    cohort = synthetic.cohort(300, incidence=0.05, seed=2, missing=0.15)
    b = np.concatenate([factor.log_odds for factor in base.factors])
    design = likelihood.Design(base, cohort.levels)
    value, gradient = design.log_odds(b)
    exact = [
        float(np.log(spectrum.mass @ np.exp(spectrum.value)))
        for row in cohort.levels.to_dict("records")
        for spectrum in [base.spectrum(likelihood.allowed(row))]
    ]
    np.testing.assert_allclose(value[design.pattern], exact, atol=1e-4)
    step = 1e-6 * np.random.default_rng(0).normal(size=len(b))
    np.testing.assert_allclose(design.log_odds(b + step)[0] - value, gradient @ step, rtol=1e-3, atol=1e-10)


def test_factors_that_go_together_here_do_not_shift_the_risks(births: hospital.Births) -> None:
    cohort = synthetic.cohort(5000, incidence=0.05, seed=3)
    levels = cohort.levels.assign(**dict.fromkeys(("art", "fibroids"), cohort.levels["gestational_diabetes"]))
    together = hospital.Births(
        levels, cohort.outcome, np.arange(5000), np.zeros(5000, "datetime64[D]"), {}, births.mapping, ""
    )
    found = tiers.learn(together, literature.coefficients(PARAMS), "intercept", seed=0)
    assert abs(found.model.offset) > 0.01
    risks = external.risks(found.model, levels, cohort.outcome.mean())
    assert risks.mean() == pytest.approx(cohort.outcome.mean(), rel=1e-4)


def test_one_slope_finds_how_far_the_factors_say_less_here(tmp_path: Path) -> None:
    table = Table(tmp_path, 6000, seed=1, events=700, drift=synthetic.Drift(slope=0.4))
    births = hospital.read(table.path, table.columns())
    found = tiers.learn(births, literature.coefficients(PARAMS), "intercept_slope", seed=0)
    assert found.learned["slope"] == pytest.approx(0.4, abs=3 * found.learned["slope_error"])
    assert found.learned["slope_error"] < 0.15


@pytest.mark.parametrize("fault", ["leak", "unit", "duplicate", "month", "zero"])
def test_a_table_that_teaches_nothing_replaces_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    table = Table(tmp_path, 1200, seed=6, events=40, years=2)
    cells, haemoglobin = table.cells, table.column("haemoglobin")
    if fault == "leak":
        table.mapping["columns"]["anticoagulant"]["column"] = "duree_travail"
        cells["duree_travail"] = "no"
    elif fault == "unit":
        table.mapping["columns"]["haemoglobin"]["unit"] = "g/L"
    elif fault == "duplicate":
        cells.loc[len(cells)] = cells.loc[3]
    elif fault == "month":
        april = table.month("2025-04")
        cells.loc[april, haemoglobin] = ""
    else:
        cells[table.column("blood_loss_ml")] = "300"
    path, mapping = table.write(tmp_path / "changed.csv"), tmp_path / "changed.yaml"
    mapping.write_text(yaml.safe_dump(table.mapping), "utf-8")
    out = tmp_path / "out"
    before = packages.champion_version("haemorrhage")
    status = main(
        ["train", "haemorrhage", "--data", str(path), "--mapping", str(mapping), "--out", str(out),
         "--params", str(ROOT / "params.yaml")]
    )  # fmt: skip
    line = json.loads(capsys.readouterr().out)
    assert status == 1
    assert line["status"] == "refused"
    assert [problem["code"] for problem in line["problems"]] == [
        {"leak": "known_only_later", "unit": "wrong_unit", "duplicate": "same_birth_twice",
         "month": "shifted_month", "zero": "label_all_zero"}[fault]
    ]  # fmt: skip
    assert line["serving"] == before == packages.champion_version("haemorrhage")
    assert not out.exists()


def test_the_command_names_what_is_wrong_with_the_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, mapping = tmp_path / "births.csv", tmp_path / "mapping.yaml"
    call = ["train", "haemorrhage", "--data", str(data)]
    assert main(call) == 2
    assert main([*call, "--mapping", str(mapping)]) == 2
    data.write_text("a,b\n", "utf-8")
    assert main(call) == 2
    assert "need --mapping mapping.yaml" in capsys.readouterr().err
    mapping.write_text("columns: [", "utf-8")
    assert main(["train", "german_credit", *call[2:], "--mapping", str(mapping)]) == 2
    assert main(["train", "german_credit", *call[2:]]) == 2
    assert "is not a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (b"columns: [", "not_yaml", "mapping.yaml is not YAML: line 1 cannot be read."),
        (b"when: 2024-13-45", "not_yaml", "mapping.yaml is not YAML."),
        (b"[" * 5000, "not_yaml", "mapping.yaml is not YAML."),
        (b"PK\x03\x04\x00\x00", "not_yaml", "mapping.yaml is no text in UTF-8."),
        (b"\xff\xfe\x00", "not_yaml", "mapping.yaml is no text in UTF-8."),
        (b"columns: {parity: p, colour: c}", "unknown_field", "“colour” is no field"),
    ],
)
def test_a_mapping_that_cannot_be_read_ends_with_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, code: str, said: str
) -> None:
    data, mapping = tmp_path / "births.csv", tmp_path / "mapping.yaml"
    data.write_text("a,b\n1,2\n", "utf-8")
    mapping.write_bytes(content)
    call = ["train", "haemorrhage", "--data", str(data), "--mapping", str(mapping)]
    assert main([*call, "--params", str(ROOT / "params.yaml")]) == 2
    line = json.loads(capsys.readouterr().out)
    assert line["status"] == "wrong_mapping"
    assert [problem["code"] for problem in line["problems"]] == [code]
    assert line["problems"][0]["message"]["en"].startswith(said)


@pytest.mark.parametrize(
    ("interval", "met", "said"),
    [
        (Interval(0.002, 0.001, 0.003), True, ("is worth more than the model", "vaut mieux que le modèle")),
        (Interval(0.00009, -0.00041, 0.00059), True, ("no less than", "ne vaut pas moins que")),
        (Interval(-0.00009, -0.00059, 0.00041), False, ("no more than", "ne vaut pas mieux que")),
        (Interval(-0.002, -0.003, -0.001), False, ("is worth less than", "vaut moins que")),
        (Interval(0.001, None, None), True, ("no less than", "ne vaut pas moins que")),
    ],
)
def test_more_is_said_only_when_the_interval_excludes_zero(
    interval: Interval, met: bool, said: tuple[str, str]
) -> None:
    undecided = interval.low is None or interval.low <= 0 <= interval.high
    worth = gate.worth(interval, gate.CURRENT, 0.04)
    mirrored = (None if x is None else -x for x in (interval.value, interval.high, interval.low))
    brier = gate.brier(Interval(*mirrored))
    assert worth.met is brier.met is met
    for text, part in zip((worth.sentence.en, worth.sentence.fr), said, strict=True):
        assert part in text
    for criterion in (worth, brier):
        assert ("(undecided)" in criterion.sentence.en) == undecided
        assert ("(indécis)" in criterion.sentence.fr) == undecided


def test_a_rejected_candidate_ends_with_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(tmp_path, 1200, seed=6, events=40, years=2)
    mapping, out = tmp_path / "own.yaml", tmp_path / "out"
    mapping.write_text(yaml.safe_dump(table.mapping), "utf-8")
    call = ["train", "haemorrhage", "--data", str(table.path), "--mapping", str(mapping), "--out", str(out)]
    with mlflow_store.apart(tmp_path / "runs"):
        assert main([*call, "--params", str(ROOT / "params.yaml")]) == 1
    assert json.loads(capsys.readouterr().out)["status"] == "rejected"
    assert not out.exists()


@pytest.mark.long
def test_the_example_of_the_documentation_is_accepted_and_ends_with_nought(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {
        example
        for name in ("docs/hospital-data.md", "README.md")
        for example in re.findall(
            r"python -m ml (simulate-births --n.*?) --out", (ROOT / name).read_text("utf-8")
        )
    }
    (example,) = found
    data, out = tmp_path / "births.csv", tmp_path / "out"
    assert main([*example.split(), "--out", str(data)]) == 0
    call = ["train", "haemorrhage", "--data", str(data), "--mapping", str(tmp_path / "mapping.yaml")]
    with mlflow_store.apart(tmp_path / "runs"):
        assert main([*call, "--out", str(out), "--params", str(ROOT / "params.yaml")]) == 0
        (written,) = (out / "haemorrhage").iterdir()
        mlflow_store.assert_complete(packages.read(written))
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert line["status"] == "accepted"
