"""Oxygen, breathing, spindles and slow waves on the result page of a night."""

from __future__ import annotations

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from clinic.accounts.models import User
from ml.algorithms.sleep import breathing, microstructure, oxygen
from ml.algorithms.sleep.traces import Trace
from patients.models import Patient
from tests import nights
from tests.test_pages_study import answered

EPOCHS = 240


@pytest.fixture
def shown(client: Client, sandra: User, nina: Patient) -> str:
    """Return the page of a night whose oximeter works and whose cannula fell out."""
    scored = nights.stages(EPOCHS, range(0))
    rng = np.random.default_rng(0)
    saturation = 96 - 6 * np.clip(1 - np.abs(np.arange(EPOCHS * 30) % 600 - 300) / 20, 0, 1)
    found = oxygen.analyse(Trace("SpO2", "%", 1.0, saturation.astype(np.float32)), EPOCHS)
    flow = Trace("Cannula", "", 8.0, np.zeros(EPOCHS * 240, np.float32))
    eeg = rng.normal(0, 15, EPOCHS * 3000).astype(np.float32)
    answer = nights.result(
        scored,
        oxygen=found.to_json(),
        breathing=breathing.analyse(flow, (), found).to_json(),
        microstructure=microstructure.analyse(eeg, 100, scored).to_json(),
    )
    study = answered(sandra, nina, "sleep", answer)
    client.force_login(sandra)
    return client.get(reverse("study", args=[study.pk])).content.decode()


def test_each_signal_has_its_figures_with_their_formulas(shown: str) -> None:
    assert "Oxygen saturation (screening)" in shown
    assert "ODI3, per hour of sleep" in shown
    assert "time below 90 % / time with a reading" in shown
    assert "Spindles per minute of N2 + N3" in shown
    assert "a screening, not a diagnosis" in shown


def test_a_cannula_that_fell_out_has_a_sentence_and_no_figure(shown: str) -> None:
    assert "check the cannula or the thermistor" in shown
    assert "Flow events per hour" not in shown


def test_the_comparison_says_how_well_people_agree(
    client: Client, sandra: User, terry: User, nina: Patient
) -> None:
    study = answered(sandra, nina, "sleep", nights.result())
    nights.score(study, sandra, *nights.correction(), close=False)
    nights.score(study, terry, *nights.correction())
    nights.score(study, sandra, nights.event("close"), close=False)
    client.force_login(sandra)
    page = client.get(reverse("scoring_comparison", args=[study.pk])).content.decode()
    assert "Two people who score the same night agree with κ 0.70 [0.66, 0.74]" in page
