"""A file that belongs to somebody else must stop; the same person written differently must not."""

from datetime import date

import pytest

from ml.concordance import check_identity
from ml.contracts import Finding, Identity, Problem

RECORD = Identity("Dupont-Lefèvre", "Claire", "204817", date(1994, 3, 2), "F")


@pytest.mark.parametrize(
    "found",
    [
        Identity("DUPONT LEFEVRE", "CLAIRE", "204817", date(1994, 3, 2), "F"),
        Identity("Claire Dupont", "", "", None, ""),
        Identity("", "", "20-48-17", None, "female"),
        Identity("Dupont_Lefèvre", "Claire Marie", "", date(1994, 3, 2), ""),
    ],
)
def test_the_same_person_written_by_a_device_agrees(found):
    verdict = check_identity(found, RECORD)
    assert isinstance(verdict, Finding)
    assert verdict.code == "identity_agrees"


@pytest.mark.parametrize(
    ("found", "part"),
    [
        (Identity("Martin", "Claire", "204817"), "the name"),
        (Identity("Dupont-Lefèvre", "Claire", "204818"), "the record number"),
        (Identity("Dupont-Lefèvre", "Claire", birth_date=date(1994, 2, 3)), "the birth date"),
        (Identity("Dupont-Lefèvre", "Claire", sex="M"), "the sex"),
    ],
)
def test_a_contradiction_stops_the_study_and_names_the_part_not_the_value(found, part):
    verdict = check_identity(found, RECORD)
    assert isinstance(verdict, Problem)
    assert verdict.code == "identity_mismatch"
    assert part in verdict.message.en
    for value in ("Martin", "204818", "1994"):
        assert value not in verdict.message.en + verdict.message.fr


def test_a_file_without_identity_is_accepted_and_says_so():
    verdict = check_identity(Identity(sex="F"), RECORD)
    assert isinstance(verdict, Finding)
    assert verdict.code == "no_identity"
    assert verdict.attention
