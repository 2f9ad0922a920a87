"""The scans of `make lint` and CI: they find what is planted, and what they find here has its reason."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from scripts import scan
from scripts.scan import Finding
from tests.machine import ROOT

TODAY = date(2026, 11, 21)
PICKLE = Finding("B301", "clinic/x.py", "pickle (line 3)")
VULNERABLE = Finding("GHSA-1", "walrus", "1.0; mended in 1.1")
ENTRY: Mapping[str, Any] = {"test": "B301", "files": ["clinic/*.py"], "count": 1, "reason": "of this test"}


def faults(*findings: Finding, entries: tuple[Mapping[str, Any], ...] = ()) -> list[str]:
    return list(scan.judge(findings, entries, TODAY))


def test_a_finding_without_a_reason_is_a_fault() -> None:
    assert faults(PICKLE) == ["clinic/x.py: B301: pickle (line 3)"]
    assert faults(PICKLE, entries=(ENTRY,)) == []


def test_a_reason_covers_no_other_file_and_no_second_finding() -> None:
    elsewhere = Finding("B301", "patients/x.py", "pickle (line 9)")
    assert faults(PICKLE, elsewhere, entries=(ENTRY,)) == ["patients/x.py: B301: pickle (line 9)"]
    (fault,) = faults(PICKLE, Finding("B301", "clinic/y.py", "pickle (line 9)"), entries=(ENTRY,))
    assert "accepts 1 findings, there are 2" in fault


def test_a_reason_that_nothing_needs_any_more_is_a_fault() -> None:
    (fault,) = faults(entries=(ENTRY,))
    assert "finds nothing any more" in fault


@pytest.mark.parametrize(("until", "faulty"), [(date(2026, 11, 21), False), (date(2026, 11, 20), True)])
def test_a_vulnerability_is_accepted_until_a_day(until: date, faulty: bool) -> None:
    entry = {"id": "GHSA-1", "package": "walrus", "until": until, "reason": "not reached"}
    assert bool(faults(VULNERABLE, entries=(entry,))) is faulty


def test_a_secret_is_accepted_only_as_the_text_it_is_accepted_for() -> None:
    entry = {"kind": "Hex", "files": ["a.json"], "only": "[0-9a-f]{64}", "reason": "checksums"}
    assert faults(Finding("Hex", "a.json", "line 1", "ab" * 32), entries=(entry,)) == []
    assert len(faults(Finding("Hex", "a.json", "line 1", "ab" * 20), entries=(entry,))) == 2


def test_every_entry_of_the_ledger_gives_a_reason_and_every_vulnerability_a_day(tmp_path: Path) -> None:
    for name in scan.SCANS:
        for entry in scan.accepted(name):
            assert name != "packages" or isinstance(entry["until"], date)
    ledger = tmp_path / "accepted.toml"
    ledger.write_text('[[bandit]]\ntest = "B301"\nfiles = ["x"]\nreason = "none"\n', "utf-8")
    with pytest.raises(ValueError, match="no reason"):
        scan.accepted("bandit", ledger)


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """Return a repository with a secret and an unsafe call in it."""
    key = "-----BEGIN " + "RSA PRIVATE KEY-----"
    (tmp_path / "settings.py").write_text(f'KEY = """{key}"""\n', "utf-8")
    (tmp_path / "walrus.py").write_text(
        "import pickle\n\n\ndef load(x):\n    return pickle.loads(x)\n", "utf-8"
    )
    for command in (("init", "-q"), ("add", "settings.py", "walrus.py")):
        subprocess.run(("git", *command), cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def test_a_planted_secret_is_found_and_never_shown(planted: Path) -> None:
    (finding,) = scan.secrets(planted)
    assert (finding.kind, finding.place) == ("Private Key", "settings.py")
    assert "BEGIN" not in finding.said


def test_a_planted_unsafe_call_is_found(planted: Path) -> None:
    kinds = {finding.kind for finding in scan.bandit(planted, ("walrus.py",))}
    assert "B301" in kinds


def audit_says(monkeypatch: pytest.MonkeyPatch, report: Any) -> None:
    """Have the auditor answer ``report``, or fail when that is an exception."""

    def answer(*_: str, **__: Any) -> Any:
        if isinstance(report, Exception):
            raise report
        return report

    monkeypatch.setattr(scan, "_json", answer)


def test_packages_nobody_could_look_up_are_not_called_clean(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    unknown = {"name": "walrus", "skip_reason": "could not be audited"}
    audit_says(monkeypatch, {"dependencies": [unknown, unknown]})
    assert scan.main(["packages"]) == 0
    assert "not run: the database knew 0 of 2 packages" in capsys.readouterr().out
    monkeypatch.setenv("VIGIE_REQUIRE_AUDIT", "1")
    assert scan.main(["packages"]) == 1


def test_a_database_out_of_reach_is_not_run_and_a_vulnerability_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    audit_says(monkeypatch, scan.NotRun("no answer"))
    assert scan.main(["packages"]) == 0
    vulnerable = {"name": "walrus", "version": "1.0", "vulns": [{"id": "GHSA-1", "fix_versions": ["1.1"]}]}
    audit_says(monkeypatch, {"dependencies": [vulnerable]})
    assert scan.main(["packages"]) == 1
    assert "walrus: GHSA-1: 1.0; mended in 1.1" in capsys.readouterr().out


def test_a_scanner_that_says_nothing_has_not_run() -> None:
    with pytest.raises(scan.NotRun):
        scan._json("json.tool", "nowhere.json", cwd=ROOT)


@pytest.mark.long
@pytest.mark.parametrize("name", ["bandit", "secrets"])
def test_what_is_found_in_this_code_has_its_reason(name: str) -> None:
    assert list(scan.judge(scan.SCANS[name](), scan.accepted(name), date.today())) == []


def test_ci_runs_every_scan() -> None:
    makefile, ci = (ROOT / "Makefile").read_text("utf-8"), (ROOT / ".ci/run").read_text("utf-8")
    assert "make scan" in ci.splitlines()
    assert "\n\t$(BIN)/python scripts/scan.py\n" in makefile
    assert "\n\t$(BIN)/python scripts/scan.py bandit secrets\n" in makefile
