"""Secrets as a deployment gives them: in the environment, or in a file that the environment names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from django.core.exceptions import ImproperlyConfigured


def secret(name: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the secret ``name``: the content of the file ``NAME_FILE``, else the variable itself.

    A variable can be read by whoever may look at the process or at its container; a file cannot.

    Raises
    ------
    ImproperlyConfigured
        When both are given, or the file cannot be read.
    """
    path, value = environment.get(f"{name}_FILE", ""), environment.get(name, "")
    if not path:
        return value
    if value:
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set; keep one of them")
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{name}_FILE cannot be read: {type(error).__name__}") from error


def with_password(url: str, password: str) -> str:
    """Put a password, whatever its characters, into an address that has none.

    Raises
    ------
    ImproperlyConfigured
        When the address has one already.
    """
    if not password or not url:
        return url
    parts = urlsplit(url)
    if parts.password:
        raise ImproperlyConfigured("a password is given twice: in an address and by itself; keep one of them")
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:{quote(password, safe='')}@{host}"))
