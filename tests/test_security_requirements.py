"""Requirements of ASVS that no room of the product tests by itself; ``docs/security.md`` names them."""

from __future__ import annotations

import re
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.contrib.auth.password_validation import validate_password
from django.test import Client, RequestFactory
from django.urls import reverse

from clinic.accounts.models import User
from clinic.audit.context import client_address
from patients.models import Patient
from tests import factories
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
    # Hexadecimal digits or letters and digits: four bits a character at the least.
    assert min(4 * len(code) for code in codes) >= 20


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
