"""Production starts with nothing unsafe: every reason to refuse, for web server, worker and clock."""

from __future__ import annotations

import os
import runpy
import secrets
import stat
from base64 import urlsafe_b64encode
from hashlib import sha512
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile

from clinic import checks
from clinic.settings.given import secret, with_password
from clinic.settings.production import open_broker, weak_key
from clinic.staticfiles import VersionedStaticFiles
from tests import factories, production
from tests.machine import ROOT

SETTINGS = ("-c", "import clinic.settings")
# The same in every process that collects these tests: it is part of their names.
STRONG = urlsafe_b64encode(sha512(b"an invented key of these tests").digest()).decode().rstrip("=")
SETTINGS = str(ROOT / "clinic/settings/__init__.py")


def said(folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: str | None) -> str:
    """Read the settings under a deployment's environment; return why they refuse, empty when they do not."""
    given = production.environment(folder, **changes)
    for name in os.environ.keys() - given.keys():
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    before = os.umask(0o022)
    try:
        runpy.run_path(SETTINGS)
    except ImproperlyConfigured as refusal:
        return str(refusal)
    finally:
        os.umask(before)
    return ""


def test_the_deployment_check_is_clean(tmp_path: Path) -> None:
    answer = production.started(
        tmp_path,
        ("manage.py", "check", "--deploy", "--fail-level", "DEBUG"),
        DATABASE_URL="postgres://vigie@database.hospital.test/vigie",
        DATABASE_PASSWORD=secrets.token_urlsafe(20),
        REDIS_URL="redis://broker.hospital.test:6379/0",
        REDIS_PASSWORD=secrets.token_urlsafe(20),
        VIGIE_ALLOW_SQLITE=None,
        VIGIE_BEHIND_PROXY="yes",
    )
    assert answer.returncode == 0, answer.stderr
    assert "no issues (0 silenced)" in answer.stdout


