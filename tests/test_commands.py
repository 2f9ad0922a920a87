"""`make run` and `make test` on a machine with Python and nothing else: what they say and do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.machine import ROOT, SHARED

ANSWERS_ONLY_VERSION = '#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" && exit 0\nexit 1\n'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder with the script and a lock that asks for nothing."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "requirements").mkdir()
    shutil.copy(ROOT / "scripts/environment.sh", tmp_path / "scripts")
    (tmp_path / "requirements/lock.txt").write_text("# nothing\n", "utf-8")
    return tmp_path


def environment(checkout: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script with this Python, without any index."""
    full = {**os.environ, "PYTHON": sys.executable, "PIP_NO_INDEX": "1", **variables}
    return subprocess.run(
        ("sh", "scripts/environment.sh"), cwd=checkout, env=full, capture_output=True, text=True, timeout=400
    )


def test_makes_the_environment_once_and_again_when_the_lock_changes(checkout: Path) -> None:
    first = environment(checkout)
    assert first.returncode == 0, first.stderr
    assert "making .venv with Python 3." in first.stdout
    assert "environment ready" in first.stdout

    assert environment(checkout).stdout == ""

    (checkout / "requirements/lock.txt").write_text("# something else\n", "utf-8")
    again = environment(checkout)
    assert "environment ready" in again.stdout
    assert "making .venv" not in again.stdout


def test_a_failed_installation_is_said_and_tried_again_next_time(checkout: Path) -> None:
    (checkout / "requirements/lock.txt").write_text("nowhere-to-be-found==1\n", "utf-8")
    for _ in range(2):
        answer = environment(checkout)
        assert answer.returncode == 1
        assert "uv is not to be had here; installing with pip" in answer.stdout
        assert "Is the package index reachable" in answer.stderr
        assert "nowhere-to-be-found" in answer.stderr


def test_an_old_python_is_refused_with_what_to_do(checkout: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("python3", "python"):
        (tools / name).write_text(ANSWERS_ONLY_VERSION, "ascii")
        (tools / name).chmod(0o755)
    for name in ("sh", "dirname", "uname", "cat", "cksum", "mkdir", "sed", "grep"):
        (tools / name).symlink_to(shutil.which(name))
    answer = environment(checkout, PYTHON="", PATH=str(tools))
    assert answer.returncode == 1
    assert "Python 3.11, 3.12 or 3.13 is needed; found here: Python 3.9.2" in answer.stderr
    assert not (checkout / ".venv").exists()


def test_a_named_python_that_is_too_old_is_refused(checkout: Path) -> None:
    answer = environment(checkout, PYTHON="/bin/false")
    assert answer.returncode == 1
    assert "PYTHON=/bin/false is not a Python 3.11, 3.12 or 3.13" in answer.stderr


def test_help_names_every_command() -> None:
    answer = subprocess.run(("make", "help"), cwd=ROOT, capture_output=True, text=True, check=True)
    for command in ("run", "test", "test-all", "lint", "lock", "messages", "clean"):
        assert f"  make {command} " in answer.stdout


NEEDY = """
import pytest

@pytest.mark.dciodvfy
def test_needs_a_validator():
    pass

@pytest.mark.long
def test_takes_long():
    pass
"""


@pytest.mark.parametrize(("require_all", "outcome"), [("", "2 skipped"), ("1", "1 skipped, 1 error")])
def test_a_missing_tool_is_listed_or_fails_where_all_are_required(
    require_all: str, outcome: str, tmp_path: Path
) -> None:
    # Not among the tests: whoever reads all of them meanwhile would find it gone again.
    probe = tmp_path / "test_probe.py"
    probe.write_text(NEEDY, "utf-8")
    full = {**os.environ, "PATH": "/nowhere", "VIGIE_REQUIRE_ALL": require_all}
    (tmp_path / "conftest.py").write_text("from tests.conftest import *\n", "utf-8")
    ours = ("-c", str(ROOT / "pyproject.toml"), "-p", "no:cacheprovider", "-p", "no:xdist")
    answer = subprocess.run(
        (sys.executable, "-m", "pytest", "-q", *ours, str(probe)),
        cwd=ROOT, env=full, capture_output=True, text=True,
    )  # fmt: skip
    assert outcome in answer.stdout
    assert "the long tests: 1 test. To run: make test-all" in answer.stdout
    if require_all:
        assert "dciodvfy is missing, and VIGIE_REQUIRE_ALL=1" in answer.stdout
    else:
        assert "dciodvfy: 1 test. To run: apt install dicom3tools" in answer.stdout


def test_the_data_folder_is_looked_for_beside_the_checkout() -> None:
    assert ROOT.parent / "shared" / "data" == SHARED
