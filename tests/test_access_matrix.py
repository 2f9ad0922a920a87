"""Every address × every kind of visitor. An address without a line in ``EXPECTED`` fails the test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from clinic.accounts.models import User
from clinic.accounts.roles import CLINICAL, Role
from clinic.audit.models import Action, Event
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from patients.models import Encounter, Patient
from predictions import review
from predictions.models import StoredArtefact, Study
from predictions.states import State
from predictions.stewardship.models import Training
from predictions.storage import receive, storage
from tests import factories, studies, trainings

LOGIN = "to the log-in page"
IN, FORBIDDEN, HIDDEN, UNKNOWN = 200, 403, 404, 401

# The patient and the study are of the maternity unit: "here" works there, "away" in the two other units.
MANAGERS = (Role.ADMIN, Role.STEWARD)
VISITORS = (
    "anonymous",
    *(f"{role} here" for role in Role if role in CLINICAL),
    *(f"{role} away" for role in Role if role in CLINICAL),
    *(str(role) for role in MANAGERS),
)


@dataclass(frozen=True)
class Rule:
    """What each visitor gets.

    Parameters
    ----------
    answers
        Status by the last or first word of a visitor ("here", "midwife here", "admin"); the most specific
        counts, ``"*"`` is for everybody else.
    """

    method: str
    answers: Mapping[str, int | str]
    data: Mapping[str, Any] = field(default_factory=dict)
    state: State = State.READY

    def expects(self, visitor: str) -> int | str:
        """Return the answer ``visitor`` must get."""
        for key in (visitor, visitor.split()[-1]):
            if key in self.answers:
                return self.answers[key]
        return self.answers["*"]


def public(method: str = "GET", ok: int = IN, **words: int) -> Rule:
    """Open to anybody; logged-in people may get something else."""
    return Rule(method, {"anonymous": ok, "*": words.get("staff", ok)})


def staff(method: str = "GET", ok: int = IN, *, anonymous: int | str = LOGIN, **data: Any) -> Rule:
    """Open to everybody who is logged in."""
    return Rule(method, {"anonymous": anonymous, "*": ok}, data)


def clinical(method: str = "GET", ok: int = IN, *, anonymous: int | str = LOGIN, **data: Any) -> Rule:
    """For those who care for patients, of whatever unit."""
    return Rule(method, {"anonymous": anonymous, "here": ok, "away": ok, "*": FORBIDDEN}, data)


def record(
    method: str = "GET",
    ok: int = IN,
    *,
    roles: tuple[Role, ...] = (),
    others: int = FORBIDDEN,
    state: State = State.READY,
    **data: Any,
) -> Rule:
    """For the staff of the unit, or some ``roles`` of it; for everybody else it does not exist."""
    here = {f"{role} here": ok for role in roles} | {"here": others} if roles else {"here": ok}
    return Rule(method, {"anonymous": LOGIN, **here, "*": HIDDEN}, data, state)


def api_record(method: str = "GET", ok: int = IN, **options: Any) -> Rule:
    """The same through the API, where managers are told that their role has no patients."""
    rule = record(method, ok, **options)
    managers = {str(role): FORBIDDEN for role in MANAGERS}
    return Rule(method, {**rule.answers, **managers, "anonymous": UNKNOWN}, rule.data, rule.state)


def only(role: Role, method: str = "GET", ok: int = IN, *, anonymous: int | str = LOGIN, **data: Any) -> Rule:
    """For one of the managing roles."""
    return Rule(method, {"anonymous": anonymous, str(role): ok, "*": FORBIDDEN}, data)


def sleep_seed(method: str = "GET", ok: int = IN) -> Rule:
    """For the sleep laboratory, which is one of the units of those who work away, and for the steward."""
    return Rule(method, {"anonymous": UNKNOWN, "away": ok, "steward": ok, "*": FORBIDDEN})


def closed() -> Rule:
    """An address of a library that nobody needs here."""
    return Rule("GET", {"*": HIDDEN})


ADMIN, STEWARD = Role.ADMIN, Role.STEWARD
SUBMITTERS, SIGNERS = (Role.MIDWIFE, Role.PHYSICIAN), (Role.PHYSICIAN,)
VERDICT = {"verdict": "agree", "prediction": "{prediction}"}

EXPECTED: dict[str, Rule | tuple[Rule, ...]] = {
    # --- getting in -----------------------------------------------------------------------------
    "account_login": public(staff=302),
    "account_logout": (staff("GET", anonymous=302), staff("POST", 302, anonymous=302)),
    "account_reauthenticate": closed(),
    "confirm_identity": staff(ok=302),  # whoever has just logged in is confirmed
    "confirm_passkey": (staff(), staff("POST", 400)),
    "session_state": staff(),
    "session_stay": staff("POST"),
    "account_change_password": (staff(), staff("POST")),
    "account_signup": closed(),
    "account_inactive": closed(),
    "account_email": closed(),
    "account_set_password": closed(),
    "mfa_index": staff(),
    "mfa_authenticate": Rule("GET", {"*": 302}),  # only between the password and the code
    "mfa_activate_totp": staff(),
    "mfa_deactivate_totp": staff(ok=HIDDEN),
    "mfa_view_recovery_codes": staff(ok=HIDDEN),
    "mfa_generate_recovery_codes": staff(),
    "mfa_download_recovery_codes": staff(ok=HIDDEN),
    "mfa_list_webauthn": staff(),
    "mfa_add_webauthn": staff(),
    "mfa_edit_webauthn": staff(ok=HIDDEN),
    "mfa_remove_webauthn": staff(ok=HIDDEN),
    "mfa_login_webauthn": public(ok=302, staff=302),
    "usersessions_list": (staff(), staff("POST", 302)),
    "set_language": public("POST", 302),
    "set_theme": public("POST", 302),
    # --- staff ----------------------------------------------------------------------------------
    "profile": staff(),
    "staff_list": only(ADMIN),
    "staff_new": (only(ADMIN), only(ADMIN, "POST", 422)),
    "staff_edit": (only(ADMIN), only(ADMIN, "POST", 422)),
    "staff_password": only(ADMIN, "POST"),
    "staff_second_factor": (only(ADMIN), only(ADMIN, "POST", 302)),
    "unit_list": only(ADMIN),
    "unit_new": (only(ADMIN), only(ADMIN, "POST", 422)),
    "unit_edit": (only(ADMIN), only(ADMIN, "POST", 422)),
    # --- audit ----------------------------------------------------------------------------------
    "audit_search": (only(ADMIN), only(ADMIN, "POST")),
    "audit_patient": only(ADMIN),
    "audit_person": only(ADMIN),
    # --- patients -------------------------------------------------------------------------------
    "patient_search": (clinical(), clinical("POST", name="lantern")),
    "patient_new": (clinical(), clinical("POST", 422)),
    "patient": record(),
    "patient_edit": (record(), record("POST", 422)),
    "encounter_new": (record(), record("POST", 422)),
    "encounter_end": (record(), record("POST", 302)),
    "encounter_reopen": record("POST", 302),
    "blood_loss": (record(roles=SUBMITTERS), record("POST", 422, roles=SUBMITTERS)),
    # --- studies --------------------------------------------------------------------------------
    "worklist": Rule("GET", {"anonymous": LOGIN, "admin": 302, "steward": 302, "*": IN}),
    "worklist_order": staff("POST", 302, order="algorithm"),
    "study_new": (record(roles=SUBMITTERS), record("POST", 302, roles=SUBMITTERS)),
    "study_open_stay": record("POST", 302, roles=SUBMITTERS),
    "study_channels": record("POST", HIDDEN, roles=SUBMITTERS),  # the study of this test is no night
    "study_draft": record("POST", roles=SUBMITTERS),
    "study_draft_discard": record("POST", 302, roles=SUBMITTERS),
    "study": record(),
    "study_state": record(),
    "study_epoch": record(ok=HIDDEN),  # the study of this test is no night
    "scoring_room": record(ok=HIDDEN),  # and so it has no scoring room
    "scoring_signals": record(ok=HIDDEN),
    "scoring_pyramid": record(ok=HIDDEN),
    "scoring_comparison": record(ok=HIDDEN),
    "study_what_if": (record(), record("POST", 503, haemoglobin="13")),  # no worker answers in this test
    "study_reassess": (record(roles=SUBMITTERS), record("POST", 302, roles=SUBMITTERS)),
    "study_artefact": record(),
    "study_documents": record(),
    "study_document_order": record("POST", 302, kind="csv", language="fr"),
    "study_document": record(),
    # The study of this test is read with its answer, and nobody writes a report of it.
    "study_first_read": record("POST", 422, impression="normal", confidence="sure"),
    "study_reading": record("POST", 422),
    "scoring_state": record(ok=HIDDEN),  # nor is there anything to score in it
    "scoring_begin": record("POST", HIDDEN),
    "scoring_events": record("POST", HIDDEN),
    "scoring_compare": record(ok=HIDDEN),
    "study_review": record("POST", 302, **VERDICT),
    "study_sign": record("POST", 302, roles=SIGNERS, **VERDICT),
    "study_amend": record("POST", 422, roles=SIGNERS, state=State.SIGNED),
    "study_retry": record("POST", 302, roles=SUBMITTERS, state=State.FAILED),
    # --- models ---------------------------------------------------------------------------------
    "models": staff(),
    "model": staff(),
    "model_comparison": only(STEWARD),
    "training_list": only(STEWARD),
    "training_new": (only(STEWARD), only(STEWARD, "POST", 422)),
    "training": only(STEWARD),
    "training_state": only(STEWARD),
    "training_columns": (only(STEWARD), only(STEWARD, "POST", 422)),
    "training_columns_check": only(STEWARD, "POST"),
    "training_mapping": only(STEWARD),
    "training_mapping_upload": only(STEWARD, "POST", 422),
    "training_start": only(STEWARD, "POST", 302),
    "training_withdraw": only(STEWARD, "POST", 302),
    "training_serve": (only(STEWARD, ok=302), only(STEWARD, "POST", 302)),  # nothing was accepted
    # Nothing to go back to: both lead to the trainings, with the reason.
    "serving_roll_back": (only(STEWARD, ok=302), only(STEWARD, "POST", 302)),
    # --- programs -------------------------------------------------------------------------------
    "health": public(ok=503),  # no worker answers in this test
    "sleep-model-info": sleep_seed(ok=503),
    "sleep-predict": sleep_seed("POST", 400),
    "api-schema": staff(anonymous=UNKNOWN),
    "api-docs": staff(anonymous=UNKNOWN),
    "api-token": (public("POST", 400), staff("DELETE", 204, anonymous=UNKNOWN)),
    "api-algorithms": staff(anonymous=UNKNOWN),
    "api-patients": (clinical(anonymous=UNKNOWN), clinical("POST", 400, anonymous=UNKNOWN)),
    "api-patient-search": clinical("POST", anonymous=UNKNOWN),
    "api-patient": api_record(),
    "api-blood-loss": (api_record(), api_record("POST", 400, roles=SUBMITTERS)),
    "api-studies": (clinical(anonymous=UNKNOWN), clinical("POST", 400, anonymous=UNKNOWN)),
    "api-study": api_record(),
    "api-result": api_record(),
    "api-artefact": api_record(),
    "api-documents": (api_record(), api_record("POST", 202, kind="csv", language="fr")),
    "api-document": api_record(),
    "api-document-content": api_record(),
    "api-first-read": (api_record(), api_record("POST", 409, impression="normal", confidence="sure")),
    "api-report": (api_record(), api_record("PUT", 409, texts={}, language="en")),
    "api-scoring": (api_record(ok=409), api_record("POST", 409)),
    "api-scoring-events": api_record("POST", 409, events=[{}]),
    "api-scoring-comparison": api_record(ok=409),
    "api-review": api_record("POST", 201, verdict="agree"),
    "api-sign": api_record("POST", 422, roles=SIGNERS),  # no verdict given before
    "api-amend": api_record("POST", roles=SIGNERS, state=State.SIGNED, reason="typing error"),
    "api-retry": api_record("POST", 202, roles=SUBMITTERS, state=State.FAILED),
    "api-credit": only(STEWARD, "POST", 503, anonymous=UNKNOWN),
    "api-credit-batch": only(STEWARD, "POST", 400, anonymous=UNKNOWN),
}


def addresses(patterns: list[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    """Yield every pattern of the product, however deep it is included."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns)
        else:
            yield pattern