REFUSED = {
    "no secret key": ({"VIGIE_SECRET_KEY": None}, "VIGIE_SECRET_KEY needs at least 50"),
    "a short secret key": ({"VIGIE_SECRET_KEY": "k4x" * 16}, "VIGIE_SECRET_KEY needs at least 50"),
    "a secret key that repeats": ({"VIGIE_SECRET_KEY": "ab" * 40}, "VIGIE_SECRET_KEY repeats itself"),
    "a secret key of an example": (
        {"VIGIE_SECRET_KEY": "django-insecure-" + STRONG},
        "VIGIE_SECRET_KEY comes from an example",
    ),
    "debugging": ({"VIGIE_DEBUG": "yes"}, "VIGIE_DEBUG must be off"),
    "SQLite without a yes": (
        {"VIGIE_ALLOW_SQLITE": None},
        "DATABASE_URL is not set; SQLite in production needs VIGIE_ALLOW_SQLITE",
    ),
    "no host": ({"VIGIE_ALLOWED_HOSTS": None}, "VIGIE_ALLOWED_HOSTS is empty"),
    "every host": ({"VIGIE_ALLOWED_HOSTS": "a.test,*"}, "VIGIE_ALLOWED_HOSTS takes names"),
    "an origin without TLS": ({"VIGIE_TRUSTED_ORIGINS": "http://a.test"}, "VIGIE_TRUSTED_ORIGINS takes"),
    "a broker that is open": ({"REDIS_URL": "redis://broker.test/0"}, "REDIS_URL leads to another host"),
    "a data folder that is not there": (
        {"VIGIE_DATA_DIR": "/nowhere/of/this/machine"},
        "VIGIE_DATA_DIR names /nowhere/of/this/machine, which is no folder",
    ),
    "no storage key": ({"VIGIE_STORAGE_KEY_FILE": None}, "VIGIE_STORAGE_KEY_FILE is not set"),
    "a password alone": ({"VIGIE_REQUIRE_MFA": "no"}, "VIGIE_REQUIRE_MFA is off"),
    "a screen open for weeks": ({"VIGIE_IDLE_SECONDS": "9999999"}, "VIGIE_IDLE_SECONDS is 9999999; it must"),
    "a session for weeks": ({"VIGIE_SESSION_SECONDS": "9999999"}, "VIGIE_SESSION_SECONDS is 9999999"),
    "a confirmation for weeks": ({"VIGIE_CONFIRM_SECONDS": "9999999"}, "VIGIE_CONFIRM_SECONDS is 9999999"),
    "a token of monitoring that can be guessed": (
        {"VIGIE_MONITORING_TOKEN": "prometheus-2026"},
        "VIGIE_MONITORING_TOKEN needs at least 32 random characters",
    ),
    "a session without time": ({"VIGIE_IDLE_SECONDS": "0"}, "VIGIE_IDLE_SECONDS is 0; it must be between 60"),
    "the default password of a database": (
        {"DATABASE_URL": "postgres://vigie:postgres@database.test/vigie"},
        "the password of the database is one that everybody tries first",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_production_refuses_to_start_with(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes, reason = REFUSED[name]
    refusal = said(tmp_path, monkeypatch, **changes)
    assert "\n- " + reason in refusal
    assert refusal.count("\n- ") == 1, "and for no other reason"


def test_a_whole_environment_is_not_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(tmp_path, monkeypatch) == ""


def test_the_key_of_a_demo_does_not_open_production(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "demo-secret-key").write_text(STRONG, "ascii")
    assert "is the one of the demo" in said(tmp_path, monkeypatch, VIGIE_SECRET_KEY=STRONG)


def test_an_explicit_yes_is_enough_where_one_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"VIGIE_REQUIRE_MFA": "no", "VIGIE_ALLOW_SINGLE_FACTOR": "yes"}
    assert said(tmp_path, monkeypatch, **given) == ""


def test_a_real_process_ends_and_tells_every_reason_at_once(tmp_path: Path) -> None:
    answer = production.started(
        tmp_path,
        ("manage.py", "migrate"),
        VIGIE_SECRET_KEY=None,
        VIGIE_DEBUG="yes",
        VIGIE_ALLOWED_HOSTS="*",
        VIGIE_ALLOW_SQLITE=None,
        VIGIE_STORAGE_KEY_FILE=None,
        VIGIE_REQUIRE_MFA="no",
    )
    assert answer.returncode != 0
    assert answer.stderr.count("\n- ") == 6
    assert not (tmp_path / "vigie.sqlite3").exists()


PROCESSES = {
    "web server": (
        "-m", "gunicorn", "clinic.wsgi", "--bind", "127.0.0.1:0", "--workers", "1", "--no-control-socket",
    ),
    "worker": ("-m", "celery", "-A", "clinic", "worker", "-Q", "tabular", "--pool", "prefork", "-c", "1"),
}  # fmt: skip


@pytest.mark.parametrize("process", PROCESSES)
def test_no_process_starts_over_uploads_that_others_can_read(process: str, tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir()
    private.chmod(0o755)
    answer = production.started(tmp_path, PROCESSES[process])
    assert answer.returncode != 0
    assert "can be read by other users of this machine" in answer.stderr
    assert f"chmod 700 {private}" in answer.stderr


def test_the_web_server_does_not_start_without_style_sheets_and_scripts(tmp_path: Path) -> None:
    bare = {"VIGIE_STATIC_DIR": str(tmp_path / "nothing")}
    answer = production.started(tmp_path, PROCESSES["web server"], **bare)
    assert answer.returncode != 0
    assert "manage.py collectstatic" in answer.stderr
    checked = production.started(tmp_path, ("manage.py", "check", "--deploy"), **bare)
    assert "clinic.E003" in checked.stderr


def test_only_production_asks_for_collected_files(settings: Any, tmp_path: Path) -> None:
    settings.STATIC_ROOT = str(tmp_path)
    assert checks.static_files_are_collected(None) == []
    settings.PRODUCTION = True
    assert [error.id for error in checks.static_files_are_collected(None)] == ["clinic.E003"]


@pytest.mark.django_db
def test_no_process_starts_with_staff_of_the_demo(settings: Any) -> None:
    settings.PRODUCTION = True
    assert not any("demo" in reason for reason in checks.failures())
    factories.staff("midwife", factories.Role.MIDWIFE, demo=True)
    (reason,) = [reason for reason in checks.failures() if "demo" in reason]
    assert "their password is known to everybody" in reason
    with pytest.raises(checks.Unsafe, match="made by the demo"):
        checks.require_safe()


def test_what_production_writes_nobody_else_can_read(tmp_path: Path) -> None:
    answer = production.started(tmp_path, ("manage.py", "migrate", "--verbosity", "0", "audit"))
    assert answer.returncode == 0, answer.stderr
    database = tmp_path / "vigie.sqlite3"
    assert not database.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)


def test_a_database_file_that_others_can_read_is_refused(settings: Any, tmp_path: Path) -> None:
    path = tmp_path / "vigie.sqlite3"
    path.touch(mode=0o644)
    path.chmod(0o644)
    tmp_path.chmod(0o755)
    settings.PRODUCTION = True
    settings.DATABASES = {"default": {"ENGINE": checks.SQLITE, "NAME": str(path)}}
    assert [error.id for error in checks.database_file_is_private(None)] == ["clinic.E002"]
    path.chmod(0o600)
    assert checks.database_file_is_private(None) == []


def test_static_files_can_be_read_by_the_account_that_serves_them(tmp_path: Path) -> None:
    """They are collected by one account while an image is built and served by another: uploads stay 0600."""
    before = os.umask(0o022)
    try:
        shelf = VersionedStaticFiles(location=tmp_path, **settings.STORAGES["staticfiles"]["OPTIONS"])
        shelf._save("look.css", ContentFile(b"p { color: black }"))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "look.css").stat().st_mode) == 0o644


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (STRONG, ""),
        ("", "at least 50"),
        (STRONG[:49], "at least 50"),
        ("a1b2c3d4" * 8, "repeats itself"),
        (f"{STRONG}-changeme", "comes from an example"),
    ],
)
def test_keys_are_judged(key: str, reason: str) -> None:
    assert reason in weak_key(key)
    assert bool(weak_key(key)) == bool(reason)


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("redis://127.0.0.1:6379/0", True),
        ("redis://localhost:6379/0", True),
        ("unix:///run/redis.sock", True),
        (f"redis://:{STRONG}@broker.test:6379/0", True),
        (f"rediss://vigie:{STRONG}@broker.test:6379/0", True),
        ("redis://broker.test:6379/0", False),
        ("redis://10.0.0.4:6379/0", False),
        ("redis://:redis@broker.test:6379/0", False),
    ],
)
def test_brokers_of_other_hosts_ask_for_a_password(url: str, safe: bool) -> None:
    assert (open_broker(url) == "") is safe


def test_a_secret_comes_from_a_file_or_a_variable_not_from_both(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f"{STRONG}\n", "utf-8")
    assert secret("KEY", {"KEY_FILE": str(path)}) == STRONG
    assert secret("KEY", {"KEY": STRONG}) == STRONG
    assert secret("KEY", {}) == ""
    with pytest.raises(ImproperlyConfigured, match="both set"):
        secret("KEY", {"KEY": STRONG, "KEY_FILE": str(path)})
    with pytest.raises(ImproperlyConfigured, match="cannot be read: FileNotFoundError"):
        secret("KEY", {"KEY_FILE": str(tmp_path / "nowhere")})


def test_a_password_of_any_characters_fits_into_an_address() -> None:
    assert with_password("redis://broker:6379/0", "p@s/s:w?d") == "redis://:p%40s%2Fs%3Aw%3Fd@broker:6379/0"
    assert with_password("redis://broker:6379/0", "") == "redis://broker:6379/0"
    with pytest.raises(ImproperlyConfigured, match="given twice"):
        with_password("redis://:one@broker:6379/0", "two")
