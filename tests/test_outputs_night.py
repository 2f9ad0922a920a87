"""Report and annotations of a night: what people scored is reported, the draft stays beside it, marked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import edfio
import mne
import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from ml import runner
from ml.algorithms.sleep.annotations import read_hypnogram
from ml.contracts import Source
from predictions import review
from predictions.models import Prediction, Study
from tests import factories, nights, outputs
from tests.test_outputs_pdf import words

pytestmark = pytest.mark.django_db

SHARED = Path("../shared/data/sleep/rsleep/montage_89ch_120s.edf")
HARD_COMMENT = '😀 مرحبا שלום 漢字 \u202eabc\x07 "Sleep stage N3" ' + "x" * 220


@pytest.fixture
def study() -> Study:
    """Return a night of eight hours with its draft."""
    return outputs.answered("sleep", outcome=nights.outcome())


@pytest.fixture
def technician(study: Study) -> User:
    """Return somebody who scores."""
    return factories.staff("tech", Role.TECHNICIAN, study.unit)


@pytest.fixture
def scored(study: Study, technician: User) -> Study:
    """Return the night corrected by its technician."""
    nights.score(study, technician, *nights.correction(HARD_COMMENT))
    return study


def stages_of(study: Study) -> list[str]:
    """Return what the correction of :mod:`tests.nights` makes of the draft."""
    expected = list(study.prediction.result["stages"])
    expected[66:72] = ["N1"] * 6
    expected[500] = "W"
    return expected


def annotations(content: bytes, tmp_path: Path) -> list[tuple[float, float, str]]:
    """Read a file as MNE does, after our own reader found the same stages in it."""
    path = tmp_path / "night.edf"
    path.write_bytes(content)
    read = mne.read_annotations(path)
    rows = zip(read.onset, read.duration, read.description, strict=True)
    found = [(float(a), float(b), str(c)) for a, b, c in rows]
    prefix = "Sleep stage "
    stages = [text.removeprefix(prefix) for _on, _s, text in found if text.startswith(prefix)]
    ours = read_hypnogram(path)
    assert [nights.STAGES[one] if one >= 0 else "?" for one in ours] == stages[: len(ours)]
    again = {(one.onset, one.duration or 0.0, one.text) for one in edfio.read_edf(path).annotations}
    assert again == set(found)
    return found


@pytest.mark.parametrize("kind", ["edf_hypnogram", "csv", "fhir"])
def test_no_document_lets_a_comment_turn_the_direction_of_what_follows(scored: Study, kind: str) -> None:
    outputs.sign(scored, verdict="disagree", reason="clinical", comment="left \u202ethgir")
    said = outputs.written(scored, kind).decode("utf-8-sig", "replace").replace("\\u202e", "\u202e")
    assert "\u202e" not in said
    assert "[U+202E]abc" in said


def test_annotations_hold_the_scored_stages_the_events_and_the_draft_apart(
    scored: Study, tmp_path: Path
) -> None:
    content = outputs.written(scored, "edf_hypnogram")
    found = annotations(content, tmp_path)
    stages = [text.removeprefix("Sleep stage ") for _on, _s, text in found if text.startswith("Sleep stage")]
    assert stages == stages_of(scored)
    assert (620.0, 0.0, "Lights off") in found
    assert (28000.0, 0.0, "Lights on") in found
    assert (3004.5, 6.0, "EEG arousal") in found
    assert (900.0, 30.0, "Artefact") in found
    [comment] = [text for _on, _s, text in found if text.startswith("Comment: ")]
    assert comment == "Comment: " + HARD_COMMENT.replace("\x07", " ").replace("\u202e", "[U+202E]").strip()
    drafted = [one for one in found if one[2].startswith("AI draft: ")]
    assert sum(seconds for _on, seconds, _text in drafted) == 960 * 30
    assert (15000.0, 240.0, "AI draft: Sleep stage ?") in drafted
    falls = scored.prediction.result["oxygen"]["events"]
    assert sum(text == "AI screening: Oxygen desaturation" for _on, _s, text in found) == len(falls) > 40
    assert edfio.read_edf(content).recording.additional == ("scored_not_signed", "scored_by_a_person")


def test_a_draft_is_one_set_and_an_amended_version_says_its_number(study: Study, tmp_path: Path) -> None:
    found = annotations(outputs.written(study, "edf_hypnogram"), tmp_path)
    assert {text.split()[0] for _on, _s, text in found} == {"Sleep", "AI"}
    assert not any(text.startswith("AI draft") for _on, _s, text in found)
    outputs.sign(study)
    review.amend(user=study.submitted_by, study=study, reason="N1 missed")
    nights.score(study, study.submitted_by, *nights.correction())
    outputs.sign(study)
    first, second = (
        edfio.read_edf(outputs.written(study, "edf_hypnogram", version=version)) for version in ("1", "2")
    )
    assert first.recording.additional == ("signed_v1", "staged_by_AI")
    assert second.recording.additional == ("signed_v2", "scored_by_a_person")
    texts = [[one.text for one in file.annotations] for file in (first, second)]
    assert "Lights off" not in texts[0]
    assert "Lights off" in texts[1]


@pytest.mark.poppler
@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", (
            "Polysomnography: report of the night",
            "7 h 05 min of sleep in 7 h 36 min, efficiency 93.1%.",
            "2026-03-05, from 22:13:20 to 06:13:20 (8 h 00 min)",
            "off 22:23:40, on 06:00:00",
            "scored by Tech Invented: 7 of 960 epochs changed from the AI draft (0.7%)",
            "7 epochs are unscored (3.5 min)",
            "Wake after sleep onset (WASO)", "11.7 min", "other definition:", "8.0 min",
            "AI draft with the reported hypnogram κ 0.99 (95 % interval 0.97 to 1.00), 99.4%",
            "23:13:20, epoch 121", "[U+1F600]", "[U+202E]abc",
            "The file has a gap of four minutes.",
        )),
        ("fr", (
            "Polysomnographie : compte rendu de la nuit",
            "7 h 05 min de sommeil sur 7 h 36 min, efficacité 93,1 %.",
            "05/03/2026, de 22:13:20 à 06:13:20 (8 h 00 min)",
            "extinction 22:23:40, rallumage 06:00:00",
            "scoré par Tech Invented : 7 époques sur 960 modifiées par rapport au brouillon de l’IA (0,7 %)",
            "Sommeil paradoxal", "1 h 35 min", "22,4 %",
            "Latence du sommeil paradoxal", "65,0 min",
            "κ 0,99 (intervalle à 95 % : 0,97 à 1,00)",
        )),
    ],
)  # fmt: skip
def test_the_report_of_a_signed_scoring(scored: Study, language: str, expected: tuple[str, ...]) -> None:
    outputs.sign(scored, comment="Noted.")
    said = words(outputs.written(scored, "pdf", language)).replace("\u202f", " ").replace("\xa0", " ")
    for text in expected:
        assert text in said
    assert 2 <= int(said.split("page 1 ")[1].split()[1]) <= 3
    assert study_draft_words(language) not in said


def study_draft_words(language: str) -> str:
    """Return what only the report of a draft says."""
    return {"en": "to be checked", "fr": "à vérifier"}[language]


STAGINGS: dict[str, dict[str, Any]] = {
    "no_sleep": nights.result(["W"] * 240),
    "nothing_staged": nights.result(["?"] * 240),
    "four_epochs": nights.result(["N2", "N2", "W", "N2"]),
    "a_day": nights.result(nights.stages(2880)),
    "no_start": nights.result(start=""),
    "before": nights.before(),
}


@pytest.mark.poppler
@pytest.mark.parametrize("name", STAGINGS)
def test_every_night_becomes_every_document(name: str, tmp_path: Path) -> None:
    answer = STAGINGS[name]
    hard = {"family_name": outputs.HARD_NAME, "given_name": "Zoé" * 30}
    study = outputs.answered("sleep", outcome=nights.outcome(answer), **hard)
    assert "AI draft" in words(outputs.written(study, "pdf", "en"))
    found = annotations(outputs.written(study, "edf_hypnogram"), tmp_path) if name != "nothing_staged" else []
    stages = [text for _on, _s, text in found if text.startswith("Sleep stage")]
    assert not found or len(stages) == len(answer["stages"])
    for kind in ("csv", "fhir"):
        assert outputs.written(study, kind, "fr")


@pytest.mark.poppler
def test_a_scoring_stays_reported_when_the_night_is_analysed_again(scored: Study) -> None:
    before = scored.prediction
    later = Prediction.objects.create(
        study=scored,
        package_version="9",
        package_sha256="9" * 64,
        result=before.result,
        report=before.report,
        created_at=before.created_at.replace(year=2999),
    )
    scored = Study.objects.get(pk=scored.pk)
    assert scored.prediction == later
    expected = "scored by Tech Invented: 7 of 960 epochs changed"
    assert expected in words(outputs.written(scored, "pdf", "en"))
    outputs.sign(scored)
    assert expected in words(outputs.written(scored, "pdf", "en"))


@pytest.mark.poppler
def test_what_is_scored_and_not_signed_is_called_so_and_not_the_ais(scored: Study) -> None:
    said = words(outputs.written(scored, "pdf", "en"))
    assert "Scored by Tech Invented – not signed" in said
    assert "AI draft – not signed" not in said
    panel = Client()
    panel.force_login(scored.submitted_by)
    page = panel.get(reverse("study_documents", args=[scored.pk])).content.decode()
    assert "AI draft – not signed" not in page


@pytest.mark.poppler
def test_who_corrects_the_draft_disagrees_with_it_and_not_with_their_own_hypnogram(scored: Study) -> None:
    outputs.sign(scored, verdict="disagree", reason="poor_input")
    said = words(outputs.written(scored, "pdf", "en"))
    assert "The signer disagrees with this result" not in said
    assert "Verdict on the AI draft" in said
    bundle = json.loads(outputs.written(scored, "fhir", "en"))
    [report] = [r["resource"] for r in bundle["entry"] if r["resource"]["resourceType"] == "DiagnosticReport"]
    assert report["conclusion"].startswith("7 h 05 min of sleep")
    assert "Verdict on the AI draft: The signer disagrees" in report["conclusion"]


@pytest.mark.poppler
@pytest.mark.parametrize(
    ("language", "sentence", "figure"),
    [
        ("en", "Staged by the networks for raw single-channel recordings", "+2.31"),
        ("fr", "Stades proposés par les réseaux destinés aux enregistrements bruts à une voie", "+2,31"),
    ],
)
def test_which_networks_staged_a_single_eeg_is_said_wherever_the_method_stands(
    client: Client, language: str, sentence: str, figure: str
) -> None:
    chosen = nights.result(networks={"raw": True, "log_odds": 2.31})
    study = outputs.answered("sleep", outcome=nights.outcome(chosen))
    said = words(outputs.written(study, "pdf", language))
    bundle = json.loads(outputs.written(study, "fhir", language))
    [hypnogram] = [r["resource"] for r in bundle["entry"] if "valueSampledData" in r["resource"]]
    User.objects.filter(pk=study.submitted_by_id).update(language=language)
    client.force_login(User.objects.get(pk=study.submitted_by_id))
    page = client.get(reverse("study", args=[study.pk])).content.decode()
    for told in (said, hypnogram["method"]["text"], page):
        assert sentence in told
        assert figure in told
    result = client.get(reverse("api-result", args=[study.pk])).json()
    assert result["result"]["networks"] == {"raw": True, "log_odds": 2.31}
    assert sentence in str(result["report"])
    # Nights of before say nothing of it.
    old = outputs.answered("sleep", outcome=nights.outcome())
    assert "Networks of the AI" not in words(outputs.written(old, "pdf", "en"))


@pytest.mark.poppler
def test_two_scorers_who_worked_apart_are_compared(study: Study, technician: User) -> None:
    second = factories.staff("second", Role.TECHNICIAN, study.unit)
    nights.score(study, technician, *nights.correction(), close=False)
    nights.score(study, second, nights.event("stage", epoch=80, value="W"))
    apart = words(outputs.written(study, "pdf", "en"))
    assert "Second Invented" not in apart, "somebody still scores apart"
    nights.score(study, technician, nights.event("arousal", epoch=90, value="on"))
    said = words(outputs.written(study, "pdf", "en"))
    assert "Tech Invented with Second Invented (scored apart) κ 0.99" in said
    assert np.isclose(float(said.split("alike")[1].split("κ ")[1][:4]), 0.99, atol=0.02)


@pytest.mark.shared
@pytest.mark.poppler
def test_the_four_epochs_of_eighty_nine_channels_become_every_document(tmp_path: Path) -> None:
    answer = runner.run("sleep", Source(path=SHARED))
    study = outputs.answered("sleep", outcome=answer)
    said = words(outputs.written(study, "pdf", "en"))
    assert "Less than five minutes" in said
    assert "electrode detached 2" in said, "the defects of each trace are named"
    found = annotations(outputs.written(study, "edf_hypnogram"), tmp_path)
    assert [text for _on, _s, text in found if text.startswith("Sleep stage")][3:]
    for kind in ("csv", "csv_statistics", "fhir"):
        assert outputs.written(study, kind, "fr")


def test_a_document_says_that_somebody_is_still_scoring(study: Study, technician: User) -> None:
    assert "under way" not in words(outputs.written(study, "pdf", "en"))
    nights.score(study, technician, nights.event("stage", epoch=66, value="N1"), close=False)
    said = words(outputs.written(study, "pdf", "en"))
    assert f"A scoring by {technician.label} is under way and is not in this document." in said
