"""The scoring room without a browser: what its page says, and the samples that its canvas asks for."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from clinic.accounts.models import User
from clinic.audit.models import Event
from ml.algorithms.sleep import budget
from patients.models import Patient
from predictions import intake
from predictions.models import Study, StudyFile
from predictions.states import State
from tests import nights, studies
from tests.browser.house import keep_artefact
from tests.sleep_files import write_edf
from tests.test_pages_study import answered

LABELS = ("EEG C3-A2", "EEG O2-A1", "EOG(L)")
SECONDS, RATE = 600, 100
ONE_WINDOW = {"from": "60", "seconds": "30", "channels": "1,0"}


@pytest.fixture
def samples() -> np.ndarray:
    """Return what was recorded, (seconds, channels, rate)."""
    return np.random.default_rng(5).normal(0, 2000, (SECONDS, len(LABELS), RATE)).astype("<i2")


@pytest.fixture
def study(terry: User, nina: Patient, tmp_path: Path, samples: np.ndarray) -> Study:
    """Return a short recording, sent and analysed."""
    content = write_edf(tmp_path / "night.edf", LABELS, samples=samples).read_bytes()
    sent = SimpleUploadedFile("night.edf", content)
    made = intake.submit(user=terry, patient=nina, algorithm="sleep", upload=sent, idempotency_key="night")
    return studies.analysed(made)


def test_the_samples_are_those_of_the_file(
    client: Client, terry: User, study: Study, samples: np.ndarray
) -> None:
    client.force_login(terry)
    address = reverse("scoring_signals", args=[study.pk])
    body = client.get(address, ONE_WINDOW).content
    length = struct.unpack("<I", body[:4])[0]
    windows = json.loads(body[4 : 4 + length])["windows"]
    assert [(w["number"], w["rate"], w["onset_s"], w["width"]) for w in windows] == [
        (1, RATE, 60, 2),
        (0, RATE, 60, 2),
    ]
    sent = np.frombuffer(body[4 + length :], "<i2").reshape(2, -1)
    assert np.array_equal(sent[0], samples[60:90, 1].ravel())
    assert np.array_equal(sent[1], samples[60:90, 0].ravel())
    for _again in range(3):
        client.get(address, ONE_WINDOW)
    assert Event.objects.filter(study=study.pk, kind="signals").count() == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"from": ""},
        {"seconds": "nan"},
        {"channels": "99"},
        {"channels": "a"},
        {"seconds": "1e9"},
        {"channels": ",".join(["0"] * 5000)},
    ],
)
def test_a_window_that_cannot_be_is_refused_in_words(
    client: Client, terry: User, study: Study, changed: dict[str, str]
) -> None:
    client.force_login(terry)
    answer = client.get(reverse("scoring_signals", args=[study.pk]), ONE_WINDOW | changed)
    if answer.status_code == 200:
        # The same channel named often is one channel.
        assert len(answer.content) < 10_000
    else:
        assert answer.status_code == 400
        assert "channels" in answer.json()["message"]


def test_envelopes_are_given_out_by_range(client: Client, terry: User, study: Study) -> None:
    client.force_login(terry)
    address = reverse("scoring_pyramid", args=[study.pk])
    whole = b"".join(client.get(address).streaming_content)
    part = client.get(address, headers={"Range": "bytes=100-199"})
    assert part.status_code == 206
    assert b"".join(part.streaming_content) == whole[100:200]
    assert part["Content-Range"] == f"bytes 100-199/{len(whole)}"
    assert client.get(address, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416


def test_a_night_of_an_earlier_version_has_stages_but_no_signals(
    client: Client, sandra: User, nina: Patient
) -> None:
    study = answered(sandra, nina, "sleep", nights.before())
    client.force_login(sandra)
    page = client.get(reverse("scoring_room", args=[study.pk])).content.decode()
    assert "no signals to look at" in page
    assert 'data-do="channels"' not in page
    assert client.get(reverse("scoring_signals", args=[study.pk]), ONE_WINDOW).status_code == 404
    assert client.get(reverse("scoring_pyramid", args=[study.pk])).status_code == 404


def test_why_a_night_has_no_signals_promises_only_what_can_be_done(
    client: Client, sandra: User, nina: Patient
) -> None:
    study = answered(sandra, nina, "sleep", nights.before())
    StudyFile.objects.create(study=study, name="kept", original_name="night.EDF", size=1, sha256="a" * 64)
    client.force_login(sandra)
    address = reverse("scoring_room", args=[study.pk])
    assert "can be scored without them. Analysed again from its page" in client.get(address).content.decode()
    Study.objects.filter(pk=study.pk).update(state=State.SIGNED)
    signed = client.get(address).content.decode()
    assert "is signed as it stands" in signed
    assert "can be scored" not in signed


def test_who_does_not_see_the_patient_finds_no_room(client: Client, charlie: User, study: Study) -> None:
    client.force_login(charlie)
    for name in ("room", "signals", "pyramid", "comparison"):
        assert client.get(reverse(f"scoring_{name}", args=[study.pk]), ONE_WINDOW).status_code == 404


def test_one_scorer_alone_is_told_that_nothing_can_be_compared_yet(
    client: Client, sandra: User, nina: Patient
) -> None:
    study = answered(sandra, nina, "sleep", nights.result())
    nights.score(study, sandra, *nights.correction())
    client.force_login(sandra)
    page = client.get(reverse("scoring_comparison", args=[study.pk])).content.decode()
    assert "once each of the two is finished" in page
    assert "Draft of the algorithm – " in page


def test_the_values_of_the_trees_stand_beside_the_reasons_of_the_network(
    client: Client, sandra: User, nina: Patient
) -> None:
    answer = nights.result()
    study = answered(sandra, nina, "sleep", answer)
    keep_artefact(study.prediction, "contributions.json", "application/json", reasons(answer["stages"]))
    client.force_login(sandra)
    page = client.get(reverse("study_epoch", args=[study.pk, 3])).content.decode()
    assert "delta is strong" in page
    assert "sigma <span" in page
    assert "F4-M1, epochs around" in page
    assert "+0.70" in page
    gap = client.get(reverse("study_epoch", args=[study.pk, nights.GAP[0]])).content.decode()
    assert "not wholly recorded" in gap
    assert "What spoke" not in gap


def test_a_fifth_of_the_night_is_asked_to_be_checked_and_what_that_buys(
    client: Client, sandra: User, nina: Patient
) -> None:
    curve = [
        {"share": share, "kappa": kappa, "night_low": kappa - 0.1, "night_high": kappa + 0.1}
        for share, kappa in ((0.0, 0.74), (0.1, 0.83), (0.2, 0.89), (0.3, 0.93))
    ]
    review = {"order": list(range(952)), "budget": budget.expected(curve, 952)}
    study = answered(sandra, nina, "sleep", nights.result(review=review))
    client.force_login(sandra)
    page = client.get(reverse("study", args=[study.pk])).content.decode()
    assert "Checking the 190 epochs the draft is least sure of" in page
    assert "expected agreement to κ 0.89" in page
    night = given(client, study)["night"]
    assert (night["asked"], [row["epochs"] for row in night["budget"]]) == (190, [95, 190, 286])


def test_the_opinion_of_a_sites_yasa_is_told_in_room_and_overview(
    client: Client, sandra: User, nina: Patient
) -> None:
    yasa = {"by": "yasa", "version": "0.6.5", "derivation": "F4-M1", "agreement": 0.81}
    others = ["N2"] * 960
    study = answered(sandra, nina, "sleep", nights.result(opinion=yasa | {"stages": others}))
    client.force_login(sandra)
    assert (
        "Opinion of YASA 0.6.5 on F4-M1: κ 0.81"
        in client.get(reverse("study", args=[study.pk])).content.decode()
    )
    said = given(client, study)["night"]["opinion"]
    assert said == {"name": "YASA 0.6.5, F4-M1", "stages": others, "why": ""}
    why = {"en": "YASA gave no answer.", "fr": "YASA n’a pas répondu."}
    silent = yasa | {"version": "", "stages": None, "agreement": None, "why": why}
    study = answered(sandra, nina, "sleep", nights.result(opinion=silent))
    assert why["en"] in client.get(reverse("study", args=[study.pk])).content.decode()
    assert given(client, study)["night"]["opinion"]["why"] == why["en"]


def given(client: Client, study: Study) -> dict[str, Any]:
    """Return what the scoring room's script is given."""
    page = client.get(reverse("scoring_room", args=[study.pk])).content.decode()
    return json.loads(re.search(r'<script id="room-data"[^>]*>(.*?)</script>', page, re.DOTALL)[1])


def reasons(stages: list[str]) -> bytes:
    """Return reasons of every epoch as the analyser writes them: the neighbours' sigma at F4 leads."""
    trees = [0.0] * 30
    trees[7] = 0.7
    said = {
        "slots": ["eeg_frontal_central", "eeg_posterior", "eog"],
        "bands": ["delta", "theta", "alpha", "sigma", "beta"],
        "contributions": [[0.4] + [0.0] * 14] * len(stages),
        "neighbours": [0.5] * len(stages),
        "times": ["now", "neighbours"],
        "shapley": [trees] * len(stages),
        "sentences": [{"en": "delta is strong", "fr": "delta est fort"}] * len(stages),
    }
    return json.dumps(said).encode()
