"""Why something cannot be scored now, each in a sentence that says what to do."""

from __future__ import annotations

from ml.contracts import Problem, Text

MOST_EVENTS = 500

NOT_A_NIGHT = Problem(
    "scoring_no_night",
    Text(
        "This study has no night to score: it has no result, or it is none of sleep.",
        "Cette étude n’a pas de nuit à scorer : elle n’a pas de résultat, ou ne porte pas sur le sommeil.",
    ),
)
SIGNED = Problem(
    "scoring_signed",
    Text(
        "This night is signed, so its scoring is closed. To correct it, the report has to be amended first.",
        "Cette nuit est signée : son scorage est clos. Pour le corriger, rectifiez d’abord le compte rendu.",
    ),
)
CLOSED = Problem(
    "scoring_closed",
    Text(
        "You closed this scoring. Open it again to go on.",
        "Vous avez clos ce scorage. Rouvrez-le pour continuer.",
    ),
)
OF_ANOTHER_VERSION = Problem(
    "scoring_of_another_version",
    Text(
        "This scoring was made for an earlier version of the report. Load the page again: the scoring goes "
        "on from what was signed.",
        "Ce scorage appartient à une version antérieure du compte rendu. Rechargez la page : le scorage "
        "reprend à partir de ce qui a été signé.",
    ),
)
NOT_YOURS = Problem(
    "scoring_unknown",
    Text(
        "You have no such scoring of this night. Load the page again.",
        "Vous n’avez pas de scorage de ce nom pour cette nuit. Rechargez la page.",
    ),
)
ALREADY_OPEN = Problem(
    "scoring_already_open",
    Text(
        "You already have a scoring of this night open. Close it before you begin another.",
        "Vous avez déjà un scorage ouvert pour cette nuit. Clôturez-le avant d’en commencer un autre.",
    ),
)
NO_SUCH_BEGINNING = Problem(
    "scoring_beginning",
    Text(
        "A scoring begins with the draft, with what was signed, or with a finished scoring that is open to "
        "you.",
        "Un scorage commence à partir du brouillon, de ce qui a été signé, ou d’un scorage terminé qui vous "
        "est ouvert.",
    ),
    field="from",
)
TOO_MANY = Problem(
    "scoring_batch",
    Text(
        f"Send a list of 1 to {MOST_EVENTS} events at a time.",
        f"Envoyez une liste de 1 à {MOST_EVENTS} événements à la fois.",
    ),
    field="events",
)
NOTHING_TO_UNDO = Text("There is nothing left to undo.", "Il n’y a plus rien à annuler.")
NOTHING_TO_REDO = Text("There is nothing left to redo.", "Il n’y a plus rien à rétablir.")
LIGHTS_CROSSED = Text(
    "Lights off would come after lights on. Correct the other one first.",
    "L’extinction viendrait après le rallumage. Corrigez d’abord l’autre.",
)
REOPEN_COMPARED = Text(
    "This scoring was compared with a colleague’s and stays as it is. Begin a new one from either of them.",
    "Ce scorage a été comparé à celui d’un collègue et reste tel quel. Commencez-en un nouveau à partir de "
    "l’un des deux.",
)
NOT_CLOSED = Text("This scoring is open already.", "Ce scorage est déjà ouvert.")

STATE_REFUSALS = (SIGNED, CLOSED, OF_ANOTHER_VERSION, ALREADY_OPEN)
