"""A database of its own for a test that gives it to other processes, or copies it."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import environ
import psycopg
from django.db import connections
from django.db.utils import load_backend


@contextmanager
def used(url: str) -> Iterator[None]:
    """Use the database of ``url`` as the default one in this process until the block ends."""
    before = connections["default"]
    described = before.settings_dict | {"OPTIONS": {}, "CONN_HEALTH_CHECKS": True} | _described(url)
    connections["default"] = load_backend(described["ENGINE"]).DatabaseWrapper(described, "default")
    try:
        yield
    finally:
        connections["default"].close()
        connections["default"] = before


def _described(url: str) -> dict:
    described = dict(environ.Env.db_url_config(url))
    if "sqlite" in described["ENGINE"]:
        described["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
        }
    return described


def sqlite(path: Path) -> str:
    """Return the address of a database file."""
    return f"sqlite:///{path}"


def of_folder(empty: Path, folder: Path) -> None:
    """Put a migrated database where a process with this data folder looks for it."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(empty, folder / "vigie.sqlite3")


def copied(empty: Path, path: Path) -> str:
    """Return the address of a migrated database, a copy of ``empty``."""
    shutil.copyfile(empty, path)
    return sqlite(path)


def postgres(server: str) -> str:
    """Make an empty database on a throwaway server and return its address."""
    name = f"ward_{secrets.token_hex(4)}"
    with psycopg.connect(server, autocommit=True) as session:
        session.execute(f'CREATE DATABASE "{name}"')
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
