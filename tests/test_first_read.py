"""Blind first: nothing of the algorithm reaches a reader before they said what they see themselves."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from http.cookies import SimpleCookie
from itertools import product
from typing import Any

import pytest
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction
from django.template.loader import get_template
from django.test import Client
from django.urls import URLPattern, reverse
from django.utils import timezone

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from clinic.audit.models import Action, Event
from ml import registry
from ml.contracts import Refused
from patients.models import Patient
from predictions import first_read, first_read_counts, reading, review
from predictions.models import FirstRead, Review, Study
from tests import factories, outputs, studies
from tests.test_access_matrix import ADDRESSES

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
# What only somebody who may see the answer can know; each is found by the walk once it may be seen.
SECRETS = (
    "walrus", "zebra", "marmot", "narwhal", "ocelot", "0.8642", "answer-figure", "suggests pneumonia",
    "map_evidence", "falcon", "heron",
)  # fmt: skip
Ways = tuple[tuple[str, dict[str, str]], ...]
READ: Ways = (("get", {}), ("get", HTMX))
EVERY_WAY: Ways = (*READ, ("post", {}), ("post", HTMX))
# Slow, and about the product: the description of the API.
SAY_NOTHING_OF_STUDIES = {"api-schema", "api-docs"}
FIRST = {"impression": "normal", "confidence": "fairly"}


@pytest.fixture
def dora() -> User:
    """Return a physician of the radiology unit, who reads and does not sign."""
    return factories.staff("dora", Role.PHYSICIAN, factories.unit("radiology"), password=factories.PASSWORD)


@pytest.fixture
def study(charlie: User, henri: Patient) -> Study:
    """Return an analysed X-ray of Henri's."""
    return studies.radiograph(charlie, henri, probability=0.8642)


@pytest.fixture
def discussed(study: Study, dora: User) -> Study:
    """Return the same after a colleague has read it, judged it, and had a document written."""
    first_read.commit(user=dora, study=study, impression="pneumonia", confidence="sure")
    reading.save(user=dora, study=study, values={"lungs": "An ocelot on the left."}, language="en")
    doubt = "the narwhal is known"
    review.give(user=dora, study=study, verdict="disagree", reason="false_positive", comment=doubt)
    studies.written(study, b"%PDF falcon")
    return study


def walked(reader: User, study: Study, ways: Ways) -> Iterator[tuple[str, str]]:
    """Yield what every address of the product answers to ``reader`` about ``study``."""
    real = {
        "patient": [study.patient_id],
        "patient_id": [study.patient_id],
        "study_id": [study.pk],
        "document_id": [study.documents.values_list("pk", flat=True).first() or study.pk],
        "pk": [reader.pk],
        "code": ["radiology"],
        "algorithm": ["chest_xray"],
        "name": list(studies.ARTEFACTS),
        "index": [0],
        "encounter_id": [factories.encounter(study.patient).pk],
        "training_id": [study.pk],
    }
    browser = Client()
    browser.force_login(reader)
    session = {"sessionid": browser.cookies["sessionid"].value}
    for name in sorted(ADDRESSES.keys() - SAY_NOTHING_OF_STUDIES):
        for arguments in _every(ADDRESSES[name], real):
            url = reverse(name, kwargs=arguments)
            # Addresses without any part take no action on a study: they are read only.
            for method, headers in ways if arguments else READ:
                browser.cookies = SimpleCookie(session)
                yield f"{method} {url}", _answer(browser, method, url, headers)


