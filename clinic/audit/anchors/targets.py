"""Where anchors go: an append-only file, a syslog server, a web address of somebody else."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

SECONDS = 10
PORTS = {"udp": 514, "tcp": 601, "tls": 6514}
# Twice what a statement may be.
LONGEST_LINE = 4096
# Facility 13 is "log audit", severity 5 "notice" (RFC 5424, 6.2.1).
PRIORITY = 13 * 8 + 5


class NotTaken(Exception):
    """A target did not take what it was sent; the text says why, without anything secret."""


class Target(Protocol):
    """A place that keeps lines."""

    name: str

    def send(self, lines: Sequence[str]) -> None:
        """Hand over lines in order; raises :class:`NotTaken`, and may then have taken some."""


@dataclass(frozen=True, slots=True)
class FileTarget:
    """A file to which lines are only ever added; ``chattr +a`` makes the system insist on it."""

    name: str
    path: Path

    def send(self, lines: Sequence[str]) -> None:
        """Append, and wait until the disk has it."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                text = (_mended(descriptor, lines) + "".join(f"{line}\n" for line in lines)).encode()
                while text:
                    text = text[os.write(descriptor, text) :]
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise NotTaken(f"the file cannot be written ({error.strerror})") from error


def _mended(descriptor: int, lines: Sequence[str]) -> str:
    """Return what ends a line that a killed sealer left half written; nothing is ever taken away.

    What is sent again begins where that sending began, so the half line is the beginning of one of
    ``lines``: its rest makes it whole, and a line that stands there twice is passed over by whoever reads.
    Any other half line is somebody else's doing: it is only ended, and ``verify_audit`` names it.
    """
    size = os.fstat(descriptor).st_size
    tail = (
        os.pread(descriptor, LONGEST_LINE, max(0, size - LONGEST_LINE))
        .rpartition(b"\n")[2]
        .decode(errors="replace")
    )
    if not tail:
        return ""
    whole = next((line for line in lines if line.startswith(tail)), tail)
    return f"{whole[len(tail) :]}\n"


@dataclass(frozen=True, slots=True)
class SyslogTarget:
    """A syslog server: RFC 5424 over UDP (RFC 5426), TCP (octet counting, RFC 6587) or TLS (RFC 5425).

    Nothing says whether a datagram arrived: where it matters, choose TLS.
    """

    name: str
    transport: str
    host: str
    port: int
    ca_file: str = ""

    def send(self, lines: Sequence[str]) -> None:
        """Send each line as one message."""
        messages = [self._message(line) for line in lines]
        try:
            if self.transport == "udp":
                self._datagrams(messages)
            else:
                self._stream(messages)
        except OSError as error:
            raise NotTaken(f"the syslog server does not answer ({type(error).__name__})") from error

    @staticmethod
    def _message(line: str) -> bytes:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        header = f"<{PRIORITY}>1 {now} {socket.gethostname()} vigie {os.getpid()} anchor -"
        return f"{header} {line}".encode()

    def _datagrams(self, messages: Sequence[bytes]) -> None:
        family, kind, protocol, _, address = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM)[
            0
        ]
        with socket.socket(family, kind, protocol) as sender:
            for message in messages:
                sender.sendto(message, address)

    def _stream(self, messages: Sequence[bytes]) -> None:
        with socket.create_connection((self.host, self.port), timeout=SECONDS) as plain:
            if self.transport == "tcp":
                plain.sendall(b"".join(b"%d %s" % (len(message), message) for message in messages))
                return
            context = ssl.create_default_context(cafile=self.ca_file or None)
            with context.wrap_socket(plain, server_hostname=self.host) as stream:
                stream.sendall(b"".join(b"%d %s" % (len(message), message) for message in messages))


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """An address that takes lines by POST over HTTPS and answers 2xx once it keeps them."""

    name: str
    host: str
    port: int
    path: str
    token: str = ""
    ca_file: str = ""

    def send(self, lines: Sequence[str]) -> None:
        """Post all lines at once, as newline-delimited JSON."""
        context = ssl.create_default_context(cafile=self.ca_file or None)
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=SECONDS, context=context)
        headers = {"Content-Type": "application/x-ndjson"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            connection.request("POST", self.path, "".join(f"{line}\n" for line in lines).encode(), headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise NotTaken(f"the address does not answer ({type(error).__name__})") from error
        finally:
            connection.close()
        if not 200 <= status < 300:
            raise NotTaken(f"the address answered {status}")


def configured() -> list[Target]:
    """Return the targets of the settings.

    Raises
    ------
    django.core.exceptions.ImproperlyConfigured
        When an entry of ``VIGIE_AUDIT_ANCHORS`` is none of the forms known.
    """
    return [parse(text) for text in settings.AUDIT_ANCHORS]


def files() -> list[Path]:
    """Return the anchor files among the targets: what a backup takes along and ``verify_audit`` reads."""
    return [target.path for target in configured() if isinstance(target, FileTarget)]


def parse(text: str) -> Target:
    """Return the target that one entry names.

    Parameters
    ----------
    text
        ``file:/path``, ``syslog:udp://host:514``, ``syslog:tcp://host``, ``syslog:tls://host?ca=/path`` or
        ``https://host/path?ca=/path``. Only the part before the question mark becomes the target's name.

    Raises
    ------
    django.core.exceptions.ImproperlyConfigured
        When it is none of these.
    """
    try:
        return _parsed(text)
    except (ValueError, KeyError) as error:
        raise ImproperlyConfigured(
            f"VIGIE_AUDIT_ANCHORS: {text.partition('?')[0]!r} is no target; write file:/path, "
            "syslog:udp://host:514, syslog:tcp://host:601, syslog:tls://host:6514 or https://host/path"
        ) from error


def _parsed(text: str) -> Target:
    kind, _, rest = text.partition(":")
    if kind == "file" and rest.startswith("/"):
        return FileTarget(text, Path(rest))
    url = urlsplit(rest if kind == "syslog" else text)
    query = parse_qs(url.query)
    ca_file = query.pop("ca", [""])[0]
    if not url.hostname or url.username:
        raise ValueError
    if kind == "syslog":
        port = url.port or PORTS[url.scheme]
        return SyslogTarget(
            f"syslog:{url.scheme}://{url.hostname}:{port}", url.scheme, url.hostname, port, ca_file
        )
    if kind != "https":
        raise ValueError
    name = f"https://{url.netloc}{url.path}"
    return WebhookTarget(
        name, url.hostname, url.port or 443, url.path or "/", settings.AUDIT_WEBHOOK_TOKEN, ca_file
    )
