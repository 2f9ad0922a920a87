"""The words that every document shares, in both languages."""

from __future__ import annotations

from clinic.templatetags.vigie import chance
from ml import numbers
from ml.contracts import Text
from predictions.outputs.dates import day as day
from predictions.outputs.dates import moment
from predictions.outputs.facts import Facts
from predictions.outputs.radiograph import LABELS, Film, Map

HEADER_CHARACTERS = 45
RESEARCH_USE = Text("Research use, not a medical device", "Usage de recherche, pas un dispositif médical")
AGE = Text("{years} y", "{years} ans")
DRAFT = Text("AI draft – not signed", "Brouillon de l’IA – non signé")
REOPENED = Text(
    "AI draft – not signed; will replace the signed version {version}",
    "Brouillon de l’IA – non signé ; remplacera la version signée {version}",
)
SCORED_DRAFT = Text("Scored by {who} – not signed", "Scoré par {who} – non signé")
SCORED_REOPENED = Text(
    "Scored by {who} – not signed; will replace the signed version {version}",
    "Scoré par {who} – non signé ; remplacera la version signée {version}",
)
SIGNED = Text("Version {version}, signed by {who} on {at}", "Version {version}, signée par {who} le {at}")
SCORED = Text(
    "{image}, {view}: {label}, probability {share}%", "{image}, {view} : {label}, probabilité {share} %"
)
NOT_SCORED = Text("{image}, {view}: not scored", "{image}, {view} : sans score")
SEX = {
    "F": Text("female", "féminin"),
    "M": Text("male", "masculin"),
    "O": Text("other", "autre"),
    "U": Text("unknown", "inconnu"),
}


def notice(facts: Facts) -> str:
    """Return what stands in every table of figures: what it may be used for, and a version on trial."""
    said = (RESEARCH_USE, *(mark.message for mark in facts.marks))
    return ". ".join(facts.say(text).rstrip(".") for text in said)


def number(value: str, language: str) -> str:
    """Write a number stored with a point as the language does; leave anything else as it is."""
    return numbers.grouped(value, "," if language == "fr" else ".")


def film(facts: Facts, shown: Film) -> str:
    """Name an image with its view and, where it was scored, the model's figure."""
    words = {"image": facts.say(shown.name), "view": facts.say(shown.projection)}
    if shown.probability is None:
        return facts.say(NOT_SCORED).format(**words)
    label, share = facts.say(LABELS[shown.label]), chance(shown.probability)
    return facts.say(SCORED).format(label=label, share=share, **words)


def ceiling(facts: Facts, found: Map) -> str:
    """Write what the strongest colour of a map stands for."""
    return f"{number(f'{found.ceiling:.2g}', facts.language)} {facts.say(found.scale)}"


def labelled(label: str, said: str, language: str) -> str:
    """Write ``label: said`` with the space that French puts before a colon."""
    return f"{label} : {said}" if language == "fr" else f"{label}: {said}"


def zones(facts: Facts, shown: Film) -> list[str]:
    """Say for each map of an image where its score was raised most."""
    return [
        labelled(facts.say(found.label), facts.say(found.sentence), facts.language)
        for found in shown.maps
        if found.sentence
    ]


def shortened(name: str) -> str:
    """Return a name that fits into one line of the header of a page; the banner has it in full."""
    return name if len(name) <= HEADER_CHARACTERS else f"{name[: HEADER_CHARACTERS - 1]}…"


def state(facts: Facts, scorer: str = "", *, short: bool = False) -> str:
    """Say whether it is signed, by whom, when and which version.

    Parameters
    ----------
    scorer
        Who scored a night; empty where what is shown is the model's own.
    short
        For the header of a page: whoever signed or scored by a name that fits.
    """
    named = shortened if short else str
    if facts.signature:
        signature = facts.signature
        said = SIGNED.format(
            version=signature.version,
            who=named(signature.signer.label),
            at=moment(signature.signed_at, facts.language),
        )
        return facts.say(said)
    if facts.superseded:
        said = SCORED_REOPENED if scorer else REOPENED
        return facts.say(said.format(version=facts.superseded, who=named(scorer)))
    return facts.say(SCORED_DRAFT.format(who=named(scorer)) if scorer else DRAFT)
