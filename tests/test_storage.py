"""Private files: whole or gone, readable by nobody else, never with an address."""

from __future__ import annotations

import gc
import io
import os
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.files.base import ContentFile
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from django.test import RequestFactory

from predictions import storage
from predictions.storage import Received, incoming, receive

BOUNDARY = "lantern"
CONTENT = os.urandom(3 * 2**20)
PERSON = type("Person", (), {"is_authenticated": True})()


def body(content: bytes = CONTENT) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="LADDER.edf"\r\n\r\n'
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def request(sent: bytes, *, announced: int | None = None, user: Any = PERSON) -> HttpRequest:
    environ = RequestFactory().post("/").environ | {
        "CONTENT_TYPE": f"multipart/form-data; boundary={BOUNDARY}",
        "CONTENT_LENGTH": str(announced or len(sent)),
        "wsgi.input": io.BytesIO(sent),
    }
    made = WSGIRequest(environ)
    made.user = user
    return made


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_an_upload_is_streamed_hashed_and_moved_into_place(private_root: Path) -> None:
    upload = request(body()).FILES["file"]
    assert (upload.size, upload.received.head) == (len(CONTENT), CONTENT[:4096])
    assert upload.received.sha256 == receive(ContentFile(CONTENT), limit=2**30).sha256
    name = storage.storage.adopt(upload.received, "uploads")
    upload.close()
    with storage.storage.local(name) as path:
        assert path.read_bytes() == CONTENT
        assert path.stat().st_mode & 0o077 == 0
        assert path.parent.stat().st_mode & 0o077 == 0
    gc.collect()
    assert len(files(private_root)) == 1


def test_an_upload_nobody_adopts_is_gone_with_its_request(private_root: Path) -> None:
    made = request(body())
    assert made.FILES["file"].size == len(CONTENT)
    made.close()
    assert files(private_root) == []


def test_a_browser_that_goes_away_leaves_nothing(private_root: Path) -> None:
    made = request(body()[: 2**20], announced=len(body()))
    assert not made.FILES
    assert files(private_root) == []


def test_a_broken_connection_leaves_nothing(private_root: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 2**20:
                raise ConnectionResetError
            return super().read(size)

    made = request(body())
    made._stream._read = Broken(body()).read
    with pytest.raises(OSError):
        made.FILES  # noqa: B018
    del made
    gc.collect()
    assert files(private_root) == []


def test_a_stranger_leaves_nothing_on_the_disk(private_root: Path) -> None:
    upload = request(body(), user=AnonymousUser()).FILES["file"]
    assert upload.received.problem.code == "not_signed_in"
    assert upload.received.path.stat().st_size == 0


def test_past_the_limit_nothing_more_is_kept(private_root: Path) -> None:
    received = Received(limit=1000)
    for _ in range(10):
        received.write(b"x" * 300)
    assert received.problem.code == "file_too_large"
    assert received.size == 3000
    received.close()
    assert files(private_root) == []


def test_a_forgotten_file_vanishes(private_root: Path) -> None:
    received = Received(limit=1000)
    received.write(b"x")
    assert len(files(incoming())) == 1
    del received
    gc.collect()
    assert files(incoming()) == []


def test_a_private_file_has_no_address() -> None:
    with pytest.raises(ValueError, match="no URL"):
        storage.storage.url("uploads/ab/abcdef")


def test_no_folder_on_the_way_to_a_private_file_is_open_to_others(settings, tmp_path: Path) -> None:
    settings.PRIVATE_ROOT = tmp_path / "private"
    name = storage.storage.adopt(receive(ContentFile(CONTENT), limit=len(CONTENT)), "uploads")
    target = Path(storage.storage.path(name))
    folders = [settings.PRIVATE_ROOT, incoming(), *list(target.parents)[:2]]
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o700}
    assert target.stat().st_mode & 0o777 == 0o600
