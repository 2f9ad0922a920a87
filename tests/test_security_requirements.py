"""Requirements of ASVS that no room of the product tests by itself; ``docs/security.md`` names them."""

from __future__ import annotations

import ast
import math
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.contrib.auth.password_validation import validate_password
from django.test import Client, RequestFactory
from django.urls import get_resolver, reverse
from rest_framework.serializers import ModelSerializer

from clinic.accounts.models import User
from clinic.audit.context import client_address
from patients.models import Patient
from tests import factories
from tests.machine import ROOT
from tests.servers import LiveStack

LONG = "a lantern on a ladder, " * 5


def test_an_address_somebody_claims_is_not_believed(settings: Any) -> None:
    sent = {"REMOTE_ADDR": "192.0.2.7", "HTTP_X_FORWARDED_FOR": "203.0.113.9, 198.51.100.4"}
    request = RequestFactory().get("/", HTTP_X_REAL_IP="203.0.113.9", **sent)
    settings.SECURE_PROXY_SSL_HEADER = None
    assert client_address(request) == "192.0.2.7"
    # The last entry is the one our own proxy wrote; what the client wrote before it proves nothing.
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert client_address(request) == "198.51.100.4"


@pytest.mark.django_db
def test_a_password_counts_to_its_last_character(maternity: Any) -> None:
    validate_password(LONG)
    user = factories.staff("long", factories.Role.MIDWIFE, maternity, password=LONG)
    assert len(LONG) > 100
    assert user.check_password(LONG)
    assert not user.check_password(LONG[:-1])
    assert not user.check_password(LONG.upper())
    assert not user.check_password(LONG + " ")


@pytest.mark.django_db
def test_passwords_are_masked_and_may_be_pasted(alice: User) -> None:
    browser = Client()
    pages = [browser.get(reverse("account_login")).content.decode()]
    browser.force_login(alice)
    pages.append(browser.get(reverse("account_change_password")).content.decode())
    for page in pages:
        fields = [
            field for field in re.findall(r"<input[^>]*>", page) if re.search(r'name="\w*password', field)
        ]
        assert fields
        for field in fields:
            assert 'type="password"' in field
            assert re.search(r'autocomplete="(current|new)-password"', field)
            assert "maxlength" not in field
            assert "onpaste" not in field


@pytest.mark.django_db
def test_recovery_codes_are_long_enough(alice: User) -> None:
    codes = RecoveryCodes.activate(alice).generate_codes()
    assert len(set(codes)) == 10
    digits = all(code.isdigit() for code in codes)
    assert min(len(code) * math.log2(10 if digits else 16) for code in codes) >= 20


@pytest.mark.django_db
def test_session_keys_are_long_and_new(alice: User) -> None:
    browser = Client()
    browser.get(reverse("account_login"))
    keys = set()
    for _ in range(3):
        browser.post(reverse("account_login"), {"login": "alice", "password": factories.PASSWORD})
        keys.add(browser.session.session_key)
        browser.post(reverse("account_logout"))
    assert len(keys) == 3
    assert all(len(key) >= 32 for key in keys)


@pytest.mark.django_db
def test_a_session_key_somebody_planted_is_not_taken(alice: User) -> None:
    browser = Client()
    browser.cookies["sessionid"] = "planted" * 5
    browser.post(reverse("account_login"), {"login": "alice", "password": factories.PASSWORD})
    assert browser.cookies["sessionid"].value != "planted" * 5


@pytest.mark.django_db
def test_the_way_out_is_on_every_page(alice: User, admin: User, steward: User, claire: Patient) -> None:
    for user, names in (
        (alice, ("worklist", "models", "profile")),
        (admin, ("staff_list",)),
        (steward, ("models",)),
    ):
        browser = Client()
        browser.force_login(user)
        addresses = [reverse(name) for name in names]
        if user == alice:
            addresses.append(reverse("patient", args=[claire.pk]))
        for address in addresses:
            assert f'action="{reverse("account_logout")}"' in browser.get(address).content.decode(), address


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/css/",
        "/static/../clinic/settings/__init__.py",
        "/static/%2e%2e/manage.py",
        "/.git/config",
        "/media/",
    ],
)
def test_folders_are_not_listed(path: str, alice: User) -> None:
    browser = Client()
    browser.force_login(alice)
    assert browser.get(path).status_code == 404


@pytest.mark.django_db
def test_a_doubled_parameter_changes_nothing(alice: User, claire: Patient) -> None:
    browser = Client()
    browser.force_login(alice)
    # What belongs into the body is not taken from the address, nor the other way round.
    answer = browser.post(f"{reverse('set_theme')}?theme=dark&next=https://evil.test/", {"theme": "light"})
    assert urlsplit(answer["Location"]).netloc == ""
    assert browser.cookies["vigie_theme"].value == "light"
    found = browser.post(f"{reverse('patient_search')}?name=Nobody", {"name": ["Nobody", "Lantern"]})
    assert str(claire.pk) in found.content.decode()


def say(stack: LiveStack, request: bytes) -> bytes:
    """Send these bytes to the web server of a running product and return what it says."""
    port = urlsplit(stack.url).port
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(request)
        line.shutdown(socket.SHUT_WR)
        said = b""
        while piece := line.recv(65536):
            said += piece
    return said


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Content-Length: 5\r\nContent-Length: 6",
        b"Transfer-Encoding: chunked, identity",
        b"Content-Length: +5",
        b"Bad Name: x",
    ],
)
def test_a_smuggled_request_is_refused(headers: bytes, live_stack: LiveStack) -> None:
    request = (
        b"POST /health HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        + headers
        + b"\r\n\r\n0\r\n\r\nGET /models/ HTTP/1.1\r\n\r\n"
    )
    said = say(live_stack, request)
    assert re.match(rb"HTTP/1\.1 (400|501)", said), said[:200]
    assert said.count(b"HTTP/1.1 ") == 1, "and nothing after it is answered"


