"""Why a batch, or one of its rows, is not taken, in both languages."""

from __future__ import annotations

from ml.contracts import Problem, Text

MOST_ROWS = 20_000
MOST_FILES = 128
LONGEST_REFERENCE = 200

ONE_TABLE = Problem(
    "one_table",
    Text(
        "Send one table at a time: several files came.",
        "Envoyez une table à la fois : plusieurs fichiers ont été reçus.",
    ),
    field="file",
)
TOO_MANY_ROWS = Problem(
    "too_many_rows",
    Text(
        f"The table has more than {MOST_ROWS:,} rows. Send it in several parts.",
        f"La table a plus de {MOST_ROWS:,} lignes. Envoyez-la en plusieurs parties.".replace(",", "\u202f"),
    ),
    field="file",
)
TOO_MANY_FILES = Problem(
    "too_many_files",
    Text(
        f"More than {MOST_FILES} files came at once. Put them into a ZIP archive.",
        f"Plus de {MOST_FILES} fichiers ont été reçus à la fois. Mettez-les dans une archive ZIP.",
    ),
    field="file",
)
NOTHING_INSIDE = Problem(
    "nothing_inside",
    Text(
        "There is no file in what was sent. Check that it is the right folder.",
        "Ce qui a été envoyé ne contient aucun fichier. Vérifiez que c’est le bon dossier.",
    ),
    field="file",
)
ONLY_HIDDEN = Text(
    "What was sent holds hidden files alone, such as .DS_Store or __MACOSX ({count}); they are left out. "
    "Check that it is the right folder.",
    "L’envoi ne contient que des fichiers cachés, comme .DS_Store ou __MACOSX ({count}) ; ils sont laissés "
    "de côté. Vérifiez que c’est le bon dossier.",
)
LARGE_STUDY = Text(
    "{sent} images belong to one study, and {limit} at most are read together. Send fewer views of it.",
    "{sent} images appartiennent à un même examen, et {limit} au plus sont lues ensemble. Envoyez-en moins.",
)
NOT_YET = Problem(
    "batch_goes_on",
    Text(
        "This batch is still being worked on. Wait until it is done.",
        "Ce lot est encore en cours. Attendez qu’il soit terminé.",
    ),
)
NOTHING_TO_REPEAT = Problem(
    "nothing_to_repeat",
    Text(
        "No row of this batch failed or was withdrawn. What was refused has to be corrected and sent anew.",
        "Aucune ligne de ce lot n’a échoué ni n’a été retirée. Ce qui a été refusé est à corriger puis à "
        "renvoyer.",
    ),
)
MOVED_ON = Problem(
    "batch_moved_on",
    Text(
        "This batch has gone on meanwhile; the page shows where it is now.",
        "Ce lot a avancé entre-temps ; la page montre où il en est.",
    ),
)
IN_SILENCE = Problem(
    "evaluated_in_silence",
    Text(
        "Your unit evaluates this algorithm in silence: nothing more is answered until that has ended. What "
        "was answered before stays; ask the rest again afterwards.",
        "Votre unité évalue cet algorithme en silence\u00a0: plus rien n’est traité avant la fin de cette "
        "évaluation. Ce qui l’était déjà reste\u00a0; redemandez le reste ensuite.",
    ),
)
LONG_REFERENCE = Problem(
    "reference_too_long",
    Text(
        "Your own number of this row is longer than {most} characters. Shorten it, or leave its column "
        "aside.",
        "Votre numéro de cette ligne dépasse {most} caractères. Raccourcissez-le, ou laissez sa colonne de "
        "côté.",
    ).format(most=LONGEST_REFERENCE),
    field="reference",
)
NO_RESULT = Problem(
    "no_result",
    Text(
        "This batch has no result yet: see where it is.",
        "Ce lot n’a pas encore de résultat : voyez où il en est.",
    ),
)