def _every(address: URLPattern, real: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    parts = list(address.pattern.converters)
    # Of anything else (erasures, tokens, disclosures) there is none here: the address answers that.
    for chosen in product(*(real.get(part, [uuid.uuid4()]) for part in parts)):
        yield dict(zip(parts, chosen, strict=True))


def _answer(browser: Client, method: str, url: str, headers: dict[str, str]) -> str:
    cache.clear()
    with transaction.atomic():
        response = getattr(browser, method)(url, {"kind": "csv", "language": "en"}, headers=headers)
        content = b"".join(response.streaming_content) if response.streaming else response.content
        transaction.set_rollback(True)
    # A page may name the address that it was asked at.
    return f"{response.headers}\n{content.decode('utf-8', 'replace')}".replace(url, "")


def found(reader: User, study: Study, ways: Ways = READ) -> dict[str, set[str]]:
    """Return the secrets that reach ``reader``, each with the addresses that give it away."""
    given: dict[str, set[str]] = {}
    for address, answer in walked(reader, study, ways):
        for secret in SECRETS:
            if secret in answer:
                given.setdefault(secret, set()).add(address)
    return given


def test_no_address_gives_the_answer_to_a_blind_reader(charlie: User, discussed: Study) -> None:
    assert found(charlie, discussed, EVERY_WAY) == {}


def test_after_the_first_read_everything_is_there(charlie: User, discussed: Study) -> None:
    first_read.commit(user=charlie, study=discussed, **FIRST)
    assert sorted(found(charlie, discussed)) == sorted(SECRETS)


def test_another_unit_waits_for_the_signature(
    alice: User, charlie: User, discussed: Study, henri: Patient
) -> None:
    henri.units.add(alice.units.get())
    assert found(alice, discussed) == {}
    with pytest.raises(PermissionDenied):
        first_read.commit(user=alice, study=discussed, **FIRST)
    assert Event.objects.filter(action=Action.REFUSED, actor=alice, kind="first_read").exists()
    studies.signed(discussed, charlie)
    assert not first_read.needed(alice, discussed)


def test_a_contract_read_blind_keeps_its_answer_apart() -> None:
    blind = [contract for contract in registry.contracts() if contract.blind_first]
    assert blind
    for contract in blind:
        get_template(f"predictions/results/{contract.name}_answer.html")


def test_the_page_asks_first_and_then_compares(client: Client, charlie: User, study: Study) -> None:
    client.force_login(charlie)
    page = client.get(reverse("study", args=[study.pk])).content.decode()
    assert "Commit my first impression" in page
    assert "preview_0.png" in page
    committed = client.post(reverse("study_first_read", args=[study.pk]), FIRST, follow=True).content.decode()
    assert "unlike the algorithm" in committed
    assert "Your first impression" in committed
    assert Event.objects.filter(action=Action.REVIEW, kind="first_read", actor=charlie).exists()


def test_half_an_impression_is_none(client: Client, charlie: User, study: Study) -> None:
    client.force_login(charlie)
    answer = client.post(reverse("study_first_read", args=[study.pk]), {"impression": "pneumonia"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Say how sure you are" in page
    assert re.search(r'value="pneumonia"[^>]* checked', page)
    assert not FirstRead.objects.exists()


def test_a_first_impression_stays_as_it_is(charlie: User, study: Study) -> None:
    kept = first_read.commit(user=charlie, study=study, **FIRST)
    assert first_read.commit(user=charlie, study=study, **FIRST) == kept
    with pytest.raises(Refused) as refusal:
        first_read.commit(user=charlie, study=study, impression="pneumonia", confidence="sure")
    assert refusal.value.problems[0].code == "first_read_committed"
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE predictions_firstread SET impression = 'pneumonia'")


def test_nobody_judges_blind(client: Client, charlie: User, study: Study) -> None:
    client.force_login(charlie)
    sent = {"verdict": "agree", "prediction": study.prediction.pk, "reading-impression": "Seen."}
    answer = client.post(reverse("study_sign", args=[study.pk]), sent)
    assert answer.status_code == 422
    assert "Commit your own first impression" in answer.content.decode()
    assert "walrus" not in answer.content.decode()
    assert not study.signatures.exists()


@pytest.mark.parametrize(
    ("impression", "verdict", "changed"),
    [
        ("pneumonia", {"verdict": "agree"}, False),
        ("normal", {"verdict": "agree"}, True),
        ("other", {"verdict": "agree"}, True),
        ("normal", {"verdict": "disagree", "reason": "false_positive"}, False),
        ("pneumonia", {"verdict": "disagree", "reason": "clinical"}, True),
        ("cannot_assess", {"verdict": "agree"}, None),
        ("normal", {"verdict": "cannot_assess", "reason": "poor_input"}, None),
    ],
)
def test_a_change_of_mind_is_kept(
    charlie: User, study: Study, impression: str, verdict: dict[str, str], changed: bool | None
) -> None:
    first_read.commit(user=charlie, study=study, impression=impression, confidence="unsure")
    assert review.give(user=charlie, study=study, **verdict).changed_mind is changed


@pytest.fixture
def corrected(charlie: User, study: Study) -> Study:
    """Return the X-ray after Charlie signed it and opened it for a correction, each with a word of hers."""
    values = {"lungs": "An ocelot on the left.", "impression": "An ocelot."}
    first_read.commit(user=charlie, study=study, **FIRST)
    reading.save(user=charlie, study=study, values=values, language="en")
    doubt = "the narwhal is known"
    review.give(user=charlie, study=study, verdict="disagree", reason="false_positive", comment=doubt)
    review.sign(user=charlie, study=study)
    review.amend(user=charlie, study=study, reason="it was a falcon")
    studies.written(study, b"%PDF falcon")
    return study


def test_a_correction_is_read_blind_by_whoever_may_sign_it(
    client: Client, charlie: User, corrected: Study
) -> None:
    assert not first_read.needed(charlie, corrected)
    second = factories.staff("erik", Role.RADIOLOGIST, charlie.units.get(), password=factories.PASSWORD)
    assert found(second, corrected) == {}
    with pytest.raises(first_read.Blind):
        review.give(user=second, study=corrected, verdict="agree")
    with pytest.raises(first_read.Blind):
        review.sign(user=second, study=corrected)
    client.force_login(second)
    page = client.get(reverse("study", args=[corrected.pk])).content.decode()
    assert "is being corrected" in page
    assert "Commit my first impression" in page


def test_the_signed_version_stands_until_its_correction_is_signed(
    client: Client, alice: User, charlie: User, corrected: Study, henri: Patient
) -> None:
    henri.units.add(alice.units.get())
    for reader in (alice, charlie):
        client.force_login(reader)
        page = client.get(reverse("study", args=[corrected.pk])).content.decode()
        assert "version 1, signed by Charlie" in page
        assert "is being corrected" in page
        assert "An ocelot on the left." in page
        assert "0.8642" in page or "answer-figure" in page


def test_the_api_says_what_to_do_first(client: Client, charlie: User, study: Study) -> None:
    client.force_login(charlie)
    result = reverse("api-result", args=[study.pk])
    refusal = client.get(result)
    assert refusal.status_code == 409
    assert refusal.json()["problems"][0]["code"] == "first_read_missing"
    assert client.get(reverse("api-artefact", args=[study.pk, "map_evidence_0.png"])).status_code == 409
    assert client.get(reverse("api-artefact", args=[study.pk, "preview_0.png"])).status_code == 200
    for name in ("map_evidence_0.png", "none_of_that_name.png"):
        page = client.get(reverse("study_artefact", args=[study.pk, name]))
        assert (page.status_code, page["Cache-Control"]) == (409, "no-store"), "as the API says it"
    address = reverse("api-first-read", args=[study.pk])
    assert client.get(address).json() == {"needed": True, "first_read": None, "pictures": ["preview_0.png"]}
    for door in ("api-review", "api-sign"):
        blind = client.post(
            reverse(door, args=[study.pk]), {"verdict": "agree"}, content_type="application/json"
        )
        assert blind.status_code == 409
    assert client.post(address, FIRST, content_type="application/json").status_code == 201
    read = client.get(result).json()
    assert read["result"]["probability"] == 0.8642
    assert read["first_reads"][0]["impression"] == "normal"


def test_the_steward_sees_counts_and_no_names(
    client: Client, steward: User, charlie: User, dora: User, henri: Patient
) -> None:
    impressions = ("pneumonia", "pneumonia", "normal", "cannot_assess")
    for impression in impressions:
        study = studies.radiograph(charlie, henri)
        first_read.commit(user=charlie, study=study, impression=impression, confidence="sure")
        review.give(user=charlie, study=study, verdict="disagree", reason="clinical")
        review.give(user=charlie, study=study, verdict="agree")
    again = studies.radiograph(charlie, henri, repeats=study, repeats_with="1.0.0")
    first_read.commit(user=charlie, study=again, impression="pneumonia", confidence="sure")
    review.give(user=charlie, study=again, verdict="disagree", reason="clinical")
    counts = first_read_counts.by_unit("chest_xray")
    assert [(row.unit.code, row.reads) for row in counts] == [("radiology", 4)]
    assert (counts[0].alike.count, counts[0].alike.n) == (2, 3)
    assert (counts[0].changed.count, counts[0].changed.n) == (1, 3)
    client.force_login(steward)
    page = client.get(reverse("model", args=["chest_xray"])).content.decode()
    assert "2 of 3: 67 in 100 (21 to 94)" in page
    assert "Charlie" not in page
    assert "Of images that were analysed again only the first study is counted." in page
    client.force_login(dora)
    assert "First reads and answers" not in client.get(reverse("model", args=["chest_xray"])).content.decode()


def test_whoever_judged_before_there_were_first_reads_is_not_asked_for_one(
    client: Client, charlie: User, dora: User, study: Study
) -> None:
    Review.objects.create(
        prediction=study.prediction, author=charlie, verdict="agree", created_at=timezone.now()
    )
    assert not first_read.needed(charlie, study)
    assert first_read.needed(dora, study), "their colleague has judged nothing"
    client.force_login(charlie)
    page = client.get(reverse("study", args=[study.pk])).content.decode()
    assert "Commit my first impression" not in page
    assert "answer-figure" in page
    with pytest.raises(Refused):
        first_read.commit(user=charlie, study=study, impression="normal", confidence="sure")
    signature = studies.signed(study, charlie)
    assert signature.first_read is None


def test_an_answer_of_before_there_were_first_reads_is_not_counted_as_read_blind() -> None:
    study = outputs.answered("chest_xray", outcome=outputs.radiograph_before())
    reader = study.submitted_by
    first_read.commit(user=reader, study=study, impression="pneumonia", confidence="sure")
    review.give(user=reader, study=study, verdict="disagree", reason="clinical")
    assert first_read_counts.by_unit("chest_xray") == []
