"""What every answer tells a browser: each address of the product, for whom it is and for nobody."""

from __future__ import annotations

import os
import re
import runpy
from collections.abc import Callable, Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection, transaction
from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse

from clinic.accounts.models import User
from patients.models import Patient
from predictions.models import Study
from tests import factories, production
from tests.machine import ROOT
from tests.test_access_matrix import ADDRESSES, EXPECTED, IN, Rule, rules
from tests.visitors import a_study, make_world

HOST = "vigie.hospital.test"
# Of what a deployment sets; the rest of its settings is for another database and other files.
TAKEN = re.compile(r"(SESSION|CSRF|LANGUAGE|THEME|DEVICE)_COOKIE|SECURE_|X_FRAME|CONTENT_SEC|ALLOWED_H")
EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains; preload",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
TELLING = ("Server", "X-Powered-By", "Via", "Access-Control-Allow-Origin")
NAMES = ("Lantern", "Claire", "900001")


@pytest.fixture
def deployed(settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """Give this process what production says of headers and cookies, read from the settings themselves."""
    given = production.environment(tmp_path / "production")
    with monkeypatch.context() as patch:
        for name, value in given.items():
            patch.setenv(name, value)
        before = os.umask(0o022)
        values = runpy.run_path(str(ROOT / "clinic/settings/__init__.py"))
        os.umask(before)
    taken = {name: value for name, value in values.items() if TAKEN.match(name)}
    for name, value in taken.items():
        setattr(settings, name, value)
    return taken


class Page(HTMLParser):
    """Collects what a content security policy would refuse, where a page leads, and what it sends."""

    LEADING = (
        "href", "src", "action", "formaction", "poster", "data", "srcset", "hx-get", "hx-post", "hx-put",
    )  # fmt: skip

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.inline: list[str] = []
        self.leads: list[str] = []
        self.unguarded = 0
        self._form = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one element."""
        given = dict(attrs)
        # A block of data is no script: the policy lets a browser read it and run nothing.
        runs = tag == "script" and "src" not in given and given.get("type") != "application/json"
        if runs or tag == "style":
            self.inline.append(tag)
        self.inline += [f"{tag} {name}" for name in given if name == "style" or name.startswith("on")]
        self.leads += [value for name, value in attrs if name in self.LEADING and value]
        if tag == "form" and given.get("method", "").lower() == "post":
            self._form = "open"
            self.unguarded += 1
        if tag == "input" and given.get("name") == "csrfmiddlewaretoken" and self._form:
            self.unguarded -= 1
            self._form = ""


def faults(response: HttpResponseBase) -> Iterator[str]:
    """Yield what an answer lacks or gives away."""
    for name, expected in EVERYWHERE.items():
        if response.headers.get(name) != expected:
            yield f"{name} is {response.headers.get(name)!r}"
    yield from (f"tells {name}" for name in TELLING if name in response.headers)
    if "camera=()" not in response.headers.get("Permissions-Policy", ""):
        yield "no Permissions-Policy"
    kind = response.headers.get("Content-Type", "")
    if kind.startswith("text/") and "charset=" not in kind:
        yield f"{kind} without a charset"
    disposition = response.headers.get("Content-Disposition", "")
    if not re.fullmatch(r'(attachment|inline)(; filename="[A-Za-z0-9._-]+")?', disposition or "inline"):
        yield f"Content-Disposition is {disposition}"
    if any(name in disposition for name in NAMES):
        yield f"names a patient: {disposition}"
    yield from _policy(response.headers.get("Content-Security-Policy", ""), page=kind.startswith("text/html"))
    yield from _cookies(response)
    location = response.headers.get("Location", "")
    if urlsplit(location).netloc not in ("", HOST) or any(name in location for name in NAMES):
        yield f"leads to {location}"
    if kind.startswith("text/html") and not response.streaming:
        yield from _page(response.content.decode())


def _policy(policy: str, *, page: bool) -> Iterator[str]:
    directives = {part.split()[0]: part.split()[1:] for part in policy.split(";") if part.strip()}
    for name in ("default-src", "object-src", "base-uri", "frame-ancestors"):
        if directives.get(name) != ["'none'"]:
            yield f"Content-Security-Policy: {name} is {directives.get(name)}"
    for name, sources in directives.items():
        if loose := [s for s in sources if s not in ("'none'", "'self'", "data:", "blob:")]:
            yield f"Content-Security-Policy: {name} allows {loose}"
        if name != "img-src" and {"data:", "blob:"} & set(sources):
            yield f"Content-Security-Policy: {name} allows {sources}"
    if not page and "sandbox" not in directives:
        yield "a file or data that may run as a page"


def _cookies(response: HttpResponseBase | Client) -> Iterator[str]:
    for name, cookie in response.cookies.items():
        whole = cookie["secure"] and cookie["httponly"] and cookie["samesite"] in ("Lax", "Strict")
        if not (name.startswith("__Host-") and whole and cookie["path"] == "/" and not cookie["domain"]):
            yield f"the cookie {cookie.output(header='')}"


def _page(html: str) -> Iterator[str]:
    page = Page(html)
    yield from (f"inline: {found}" for found in page.inline)
    if page.unguarded:
        yield f"{page.unguarded} forms without a token against forged requests"
    for lead in page.leads:
        parts = urlsplit(lead.split()[0])
        if parts.scheme not in ("", "mailto", "blob") and not lead.startswith("data:image/"):
            yield f"leads to {lead}"
        if any(name in lead for name in NAMES):
            yield f"names a patient: {lead}"


def visitors(rule: Rule) -> list[str]:
    """Return one visitor whom a rule lets in, where there is one, and somebody who is nobody yet."""
    names = [f"{word}" for word in ("midwife here", "physician here", "admin", "steward", "radiologist away")]
    inside = next((name for name in names if rule.expects(name) == IN), names[0])
    return [inside, "anonymous"]


# What looking leaves behind: that somebody looked, and that a session is in use.
LOOKING = ("audit_", "django_session", "usersessions_", "accounts_attempt", "vigie_cache")
# An erasure may be approved once its export was taken to the last byte, which it therefore remembers.
REMEMBERED = {"erasure_export": {"patients_erasure"}}


class Writes:
    """Collects the tables that statements write to, but for those that looking leaves its traces in."""

    def __init__(self) -> None:
        self.tables: set[str] = set()

    def __call__(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        """Look at one statement and let it pass."""
        written = re.match(r'\s*(?:INSERT INTO|UPDATE|DELETE FROM) "?(\w+)', sql)
        if written and not written[1].startswith(LOOKING):
            self.tables.add(written[1])
        return execute(sql, *rest)


def asked(
    rule: Rule, url: str, user: User | None, data: Mapping[str, Any], writes: Writes
) -> HttpResponseBase:
    """Send the request of a rule over TLS, and leave no trace of it."""
    browser = Client(raise_request_exception=False, headers={"host": HOST})
    form = {"content_type": "application/json"} if "/api/" in url and rule.method != "GET" else {}
    with transaction.atomic():
        if user is not None:
            browser.force_login(user)
        with connection.execute_wrapper(writes):
            response = getattr(browser, rule.method.lower())(url, data or None, secure=True, **form)
            if response.streaming:
                b"".join(response.streaming_content)
        transaction.set_rollback(True)
    return response


@pytest.mark.django_db
def test_every_answer_of_every_address(claire: Patient, deployed: Mapping[str, Any]) -> None:
    world = make_world(claire)
    wrong: dict[str, list[str]] = {}
    studies: dict[Any, Study] = {}
    for name in ADDRESSES.keys() & EXPECTED.keys():
        address = ADDRESSES[name]
        for rule in rules(name):
            study = None
            if "study_id" in address.pattern.converters:
                study = studies.get(rule.state) or studies.setdefault(rule.state, a_study(world, rule.state))
            url = reverse(name, kwargs=world.arguments(address, study))
            data = {k: study.prediction.pk if v == "{prediction}" else v for k, v in rule.data.items()}
            for visitor in visitors(rule):
                writes = Writes()
                response = asked(rule, url, world.visitors[visitor], data, writes)
                found = list(faults(response))
                if rule.method == "GET":
                    found += [
                        f"looking writes to {table}" for table in writes.tables - REMEMBERED.get(name, set())
                    ]
                if found:
                    wrong[f"{rule.method} {name} as {visitor}: {response.status_code}"] = found
    assert not wrong


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        ("/no/such/page/", HOST, 404),
        ("/api/no-such-door", HOST, 404),
        ("/static/no-such-file.js", HOST, 404),
        ("/", "evil.test", 400),
        ("/%00", HOST, 404),
    ],
)
def test_errors_carry_the_same_headers_and_tell_nothing(
    path: str, host: str, status: int, deployed: Mapping[str, Any]
) -> None:
    response = Client(raise_request_exception=False).get(path, secure=True, headers={"host": host})
    assert response.status_code == status
    assert list(faults(response)) == []
    text = response.content.decode()
    assert not re.search(r"Traceback|/clinic/|Django|\.py\b|ALLOWED_HOSTS|evil\.test", text)


@pytest.mark.django_db
def test_our_own_mistake_carries_them_too_and_tells_nothing(
    alice: User, deployed: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("SELECT secret FROM patients WHERE name = 'Lantern'")

    monkeypatch.setattr("predictions.selectors.worklist", broken)
    monkeypatch.setattr("predictions.api.studies.StudiesView.get", broken)
    browser = Client(raise_request_exception=False, headers={"host": HOST})
    browser.force_login(alice)
    for path in ("/", "/api/studies"):
        response = browser.get(path, secure=True)
        assert response.status_code == 500
        assert list(faults(response)) == []
        assert not re.search(r"SELECT|Lantern|RuntimeError|Traceback", response.content.decode())


@pytest.mark.django_db
def test_every_cookie_of_a_log_in_is_for_this_host_alone(alice: User, deployed: Mapping[str, Any]) -> None:
    browser = Client(headers={"host": HOST})
    browser.get(reverse("account_login"), secure=True)
    browser.post(reverse("set_theme"), {"theme": "dark"}, secure=True)
    browser.post(reverse("set_language"), {"language": "fr"}, secure=True)
    credentials = {"login": "alice", "password": factories.PASSWORD}
    answer = browser.post(reverse("account_login"), credentials, secure=True)
    assert answer.status_code == 302
    assert {name.removeprefix("__Host-") for name in browser.cookies} == {
        "sessionid", "csrftoken", "vigie_theme", "django_language", "vigie_device",
    }  # fmt: skip
    assert list(_cookies(browser)) == []
    # No value of them names anybody: sessions and what they hold stay in the database.
    assert not any("alice" in cookie.value.lower() for cookie in browser.cookies.values())


@pytest.mark.django_db
def test_logging_out_empties_the_browser(alice: User, deployed: Mapping[str, Any]) -> None:
    browser = Client(headers={"host": HOST})
    browser.force_login(alice)
    answer = browser.post(reverse("account_logout"), secure=True)
    assert answer["Clear-Site-Data"] == '"cache"'
    assert browser.get(reverse("worklist"), secure=True).status_code == 302


@pytest.mark.django_db
def test_static_files_may_be_kept_and_carry_the_rest(deployed: Mapping[str, Any]) -> None:
    response = Client().get("/static/css/components.css", secure=True, headers={"host": HOST})
    assert response.status_code == 200
    expected = EVERYWHERE | {"Cache-Control": response.headers["Cache-Control"]}
    assert "no-store" not in response.headers["Cache-Control"]
    assert {name: response.headers.get(name) for name in expected} == expected
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]


@pytest.mark.django_db
def test_people_are_led_to_tls_and_programs_are_refused_without_it(deployed: Mapping[str, Any]) -> None:
    browser = Client(headers={"host": HOST})
    answer = browser.get("/accounts/login/")
    assert (answer.status_code, answer["Location"]) == (301, f"https://{HOST}/accounts/login/")
    for path in ("/api/studies", "/health", "/predict"):
        answer = browser.get(path)
        assert answer.status_code == 403
        assert answer.json()["problems"][0]["code"] == "https_required"


@pytest.mark.django_db
def test_a_header_or_a_field_does_not_change_the_method(alice: User, claire: Patient) -> None:
    browser = Client()
    browser.force_login(alice)
    url = reverse("patient", args=[claire.pk])
    for headers in ({"x-http-method-override": "DELETE"}, {"x-method-override": "PUT"}):
        assert browser.get(url, headers=headers).status_code == 200
        assert browser.post(url, {"_method": "DELETE"}, headers=headers).status_code == 405
    assert Patient.objects.filter(pk=claire.pk).exists()


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "DELETE"])
def test_methods_nobody_needs_are_refused_everywhere(method: str, alice: User, claire: Patient) -> None:
    browser = Client()
    browser.force_login(alice)
    for path in (
        reverse("worklist"),
        reverse("patient", args=[claire.pk]),
        reverse("models"),
        "/api/studies",
    ):
        response = browser.generic(method, path)
        assert response.status_code == 405, path
        assert b"Cookie" not in response.content


ELSEWHERE = (
    "https://evil.test/", "//evil.test/", "///evil.test", "/\\evil.test", "\\\\evil.test", " //evil.test",
    "javascript:alert(1)", "https:evil.test", "http:///evil.test", "%2f%2fevil.test", "/%09/evil.test",
    "data:text/html,x", f"https://{HOST}@evil.test/", f"https://{HOST}.evil.test/",
)  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("target", ELSEWHERE)
def test_no_redirect_leads_elsewhere(target: str, deployed: Mapping[str, Any]) -> None:
    factories.staff("nora", factories.Role.ADMIN, password=factories.PASSWORD)
    browser = Client(headers={"host": HOST})
    ways = [
        (reverse("account_login"), {"login": "nora", "password": factories.PASSWORD, "next": target}),
        (reverse("set_language"), {"language": "fr", "next": target}),
        (reverse("set_theme"), {"theme": "dark", "next": target}),
        (reverse("account_logout"), {"next": target}),
    ]
    for url, data in ways:
        answer = browser.post(url, data, secure=True)
        assert answer.status_code == 302, url
        where = urlsplit(answer["Location"])
        assert where.netloc in ("", HOST), (url, answer["Location"])
        assert where.scheme in ("", "https")
        assert not answer["Location"].startswith(("//", "/\\", "\\")), (url, answer["Location"])


ROOTS = (ROOT / "templates", ROOT / "predictions/templates")
TEMPLATES = sorted(path for root in ROOTS for path in root.rglob("*.html"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_anything_inline(path: Path) -> None:
    text = re.sub(r"{%.*?%}|{{.*?}}|{#.*?#}", "x", path.read_text("utf-8"), flags=re.S)
    assert Page(text).inline == []


def test_what_is_inline_is_found() -> None:
    page = Page('<p style="x" onclick=y>a</p><script>b</script><script src="/c.js"></script><style>d</style>')
    assert page.inline == ["p style", "p onclick", "script", "style"]
