"""Where heads of the chain are sent: log servers over UDP, TCP and TLS, and an address that takes them."""

from __future__ import annotations

import http.server
import json
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from clinic.audit.anchors import keys, sending, statements
from clinic.audit.anchors.targets import configured
from clinic.audit.models import AnchorTarget, Event
from tests.anchoring import six_events

pytestmark = pytest.mark.django_db


@pytest.fixture
def anchored(db: None) -> list[Event]:
    """Return six sealed events, anchored after the third and after the sixth."""
    return six_events()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a certificate for localhost and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths


def tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    """Return the server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


@contextmanager
def log_server(context: ssl.SSLContext | None) -> Iterator[tuple[int, list[bytes]]]:
    """Run a syslog server over TCP or TLS; yield its port and what it received."""
    received: list[bytes] = []
    listener = socket.create_server(("localhost", 0))

    def serve() -> None:
        stream, _ = listener.accept()
        with context.wrap_socket(stream, server_side=True) if context else stream as open_stream:
            while piece := open_stream.recv(65536):
                received.append(piece)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], received
        thread.join(60)
    finally:
        listener.close()


def unframed(stream: bytes) -> list[bytes]:
    """Return the messages of a stream with octet counting."""
    messages = []
    while stream:
        length, _, rest = stream.partition(b" ")
        messages.append(rest[: int(length)])
        stream = rest[int(length) :]
    return messages


def assert_is_anchor(message: bytes, number: int) -> None:
    """Fail unless ``message`` is syslog of RFC 5424 around a signed anchor."""
    header, _, line = message.decode().partition(" - {")
    priority, stamp, host, name, process, kind = header.split()
    assert (priority, name, kind) == ("<109>1", "vigie", "anchor")
    assert datetime.fromisoformat(stamp).tzinfo
    assert (host, process) == (socket.gethostname(), str(os.getpid()))
    assert statements.read("{" + line, keys.known()).number == number


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_syslog_over_a_stream(
    anchored: list[Event], settings, certificate: tuple[Path, Path], transport: str
) -> None:
    with log_server(tls(certificate) if transport == "tls" else None) as (port, received):
        settings.AUDIT_ANCHORS = [f"syslog:{transport}://localhost:{port}?ca={certificate[0]}"]
        sending.deliver()
    messages = unframed(b"".join(received))
    assert len(messages) == 2
    for number, message in enumerate(messages, 1):
        assert_is_anchor(message, number)


def test_syslog_over_udp(anchored: list[Event], settings) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(60)
        settings.AUDIT_ANCHORS = [f"syslog:udp://127.0.0.1:{server.getsockname()[1]}"]
        sending.deliver()
        for number in (1, 2):
            assert_is_anchor(server.recv(4096), number)


def test_a_log_server_nobody_vouches_for_gets_nothing(
    anchored: list[Event], settings, certificate: tuple[Path, Path]
) -> None:
    with socket.create_server(("localhost", 0)) as listener:
        serve = threading.Thread(target=_shake_hands, args=(listener, certificate), daemon=True)
        serve.start()
        settings.AUDIT_ANCHORS = [f"syslog:tls://localhost:{listener.getsockname()[1]}"]
        sending.deliver()
        serve.join(60)
    assert "SSLCertVerificationError" in AnchorTarget.objects.get(name=configured()[0].name).problem


def _shake_hands(listener: socket.socket, certificate: tuple[Path, Path]) -> None:
    stream, _ = listener.accept()
    try:
        tls(certificate).wrap_socket(stream, server_side=True).close()
    except OSError:
        stream.close()


class Receiver(http.server.BaseHTTPRequestHandler):
    """Keeps what is posted; answers with the next status of its server."""

    def do_POST(self) -> None:
        """Take one request."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        status = self.server.answers.pop(0)
        self.server.posted.append((self.path, self.headers["Authorization"], body))
        self.send_response(status)
        if status == 307:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("first", [503, 307])
def test_a_webhook_is_tried_again_until_it_takes_them_and_leads_nowhere_else(
    first: int, anchored: list[Event], settings, certificate: tuple[Path, Path]
) -> None:
    server = http.server.HTTPServer(("localhost", 0), Receiver)
    server.socket = tls(certificate).wrap_socket(server.socket, server_side=True)
    server.posted, server.answers = [], [first, 200]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.AUDIT_WEBHOOK_TOKEN = "of the archive"
    settings.AUDIT_ANCHORS = [f"https://localhost:{server.server_port}/anchors?ca={certificate[0]}"]
    try:
        sending.deliver()
        row = AnchorTarget.objects.get(name=configured()[0].name)
        assert (row.sent, row.problem) == (0, f"the address answered {first}")
        assert "ca=" not in row.name
        AnchorTarget.objects.update(retry_at=None)
        sending.deliver()
    finally:
        server.shutdown()
        server.server_close()
    row.refresh_from_db()
    assert (row.sent, row.failures) == (2, 0)
    assert [path for path, _, _ in server.posted] == ["/anchors", "/anchors"]
    path, authorization, body = server.posted[1]
    assert (path, authorization) == ("/anchors", "Bearer of the archive")
    assert [json.loads(line)["number"] for line in body.splitlines()] == [1, 2]
