"""Scans for what should not be in the code: `python scripts/scan.py bandit secrets packages`.

Every finding is zero or has its reason in ``accepted.toml``. Exit status 0 when that is so, 1 when it is not.
``packages`` asks a database of vulnerabilities over the network: where that cannot be reached it is reported
as not run, never as clean; with ``VIGIE_REQUIRE_AUDIT=1`` that fails.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from detect_secrets import SecretsCollection
from detect_secrets.settings import default_settings

ROOT = Path(__file__).resolve().parent.parent
LEDGER = Path(__file__).with_name("accepted.toml")
PRODUCT = ("clinic", "patients", "predictions", "ml", "bench", "scripts", "manage.py")
# Written by tools or numbers only: nothing a person types goes into them.
NO_SECRETS_IN = (
    "*.onnx",
    "*.npz",
    "*.png",
    "*.edf",
    "*.po",
    "*.lock",
    "requirements/lock.txt",
    "*/comparison.json",
    "*/curves.json",
)
SECONDS = 300


@dataclass(frozen=True, slots=True)
class Finding:
    """What a scan found.

    Parameters
    ----------
    kind
        The rule: a test of bandit, a kind of secret, the id of a vulnerability.
    place
        The file, or the package.
    said
        The line shown to a person; never the secret itself.
    text
        What was found, to be matched against ``only``; not shown.
    """

    kind: str
    place: str
    said: str
    text: str = ""


class NotRun(Exception):
    """A scan that could not be made here, with the reason."""


def bandit(root: Path = ROOT, paths: Sequence[str] = PRODUCT) -> list[Finding]:
    """Return the patterns bandit warns of in the code of the product, migrations aside."""
    report = _json("bandit", "-q", "-r", *paths, "-f", "json", "-x", "*/migrations/*", cwd=root)
    return [
        Finding(
            issue["test_id"],
            _relative(issue["filename"]),
            f"{issue['issue_text']} (line {issue['line_number']})",
        )
        for issue in report["results"]
    ]


def secrets(root: Path = ROOT) -> list[Finding]:
    """Return what looks like a secret in the tracked files."""
    tracked = subprocess.run(
        ("git", "ls-files", "-z"), cwd=root, check=True, capture_output=True, text=True
    ).stdout.split("\0")
    collection = SecretsCollection(root=str(root))
    with default_settings():
        for name in filter(None, tracked):
            if (root / name).is_file() and not _matches(name, NO_SECRETS_IN):
                collection.scan_file(name)
    return [
        Finding(found.type, name, f"line {found.line_number}", found.secret_value or "")
        for name, found in collection
    ]


def packages(root: Path = ROOT) -> list[Finding]:
    """Return the known vulnerabilities of the locked packages.

    Raises
    ------
    NotRun
        The database did not answer, or knew nothing of most packages: a mirror that does not pass it on.
    """
    lock = root / "requirements/lock.txt"
    report = _json(
        "pip_audit",
        "-r",
        str(lock),
        "--disable-pip",
        "--no-deps",
        "--progress-spinner",
        "off",
        "-f",
        "json",
        cwd=root,
    )
    known = [package for package in report["dependencies"] if "skip_reason" not in package]
    if 2 * len(known) < len(report["dependencies"]):
        raise NotRun(f"the database knew {len(known)} of {len(report['dependencies'])} packages")
    return [
        Finding(
            vulnerability["id"],
            package["name"],
            f"{package['version']}; mended in {', '.join(vulnerability['fix_versions']) or 'no version yet'}",
        )
        for package in known
        for vulnerability in package["vulns"]
    ]


SCANS: Mapping[str, Callable[[], list[Finding]]] = {
    "bandit": bandit,
    "secrets": secrets,
    "packages": packages,
}


def accepted(name: str, ledger: Path = LEDGER) -> list[dict[str, Any]]:
    """Return the entries of the ledger for a scan, each with a reason."""
    entries = tomllib.loads(ledger.read_text("utf-8")).get(name, [])
    for entry in entries:
        if len(entry.get("reason", "")) < 20:
            raise ValueError(f"{ledger.name}: an entry of {name} gives no reason")
    return entries


def judge(findings: Sequence[Finding], entries: Sequence[Mapping[str, Any]], today: date) -> Iterator[str]:
    """Yield what stands between the findings and a clean scan."""
    left = list(findings)
    for entry in entries:
        covered = [finding for finding in left if covers(entry, finding)]
        left = [finding for finding in left if finding not in covered]
        label = f"{entry.get('test') or entry.get('kind') or entry['id']} in {', '.join(_places(entry))}"
        if not covered:
            yield f"accepted.toml: {label} finds nothing any more; take the entry out"
        elif len(covered) != entry.get("count", len(covered)):
            yield f"accepted.toml: {label} accepts {entry['count']} findings, there are {len(covered)}"
        elif entry.get("until", today) < today:
            yield f"accepted.toml: {label} was accepted until {entry['until']}; look at it again"
    for finding in left:
        yield f"{finding.place}: {finding.kind}: {finding.said}"


def covers(entry: Mapping[str, Any], finding: Finding) -> bool:
    """Say whether an entry of the ledger speaks of this finding."""
    kind = entry.get("test") or entry.get("kind") or entry["id"]
    only = entry.get("only", ".*")
    return (
        fnmatchcase(finding.kind, kind)
        and _matches(finding.place, _places(entry))
        and bool(re.fullmatch(only, finding.text, re.S))
    )


def _places(entry: Mapping[str, Any]) -> Sequence[str]:
    return entry["files"] if "files" in entry else [entry["package"]]


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _relative(path: str) -> str:
    return path.removeprefix("./")


def _json(module: str, *arguments: str, cwd: Path) -> Any:
    """Run a scanner and read its report; scanners that find something do not exit with 0."""
    command = (sys.executable, "-m", module, *arguments)
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise NotRun(f"no answer within {SECONDS} s") from error
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise NotRun(re.sub(r"https?://\S+|host='[^']*'", "…", last)[:200]) from error


def main(names: Sequence[str]) -> int:
    """Run the scans named, all of them when none is; return the exit status."""
    failed = False
    for name in names or SCANS:
        try:
            findings = SCANS[name]()
        except NotRun as reason:
            print(f"{name}: not run: {reason}")
            # Only the network may be missing, and not where somebody asked for everything.
            failed |= name != "packages" or os.environ.get("VIGIE_REQUIRE_AUDIT") == "1"
            continue
        faults = list(judge(findings, accepted(name), date.today()))
        print(f"{name}: {len(findings)} findings, {len(faults)} without a reason")
        for fault in faults:
            print(f"  {fault}")
        failed |= bool(faults)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
