"""How a password is kept, and which ones are refused without asking anybody."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.hashers import get_hasher, identify_hasher, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from clinic.accounts import passwords
from clinic.accounts.models import User
from clinic.accounts.services import one_time_password
from tests.factories import PASSWORD


def refusal(password: str) -> list[str]:
    """Return the codes of why a password is refused."""
    try:
        validate_password(password, User(username="alice"))
    except ValidationError as error:
        return [one.code for one in error.error_list]
    return []


@pytest.fixture
def breached(tmp_path: Path, settings) -> Path:
    """Return a site's own file: the hashes of a thousand invented passwords, in order."""
    names = (f"invented walrus {number}".encode() for number in range(1000))
    hashes = (hashlib.sha1(name, usedforsecurity=False).hexdigest().upper() for name in names)
    file = tmp_path / "pwned.txt"
    file.write_text("".join(f"{one}:{number}\r\n" for number, one in enumerate(sorted(hashes))), "ascii")
    settings.BREACHED_PASSWORDS = str(file)
    return file


def test_argon2id_with_the_parameters_of_the_decision(settings) -> None:
    # The tests hash cheaply; this is what the product is set to.
    first = "clinic.accounts.passwords.Argon2id"
    settings.PASSWORD_HASHERS = [first]
    kept = make_password(PASSWORD)
    assert kept.startswith("argon2$argon2id$v=19$m=65536,t=3,p=4$")
    weaker = kept.replace("m=65536", "m=19456")
    assert get_hasher("argon2").must_update(weaker)
    assert identify_hasher(kept).verify(PASSWORD, kept)
    text = (Path(django_settings.BASE_DIR) / "clinic/settings/__init__.py").read_text("utf-8")
    assert text.index(first) < text.index("PBKDF2PasswordHasher")


@pytest.mark.parametrize(
    "password",
    [
        "telechargement",  # itself in the list
        "Password1234",
        "!!motherfucker99",
        "P4ssw0rd2026!",
        "111111111111",
        "abcabcabcabc",
        "abcdefghijklm",
        "mlkjihgfedcba",
        "alice.alice.2026",
        "Vigie-Vigie-2026",
        "Administrateur1",
        "maternite2026",
        "Maternité 2026",
        "sagefemme2026",
        "Sage-Femme-2026",
        "Hopital2026!!",
        "H0pital-2026!",
        "Bienvenue2026",
        "hemorragie2026",
        "Matern2026ité",
        "2026BienvenueHopital",
        "AliceMaternite1",
        "aaaaaaaaaaaa1",
        "2026-abcabcabc-12",
    ],
)
def test_what_is_tried_first_is_refused(password: str) -> None:
    assert "password_too_common" in refusal(password)


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        "eleven herons at noon",
        "Zw0!-mist-Kahn-7",
        "été en Ardèche 3",
        "maternite Ondine varech",
        "7391-5520-86-ab",
    ],
)
def test_words_that_do_not_belong_together_are_taken(password: str) -> None:
    assert refusal(password) == []


def test_passwords_an_administrator_hands_out_are_taken() -> None:
    assert all(refusal(one_time_password()) == [] for _ in range(20))


def test_short_ones_and_the_own_name_are_refused() -> None:
    assert refusal("Kz7!qm") == ["password_too_short"]
    assert "password_too_similar" in refusal("alice12")


@pytest.mark.parametrize("number", [0, 1, 499, 998, 999])
def test_a_sites_file_is_searched(breached: Path, number: int) -> None:
    assert refusal(f"invented walrus {number}") == ["password_breached"]
    assert refusal(f"invented walrus {number}-") == []


def test_every_line_is_found_and_nothing_between(breached: Path) -> None:
    assert all(passwords.is_listed(breached, f"invented walrus {n}") for n in range(1000))
    assert not any(passwords.is_listed(breached, f"invented heron {n}") for n in range(1000))


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_file_lists_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "empty.txt").write_text(content, "ascii")
    assert not passwords.is_listed(tmp_path / "empty.txt", PASSWORD)


def test_a_file_that_is_missing_lets_no_password_pass_unchecked(settings, tmp_path: Path) -> None:
    settings.BREACHED_PASSWORDS = str(tmp_path / "none.txt")
    with pytest.raises(FileNotFoundError):
        validate_password("eleven herons at noon")


@pytest.mark.django_db
def test_the_page_says_what_to_do_instead(client: Client, alice: User, breached: Path) -> None:
    client.force_login(alice)
    for new, said in (
        ("Password1234", "several words that do not belong together"),
        ("invented walrus 7", "known from a data breach"),
    ):
        form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
        assert said in client.post(reverse("account_change_password"), form).content.decode()
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


@pytest.mark.django_db
def test_the_page_bears_five_wrong_old_passwords(client: Client, alice: User) -> None:
    client.force_login(alice)
    new = "eleven herons at noon"
    form = {"oldpassword": "wrong", "password1": new, "password2": new}
    for _ in range(5):
        answer = client.post(reverse("account_change_password"), form, follow=True)
    assert "so it has ended" in answer.content.decode()
    client.post(reverse("account_change_password"), {**form, "oldpassword": PASSWORD})
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
