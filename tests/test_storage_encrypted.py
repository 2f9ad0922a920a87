"""Files encrypted at rest: what a thief of the disk, a swapped file and a stopped rotation come to."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.html import escape

from clinic.accounts.models import User
from clinic.settings import storage_key
from clinic.templatetags import vigie
from patients.models import Patient
from predictions.models import Study, StudyFile
from predictions.states import State
from predictions.storage import Received, incoming, receive, storage
from predictions.vault import container, fitting, keys, upkeep
from predictions.vault.container import CHUNK_BYTES, HEADER_BYTES, SLOTS, TAG_BYTES
from predictions.vault.damage import DAMAGED, Damaged
from predictions.vault.fitting import Unfitting
from tests import outputs, studies
from tests.test_intake import submit_image

CONTENT = os.urandom(3 * CHUNK_BYTES + 17)
STORED_CHUNK = CHUNK_BYTES + TAG_BYTES


@pytest.fixture(autouse=True)
def key_file(settings, tmp_path: Path) -> Path:
    settings.STORAGE_KEYS = ()
    settings.STORAGE_KEY_FILE = tmp_path / "key"
    keys.rewrite(settings.STORAGE_KEY_FILE, [keys.made()])
    return settings.STORAGE_KEY_FILE


def kept(content: bytes = CONTENT) -> str:
    return storage.adopt(receive(ContentFile(content), limit=len(content)), "uploads")


def on_disk(name: str) -> Path:
    return Path(storage.path(name))


def read(name: str) -> bytes:
    with storage.open(name) as stream:
        return stream.read()


def code(work: Callable[[], object]) -> str:
    with pytest.raises(Damaged) as refused:
        work()
    return refused.value.problems[0].code


@pytest.mark.parametrize(
    "size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 2 * CHUNK_BYTES + 9]
)
def test_every_size_comes_back_as_it_was(size: int) -> None:
    name = kept(CONTENT[:size])
    assert read(name) == CONTENT[:size]
    assert storage.size(name) == size
    with storage.local(name) as path:
        assert path.read_bytes() == CONTENT[:size]
        assert path.stat().st_size == size


def test_pages_are_read_from_any_place() -> None:
    with storage.open(kept()) as stream:
        for start, length in ((CHUNK_BYTES - 3, 9), (2 * CHUNK_BYTES, 5), (0, 4), (len(CONTENT) - 2, 50)):
            stream.seek(start)
            assert stream.read(length) == CONTENT[start : start + length]
            assert stream.tell() == min(start + length, len(CONTENT))
        assert stream.seek(-4, os.SEEK_END) == len(CONTENT) - 4
        assert stream.read() == CONTENT[-4:]


def test_nothing_of_it_stands_on_the_disk_in_the_clear(private_root: Path) -> None:
    received = Received(limit=2**30)
    marked = b"LADDER Henri" * 200_000
    received.write(marked)
    with storage.local(kept(marked)), received.reader() as arriving:
        assert arriving.read() == marked
        received._stream.flush()
        for path in private_root.rglob("*"):
            assert not path.is_file() or b"LADDER" not in path.read_bytes()
        assert not list((private_root / "scratch").iterdir())


def test_what_a_killed_process_left_half_received_opens_for_nobody() -> None:
    received = Received(limit=2**30)
    received.write(CONTENT)
    received._stream.flush()
    (path,) = incoming().iterdir()
    assert path.read_bytes()[:HEADER_BYTES] == bytes(HEADER_BYTES)


def flipped(place: int) -> Callable[[bytes], bytes]:
    return lambda whole: whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]


def swapped(whole: bytes) -> bytes:
    first, second = HEADER_BYTES, HEADER_BYTES + STORED_CHUNK
    return (
        whole[:first]
        + whole[second : second + STORED_CHUNK]
        + whole[first:second]
        + whole[second + STORED_CHUNK :]
    )


TAMPERED = {
    "a bit of the first chunk": flipped(HEADER_BYTES + 5),
    "a bit of the last tag": flipped(-1 % (HEADER_BYTES + len(CONTENT) + 4 * TAG_BYTES)),
    "a bit of the file id": flipped(20),
    "a bit of the size": flipped(47),
    "a bit of the wrapped key": flipped(SLOTS[0] + 30),
    "another version": flipped(8),
    "chunks in another order": swapped,
    "the last chunk gone": lambda whole: whole[: HEADER_BYTES + 3 * STORED_CHUNK],
    "a chunk in the middle gone": lambda whole: whole[:HEADER_BYTES] + whole[HEADER_BYTES + STORED_CHUNK :],
    "cut in the header": lambda whole: whole[:100],
    "grown": lambda whole: whole + bytes(STORED_CHUNK),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_a_file_that_was_changed_gives_nothing_out(how: str) -> None:
    name = kept()
    path = on_disk(name)
    path.write_bytes(TAMPERED[how](path.read_bytes()))
    assert code(lambda: storage.verify(name)) == "stored_file_damaged"


def test_a_last_chunk_cut_off_is_found_even_where_the_size_was_made_to_fit() -> None:
    """As the master key would allow: the flag in the nonce of the last chunk is a lock of its own."""
    name = kept()
    path = on_disk(name)
    whole = path.read_bytes()
    secret, _slot = container.unwrap(whole[:HEADER_BYTES], keys.ring(), name)
    fixed = container.parse(whole[:HEADER_BYTES])
    head = container.Fixed(fixed.file_id, fixed.prefix, 3 * CHUNK_BYTES).pack()
    head = (head + container.wrap(secret, keys.ring().first, head, name)).ljust(HEADER_BYTES, b"\0")
    path.write_bytes(head + whole[HEADER_BYTES : HEADER_BYTES + 3 * STORED_CHUNK])
    assert code(lambda: storage.verify(name)) == "stored_file_damaged"


def test_a_file_in_the_place_of_another_does_not_open() -> None:
    one, other = kept(), kept(b"another patient's")
    on_disk(one).write_bytes(on_disk(other).read_bytes())
    assert code(lambda: read(one)) == "stored_file_damaged"


def test_a_chunk_of_another_file_is_not_taken() -> None:
    one, other = kept(), kept(CONTENT[::-1])
    whole, foreign = on_disk(one).read_bytes(), on_disk(other).read_bytes()
    on_disk(one).write_bytes(whole[:HEADER_BYTES] + foreign[HEADER_BYTES:])
    assert code(lambda: read(one)) == "stored_file_damaged"


def test_a_plain_file_laid_into_the_folder_is_not_given_out() -> None:
    name = kept()
    on_disk(name).write_bytes(b"%PDF-1.7 forged")
    assert code(lambda: read(name)) == "stored_file_not_encrypted"


def test_a_file_that_is_gone_and_a_key_that_is_gone_are_called_so(key_file: Path) -> None:
    name = kept()
    keys.rewrite(key_file, [keys.made()])
    assert code(lambda: read(name)) == "storage_key_missing"
    on_disk(name).unlink()
    assert code(lambda: read(name)) == "stored_file_missing"


def rotate(*options: str) -> None:
    call_command("rotate_storage_key", *options, verbosity=0)


@pytest.mark.django_db
@pytest.mark.parametrize("options", [(), ("--reencrypt",)])
def test_a_new_key_opens_everything_and_the_old_one_nothing(key_file: Path, options: tuple[str, ...]) -> None:
    old = keys.ring()
    names = [kept(), kept(b"short")]
    before = [on_disk(name).read_bytes()[HEADER_BYTES:] for name in names]
    with storage.open(names[0]) as reading:
        assert reading.read(10) == CONTENT[:10]
        rotate("--new", *options)
        assert reading.read() == CONTENT[10:]
    rotate("--retire")
    assert len(keys.ring().keys) == 1
    assert keys.ring().first != old.first
    assert [read(name) for name in names] == [CONTENT, b"short"]
    after = [on_disk(name).read_bytes()[HEADER_BYTES:] for name in names]
    assert (before == after) is not bool(options)
    descriptor = os.open(on_disk(names[0]), os.O_RDONLY)
    assert code(lambda: container.opened(descriptor, names[0], lambda: old)) == "storage_key_missing"


@pytest.mark.parametrize("stopped_after", range(1, 5))
def test_a_rotation_stopped_at_any_write_leaves_every_file_open(
    key_file: Path, monkeypatch: pytest.MonkeyPatch, stopped_after: int
) -> None:
    name = kept()
    old = key_file.read_text().split()
    keys.rewrite(key_file, [keys.made(), *old])
    steps = iter(range(1, 99))

    def counted(work: Callable[..., object]) -> Callable[..., object]:
        def step(*given: object) -> object:
            if next(steps) >= stopped_after:
                raise KeyboardInterrupt
            return work(*given)

        return step

    with monkeypatch.context() as patched:
        patched.setattr(container.os, "pwrite", counted(os.pwrite))
        patched.setattr(container.os, "fsync", counted(os.fsync))
        with pytest.raises(KeyboardInterrupt):
            upkeep.rewrap(keys.ring(), lambda _outcome: None)
    assert read(name) == CONTENT
    upkeep.rewrap(keys.ring(), lambda _outcome: None)
    assert upkeep.key_ids() == {keys.ring().first.id}
    assert read(name) == CONTENT


@pytest.mark.django_db
def test_a_key_some_file_still_needs_is_not_retired(key_file: Path) -> None:
    name = kept()
    on_disk(name).chmod(0o600)
    other = keys.made()
    keys.rewrite(key_file, [other, *key_file.read_text().split()])
    path = on_disk(name)
    whole = path.read_bytes()
    path.write_bytes(whole[: SLOTS[0] + 12] + b"x" + whole[SLOTS[0] + 13 :])
    with pytest.raises(CommandError, match=name):
        rotate("--retire")
    assert len(keys.ring().keys) == 2


@pytest.mark.django_db
def test_an_installation_of_before_is_encrypted_by_one_command(charlie: User, henri: Patient) -> None:
    file: StudyFile = submit_image(charlie, henri).file
    path, plain = on_disk(file.name), read(file.name)
    path.write_bytes(plain)
    stray = on_disk("uploads/zz/laid-there")
    stray.parent.mkdir()
    stray.write_bytes(b"plain")
    call_command("encrypt_storage", verbosity=0)
    call_command("encrypt_storage", verbosity=0)
    assert read(file.name) == plain
    assert plain not in path.read_bytes()
    assert stray.read_bytes() == b"plain"
    path.write_bytes(plain + b"changed meanwhile")
    with pytest.raises(CommandError, match=file.name):
        call_command("encrypt_storage", verbosity=0)


@pytest.mark.django_db
def test_a_damaged_upload_ends_in_words_on_the_study(charlie: User, henri: Patient) -> None:
    study = submit_image(charlie, henri)
    path = on_disk(study.file.name)
    path.write_bytes(flipped(HEADER_BYTES)(path.read_bytes()))
    ended = studies.analysed(study)
    assert (ended.state, ended.problem_list[0].code) == (State.FAILED, "stored_file_damaged")


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_damaged_artefact_is_a_sentence_and_no_error(
    client: Client, alice: User, claire: Patient, language: str
) -> None:
    study: Study = studies.ready(alice, claire)
    document = studies.written(study, b"a report")
    path = on_disk(document.stored_name)
    path.write_bytes(flipped(HEADER_BYTES)(path.read_bytes()))
    alice.language = language
    alice.save()
    client.force_login(alice)
    address = reverse("study_document", args=[study.pk, document.pk])
    answer = client.get(address)
    assert answer.status_code == 410
    assert DAMAGED.message.to(language) in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_page_of_a_study_says_which_of_its_files_is_damaged_and_shows_the_rest(
    client: Client, language: str
) -> None:
    study = outputs.answered("chest_xray")
    outputs.read(study)
    reader = study.submitted_by
    reader.language = language
    reader.save()
    client.force_login(reader)
    address = reverse("study", args=[study.pk])
    with translation.override(language):
        said = escape(vigie.text(DAMAGED.message))
    assert said not in client.get(address).content.decode()
    for artefact in study.prediction.artefacts.all():
        path = on_disk(artefact.stored_name)
        path.write_bytes(flipped(HEADER_BYTES)(path.read_bytes()))
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer.content.decode().count(said) == 1
    assert study.contract.title.to(language) in answer.content.decode()


def test_a_full_disk_is_called_so_and_not_a_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    name = kept()
    monkeypatch.setattr("predictions.storage._nameless", lambda: os.open("/dev/full", os.O_WRONLY))

    def lend() -> None:
        with storage.local(name):
            pytest.fail("there was no room to read it")

    assert code(lend) == "no_room_to_read"


def test_keys_come_from_the_environment_too(settings) -> None:
    first, second = keys.made(), keys.made()
    settings.STORAGE_KEYS = (second,)
    name = kept()
    settings.STORAGE_KEYS = (first, second)
    assert read(name) == CONTENT
    assert first not in repr(keys.ring())


@pytest.mark.parametrize("line", ["short", "not base64!", "QUJD", ""])
def test_a_key_that_is_none_is_refused_without_being_shown(settings, line: str) -> None:
    settings.STORAGE_KEYS = (line,)
    with pytest.raises(ImproperlyConfigured) as refused:
        keys.ring()
    assert not line or line not in str(refused.value)


def test_production_wants_a_key_that_only_it_can_read(key_file: Path) -> None:
    assert "VIGIE_STORAGE_KEY_FILE is not set" in storage_key.refusal((), None)
    assert storage_key.refusal((), key_file) == ""
    assert "both set" in storage_key.refusal((keys.made(),), key_file)
    assert "cannot be read" in storage_key.refusal((), key_file.with_name("none"))
    key_file.chmod(0o640)
    assert "chmod 600" in storage_key.refusal((), key_file)


def test_the_demo_makes_its_own_key_once(tmp_path: Path) -> None:
    path = storage_key.demo_file(tmp_path / "data")
    written = path.read_text()
    assert storage_key.demo_file(tmp_path / "data").read_text() == written
    assert keys.parse([written]).first
    assert path.stat().st_mode & 0o077 == 0


def test_the_hash_of_an_upload_is_of_its_plaintext() -> None:
    received = receive(ContentFile(CONTENT), limit=len(CONTENT))
    assert received.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert settings.PRIVATE_ROOT in received.path.parents


@pytest.mark.django_db
def test_a_program_is_told_of_a_damaged_artefact_before_a_byte_is_sent(client: Client) -> None:
    study = outputs.answered("chest_xray")
    outputs.read(study)
    client.force_login(study.submitted_by)
    artefact = study.prediction.artefacts.first()
    address = reverse("api-artefact", args=[study.pk, artefact.name])
    assert client.get(address).status_code == 200
    path = on_disk(artefact.stored_name)
    path.write_bytes(flipped(HEADER_BYTES)(path.read_bytes()))
    answer = client.get(address)
    assert (answer.status_code, answer.json()["problems"][0]["code"]) == (422, "stored_file_damaged")


@pytest.mark.django_db
def test_a_key_file_that_cannot_be_read_is_a_sentence_too(
    key_file: Path, charlie: User, henri: Patient
) -> None:
    name = kept()
    key_file.unlink()
    assert code(lambda: read(name)) == "storage_key_missing"
    assert code(lambda: submit_image(charlie, henri)) == "no_key_to_keep"
    assert not Study.objects.exists()


@pytest.mark.django_db
def test_what_somebody_laid_there_is_named_and_stops_no_rotation(capsys: pytest.CaptureFixture[str]) -> None:
    kept()
    (Path(settings.PRIVATE_ROOT) / "notes.txt").write_text("not ours")
    call_command("rotate_storage_key", new=True, retire=True)
    assert "left as they are" in (told := capsys.readouterr().out)
    assert "notes.txt" in told


def test_one_damaged_header_is_no_wrong_key(tmp_path: Path) -> None:
    names = [kept(), kept(), kept()]
    (spoiled := on_disk(names[0])).chmod(0o600)
    with spoiled.open("r+b") as stream:
        stream.seek(SLOTS[0])
        stream.write(b"another!")
    fitting.require()
    settings.STORAGE_KEY_FILE = tmp_path / "other"
    keys.rewrite(settings.STORAGE_KEY_FILE, [keys.made()])
    with pytest.raises(Unfitting):
        fitting.require()
