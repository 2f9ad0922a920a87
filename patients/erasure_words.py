"""What is said of erasures and legal holds, in both languages."""

from __future__ import annotations

from ml.contracts import Problem, Text
from patients.models import ErasureState

HELD = Problem(
    "legal_hold",
    Text(
        "A legal hold protects this record: nothing of it is erased until the hold is released.",
        "Une mise sous séquestre protège ce dossier : rien n’en est effacé tant qu’elle n’est pas levée.",
    ),
)
OPEN_ALREADY = Problem(
    "erasure_open",
    Text(
        "An erasure of this record has been asked for already. Follow that one, or withdraw it first.",
        "Un effacement de ce dossier est déjà demandé. Suivez cette demande, ou retirez-la d’abord.",
    ),
)
NO_REASON = Problem(
    "no_reason",
    Text("Say why, in a sentence, without any name.", "Dites pourquoi, en une phrase, sans aucun nom."),
    field="reason",
)
NO_GROUND = Problem(
    "no_ground",
    Text("Choose on what ground.", "Choisissez le fondement."),
    field="ground",
)
SAME_PERSON = Problem(
    "second_person",
    Text(
        "Whoever asked for an erasure cannot approve it. Another person has to look at it.",
        "La personne qui a demandé l’effacement ne peut pas l’approuver : une autre doit l’examiner.",
    ),
)
NOT_TAKEN = Problem(
    "export_first",
    Text(
        "Nothing is erased before its export was written and taken out. Have it downloaded first.",
        "Rien n’est effacé avant que l’export ait été écrit et récupéré. Faites-le d’abord télécharger.",
    ),
)
MOVED_ON = Problem(
    "erasure_moved_on",
    Text(
        "This erasure has moved on meanwhile; the page shows where it is now.",
        "Cet effacement a avancé entre-temps ; la page montre où il en est.",
    ),
)
NO_STUDY = Problem(
    "no_such_study",
    Text("This study is not in the record.", "Cette étude n’est pas dans le dossier."),
    field="study",
)
TO_DECIDE = Text(
    "An erasure waits for a second person’s decision.",
    "Un effacement attend la décision d’une autre personne.",
)
DECIDED = {
    ErasureState.APPROVED: Text(
        "The erasure you asked for was approved.", "L’effacement que vous demandiez est approuvé."
    ),
    ErasureState.DECLINED: Text(
        "The erasure you asked for was declined.", "L’effacement que vous demandiez est refusé."
    ),
}
CHANGED = Problem(
    "export_again",
    Text(
        "The record has changed since its export was written. A new export is being written: have that one "
        "taken out, then decide.",
        "Le dossier a changé depuis l’écriture de son export. Un nouvel export est en cours d’écriture : "
        "faites-le récupérer, puis décidez.",
    ),
)
CLOSED = Problem(
    "erasure_approved",
    Text(
        "The erasure of this record was approved: it takes no new study. Ask those who decided.",
        "L’effacement de ce dossier est approuvé : il n’accepte plus de nouvelle étude. Adressez-vous à ceux "
        "qui l’ont décidé.",
    ),
)
ANOTHER_RELEASES = Problem(
    "second_person",
    Text(
        "Whoever asked for the erasure of this record cannot release its legal hold. Another person has to.",
        "La personne qui a demandé l’effacement de ce dossier ne peut pas en lever la mise sous séquestre : "
        "une autre doit le faire.",
    ),
)
RELEASED_IT = Problem(
    "third_person",
    Text(
        "You released the legal hold of this record while its erasure was asked for. Another person has to "
        "decide on it.",
        "Vous avez levé la mise sous séquestre de ce dossier pendant que son effacement était demandé : une "
        "autre personne doit en décider.",
    ),
)
ASK_AGAIN = Text(
    "The record has changed since its export was taken out: the erasure waits for a new one.",
    "Le dossier a changé depuis la récupération de son export : l’effacement en attend un nouveau.",
)
