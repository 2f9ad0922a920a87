"""What the list of who opened a record says around its lines, in both languages; light, for the page too."""

from __future__ import annotations

from ml.contracts import Text
from patients.disclosure import Access
from predictions.outputs.dates import moment

TITLE = Text("Who opened your record", "Qui a consulté votre dossier")
NOTICE = Text(
    "Access list, right of access (GDPR, article 15)", "Liste des accès, droit d’accès (RGPD, article 15)"
)
WRITTEN = Text("Written on {at} by {who}", "Établie le {at} par {who}")
INTRODUCTION = (
    Text(
        "You have the right to know who used your data. This list shows everybody who opened, changed or "
        "tried "
        "to open your record in Vigie, the software that helps with your examinations, and what Vigie did by "
        "itself. Other software of the hospital keeps lists of its own.",
        "Vous avez le droit de savoir qui a utilisé vos données. Cette liste indique toutes les personnes "
        "qui "
        "ont ouvert, modifié ou tenté d’ouvrir votre dossier dans Vigie, le logiciel d’aide à l’analyse de "
        "vos examens, ainsi que ce que Vigie a fait automatiquement. Les autres logiciels de l’hôpital "
        "tiennent leurs propres listes.",
    ),
    Text(
        "The times are those of the hospital. What one person did several times in a day stands in one "
        "line; having seen you in a list is counted once a day. If you do not understand an access, or "
        "think it was not justified, ask the hospital’s data protection officer.",
        "Les heures sont celles de l’hôpital. Ce qu’une personne a fait plusieurs fois dans la journée "
        "figure sur une seule ligne ; vous avoir vu dans une liste est compté une fois par jour. Si un "
        "accès vous surprend ou vous paraît injustifié, adressez-vous au délégué à la protection des "
        "données de l’hôpital.",
    ),
)
SUMMARY = Text(
    "{people} people, {accesses} accesses from {first} to {last}",
    "{people} personnes, {accesses} accès du {first} au {last}",
)
NOTHING = Text("Nobody opened this record.", "Personne n’a consulté ce dossier.")
EMERGENCIES = Text(
    "Opened in an emergency, outside the usual rules: {n}. These lines are marked.",
    "Ouvertures en urgence, hors des règles habituelles : {n}. Ces lignes sont signalées.",
)
EMERGENCY = Text("EMERGENCY", "URGENCE")
COLUMNS = {
    "when": Text("When", "Quand"),
    "who": Text("Who", "Qui"),
    "what": Text("What", "Quoi"),
    "times": Text("Times", "Fois"),
}


def when(access: Access, language: str) -> str:
    """Write when it was: a moment, or from when to when on one day."""
    until = "" if f"{access.first:%H:%M}" == f"{access.last:%H:%M}" else f" – {access.last:%H:%M}"
    return moment(access.first, language) + until
