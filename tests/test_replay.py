"""Replay: what was answered then is answered again, by the package of then; whatever differs is placed."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit.models import Action, Event
from clinic.backup import making
from ml import package as packages
from ml import package_upkeep, runtime
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from ml.algorithms.sleep import simulate
from ml.contracts import Refused
from ml.package_upkeep import Place
from patients.models import Patient
from predictions import differences, guards, intake, replaying
from predictions.models import Explanation, Prediction, StoredArtefact, Study, StudyFile
from predictions.replaying import Verdict
from predictions.states import State
from predictions.storage import receive, storage
from tests.sleep_files import edf_bytes
from tests.studies import analysed, waiting

pytestmark = pytest.mark.django_db

OTHER = "haemorrhage", "9.9.9"
TENTH_OF_A_HOUR = 0.1


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of what is shipped for haemorrhage, for a test to take things out of."""
    root = tmp_path / "shipped"
    shutil.copytree(packages.ROOT / "haemorrhage", root / "haemorrhage")
    monkeypatch.setattr(packages, "ROOT", root)
    return root


@pytest.fixture
def answered(alice: User, claire: Patient) -> Study:
    """Return an admission that was answered."""
    values = as_of(EXAMPLES[0], timezone.now())
    return analysed(
        intake.submit(user=alice, patient=claire, algorithm="haemorrhage", values=values, idempotency_key="k")
    )


@pytest.fixture
def unguarded(answered: Study) -> Study:
    """Return it in a database that lets answers be changed, as whoever owns the tables could have it."""
    guards.GUARDS.remove(connection)
    return answered


def promote(root: Path) -> packages.Package:
    """Bring another version with the next release, and have it serve."""
    algorithm, version = OTHER
    old = packages.load(algorithm)
    folder = root / algorithm / version
    shutil.copytree(old.folder, folder)
    (folder / packages.MANIFEST).unlink()
    changed = {key: value for key, value in old.manifest.items() if key not in ("files", "sha256", "created")}
    packages.write(folder, changed | {"version": version})
    (root / algorithm / packages.CHAMPION).write_text(f"{version}\n", "utf-8")
    return packages.load(algorithm)


def replayed(study: Study) -> replaying.Comparison:
    return replaying.replay(replaying.find(study.pk))