ADDRESSES = {pattern.name: pattern for pattern in addresses(get_resolver().url_patterns)}


def test_every_address_has_a_rule_and_every_rule_an_address() -> None:
    unnamed = [str(p.pattern) for p in addresses(get_resolver().url_patterns) if not p.name]
    assert not unnamed, f"give these a name, and a line in EXPECTED: {unnamed}"
    assert sorted(ADDRESSES) == sorted(EXPECTED)


@dataclass(frozen=True)
class World:
    """The patient and study of the maternity unit, and who comes to look at them."""

    claire: Patient
    encounter: Encounter
    training: Training
    visitors: Mapping[str, User | None]

    def arguments(self, address: URLPattern, study: Study | None) -> dict[str, Any]:
        """Return something real for every part of an address."""
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
        }
        return {part: real[part] for part in address.pattern.converters}


@pytest.fixture
def world(claire: Patient) -> World:
    """Return Claire, and one visitor of every role here and away."""
    here, away = factories.unit("maternity"), (factories.unit("radiology"), factories.unit("sleep"))
    visitors: dict[str, User | None] = {"anonymous": None}
    for visitor in VISITORS[1:]:
        role, _, place = visitor.partition(" ")
        units = {"here": (here,), "away": away}.get(place, ())
        visitors[visitor] = factories.staff(
            visitor.replace(" ", "."), Role(role), *units, password=factories.PASSWORD
        )
    training = trainings.uploaded(visitors["steward"])
    return World(claire, factories.encounter(claire), training, visitors)


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


