"""Every address × every kind of visitor. An address without a line in ``EXPECTED`` fails the test.

The addresses come from the resolver, the operations of the API from its view classes.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver, reverse

from clinic import rules as product
from clinic.accounts.models import ApiToken
from clinic.accounts.roles import Role, Scope
from clinic.audit.models import Action, Event
from patients.models import Patient
from predictions.states import State
from tests import factories
from tests.entitlements import (
    FORBIDDEN,
    HIDDEN,
    IN,
    OFFICES,
    UNKNOWN,
    Rule,
    analysts,
    api_record,
    clinical,
    closed,
    custody,
    follows,
    only,
    own,
    public,
    record,
    reported,
    senders,
    sleep_seed,
    staff,
    training_sets,
)
from tests.visitors import LOGIN, RECORDS, Visit, World, a_study, addresses, make_world, operations, visit

ADMIN, STEWARD = Role.ADMIN, Role.STEWARD
SUBMITTERS, SIGNERS = (Role.MIDWIFE, Role.PHYSICIAN), (Role.PHYSICIAN,)
AWAY_SIGNERS = {
    f"{role} {place}": IN for role in (Role.PHYSICIAN, Role.RADIOLOGIST) for place in ("away", "emergency")
}


def stewards_and_admins() -> Rule:
    """For both of the managing roles, to read."""
    return Rule("GET", {"anonymous": LOGIN, "steward": IN, "admin": IN, "*": FORBIDDEN})


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
    "favicon": public(ok=302),
    "set_language": public("POST", 302),
    "set_theme": public("POST", 302),
    # --- staff ----------------------------------------------------------------------------------
    "profile": staff(),
    "staff_list": only(ADMIN),
    "staff_new": (only(ADMIN), only(ADMIN, "POST", 422)),
    "staff_edit": (only(ADMIN), only(ADMIN, "POST", 422)),
    "staff_password": only(ADMIN, "POST"),
    "staff_sessions": only(ADMIN, "POST", 302),
    "staff_second_factor": (only(ADMIN), only(ADMIN, "POST", 302)),
    "unit_list": only(ADMIN),
    "unit_new": (only(ADMIN), only(ADMIN, "POST", 422)),
    "unit_edit": (only(ADMIN), only(ADMIN, "POST", 422)),
    "token_list": staff(),
    "token_list_all": only(ADMIN),
    "token_new": (staff(), staff("POST", 422)),
    "token_revoke": Rule("POST", {"anonymous": LOGIN, "midwife here": 302, "admin": 302, "*": HIDDEN}),
    "notices": staff(),
    "notice_acknowledge": staff("POST", 302),
    # --- audit ----------------------------------------------------------------------------------
    "audit_search": (only(ADMIN), only(ADMIN, "POST")),
    "audit_patient": only(ADMIN),
    "audit_person": only(ADMIN),
    "audit_export": only(ADMIN, "POST", form="ndjson"),
    "disclosure": only(ADMIN),
    "disclosure_files": only(ADMIN),
    "disclosure_order": only(ADMIN, "POST", 302, language="fr"),
    "disclosure_csv": only(ADMIN),
    "disclosure_file": only(ADMIN),
    # --- patients -------------------------------------------------------------------------------
    "patient_search": (clinical(), clinical("POST", name="lantern")),
    "patient_new": (clinical(), clinical("POST", 422)),
    "emergency_new": (clinical(), clinical("POST", 422)),
    # Nobody but who opened it.
    "emergency_end": Rule(
        "POST",
        {"anonymous": LOGIN, "midwife emergency": 302, "admin": FORBIDDEN, "steward": FORBIDDEN, "*": HIDDEN},
    ),
    "patient": record(),
    "patient_edit": (record(emergency=FORBIDDEN), record("POST", 422)),
    "encounter_new": (record(), record("POST", 422, emergency=422)),
    "encounter_end": (record(emergency=FORBIDDEN), record("POST", 302)),
    "encounter_reopen": record("POST", 302),
    "blood_loss": (record(roles=SUBMITTERS), record("POST", 422, roles=SUBMITTERS)),
    "patient_erasure": (custody(), custody("POST", 422)),  # a legal hold stands
    "patient_hold": custody("POST", 302, reason="A court asks for it"),
    "hold_release": only(ADMIN, "POST", 302),
    "erasures": Rule(
        "GET",
        {"anonymous": LOGIN, "admin": IN, **dict.fromkeys(OFFICES, IN), "*": FORBIDDEN},
    ),
    "erasure": follows(),
    "erasure_decide": follows("POST", 422, decision="approve"),
    "erasure_export": follows(admin=FORBIDDEN),
    "erasure_certificate": follows(),
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
    "study_what_if": (
        record(),
        record("POST", 503, emergency=503, haemoglobin="13"),
    ),  # no worker answers in this test
    "study_reassess": (record(roles=SUBMITTERS), record("POST", 302, roles=SUBMITTERS)),
    "study_artefact": record(),
    "study_documents": record(),
    "study_document_order": record("POST", 302, emergency=302, kind="csv", language="fr"),
    "study_document": record(),
    # The study of this test is read with its answer, and nobody writes a report of it.
    "study_first_read": record("POST", 422, impression="normal", confidence="sure"),
    "study_reading": record("POST", 422),
    "scoring_state": record(ok=HIDDEN),  # nor is there anything to score in it
    "scoring_begin": record("POST", HIDDEN, roles=SUBMITTERS),
    "scoring_events": record("POST", HIDDEN, roles=SUBMITTERS),
    "scoring_compare": record(ok=HIDDEN),
    "study_review": record("POST", 302, **VERDICT),
    "study_sign": record("POST", 302, roles=SIGNERS, **VERDICT),
    "study_amend": record("POST", 422, roles=SIGNERS, state=State.SIGNED),
    "study_retry": record("POST", 302, roles=SUBMITTERS, state=State.FAILED),
    "study_repeat": record("POST", 422, roles=SUBMITTERS),  # the study of this test came without files
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
    # --- versions -------------------------------------------------------------------------------
    "versions": staff(),
    "version": staff(),
    "version_propose": (only(STEWARD), only(STEWARD, "POST", 422)),
    "proposal": staff(),
    "proposal_decide": Rule("POST", {"anonymous": LOGIN, "physician here": 422, "*": FORBIDDEN}),
    "proposal_withdraw": only(STEWARD, "POST", 302),
    # Nothing to go back to: both lead to the model, with the reason.
    "serving_roll_back": (
        Rule("GET", {"anonymous": LOGIN, "steward": 302, "physician here": 302, "*": FORBIDDEN}),
        Rule("POST", {"anonymous": LOGIN, "steward": 302, "physician here": 302, "*": FORBIDDEN}),
    ),
    # --- deployments ----------------------------------------------------------------------------
    "deployment_list": Rule(
        "GET", {"anonymous": LOGIN, "steward": IN, "physician here": IN, **AWAY_SIGNERS, "*": FORBIDDEN}
    ),
    "deployment_new": (only(STEWARD), only(STEWARD, "POST", 422)),
    "deployment": Rule("GET", {"anonymous": LOGIN, "steward": IN, "physician here": IN, "*": HIDDEN}),
    "deployment_decide": Rule(  # declining asks for a reason
        "POST", {"anonymous": LOGIN, "physician here": 422, "steward": FORBIDDEN, "*": HIDDEN}
    ),
    "deployment_end": Rule("POST", {"anonymous": LOGIN, "physician here": 302, "steward": 302, "*": HIDDEN}),
    # --- agreement ------------------------------------------------------------------------------
    "agreement": (analysts(), analysts("POST", 422, midwife=FORBIDDEN)),
    "agreement_report": reported(),
    "agreement_state": reported(),
    "agreement_csv": reported(ok=302),  # nothing was counted yet
    # --- training sets: leads are tested with them ------------------------------------------------
    "training_sets": (training_sets(FORBIDDEN), only(STEWARD, "POST", 422)),
    "training_set": training_sets(HIDDEN),
    "training_set_state": training_sets(HIDDEN),
    "training_set_decide": Rule(
        "POST",
        {"anonymous": LOGIN, "admin": 302, "steward": FORBIDDEN, "*": HIDDEN},
        {"decision": "decline", "reason": "Not now"},
    ),
    "training_set_withdraw": only(STEWARD, "POST", 302),
    "training_set_file": only(STEWARD, ok=302),  # nothing was written
    "testbench": (only(STEWARD), only(STEWARD, "POST", 302, sample="synthetic_admission")),
    "bench_run": only(STEWARD),
    "bench_run_state": only(STEWARD),
    # --- monitoring -----------------------------------------------------------------------------
    # administrators look, stewards decide
    "monitoring": stewards_and_admins(),
    "monitoring_unit": (stewards_and_admins(), only(STEWARD, "POST", 422)),  # without days
    "monitoring_reference": only(STEWARD, "POST", 422),
    "monitoring_report": stewards_and_admins(),
    "monitoring_report_state": stewards_and_admins(),
    "monitoring_acknowledge": only(STEWARD, "POST", 302),
    # --- batches: whoever sent it, and nobody else -----------------------------------------------
    "batch_list": analysts(),
    "batch_new": (senders(), senders("POST", 422)),
    "batch": own(),
    "batch_state": own(),
    "batch_columns": (own(ok=302), own("POST", 302)),  # that of this test has them named
    "batch_withdraw": own("POST", 302),
    "batch_again": own("POST", 302),
    "batch_delete": own("POST", 302),
    "batch_result": own(),
    "api-batches": (analysts(anonymous=UNKNOWN), analysts("POST", 400, anonymous=UNKNOWN)),
    "api-batch": (own(anonymous=UNKNOWN), own("DELETE", 204, anonymous=UNKNOWN)),
    "api-batch-rows": own(anonymous=UNKNOWN),
    "api-batch-withdraw": own("POST", 409, anonymous=UNKNOWN),  # it is done
    "api-batch-retry": own("POST", 409, anonymous=UNKNOWN),
    "api-batch-result": own(anonymous=UNKNOWN),
    # --- programs -------------------------------------------------------------------------------
    "metrics": only(ADMIN, anonymous=UNKNOWN),
    "health": public(ok=503),  # no worker answers in this test
    "sleep-model-info": sleep_seed(ok=503),
    "sleep-predict": sleep_seed("POST", 400),
    "api-schema": staff(anonymous=UNKNOWN),
    "api-docs": staff(anonymous=UNKNOWN),
    # Who calls with a session has no token to give back.
    "api-token": (public("POST", 400), staff("DELETE", 409, anonymous=UNKNOWN)),
    "api-deployments": Rule(
        "GET", {"anonymous": UNKNOWN, "steward": IN, "physician here": IN, **AWAY_SIGNERS, "*": FORBIDDEN}
    ),
    "api-deployment": Rule("GET", {"anonymous": UNKNOWN, "steward": IN, "physician here": IN, "*": HIDDEN}),
    "api-training-sets": training_sets(FORBIDDEN, anonymous=UNKNOWN),
    "api-training-set": training_sets(HIDDEN, anonymous=UNKNOWN),
    "api-training-set-file": only(STEWARD, ok=409, anonymous=UNKNOWN),  # nothing was written
    "api-agreements": analysts(anonymous=UNKNOWN),
    "api-agreement": reported(anonymous=UNKNOWN),
    "api-algorithms": staff(anonymous=UNKNOWN),
    "api-versions": staff(anonymous=UNKNOWN),
    "api-proposals": only(STEWARD, "POST", 422, anonymous=UNKNOWN, version="0.0.0", reason="none such"),
    "api-proposal": (
        staff(anonymous=UNKNOWN),
        Rule("POST", {"anonymous": UNKNOWN, "physician here": 422, "*": FORBIDDEN}, {"decision": "decline"}),
    ),
    "api-patients": (clinical(anonymous=UNKNOWN), clinical("POST", 400, anonymous=UNKNOWN)),
    "api-patient-search": clinical("POST", anonymous=UNKNOWN),
    "api-emergency": clinical("POST", 400, anonymous=UNKNOWN),
    # Nobody but who opened it.
    "api-emergency-end": Rule(
        "DELETE",
        {
            "anonymous": UNKNOWN,
            "midwife emergency": 204,
            "admin": FORBIDDEN,
            "steward": FORBIDDEN,
            "*": HIDDEN,
        },
    ),
    "api-patient": (
        api_record(),
        api_record("PATCH", emergency=FORBIDDEN, research="agreed"),
    ),
    "api-blood-loss": (api_record(), api_record("POST", 400, roles=SUBMITTERS)),
    "api-studies": (clinical(anonymous=UNKNOWN), clinical("POST", 400, anonymous=UNKNOWN)),
    "api-study": api_record(),
    "api-result": api_record(),
    "api-artefact": api_record(),
    "api-documents": (api_record(), api_record("POST", 202, emergency=202, kind="csv", language="fr")),
    "api-document": api_record(),
    "api-document-content": api_record(),
    "api-first-read": (api_record(), api_record("POST", 409, impression="normal", confidence="sure")),
    "api-report": (api_record(), api_record("PUT", 409, texts={}, language="en")),
    "api-scoring": (api_record(ok=409), api_record("POST", 409, roles=SUBMITTERS)),
    "api-scoring-events": api_record("POST", 409, roles=SUBMITTERS, events=[{}]),
    "api-scoring-comparison": api_record(ok=409),
    "api-review": api_record("POST", 201, verdict="agree"),
    "api-sign": api_record("POST", 422, roles=SIGNERS),  # no verdict given before
    "api-amend": api_record("POST", roles=SIGNERS, state=State.SIGNED, reason="typing error"),
    "api-retry": api_record("POST", 202, roles=SUBMITTERS, state=State.FAILED),
    "api-repeat": api_record("POST", 409, roles=SUBMITTERS),
    "api-credit": only(STEWARD, "POST", 503, anonymous=UNKNOWN),
    "api-testbench": (
        only(STEWARD, anonymous=UNKNOWN),
        only(STEWARD, "POST", 202, anonymous=UNKNOWN, sample="synthetic_admission"),
    ),
    "api-bench-run": only(STEWARD, anonymous=UNKNOWN),
    "api-audit-events": only(ADMIN, anonymous=UNKNOWN),
    "api-credit-batch": only(STEWARD, "POST", 400, anonymous=UNKNOWN),
}

# What a token must have been issued for to take something out, or to write; to read, ``read``.
EXPORTS = {
    (name, "GET"): Scope.EXPORT
    for name in (
        "api-artefact",
        "api-document-content",
        "api-audit-events",
        "api-batch-result",
        "api-training-set-file",
    )
}
WRITES: dict[tuple[str, str], Scope | None] = {
    ("api-token", "DELETE"): None,
    ("api-patients", "POST"): Scope.SUBMIT,
    ("api-patient", "PATCH"): Scope.SUBMIT,
    ("api-patient-search", "POST"): Scope.READ,
    ("api-emergency", "POST"): Scope.EMERGENCY,
    ("api-emergency-end", "DELETE"): None,
    ("api-blood-loss", "POST"): Scope.SUBMIT,
    ("api-studies", "POST"): Scope.SUBMIT,
    ("api-retry", "POST"): Scope.SUBMIT,
    ("api-repeat", "POST"): Scope.SUBMIT,
    ("api-batches", "POST"): Scope.SUBMIT,
    ("api-batch", "DELETE"): Scope.SUBMIT,
    ("api-batch-withdraw", "POST"): Scope.SUBMIT,
    ("api-batch-retry", "POST"): Scope.SUBMIT,
    ("api-documents", "POST"): Scope.READ,
    ("api-first-read", "POST"): Scope.REVIEW,
    ("api-report", "PUT"): Scope.REVIEW,
    ("api-scoring", "POST"): Scope.REVIEW,
    ("api-scoring-events", "POST"): Scope.REVIEW,
    ("api-review", "POST"): Scope.REVIEW,
    ("api-sign", "POST"): Scope.SIGN,
    ("api-amend", "POST"): Scope.SIGN,
    ("api-testbench", "POST"): Scope.SUBMIT,
    ("api-proposals", "POST"): Scope.SUBMIT,
    ("api-proposal", "POST"): Scope.SIGN,
    ("api-credit", "POST"): Scope.SUBMIT,
    ("api-credit-batch", "POST"): Scope.SUBMIT,
    ("sleep-predict", "POST"): Scope.SUBMIT,
}
PUBLIC = {("health", "GET"), ("api-token", "POST")}


PATTERNS = [*addresses(get_resolver().url_patterns)]
ADDRESSES = {pattern.name: pattern for pattern in PATTERNS}
PROGRAM_DOORS = {
    name: address for name, address in ADDRESSES.items() if product.is_program_door(address.callback)
}
OPERATIONS = [
    (name, method) for name, address in PROGRAM_DOORS.items() for method in sorted(operations(address))
]


def rules(name: str) -> tuple[Rule, ...]:
    """Return the rules of an address."""
    rule = EXPECTED[name]
    return rule if isinstance(rule, tuple) else (rule,)


def test_every_address_has_a_rule_and_every_rule_an_address() -> None:
    unnamed = [str(pattern.pattern) for pattern in PATTERNS if not pattern.name]
    assert not unnamed, f"give these a name, and a line in EXPECTED: {unnamed}"
    assert len(ADDRESSES) == len(PATTERNS), "two addresses of one name: one of them would go untested"
    assert sorted(ADDRESSES) == sorted(EXPECTED)


def test_no_view_of_the_product_is_without_a_rule_of_its_own() -> None:
    pages = {name: address for name, address in ADDRESSES.items() if name not in PROGRAM_DOORS}
    closed = [
        name for name, address in pages.items() if product.rule_of(address.callback, name) is product.CLOSED
    ]
    assert not closed, f"name the rule of these with clinic.rules.under: {closed}"
    assert not product.declared() - set(ADDRESSES), "rules for addresses that are no more"


@pytest.mark.parametrize("name", sorted(PROGRAM_DOORS))
def test_every_operation_of_the_api_has_its_door_and_its_line(name: str) -> None:
    answered = operations(PROGRAM_DOORS[name])
    assert answered == set(PROGRAM_DOORS[name].callback.cls.doors)
    assert answered == {rule.method for rule in rules(name)}
    unsafe = {(name, method) for method in answered - {"GET"}} - PUBLIC
    assert unsafe == {operation for operation in WRITES if operation[0] == name}


@pytest.fixture
def world(claire: Patient, settings: Any) -> World:
    """Return Claire, and one visitor of every role here, away, and away in an emergency.

    No worker answers their questions, so they do not wait long.
    """
    settings.INQUIRY_SECONDS = 0.1
    return make_world(claire)


def mistake(rule: Rule, visitor: str, got: Visit, *, at_a_record: bool) -> str:
    """Return what is wrong with an answer, empty when nothing is."""
    expected = rule.expects(visitor)
    if got.answer != expected:
        return f"got {got.answer}, the rule says {expected}"
    stranger = not visitor.endswith(("here", "emergency"))
    refused = expected == FORBIDDEN or (expected == HIDDEN and at_a_record and stranger)
    if refused and visitor != "anonymous" and not got.recorded:
        return "was refused, but that is not on record"
    return ""


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in EXPECTED if name in ADDRESSES])
def test_everybody_gets_what_the_rule_says_and_refusals_are_on_record(name: str, world: World) -> None:
    address = ADDRESSES[name]
    parts = set(address.pattern.converters)
    at_a_record = bool(parts & RECORDS)
    wrong = {}
    for rule in rules(name):
        study = a_study(world, rule.state) if "study_id" in parts else None
        url = reverse(name, kwargs=world.arguments(address, study))
        data = {
            key: study.prediction.pk if value == "{prediction}" else value for key, value in rule.data.items()
        }
        for visitor, user in world.visitors.items():
            if visitor.endswith("emergency") and not (at_a_record or "access_id" in parts):
                continue  # one patient's record is open to them: elsewhere they are who they are away
            got = visit(rule.method, url, user, data)
            if fault := mistake(rule, visitor, got, at_a_record=at_a_record):
                wrong[f"{rule.method} {visitor}"] = fault
    assert not wrong


@pytest.mark.django_db
@pytest.mark.parametrize("scope", Scope)
def test_a_token_opens_the_operations_of_its_scope_and_no_other(scope: Scope, world: World) -> None:
    owner, study = world.visitors["physician here"], a_study(world, State.READY)
    refusals = Event.objects.filter(action=Action.REFUSED, actor=owner, kind="token")
    opened = set()
    for name, method in OPERATIONS:
        url = reverse(name, kwargs=world.arguments(ADDRESSES[name], study))
        # One at a time: there are more operations than anybody may have tokens.
        ApiToken.objects.filter(owner=owner).delete()
        program = {"Authorization": f"Token {factories.token(owner, scope)}"}
        before = refusals.count()
        status = Client().generic(method, url, headers=program).status_code
        if refusals.count() == before:
            opened.add((name, method))
        else:
            assert status == FORBIDDEN
    assert opened == {
        one for one in OPERATIONS if one in PUBLIC or (WRITES | EXPORTS).get(one, Scope.READ) in (scope, None)
    }