def test_a_header_too_long_is_refused_and_the_server_does_not_say_which_it_is(live_stack: LiveStack) -> None:
    said = say(live_stack, b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"a" * 9000 + b"\r\n\r\n")
    assert re.match(rb"HTTP/1\.1 4\d\d", said), said[:200]
    said = say(live_stack, b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    assert b"\r\nServer: vigie\r\n" in said
    assert b"gunicorn" not in said.lower()
    assert b"django" not in said.lower()


# Patterns put together from constants of the code; nothing of a request or a file is in them unescaped.
PATTERNS_OF_CONSTANTS = {
    "ml/algorithms/haemorrhage/mapping/names.py",
    "ml/algorithms/sleep/channels.py",
    "predictions/templatetags/data_words.py",
    "predictions/templatetags/metrics.py",
}
# Escapes what is written into SVG; and an unpickler of training that knows three names.
HARMLESS = {
    ("predictions/outputs/night_drawing.py", "xml.sax.saxutils"),
    ("ml/algorithms/chest_xray/torch_weights.py", "pickle"),
}
RUNS = {"eval", "exec", "compile", "__import__"}
RUNS_BY_NAME = {"system", "popen", "from_string", "Template"}
READS = ("lxml", "pickle", "marshal", "shelve", "dill", "joblib", "xml")
SEARCHES = {"compile", "match", "search", "fullmatch", "sub", "subn", "findall", "finditer", "split"}


def dangers(tree: ast.AST) -> Iterator[str]:
    """Yield what in a module runs, unpickles, parses XML, asks a shell or makes a pattern of a variable."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.split(".")[0] in READS)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in READS:
            yield str(node.module)
        elif isinstance(node, ast.Call):
            yield from _dangers_of(node)


def _dangers_of(call: ast.Call) -> Iterator[str]:
    name = getattr(call.func, "id", "") or getattr(call.func, "attr", "")
    if (isinstance(call.func, ast.Name) and name in RUNS) or name in RUNS_BY_NAME:
        yield name
    for keyword in call.keywords:
        value = getattr(keyword.value, "value", None)
        if keyword.arg == "shell" or (keyword.arg == "allow_pickle" and value is not False):
            yield keyword.arg
    of_re = isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") == "re"
    if of_re and name in SEARCHES and not _constant(call.args[0]):
        yield "a pattern of a variable"


def _constant(pattern: ast.expr) -> bool:
    if "re.escape(" in ast.unparse(pattern):
        return True
    parts = list(ast.walk(pattern))
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    return not any(isinstance(part, ast.Call) for part in parts) and all(name.isupper() for name in names)


def test_the_code_runs_nothing_it_is_given() -> None:
    found = set()
    for root in ("clinic", "patients", "predictions", "ml"):
        for path in (ROOT / root).rglob("*.py"):
            name = str(path.relative_to(ROOT))
            for danger in dangers(ast.parse(path.read_text("utf-8"))):
                if danger != "a pattern of a variable" or name not in PATTERNS_OF_CONSTANTS:
                    found.add((name, danger))
    assert found == HARMLESS


@pytest.mark.parametrize(
    "code",
    [
        "eval(x)",
        "import pickle",
        "from xml.etree import ElementTree",
        "subprocess.run(x, shell=True)",
        "np.load(x, allow_pickle=True)",
        "engines['django'].from_string(x)",
        "re.search(x, y)",
        "re.compile(f'^{name}$')",
    ],
)
def test_what_runs_is_found(code: str) -> None:
    assert list(dangers(ast.parse(code)))


# Draws samples of figures, from a seed, so that an interval can be computed again.
RESAMPLES = {"predictions/deployments/figures.py"}


def test_nothing_here_comes_from_a_generator_that_can_be_foreseen() -> None:
    """Secrets, codes and names of files come from ``secrets`` and ``uuid4``."""
    imported = {
        (str(path.relative_to(ROOT)), name.name)
        for root in ("clinic", "patients", "predictions")
        for path in (ROOT / root).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (node.names if isinstance(node, ast.Import) else [ast.alias(str(node.module))])
    }
    assert {path for path, name in imported if name.split(".")[0] == "random"} <= RESAMPLES
    assert {name for _path, name in imported} >= {"secrets", "uuid"}


def test_every_serializer_names_its_fields_and_none_of_them_is_a_secret() -> None:
    assert get_resolver().reverse_dict, "the addresses are loaded, and with them every serializer"
    found = [kind for kind in _descendants(ModelSerializer) if kind.__module__.startswith("predictions")]
    assert found
    for kind in found:
        fields = kind.Meta.fields
        assert isinstance(fields, list | tuple), kind
        assert not {name for name in fields if re.search(r"password|secret|hash$|lease|stored_name", name)}, (
            kind
        )


def _descendants(kind: type) -> Iterator[type]:
    for child in kind.__subclasses__():
        yield child
        yield from _descendants(child)


SCRIPTS = sorted((ROOT / "static").rglob("*.js"))
EXECUTES = re.compile(r"\beval\(|new Function|document\.write|setTimeout\(['\"]|__proto__|javascript:")


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_run_no_text_and_listen_to_no_other_window(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not EXECUTES.search(text)
    assert not re.search(r"(window|globalThis)\.(onmessage|addEventListener\(['\"]message)", text)
    # What replaces part of a page was rendered and escaped by our server.
    if re.search(r"\.(innerHTML|outerHTML)\s*=|insertAdjacentHTML", text):
        assert path.name in {"channel-mapping.js", "why.js", "idle.js"}, path.name
