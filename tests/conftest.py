"""What every test can ask for: throwaway servers, the running product, and the tools of this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.utils.translation.reloader import translation_file_changed
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from clinic.catalogues import compile_catalogues
from ml import package, runtime
from tests.machine import MARKER_HELP, ROOT, missing

# Playwright's synchronous interface keeps an event loop in the main thread for the whole session; Django
# would then refuse the database to every later test of the same process.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

# Two processes test on two cores: threads of linear algebra in each would wait for one another. Before
# anything imports numpy, which asks once.
for _name in runtime.THREADS:
    os.environ.setdefault(_name, "1")

pytest_plugins = ["tests.people", "tests.servers", "tests.chromium"]

NOT_RUN = "not run here: "
LONG = "the long tests"
STACK = "live_stack"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--long``."""
    parser.addoption("--long", action="store_true", help="also run the tests marked long")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers of the tools and compile the translations the pages are tested with."""
    for marker, text in MARKER_HELP.items():
        config.addinivalue_line("markers", f"{marker}: {text}")
    for root in django_settings.LOCALE_PATHS:
        for source in compile_catalogues(Path(root)):
            # Setting Django up has read French already: in a fresh clone, before there was any of ours.
            translation_file_changed(None, source.with_suffix(".mo"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what this machine cannot run, or fail it where everything is required."""
    required = os.environ.get("VIGIE_REQUIRE_ALL") == "1"
    excused = set(os.environ.get("VIGIE_WITHOUT", "").split())
    for item in items:
        if item.get_closest_marker("long") and not config.getoption("--long"):
            item.add_marker(pytest.mark.skip(reason=f"{NOT_RUN}{LONG}"))
        for need in missing(marker.name for marker in item.iter_markers()):
            if required and need.marker not in excused:
                item.add_marker(pytest.mark.needs_missing(need.tool))
            else:
                item.add_marker(pytest.mark.skip(reason=f"{NOT_RUN}{need.tool}"))


class OneStack(LoadScopeScheduling):
    """Deal out tests file by file, for what a file makes once; files that use the running product together.

    pytest-xdist's own groups are written into the ids of tests, which pytest no longer lets it do.
    """

    files = frozenset(
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests").rglob("test_*.py")
        if STACK in path.read_text("utf-8")
    )

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return STACK if file in self.files else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneStack:
    """Start the product once, however many processes test."""
    return OneStack(config, log)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail, where everything is required, a test whose tool is missing."""
    if marker := item.get_closest_marker("needs_missing"):
        pytest.fail(
            f"{marker.args[0]} is missing, and VIGIE_REQUIRE_ALL=1 asks for everything", pytrace=False
        )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List what was not run for want of a tool, and how to get the tool."""
    counts: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if NOT_RUN in reason:
            tool = reason.split(NOT_RUN, 1)[1]
            counts[tool] = counts.get(tool, 0) + 1
    if not counts:
        return
    how = {need.tool: need.how for need in missing(MARKER_HELP)} | {LONG: "make test-all"}
    terminalreporter.section("Not run here")
    for tool, count in sorted(counts.items()):
        tests = "1 test" if count == 1 else f"{count} tests"
        terminalreporter.line(f"{tool}: {tests}. To run: {how.get(tool, '')}")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Keep the SQLite database of the tests in a file, as the product does.

    One in memory would have the threads of a live server share a single connection, and so each other's
    transactions: a request that ends after its page was left then breaks whatever runs next.
    """
    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture(autouse=True)
def private_root(settings, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep the files of a test out of the checkout, and its passwords cheap to check."""
    settings.PRIVATE_ROOT = tmp_path_factory.mktemp("private")
    beside = settings.PRIVATE_ROOT.parent
    monkeypatch.setattr(package, "SITE", beside / f"{settings.PRIVATE_ROOT.name}-packages")
    settings.AUDIT_KEY_FILE = beside / f"{settings.PRIVATE_ROOT.name}-audit/key.pem"
    settings.AUDIT_ANCHORS = [f"file:{settings.AUDIT_KEY_FILE.parent / 'anchors.jsonl'}"]
    settings.ERASURE_LIST = settings.AUDIT_KEY_FILE.parent / "erasures.jsonl"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Every test client is a server of its own, and would look through all static files when it starts.
    settings.WHITENOISE_AUTOREFRESH = True
    return settings.PRIVATE_ROOT
