"""Analyse again, in a browser: from the page of a night to the new study and back."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from ml import package as packages
from predictions.models import Study
from tests.browser.scoring_lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_technician_has_the_version_in_service_stage_a_night_anew(lab: Lab) -> None:
    packages.name_champion("sleep", "1.2.0")
    visit = lab.open_window(lab.terry)
    page, address = visit.page, reverse("study", args=[lab.study.pk])
    visit.go(address)
    assert visit.judge("analyse-again-offered") == []
    page.get_by_role("button", name="Analyse again with 1.2.0").click()
    expect(page.get_by_text("Analyses again the files of the study of")).to_be_visible()
    made = lab.study.repetitions.get()
    assert page.url.endswith(reverse("study", args=[made.pk]))
    # It waits for a worker and asks every second: nothing of that is part of this test.
    Study.objects.filter(pk=made.pk).update(state="failed")
    visit.go(reverse("study", args=[made.pk]))
    assert visit.judge("analysed-again") == []
    page.locator(f'a[href="{address}"]').first.click()
    expect(page.get_by_text(re.compile("Its files were analysed again"))).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Analyse again"))).to_have_count(0)
    assert visit.judge("analysed-again-since") == []
