"""The words that every document shares, in both languages."""

from __future__ import annotations

from datetime import date, datetime

from django.utils import timezone

from ml.contracts import Text
from predictions.outputs.facts import Facts

RESEARCH_USE = Text("Research use, not a medical device", "Usage de recherche, pas un dispositif médical")
AGE = Text("{years} y", "{years} ans")
DRAFT = Text("AI draft – not signed", "Brouillon de l’IA – non signé")
REOPENED = Text(
    "AI draft – not signed; will replace the signed version {version}",
    "Brouillon de l’IA – non signé ; remplacera la version signée {version}",
)
SIGNED = Text("Version {version}, signed by {who} on {at}", "Version {version}, signée par {who} le {at}")
SEX = {
    "F": Text("female", "féminin"),
    "M": Text("male", "masculin"),
    "O": Text("other", "autre"),
    "U": Text("unknown", "inconnu"),
}


def day(value: date, language: str) -> str:
    """Write a date as the screens do: 02/03/1994, or 1994-03-02 in English."""
    return f"{value:%d/%m/%Y}" if language == "fr" else f"{value:%Y-%m-%d}"


def moment(value: datetime, language: str) -> str:
    """Write a date with its time of day, where the hospital is."""
    local = timezone.localtime(value)
    return f"{day(local.date(), language)} {local:%H:%M}"


def number(value: str, language: str) -> str:
    """Write a number stored with a point with the comma of French; leave anything else as it is."""
    plain = value.replace(".", "", 1).removeprefix("-").removeprefix("−")
    return value.replace(".", ",") if language == "fr" and plain.isdecimal() else value


def state(facts: Facts) -> str:
    """Say whether it is signed, by whom, when and which version."""
    if facts.signature:
        signature = facts.signature
        said = SIGNED.format(
            version=signature.version,
            who=signature.signer.label,
            at=moment(signature.signed_at, facts.language),
        )
        return facts.say(said)
    if facts.superseded:
        return facts.say(REOPENED.format(version=facts.superseded))
    return facts.say(DRAFT)