def flip(path: Path, place: int = -1) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[place if place >= 0 else len(content) // 2] ^= 1
    path.write_bytes(content)


def told(*arguments: str) -> tuple[int, str]:
    """Return how ``manage.py replay`` ends and what it says."""
    out = StringIO()
    try:
        call_command("replay", *arguments, stdout=out)
    except CommandError as error:
        return error.returncode, out.getvalue() + str(error)
    return 0, out.getvalue()


def test_an_old_package_replays_byte_for_byte_after_a_new_one_was_promoted_and_the_old_one_is_gone(
    shipped: Path, answered: Study
) -> None:
    old = packages.load("haemorrhage")
    promoted = promote(shipped)
    assert promoted.sha256 != answered.prediction.package_sha256 == old.sha256
    assert (replayed(answered).verdict, replayed(answered).exact) == (Verdict.SAME, True)
    shutil.rmtree(old.folder)
    packages._verified.cache_clear()
    comparison = replayed(answered)
    assert (comparison.verdict, comparison.exact, comparison.version) == (Verdict.SAME, True, old.version)
    code, said = told(str(answered.prediction.pk))
    assert code == 0
    assert "same" in said
    assert "byte for byte" in said


def test_a_night_replays_with_its_figures_reasons_and_files_on_the_network_it_was_staged_with(
    tmp_path: Path, terry: User, nina: Patient
) -> None:
    path = tmp_path / "nap.edf"
    simulate.write_night(path, hours=TENTH_OF_A_HOUR, seed=3)
    packages.name_champion("sleep", "1.1.1")
    study = waiting(terry, nina, algorithm="sleep")
    content = path.read_bytes()
    received = receive(ContentFile(content), limit=len(content))
    StudyFile.objects.create(
        study=study, name=storage.adopt(received, "uploads"), original_name="nap.edf",
        size=received.size, sha256=received.sha256,
    )  # fmt: skip
    analysed(study)
    assert (study.state, study.prediction.package_version) == (State.READY, "1.1.1")
    packages.name_champion("sleep", "1.3.0")
    assert packages.load("sleep").version == "1.3.0"
    comparison = replayed(study)
    assert (comparison.verdict, comparison.exact, comparison.version) == (Verdict.SAME, True, "1.1.1")
    pyramid = study.prediction.artefacts.get(name="pyramid.bin")
    StoredArtefact.objects.filter(pk=pyramid.pk).update(sha256="0" * 64)
    (found,) = replayed(study).differences
    assert (found.path, found.stored, found.replayed) == (
        "$.artefacts[pyramid.bin].sha256", "0" * 64, pyramid.sha256,
    )  # fmt: skip


def single_eeg(terry: User, nina: Patient) -> Study:
    """Return a nap of one EEG that was staged."""
    study = waiting(terry, nina, algorithm="sleep")
    content = edf_bytes(seconds=600)
    received = receive(ContentFile(content), limit=len(content))
    StudyFile.objects.create(
        study=study, name=storage.adopt(received, "uploads"), original_name="nap.edf",
        size=received.size, sha256=received.sha256,
    )  # fmt: skip
    return analysed(study)


def test_an_answer_of_before_a_figure_was_added_is_the_same_and_the_replay_says_what_it_left_out(
    terry: User, nina: Patient
) -> None:
    study = single_eeg(terry, nina)
    prediction = study.prediction
    guards.GUARDS.remove(connection)
    assert prediction.result["networks"]["log_odds"] is not None
    assert (replayed(study).verdict, replayed(study).left_out) == (Verdict.SAME, ())

    # As the release before stored it: without the figure and without its sentence.
    before = {key: value for key, value in prediction.result.items() if key != "networks"}
    sections = [
        part | ({"paragraphs": []} if part["title"]["en"] == "Channels used" else {})
        for part in prediction.report["sections"]
    ]
    old = prediction.report | {"sections": sections}
    Prediction.objects.filter(pk=prediction.pk).update(result=before, report=old)
    comparison = replayed(study)
    assert (comparison.verdict, comparison.exact, comparison.differences) == (Verdict.SAME, True, ())
    assert comparison.left_out == ("$.result.networks",)
    assert Event.objects.filter(action=Action.REPLAY).latest("at").payload.data["left_out"] == [
        "$.result.networks"
    ]
    code, said = told(str(study.pk))
    assert code == 0
    assert "$.result.networks: written by later releases" in said

    # What was stored is compared, and so is every other word of the report and every other key.
    Prediction.objects.filter(pk=prediction.pk).update(report=prediction.report)
    assert [each.path for each in replayed(study).differences] == [
        "$.report.sections[2].paragraphs.length",
        "$.report.sections[2].paragraphs[0]",
    ]
    lacking = {key: value for key, value in before.items() if key != "uncertain"}
    Prediction.objects.filter(pk=prediction.pk).update(result=lacking, report=old)
    assert {each.path for each in replayed(study).differences} == {"$.result.uncertain"}
    other = prediction.result | {"networks": {"raw": True, "log_odds": 9.0}}
    Prediction.objects.filter(pk=prediction.pk).update(result=other, report=prediction.report)
    found = replayed(study)
    assert found.left_out == ()
    assert "$.result.networks.log_odds" in {each.path for each in found.differences}


def test_a_changed_answer_is_found_and_placed_with_both_values(unguarded: Study) -> None:
    prediction = unguarded.prediction
    risk = prediction.result["risk"]
    Prediction.objects.filter(pk=prediction.pk).update(result=prediction.result | {"risk": 0.5})
    Explanation.objects.filter(prediction=prediction).update(sentence={"en": "Because."})
    code, said = told(str(prediction.pk), "--json")
    comparison = json.loads(said.splitlines()[0])
    places = {each["path"]: (each["stored"], each["replayed"]) for each in comparison["differences"]}
    assert code == 1
    assert comparison["verdict"] == "different"
    assert places["$.result.risk"] == (0.5, risk)
    assert places["$.explanation.sentence.en"][0] == "Because."
    assert places["$.explanation.sentence.fr"][0] == "(absent)"


def test_long_values_are_told_by_the_place_where_they_part(unguarded: Study) -> None:
    prediction = unguarded.prediction
    headline = "An answer as long as sentences of reports are. " * 6
    report = prediction.report | {"headline": {"en": f"{headline}Good.", "fr": "Bien."}}
    Prediction.objects.filter(pk=prediction.pk).update(report=report)
    stored = [{"t": number, "stage": "N2"} for number in range(300)]
    moved = [*stored[:200], *stored[201:]]
    places = list(differences.between({"night": stored}, {"night": moved}, "$", differences.Tolerance()))
    assert [(each.path, each.stored, each.replayed) for each in places] == [
        ("$.night.length", 300, 299),
        ("$.night[200].t", 200, 201),
    ]
    (lengths, more) = differences.between([1, 2], [1], "$", differences.Tolerance())
    assert (lengths.stored, more.path, more.replayed) == (2, "$[1]", differences.ABSENT)
    one, other = differences.placed(f"{headline}Good.", f"{headline}Bad.")
    assert one.startswith("…")
    assert "Good." in one
    assert "Bad." in other
    assert "character 284 of 289" in one
    assert differences.placed(0.5, "short") == ("0.5", '"short"')
    _, said = told(str(prediction.pk))
    line = next(line for line in said.splitlines() if line.startswith("  $.report.headline.en: "))
    shown, again = line.partition(": ")[2].split(" stored, ")
    assert shown != again.removesuffix(" replayed")
    assert len(line) < 400


def test_what_chooses_among_all_is_refused_with_a_number_and_days_begin_here(answered: Study) -> None:
    for chosen in (("--algorithm", "sleep"), ("--since", "2999-01-01")):
        code, said = told(str(answered.prediction.pk), *chosen)
        assert (code, said) == (2, "--since and --algorithm choose among --all")
    # Half past midnight in Paris, still the day before in UTC.
    guards.GUARDS.remove(connection)
    moment = datetime(2026, 7, 1, 0, 30, tzinfo=ZoneInfo("Europe/Paris"))
    Prediction.objects.update(created_at=moment)
    assert "nothing to replay" not in told("--all", "--since", "2026-07-01")[1]
    assert told("--all", "--since", "2026-07-02")[1] == "there is nothing to replay\n"


def test_on_another_processor_figures_may_be_a_little_off_and_words_may_not(unguarded: Study) -> None:
    prediction = unguarded.prediction
    elsewhere = prediction.runtime | {"processor": "another one"}
    Prediction.objects.filter(pk=prediction.pk).update(runtime=elsewhere)
    assert replayed(unguarded).verdict == Verdict.SAME
    risk = prediction.result["risk"]
    near = prediction.result | {"risk": risk * (1 + 1e-6)}
    Prediction.objects.filter(pk=prediction.pk).update(result=near)
    comparison = replayed(unguarded)
    assert comparison.verdict == Verdict.WITHIN_TOLERANCE
    assert comparison.elsewhere["processor"] == ["another one", runtime.described()["processor"]]
    Prediction.objects.filter(pk=prediction.pk).update(result=prediction.result | {"risk": risk + 0.001})
    assert [each.path for each in replayed(unguarded).differences] == ["$.result.risk"]
    # What nobody wrote down may have been anything.
    Prediction.objects.filter(pk=prediction.pk).update(result=near, runtime={})
    assert replayed(unguarded).verdict == Verdict.WITHIN_TOLERANCE
    # A figure that is off by the millionth is another answer where nothing else changed.
    Prediction.objects.filter(pk=prediction.pk).update(runtime=prediction.runtime)
    assert [each.path for each in replayed(unguarded).differences] == ["$.result.risk"]


def test_what_an_answer_was_computed_on_is_written_down_with_it(answered: Study) -> None:
    written = answered.prediction.runtime
    assert written == runtime.described()
    assert all(written[name] for name in ("processor", "python", "numpy", "onnxruntime", "threads"))


def test_the_input_is_held_against_the_moment_it_was_analysed(answered: Study) -> None:
    Study.objects.filter(pk=answered.pk).update(started_at=timezone.now() - timedelta(days=400))
    (found,) = replayed(answered).differences
    assert (found.path, found.stored) == ("$.status", "ok")
    assert "refused" in found.replayed


def test_a_package_that_is_gone_is_said(shipped: Path, answered: Study) -> None:
    old = packages.load("haemorrhage")
    promote(shipped)
    shutil.rmtree(old.folder)
    shutil.rmtree(packages.SITE / packages.KEPT)
    packages._verified.cache_clear()
    code, said = told(str(answered.pk))
    assert code == 2
    assert "haemorrhage 1.1.0" in said
    assert "no longer here" in said


def test_what_cannot_be_replayed_is_said_and_does_not_hide_what_differs(
    unguarded: Study, alice: User, claire: Patient
) -> None:
    refused = waiting(alice, claire)
    Study.objects.filter(pk=refused.pk).update(state=State.REFUSED)
    code, said = told(str(refused.pk))
    assert code == 2
    assert "has no answer (refused)" in said
    assert told("00000000-0000-4000-8000-000000000000")[0] == 2
    Prediction.objects.update(result={})
    assert told(str(refused.pk), str(unguarded.pk))[0] == 1
    assert told("--all")[0] == 1
    assert told("--all", "--since", "2999-01-01") == (0, "there is nothing to replay\n")
    assert told()[0] == 2


def test_files_that_were_erased_or_lost_are_said(charlie: User, henri: Patient) -> None:
    study = waiting(charlie, henri, algorithm="chest_xray")
    serving = packages.load("chest_xray")
    prediction = Prediction.objects.create(
        study=study, package_version=serving.version, package_sha256=serving.sha256, result={}, report={},
        created_at=timezone.now(),
    )  # fmt: skip
    Explanation.objects.create(
        prediction=prediction, status="absent", package_version="", package_sha256=serving.sha256
    )
    with pytest.raises(Refused) as refusal:
        replayed(study)
    assert [problem.code for problem in refusal.value.problems] == ["file_erased"]
    StudyFile.objects.create(study=study, name="uploads/ab/gone", original_name="f", size=1, sha256="0" * 64)
    with pytest.raises(Refused) as refusal:
        replayed(study)
    assert [problem.code for problem in refusal.value.problems] == ["stored_file_missing"]


def test_a_replay_is_on_record_and_changes_nothing(answered: Study) -> None:
    before = Prediction.objects.values().get()
    replayed(answered)
    event = Event.objects.get(action=Action.REPLAY)
    assert (event.study, event.patient, event.kind) == (answered.pk, answered.patient_id, "prediction")
    assert event.payload.data["verdict"] == "same"
    assert Prediction.objects.values().get() == before


# --- kept packages ---------------------------------------------------------------------------


def copied(folder: Path) -> Path:
    source = packages.load("haemorrhage").folder
    return Path(shutil.copytree(source, folder / "haemorrhage" / "1.1.0"))


def test_one_flipped_bit_in_any_file_of_a_package_is_refused_at_load_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = copied(tmp_path / "whole")
    files = sorted(path.name for path in whole.iterdir())
    assert len(files) > 3
    for number, name in enumerate(files):
        monkeypatch.setattr(packages, "ROOT", tmp_path / str(number))
        flip(copied_from(whole, tmp_path / str(number)) / name)
        with pytest.raises(packages.BrokenPackage, match=rf"haemorrhage 1\.1\.0.*{name.split('.')[0]}"):
            packages.load("haemorrhage", "1.1.0")


def copied_from(whole: Path, root: Path) -> Path:
    return Path(shutil.copytree(whole, root / "haemorrhage" / "1.1.0"))


def test_a_kept_package_with_one_flipped_bit_is_refused_by_name_and_kept_anew_while_it_is_shipped() -> None:
    serving = packages.load("haemorrhage")
    kept = packages.keep(serving)
    name = next(iter(serving.manifest["files"]))
    flip(kept / name)
    with pytest.raises(
        packages.BrokenPackage, match=rf"haemorrhage 1\.1\.0 \(kept as .*{name} does not match"
    ):
        packages.read(kept)
    packages._kept.clear()
    assert packages.keep(serving) == kept
    assert packages.read(kept).sha256 == serving.sha256
    assert [path.name for path in kept.parent.iterdir()] == [serving.sha256]


def test_a_damaged_kept_package_is_found_by_the_weekly_look_and_replaced_by_a_replay(
    answered: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    serving = packages.load("haemorrhage")
    kept = packages.SITE / packages.KEPT / serving.sha256
    name = next(iter(serving.manifest["files"]))
    call_command("verify_storage")
    assert "0 are not" in capsys.readouterr().out
    flip(kept / name)
    packages._kept.clear()
    with pytest.raises(CommandError, match="replay of an answer") as error:
        call_command("verify_storage")
    assert error.value.returncode == 3
    assert f"kept: package haemorrhage 1.1.0 (kept as {serving.sha256[:12]}): file {name}" in (
        capsys.readouterr().err
    )
    code, said = told(str(answered.pk))
    assert code == 0
    assert "was damaged; it was replaced by a whole one" in said
    assert packages.read(kept).sha256 == serving.sha256
    assert Event.objects.get(action=Action.REPLAY).payload.data["kept"] == "replaced"
    call_command("verify_storage")
    packages._kept.clear()
    shutil.rmtree(kept)
    assert "it is kept now" in told(str(answered.pk))[1]
    assert "kept" not in told(str(answered.pk))[1]


def test_damaged_packages_that_serve_or_wait_are_found(shipped: Path, tmp_path: Path) -> None:
    whole = packages.load("haemorrhage").folder
    here = Path(shutil.copytree(whole, packages.SITE / "haemorrhage" / "1.1.0"))
    alike = Path(shutil.copytree(whole, packages.SITE / "haemorrhage" / "2.0.0"))
    (packages.SITE / "haemorrhage" / "unfinished").mkdir()
    flip(here / packages.MANIFEST)
    flip(shipped / "haemorrhage" / "1.1.0" / packages.MANIFEST)
    said = {one.folder: (one.place, one.problem) for one in package_upkeep.verify() if one.problem}
    assert said.keys() == {here, alike, shipped / "haemorrhage" / "1.1.0"}
    assert said[here][0] is Place.HERE
    assert said[shipped / "haemorrhage" / "1.1.0"][0] is Place.SHIPPED
    assert "another name" in said[alike][1]


def test_a_replay_with_a_damaged_package_computes_nothing(shipped: Path, answered: Study) -> None:
    old = packages.load("haemorrhage")
    promote(shipped)
    shutil.rmtree(old.folder)
    packages._verified.cache_clear()
    flip(packages.SITE / packages.KEPT / old.sha256 / next(iter(old.manifest["files"])))
    with pytest.raises(Refused) as refusal:
        replayed(answered)
    (problem,) = refusal.value.problems
    assert problem.code == "package_broken"
    assert "1.1.0" in problem.message.fr


def test_an_answer_stands_though_its_package_could_not_be_kept(alice: User, claire: Patient) -> None:
    packages.SITE.mkdir()
    (packages.SITE / packages.KEPT).touch()
    values = as_of(EXAMPLES[0], timezone.now())
    assert analysed(waiting(alice, claire, values=values)).state == State.READY


def test_a_kept_package_is_in_a_backup_and_comes_back(tmp_path: Path) -> None:
    serving = packages.load("haemorrhage")
    packages.keep(serving)
    assert making._copy_packages(tmp_path) == [f"kept/{serving.sha256}"]
    assert packages.read(tmp_path / "kept" / serving.sha256).sha256 == serving.sha256
