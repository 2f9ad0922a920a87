"""Heads of the chain outside the database: what they show, where they go, and what happens when they fail."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit import alarms
from clinic.audit.anchors import keys, sending
from clinic.audit.anchors.targets import files, parse
from clinic.audit.guards import GUARDS
from clinic.audit.models import Action, Anchor, AnchorTarget, Event, Seal, Verification
from clinic.audit.recording import record
from clinic.audit.seal import chain_state, seal_all
from clinic.audit.verify import verify
from tests.anchoring import six_events, write
from tests.tampering import Tampering
from tests.tampering_anchored import ANCHORED_TAMPERINGS, edit, forget_anchors, move_head, recompute

pytestmark = pytest.mark.django_db


@pytest.fixture
def anchored(db: None) -> list[Event]:
    """Return six sealed events, anchored after the third and after the sixth."""
    return six_events()


def test_anchors_agree_with_the_chain(anchored: list[Event]) -> None:
    outcome = verify()
    assert outcome.ok
    assert outcome.anchors == {"the table of anchors": 2, str(files()[0]): 2}
    assert files()[0].stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("tampering", ANCHORED_TAMPERINGS, ids=lambda tampering: tampering.name)
def test_what_the_chain_alone_cannot_show(anchored: list[Event], tampering: Tampering) -> None:
    GUARDS.remove(connection)
    expected = tampering.apply(connection, [event.pk for event in anchored])
    GUARDS.install(connection)

    outcome = verify()

    assert expected in " ".join(fault.text for fault in outcome.faults)
    assert not outcome.ok


def test_a_recomputed_chain_passes_without_anchors(db: None) -> None:
    """Shows that the tests above show what they say: nothing but the anchors found it."""
    events = write(6)
    seal_all()
    GUARDS.remove(connection)
    edit(connection, [event.pk for event in events])
    recompute(connection)
    move_head(connection)
    GUARDS.install(connection)
    assert verify().ok


def test_a_row_is_named_in_a_long_stretch(db: None) -> None:
    events = write(250)
    seal_all()
    assert sending.anchor() == 2  # 200 links to a statement
    GUARDS.remove(connection)
    Event.objects.filter(pk=events[119].pk).update(role="admin")
    recompute(connection)
    move_head(connection)
    GUARDS.install(connection)
    assert verify().faults[0].seal == 120
    assert max(len(anchor.statement) for anchor in Anchor.objects.all()) < 2000


def test_a_long_chain_from_before_is_caught_up_with_at_once(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "CATCH_UP", 5)
    write(9)
    seal_all()
    assert sending.anchor() == 1
    assert Anchor.objects.get().position == 9
    assert verify().ok


def test_the_same_lines_twice_are_no_fault(anchored: list[Event]) -> None:
    AnchorTarget.objects.update(sent=0)  # the sealer died before it noted that they had arrived
    sending.deliver()
    assert len(files()[0].read_text().splitlines()) == 4
    assert verify().ok


def test_what_a_log_server_kept_is_read_too(anchored: list[Event], tmp_path: Path) -> None:
    kept = tmp_path / "server.log"
    lines = files()[0].read_text().splitlines()
    kept.write_text("".join(f"Nov 21 10:00:00 ward vigie[7] anchor - {line}\n" for line in lines[1:]))
    assert verify(anchor_files=[kept]).anchors[str(kept)] == 1
    GUARDS.remove(connection)
    edit(connection, [event.pk for event in anchored])
    recompute(connection)
    GUARDS.install(connection)
    assert not verify(anchor_files=[kept]).ok


def test_an_auditor_checks_with_a_key_of_their_own(anchored: list[Event], tmp_path: Path) -> None:
    out, err = StringIO(), StringIO()
    call_command("audit_key", stdout=out, stderr=err)
    mine, other = tmp_path / "mine.pem", tmp_path / "other.pem"
    mine.write_text(out.getvalue())
    keys.make(tmp_path / "another.key")
    settings_key = serialization.load_pem_private_key((tmp_path / "another.key").read_bytes(), None)
    other.write_text(keys.public_pem(settings_key.public_key()))

    assert "PRIVATE" not in out.getvalue()
    assert err.getvalue().split()[1] == keys.key_id(keys.signing_key().public_key())
    assert verify(public_keys=[mine]).ok
    assert "none of this installation" in verify(public_keys=[other]).finding


def test_a_former_key_still_vouches(anchored: list[Event], settings, tmp_path: Path) -> None:
    former = tmp_path / "former.pem"
    former.write_text(keys.public_pem(keys.signing_key().public_key()))
    Path(settings.AUDIT_KEY_FILE).unlink()
    assert not verify().ok
    settings.AUDIT_FORMER_KEYS = [str(former)]
    record(Action.VIEW)
    seal_all()
    sending.anchor()
    assert verify().ok


def test_the_key_is_made_once_and_kept_from_others(settings, tmp_path: Path) -> None:
    settings.AUDIT_KEY_FILE = tmp_path / "keys" / "key.pem"
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="audit_key --make"):
        call_command("audit_key")
    call_command("audit_key", make=True, stdout=StringIO(), stderr=StringIO())
    assert settings.AUDIT_KEY_FILE.stat().st_mode & 0o777 == 0o600
    with pytest.raises(CommandError, match="There is a key"):
        call_command("audit_key", make=True)
    settings.AUDIT_KEY_FILE.chmod(0o644)
    with pytest.raises(keys.NoKey, match="chmod 600"):
        keys.signing_key()


def test_without_a_key_sealing_goes_on_and_verify_says_so(settings, tmp_path: Path) -> None:
    settings.PRODUCTION = True
    write(1)
    out, err = StringIO(), StringIO()
    call_command("seal_audit", stdout=out, stderr=err)
    assert out.getvalue() == "1 events sealed\n"
    assert "not anchored" in err.getvalue()
    assert "the anchors were not checked" in verify().warnings[0]


def test_only_what_is_due_is_anchored(anchored: list[Event], settings) -> None:
    assert not sending.due()
    write(1)
    seal_all()
    assert not sending.due()
    settings.AUDIT_ANCHOR_SECONDS = 0
    assert sending.due()


def test_a_backlog_is_sent_in_order_when_the_place_answers(anchored: list[Event], settings) -> None:
    folder = Path(settings.AUDIT_ANCHORS[0].removeprefix("file:")).parent / "share"
    folder.write_text("a file where the folder should be")
    settings.AUDIT_ANCHORS = [*settings.AUDIT_ANCHORS, f"file:{folder}/anchors.jsonl"]
    sending.deliver()
    row = AnchorTarget.objects.get(name=settings.AUDIT_ANCHORS[1])
    assert (row.sent, row.failures) == (0, 1)
    assert "cannot be written" in row.problem
    sending.deliver()  # not before its pause is over
    assert AnchorTarget.objects.get(pk=row.pk).failures == 1

    folder.unlink()
    write(1)
    assert seal_all() == 1
    sending.anchor()
    AnchorTarget.objects.filter(pk=row.pk).update(retry_at=timezone.now() - timedelta(seconds=1))
    sending.deliver()
    row.refresh_from_db()
    assert (row.sent, row.failures, row.problem) == (3, 0, "")
    kept = [json.loads(line)["number"] for line in (folder / "anchors.jsonl").read_text().splitlines()]
    assert kept == [1, 2, 3]
    assert verify().ok


def test_a_target_in_the_hands_of_another_process_is_left_alone(anchored: list[Event]) -> None:
    AnchorTarget.objects.update(sent=0, leased_until=timezone.now() + timedelta(minutes=1))
    sending.deliver()
    assert AnchorTarget.objects.get().sent == 0


@pytest.mark.parametrize(
    "text",
    [
        "file:relative",
        "syslog:host",
        "syslog:carrier://host",
        "http://host/path",
        "https://",
        "https://u:p@host/",
    ],
)
def test_targets_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="is no target") as refusal:
        parse(text)
    assert "syslog:tls" in str(refusal.value)


def test_a_program_reads_what_was_found(anchored: list[Event]) -> None:
    GUARDS.remove(connection)
    Event.objects.filter(pk=anchored[3].pk).update(role="admin")
    GUARDS.install(connection)
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("verify_audit", json=True, stdout=out)
    said = json.loads(out.getvalue())
    assert (said["ok"], said["seals"]) == (False, 3)
    assert said["faults"][0]["event"] == anchored[3].pk
    assert said["faults"][0]["seal"] == 4


def change(event: Event, role: str) -> None:
    """Edit a sealed row."""
    GUARDS.remove(connection)
    Event.objects.filter(pk=event.pk).update(role=role)
    GUARDS.install(connection)


def test_a_walk_of_a_part_never_counts_for_the_whole(anchored: list[Event]) -> None:
    out = StringIO()
    call_command("verify_audit", since=3, stdout=out)
    assert out.getvalue().startswith(
        "4 seals verified from seal 3\nwhat lies before seal 3 was not looked at\n"
    )
    assert (chain_state().verified_at, chain_state().part_since) == (None, 3)

    change(anchored[0], "admin")
    assert not verify().ok
    assert verify(since=3).ok
    assert "seal 1" in chain_state().finding
    assert [alarm.code for alarm in alarms.current()] == ["broken"]
    with pytest.raises(SystemExit):
        call_command("check_audit", stdout=StringIO())

    change(anchored[0], "")
    assert verify().ok
    assert alarms.current() == []
    change(anchored[5], "admin")
    assert not verify(since=6).ok
    assert verify(since=7).ok
    assert [alarm.code for alarm in alarms.current()] == ["broken"]
    assert Verification.objects.count() == 6


def test_a_walk_from_behind_the_end_is_refused(anchored: list[Event]) -> None:
    assert verify(since=7).seals == 6
    with pytest.raises(CommandError, match="ends with seal 6: there is nothing to verify from seal 8 on"):
        call_command("verify_audit", since=8, stdout=StringIO())
    assert Verification.objects.count() == 1


def test_a_walk_of_the_end_alone_sees_what_was_cut_off_or_made_anew(anchored: list[Event]) -> None:
    GUARDS.remove(connection)
    Seal.objects.filter(position__gt=4).delete()
    move_head(connection)
    assert "cut off after seal 4" in verify(since=5).finding
    edit(connection, [event.pk for event in anchored])
    recompute(connection)
    move_head(connection)
    GUARDS.install(connection)
    assert "recomputed" in verify(since=4).finding
    assert "recomputed" in verify(since=5).finding
    with pytest.raises(CommandError, match="ends with seal 4"):
        call_command("verify_audit", since=7, stdout=StringIO())


def test_a_chain_that_lost_every_anchor_is_warned_of(anchored: list[Event]) -> None:
    GUARDS.remove(connection)
    recompute(connection)
    forget_anchors(connection)
    files()[0].unlink()
    Seal.objects.update(sealed_at=timezone.now() - timedelta(minutes=5))
    recompute(connection)
    move_head(connection)
    GUARDS.install(connection)
    err = StringIO()
    with pytest.raises(SystemExit):
        call_command("verify_audit", stdout=StringIO(), stderr=err)
    assert "no anchor covers seal 1 and after it" in err.getvalue()


def test_an_audit_without_anything_is_warned_of_once_there_are_staff(db: None, alice: User) -> None:
    err = StringIO()
    with pytest.raises(SystemExit):
        call_command("verify_audit", stdout=StringIO(), stderr=err)
    assert "the audit is empty although" in err.getvalue()
    record(Action.VIEW)
    assert verify().ok