def visit(rule: Rule, url: str, user: User | None, data: Mapping[str, Any]) -> Visit:
    """Send the request of a rule, and leave no trace of it."""
    cache.clear()
    browser = Client()
    form = {"content_type": "application/json"} if url.startswith("/api/") and rule.method != "GET" else {}
    with transaction.atomic():
        if user is not None:
            browser.force_login(user)
        response = getattr(browser, rule.method.lower())(url, data or None, **form)
        recorded = Event.objects.filter(action=Action.REFUSED, actor=user).exists()
        transaction.set_rollback(True)
    to_login = response.headers.get("Location", "").startswith("/accounts/login/?next=")
    return Visit(LOGIN if to_login else response.status_code, recorded)


def rules(name: str) -> tuple[Rule, ...]:
    """Return the rules of an address."""
    rule = EXPECTED[name]
    return rule if isinstance(rule, tuple) else (rule,)


def mistake(rule: Rule, visitor: str, got: Visit, *, at_a_record: bool) -> str:
    """Return what is wrong with an answer, empty when nothing is."""
    expected = rule.expects(visitor)
    if got.answer != expected:
        return f"got {got.answer}, the rule says {expected}"
    refused = expected == FORBIDDEN or (expected == HIDDEN and at_a_record and not visitor.endswith("here"))
    if refused and visitor != "anonymous" and not got.recorded:
        return "was refused, but that is not on record"
    return ""


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in EXPECTED if name in ADDRESSES])
def test_everybody_gets_what_the_rule_says_and_refusals_are_on_record(name: str, world: World) -> None:
    address = ADDRESSES[name]
    parts = set(address.pattern.converters)
    wrong = {}
    for rule in rules(name):
        study = a_study(world, rule.state) if "study_id" in parts else None
        url = reverse(name, kwargs=world.arguments(address, study))
        data = {
            key: study.prediction.pk if value == "{prediction}" else value for key, value in rule.data.items()
        }
        for visitor, user in world.visitors.items():
            got = visit(rule, url, user, data)
            at_a_record = bool(parts & {"patient", "patient_id", "study_id"})
            if fault := mistake(rule, visitor, got, at_a_record=at_a_record):
                wrong[f"{rule.method} {visitor}"] = fault
    assert not wrong
