"""What production refuses to start with: functions over given values; each reason names its remedy."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

SHORTEST_KEY = 50
FEWEST_CHARACTERS = 16
# Words that no 50 random characters contain by chance, and that keys copied from examples do.
PLACEHOLDERS = (
    "django-insecure", "changeme", "change-me", "change_me", "secretkey", "secret-key", "your-", "example",
)  # fmt: skip
DEFAULT_PASSWORDS = frozenset(
    ("postgres", "vigie", "password", "passwd", "secret", "admin", "root", "redis", "changeme", "change-me")
)
SHORTEST_TOKEN = 32
MAKE_KEY = "make one with python -c 'import secrets; print(secrets.token_urlsafe(50))'"
MINUTE, HOUR = 60, 3600
# Least and most seconds, and what more would mean. The most are those of NIST SP 800-63B-4 for two factors,
# and half of its idle hour, because workstations are shared.
LASTING = {
    "VIGIE_IDLE_SECONDS": (MINUTE, HOUR // 2, "a screen that was left would stay open to whoever passes"),
    "VIGIE_SESSION_SECONDS": (MINUTE, 24 * HOUR, "a session that somebody took would serve for days"),
    "VIGIE_CONFIRM_SECONDS": (MINUTE, HOUR, "whoever finds a session open could sign in it"),
}


@dataclass(frozen=True, slots=True)
class Given:
    """The values that decide whether an installation is safe to start.

    Parameters
    ----------
    data_dir
        Where database, uploads and logs go; it has to be there, and ours to write to.
    demo_key
        The key of a demo that ran on the same data folder, empty when none did.
    sqlite, sqlite_allowed
        Whether the database is a file of this machine, and whether somebody said yes to that.
    storage
        What is wrong with the keys of stored files, empty when nothing is.
    second_factor, second_factor_waived
        Whether everybody needs a second factor, and whether somebody said yes to going without.
    lasting
        The seconds of :data:`LASTING` by the name of their variable.
    monitoring_token
        With which monitoring reads ``/metrics`` and the details of ``/health``; empty where none does.
    """

    debug: bool
    data_dir: Path
    secret_key: str
    demo_key: str
    allowed_hosts: Sequence[str]
    trusted_origins: Sequence[str]
    sqlite: bool
    sqlite_allowed: bool
    database_password: str
    redis_url: str
    storage: str
    second_factor: bool
    second_factor_waived: bool
    lasting: Mapping[str, int]
    monitoring_token: str


def refusals(given: Given) -> list[str]:
    """Return every reason not to start, none when all is well."""
    return list(_reasons(given))


def _reasons(given: Given) -> Iterator[str]:
    if given.debug:
        yield "VIGIE_DEBUG must be off: error pages would show patient data"
    if reason := missing_folder(given.data_dir):
        yield f"VIGIE_DATA_DIR {reason}"
    if reason := weak_key(given.secret_key, given.demo_key):
        yield f"VIGIE_SECRET_KEY {reason}; {MAKE_KEY}"
    if not given.allowed_hosts:
        yield "VIGIE_ALLOWED_HOSTS is empty: name the hosts under which Vigie is reached, separated by commas"
    elif any(host.strip() in ("*", ".") or "*" in host for host in given.allowed_hosts):
        yield "VIGIE_ALLOWED_HOSTS takes names, not *: a forged Host header would reach links and log-in"
    if any(not origin.startswith("https://") or "*" in origin for origin in given.trusted_origins):
        yield "VIGIE_TRUSTED_ORIGINS takes addresses that begin with https:// and hold no *"
    if given.sqlite and not given.sqlite_allowed:
        yield "DATABASE_URL is not set; SQLite in production needs VIGIE_ALLOW_SQLITE=yes"
    if given.database_password.lower() in DEFAULT_PASSWORDS:
        yield "the password of the database is one that everybody tries first; choose a random one"
    if reason := open_broker(given.redis_url):
        yield f"REDIS_URL {reason}"
    if given.storage:
        yield given.storage
    if not given.second_factor and not given.second_factor_waived:
        yield (
            "VIGIE_REQUIRE_MFA is off: staff would enter with a password alone; "
            "VIGIE_ALLOW_SINGLE_FACTOR=yes says that another door in front asks for the second factor"
        )
    if reason := weak_token(given.monitoring_token):
        yield f"VIGIE_MONITORING_TOKEN {reason}; {MAKE_KEY}"
    for name, (least, most, why) in LASTING.items():
        if not least <= given.lasting[name] <= most:
            yield f"{name} is {given.lasting[name]}; it must be between {least} and {most} seconds: {why}"


def missing_folder(path: Path) -> str:
    """Say why nothing can be kept in a folder, in words that follow its name; empty when it can."""
    if not path.is_dir():
        return f"names {path}, which is no folder; make it, for this account alone: mkdir -p -m 700 {path}"
    if not os.access(path, os.W_OK | os.X_OK):
        return f"names {path}, where this process may not write; give the folder to the account it runs as"
    return ""


def weak_token(token: str) -> str:
    """Say what is wrong with a token that opens a page to whoever has it; empty when nothing is."""
    if token and len(token) < SHORTEST_TOKEN:
        return f"needs at least {SHORTEST_TOKEN} random characters: nobody counts how often it is guessed"
    if token and any(word in token.lower() for word in PLACEHOLDERS):
        return "comes from an example: everybody knows it"
    return ""


def weak_key(key: str, demo_key: str = "") -> str:
    """Say what is wrong with a secret key, in words that follow its name; empty when nothing is."""
    if len(key) < SHORTEST_KEY:
        return f"needs at least {SHORTEST_KEY} random characters in production"
    if len(set(key)) < FEWEST_CHARACTERS:
        return "repeats itself: that is no random text"
    if any(word in key.lower() for word in PLACEHOLDERS):
        return "comes from an example: everybody knows it"
    if demo_key and key == demo_key:
        return "is the one of the demo that ran on this data folder"
    return ""


def open_broker(url: str) -> str:
    """Say what is wrong with the address of the broker; empty when nothing is.

    Whoever reaches a broker without a password can order analyses and read which studies wait.
    """
    if not url or url.startswith(("unix:", "redis+socket:")):
        return ""
    parts = urlsplit(url)
    if parts.password:
        known = parts.password.lower() in DEFAULT_PASSWORDS
        return "carries a password that everybody tries first; choose a random one" if known else ""
    if _loopback(parts.hostname or ""):
        return ""
    return "leads to another host without a password; set one there and here (REDIS_PASSWORD_FILE)"


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
