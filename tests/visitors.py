"""Everybody who might come to an address, and what became of it, for the test of every address."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.core.cache import cache
from django.core.files.base import ContentFile
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver
from django.utils import timezone

from clinic.accounts.models import ApiToken, User
from clinic.accounts.roles import CLINICAL, Role, Scope
from clinic.audit.models import Action, Event
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from patients import emergency
from patients.models import EmergencyAccess, Encounter, Erasure, LegalHold, Patient
from predictions import review
from predictions.agreement.models import Report
from predictions.batches.models import Batch
from predictions.deployments.models import Deployment, Mode
from predictions.feedback import services as feedback
from predictions.feedback.models import Request
from predictions.models import Disclosure, DocumentState, StoredArtefact, Study
from predictions.monitoring.models import Alert
from predictions.monitoring.models import Report as Window
from predictions.states import State
from predictions.stewardship.models import Training
from predictions.storage import receive, storage
from predictions.testbench import services as testbench
from predictions.testbench.models import BenchRun, Sample
from predictions.versions.models import Proposal
from tests import batches, factories, studies, trainings

LOGIN = "to the log-in page"
RECORDS = frozenset({"patient", "patient_id", "study_id"})

# The patient and the study are of the maternity unit: "here" works there, "away" in the two other units, and
# "emergency" too, but has opened the record of the patient.
MANAGERS = (Role.ADMIN, Role.STEWARD)
VISITORS = (
    "anonymous",
    *(f"{role} here" for role in Role if role in CLINICAL),
    *(f"{role} away" for role in Role if role in CLINICAL),
    *(f"{role} emergency" for role in Role if role in CLINICAL),
    *(str(role) for role in MANAGERS),
)


def addresses(patterns: list[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    """Yield every pattern of the product, however deep it is included."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns)
        else:
            yield pattern


def operations(address: URLPattern) -> frozenset[str]:
    """Return the methods that a view of the API really answers, as its class has them."""
    handled = {"get", "post", "put", "patch", "delete", "options", "trace"}
    view = address.callback.cls
    return frozenset(
        method.upper() for method in handled & set(view.http_method_names) if hasattr(view, method)
    )


@dataclass(frozen=True)
class World:
    """The patient and study of the maternity unit, and who comes to look at them."""

    claire: Patient
    encounter: Encounter
    training: Training
    proposal: Proposal
    token: ApiToken
    visitors: Mapping[str, User | None]

    def arguments(self, address: URLPattern, study: Study | None) -> dict[str, Any]:
        """Return something real for every part of an address."""
        opened = EmergencyAccess.objects.filter(user=self.visitors["midwife emergency"]).first()
        real = {
            "patient": self.claire.pk,
            "patient_id": self.claire.pk,
            "study_id": study.pk if study else None,
            "document_id": study.documents.values_list("pk", flat=True).first() if study else None,
            "pk": self.visitors["midwife here"].pk,
            "code": "maternity",
            "algorithm": "haemorrhage",
            "name": "preview.png",
            "index": 0,
            "encounter_id": self.encounter.pk,
            "training_id": self.training.pk,
            "version": self.proposal.version,
            "proposal_id": self.proposal.pk,
            "token_id": self.token.pk,
            "erasure_id": Erasure.objects.values_list("pk", flat=True).first(),
            "hold_id": LegalHold.objects.values_list("pk", flat=True).first(),
            "access_id": opened.pk if opened else None,
            "request_id": Request.objects.values_list("pk", flat=True).first(),
            "agreement_id": Report.objects.values_list("pk", flat=True).first(),
            "bench_run_id": BenchRun.objects.values_list("pk", flat=True).first(),
            "deployment_id": Deployment.objects.values_list("pk", flat=True).first(),
            "batch_id": Batch.objects.values_list("pk", flat=True).first(),
            "window_id": Window.objects.values_list("pk", flat=True).first(),
            "alert_id": Alert.objects.values_list("pk", flat=True).first(),
            "form": "csv",
            "disclosure_id": Disclosure.objects.values_list("pk", flat=True).first(),
        }
        return {part: real[part] for part in address.pattern.converters}


