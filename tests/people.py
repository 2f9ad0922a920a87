"""The people of every access test: Alice, her colleague Bob, the stranger Charlie, and who manages."""

from __future__ import annotations

from datetime import date

import pytest

from clinic.accounts.models import Unit, User
from clinic.accounts.roles import Role
from patients.models import Patient
from tests import factories

pytest_plugins = ("tests.emptying",)


@pytest.fixture
def maternity(db: None) -> Unit:
    """Return the unit of Alice, Bob and Claire."""
    return factories.unit("maternity")


@pytest.fixture
def radiology(db: None) -> Unit:
    """Return the unit of the stranger."""
    return factories.unit("radiology")


@pytest.fixture
def sleep_lab(db: None) -> Unit:
    """Return the third unit."""
    return factories.unit("sleep")


@pytest.fixture
def alice(maternity: Unit) -> User:
    """Return a midwife of the maternity unit."""
    return factories.staff("alice", Role.MIDWIFE, maternity, password=factories.PASSWORD)


@pytest.fixture
def bob(maternity: Unit) -> User:
    """Return her colleague, a physician of the same unit."""
    return factories.staff("bob", Role.PHYSICIAN, maternity, password=factories.PASSWORD)


@pytest.fixture
def charlie(radiology: Unit) -> User:
    """Return the stranger: a radiologist, who has no patient in common with Alice."""
    return factories.staff("charlie", Role.RADIOLOGIST, radiology, password=factories.PASSWORD)


@pytest.fixture
def terry(sleep_lab: Unit) -> User:
    """Return a sleep technician."""
    return factories.staff("terry", Role.TECHNICIAN, sleep_lab, password=factories.PASSWORD)


@pytest.fixture
def sandra(sleep_lab: Unit) -> User:
    """Return the physician of the sleep laboratory."""
    return factories.staff("sandra", Role.PHYSICIAN, sleep_lab, password=factories.PASSWORD)


@pytest.fixture
def admin(db: None) -> User:
    """Return the administrator: users and audit, no patients."""
    return factories.staff("admin", Role.ADMIN, password=factories.PASSWORD)


@pytest.fixture
def steward(db: None) -> User:
    """Return the model steward: models and reference tasks, no patients."""
    return factories.staff("steward", Role.STEWARD, password=factories.PASSWORD)


@pytest.fixture
def claire(maternity: Unit) -> Patient:
    """Return a patient of the maternity unit."""
    return factories.patient(maternity)


@pytest.fixture
def henri(radiology: Unit) -> Patient:
    """Return a patient of the radiology unit."""
    return factories.patient(
        radiology, family_name="Ladder", given_name="Henri", sex="M", birth_date=date(1951, 7, 14)
    )


@pytest.fixture
def nina(sleep_lab: Unit) -> Patient:
    """Return a patient of the sleep laboratory."""
    return factories.patient(
        sleep_lab, family_name="Harbour", given_name="Nina", birth_date=date(1978, 11, 5)
    )
