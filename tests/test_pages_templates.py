"""What holds for every template: no inline script or style, every sentence translatable and in French."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from django.conf import settings as django_settings
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.translation.template import templatize

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from clinic.templatetags import vigie
from ml.contracts import Text
from tests import factories

ROOT = Path(django_settings.BASE_DIR)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
MODULES = sorted(path for app in ("clinic", "patients", "predictions") for path in (ROOT / app).rglob("*.py"))
FUNCTIONS = {"_": 1, "gettext": 1, "gettext_lazy": 1, "gettext_noop": 1, "ngettext": 2, "ngettext_lazy": 2}
INLINE = re.compile(r'\sstyle\s*=|\son[a-z]+\s*=\s*["\']|<style|<script(?![^>]*\ssrc=)|javascript:', re.I)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_no_inline_script_or_style(path: Path) -> None:
    found = INLINE.findall(path.read_text("utf-8"))
    assert not found


@pytest.mark.parametrize("path", sorted((ROOT / "static").rglob("*.*")), ids=lambda path: path.name)
def test_nothing_is_fetched_from_elsewhere(path: Path) -> None:
    text = path.read_text("utf-8").replace("http://www.w3.org/", "")
    assert "//" not in re.sub(r"^\s*//.*$", "", text, flags=re.M).replace("/*", "")


def test_every_sentence_has_its_french() -> None:
    with (ROOT / "locale/fr/LC_MESSAGES/django.po").open("rb") as stream:
        catalogue = read_po(stream, locale="fr")
    french = {
        message.id if isinstance(message.id, str) else message.id[0]: message
        for message in catalogue
        if message.id
    }
    missing = sorted(said for said in set(said_anywhere()) if said not in french)
    assert not missing, f"run makemessages and translate: {missing}"
    empty = [key for key, message in french.items() if message.fuzzy or not all(_as_tuple(message.string))]
    assert not empty, f"no French, or a guess: {empty}"


def _as_tuple(string: str | tuple[str, ...]) -> tuple[str, ...]:
    return (string,) if isinstance(string, str) else string


def said_anywhere() -> Iterator[str]:
    """Yield the first form of every sentence marked for translation in templates and modules."""
    for path in MODULES:
        yield from _said(path.read_text("utf-8"))
    for path in TEMPLATES:
        for call in _calls(templatize(path.read_text("utf-8"))):
            yield from _said(call)


def _calls(templatized: str) -> list[str]:
    """Return the gettext calls of a template that Django has turned into something like Python."""
    strings = r"""(?:u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))"""
    return re.findall(
        rf"(?:\bgettext|\bngettext|\b_)\({strings}(?:,\s*{strings},\s*\w+)?\)", templatized, re.S
    )


def _said(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def test_sentences_are_found_in_templates_and_modules() -> None:
    said = set(said_anywhere())
    assert "Worklist" in said
    assert "AI draft – not signed" in said
    assert "One answer has to be corrected." in said


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Nothing here for you"), ("fr", "Rien ici pour vous")]
)
def test_a_missing_page_says_so_in_both_languages(
    client: Client, alice: User, language: str, words: str
) -> None:
    alice.language = language
    alice.save()
    client.force_login(alice)
    response = client.get("/no-such-page/")
    assert response.status_code == 404
    assert words in response.content.decode()


def test_a_page_for_another_role_says_so(client: Client, alice: User) -> None:
    client.force_login(alice)
    response = client.get(reverse("staff_list"))
    assert response.status_code == 403
    assert "these do: Administrator." in response.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "whom"), [("en", "Model steward"), ("fr", "Responsable")])
@pytest.mark.parametrize(
    "page", ["testbench", "deployment_list", "batch_list", "agreement", "serving_roll_back"]
)
def test_an_administrator_is_told_whom_to_ask_about_a_model(
    client: Client, page: str, language: str, whom: str
) -> None:
    """How models fare in units is for stewards; nobody sends an administrator to their administrator."""
    client.force_login(factories.staff("anton", Role.ADMIN, language=language))
    said = client.get(reverse(page, args=["sleep"] if page == "serving_roll_back" else []))
    assert said.status_code == 403
    assert whom in said.content.decode()
    assert "administrator" not in said.content.decode().split("<main")[1]


def test_a_form_without_its_token_says_to_load_the_page_again(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    response = client.post(reverse("set_theme"), {"theme": "dark"})
    assert response.status_code == 403
    assert "Load the page again" in response.content.decode()


def test_our_own_mistake_has_a_number_and_tells_nothing(
    client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("DUPONT, Claire")

    monkeypatch.setattr("predictions.selectors.worklist", broken)
    client.raise_request_exception = False
    client.force_login(alice)
    response = client.get(reverse("worklist"))
    assert response.status_code == 500
    page = response.content.decode()
    assert response["X-Request-ID"] in page
    assert "DUPONT" not in page


def test_too_large_a_form_is_told_apart(client: Client, alice: User, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    client.force_login(alice)
    form = "application/x-www-form-urlencoded"
    response = client.post(reverse("set_theme"), "theme=" + "dark" * 10, content_type=form)
    assert response.status_code == 413
    assert "Check that it is the right file." in response.content.decode()


def test_language_and_colours_are_kept(client: Client, alice: User) -> None:
    client.force_login(alice)
    client.post(reverse("set_language"), {"language": "fr", "next": "/models/"})
    client.post(reverse("set_theme"), {"theme": "dark"})
    page = client.get(reverse("models")).content.decode()
    assert '<html lang="fr" data-theme="dark">' in page
    alice.refresh_from_db()
    assert alice.language == "fr"


def test_preferences_lead_nowhere_else(client: Client) -> None:
    response = client.post(reverse("set_theme"), {"theme": "dark", "next": "https://example.org/"})
    assert response["Location"] == reverse("worklist")


def test_the_icon_is_where_browsers_ask_for_it(client: Client, alice: User) -> None:
    """Whoever comes with a given password too: being led away would only repeat the sentence about it."""
    User.objects.filter(pk=alice.pk).update(temporary_password=True)
    for who in (None, alice):
        if who is not None:
            client.force_login(User.objects.get(pk=who.pk))
        answer = client.get("/favicon.ico")
        assert (answer.status_code, Path(answer.url).suffix) == (302, ".svg")
        assert finders.find(answer.url.removeprefix(django_settings.STATIC_URL))


def test_an_upload_that_breaks_off_gets_its_sentence_as_json(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    response = client.post(reverse("set_theme"), {"theme": "dark"}, headers={"Accept": "application/json"})
    assert response.status_code == 403
    assert "Load the page again" in response.json()["problems"][0]


def test_french_punctuation_never_begins_a_line() -> None:
    """Ordinary spaces before : ; ? ! and », in the catalogue and in sentences of ``ml`` on a page."""
    with (ROOT / "locale/fr/LC_MESSAGES/django.po").open("rb") as stream:
        catalogue = read_po(stream, locale="fr")
    said = [
        word
        for message in catalogue
        if message.id
        for word in (message.string if isinstance(message.string, tuple) else (message.string,))
    ]
    assert [word for word in said if re.search(r" [:;?!»]|« ", word)] == []
    with translation.override("fr"):
        written = vigie.text(Text("“a”: b; c?", "« a » : b ; c ?"))
    assert written == "«\u00a0a\u00a0»\u00a0: b\u202f; c\u202f?"