def make_world(claire: Patient) -> World:
    """Return Claire, and one visitor of every role here, away, and away in an emergency."""
    here, away = factories.unit("maternity"), (factories.unit("radiology"), factories.unit("sleep"))
    visitors: dict[str, User | None] = {"anonymous": None}
    for visitor in VISITORS[1:]:
        role, _, place = visitor.partition(" ")
        units = {"here": (here,), "away": away, "emergency": away}.get(place, ())
        visitors[visitor] = factories.staff(
            visitor.replace(" ", "."), Role(role), *units, password=factories.PASSWORD
        )
        if place == "emergency":
            emergency.open(visitors[visitor], claire, "Nobody of the unit answers")
    factories.token(visitors["midwife here"], Scope.READ)
    training = trainings.uploaded(visitors["steward"])
    Report.objects.create(
        algorithm="haemorrhage",
        unit=here,
        since=date(2026, 1, 1),
        until=date(2026, 2, 1),
        asked_by=visitors["steward"],
        queued_at=timezone.now(),
    )
    day = date(2026, 1, 1)
    window = Window.objects.create(
        algorithm="haemorrhage",
        unit=here,
        first_day=day,
        last_day=day,
        against="training",
        queued_at=timezone.now(),
    )
    said = {"en": "Age has moved", "fr": "L’âge s’est déplacé"}
    Alert.objects.create(
        algorithm="haemorrhage",
        unit=here,
        key="drift:age",
        said=said,
        opened_by=window,
        opened_at=timezone.now(),
    )
    feedback.ask(user=visitors["steward"], algorithm="haemorrhage", purpose="To learn")
    Disclosure.objects.create(
        patient=claire,
        created_by=visitors["admin"],
        created_at=timezone.now(),
        state=DocumentState.READY,
        stored_name=storage.adopt(receive(ContentFile(b"list"), limit=100), "disclosures"),
        size=4,
    )
    Erasure.objects.create(
        patient=claire.pk,
        ground="request",
        requested_by=visitors["physician here"],
        requested_at=timezone.now(),
        export_name=storage.adopt(receive(ContentFile(b"zip"), limit=100), "exports"),
        size=3,
        content="0" * 64,
    )
    testbench.send(user=visitors["steward"], sample=Sample.ADMISSION)
    Deployment.objects.create(
        algorithm="haemorrhage",
        unit=here,
        version="9.9.1",
        package_sha256="0" * 64,
        mode=Mode.CANARY,
        share=10,
        reason="Try it",
        proposed_by=visitors["steward"],
        proposed_at=timezone.now(),
    )
    batches.done(visitors["midwife here"])
    claire.holds.create(reason="A complaint", placed_by=visitors["physician here"], placed_at=timezone.now())
    proposal = Proposal.objects.create(
        algorithm="haemorrhage",
        number=1,
        version="1.1.0",
        package_sha256="0" * 64,
        serving_version="1.1.0",
        reason="Try it",
        proposed_by=visitors["steward"],
        queued_at=timezone.now(),
    )
    return World(claire, factories.encounter(claire), training, proposal, ApiToken.objects.get(), visitors)


def a_study(world: World, state: State) -> Study:
    """Return an analysed study of Claire's with a file, in ``state``."""
    midwife, physician = world.visitors["midwife here"], world.visitors["physician here"]
    values = as_of(EXAMPLES[0], timezone.now())
    study = studies.analysed(studies.waiting(midwife, world.claire, values=values))
    stored = storage.adopt(receive(ContentFile(b"picture"), limit=100), "artefacts")
    StoredArtefact.objects.create(
        prediction=study.prediction,
        name="preview.png",
        media_type="image/png",
        stored_name=stored,
        size=7,
        sha256="0" * 64,
    )
    studies.written(study, b"document")
    if state == State.SIGNED:
        review.give(user=physician, study=study, verdict="agree")
        review.sign(user=physician, study=study)
    elif state != State.READY:
        Study.objects.filter(pk=study.pk).update(state=state)
    return study


@dataclass(frozen=True)
class Visit:
    """What somebody got, and whether a refusal of theirs is on record."""

    answer: int | str
    recorded: bool


@functools.cache
def _browser() -> Client:
    """Return one browser for everybody: a new one would start a server of its own, at every visit."""
    return Client()


def visit(method: str, url: str, user: User | None, data: Mapping[str, Any]) -> Visit:
    """Send one request, and leave no trace of it."""
    cache.clear()
    browser = _browser()
    browser.cookies.clear()
    form = {"content_type": "application/json"} if url.startswith("/api/") and method != "GET" else {}
    with transaction.atomic():
        if user is not None:
            browser.force_login(user)
        response = getattr(browser, method.lower())(url, data or None, **form)
        recorded = Event.objects.filter(action=Action.REFUSED, actor=user).exists()
        transaction.set_rollback(True)
    to_login = response.headers.get("Location", "").startswith("/accounts/login/?next=")
    return Visit(LOGIN if to_login else response.status_code, recorded)
