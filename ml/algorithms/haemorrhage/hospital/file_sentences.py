"""Why a file is no table that can be read, in both languages, and what to do."""

from __future__ import annotations

from ml.algorithms.haemorrhage.hospital.sentences import percent
from ml.algorithms.haemorrhage.mapping.problems import shown
from ml.contracts import Problem, Text

EMPTY = Problem(
    "empty_file",
    Text("The file is empty. Export it again.", "Le fichier est vide. Exportez-le de nouveau."),
)
ENCODING = Problem(
    "unknown_encoding",
    Text(
        "The file’s letters are in an encoding that is not understood. Save it as CSV in UTF-8.",
        "Le codage des caractères du fichier n’est pas reconnu. Enregistrez-le en CSV, en UTF-8.",
    ),
)
NO_SEPARATOR = Problem(
    "no_separator",
    Text(
        "The first line holds no separator: columns are separated by a semicolon, a comma or a tab. "
        "Export the table as CSV with all its columns.",
        "La première ligne ne contient aucun séparateur : les colonnes se séparent par un point-virgule, une "
        "virgule ou une tabulation. Exportez la table en CSV avec toutes ses colonnes.",
    ),
)
NO_HEADER = Problem(
    "no_header",
    Text(
        "The first line holds values instead of the names of the columns. Export the table with its header.",
        "La première ligne contient des valeurs au lieu des noms de colonnes. Exportez la table avec son "
        "en-tête.",
    ),
)
NO_ROWS = Problem(
    "no_rows",
    Text(
        "The file holds a header and no rows. Export it again.",
        "Le fichier contient un en-tête et aucune ligne. Exportez-le de nouveau.",
    ),
)
KINDS = {
    "xlsx": Text("an Excel workbook", "un classeur Excel"),
    "xls": Text("an old Excel workbook", "un ancien classeur Excel"),
    "gz": Text("a compressed file", "un fichier compressé"),
    "pdf": Text("a PDF", "un PDF"),
    "": Text("a binary file", "un fichier binaire"),
}


def not_a_table(kind: str) -> Problem:
    """Say what the file is instead of a CSV."""
    what = KINDS[kind]
    return Problem(
        "not_a_table",
        Text(
            f"This is {what.en}, not a CSV file. Save the table as CSV (UTF-8) and try again.",
            f"C’est {what.fr}, pas un fichier CSV. Enregistrez la table en CSV (UTF-8) et recommencez.",
        ),
    )


def too_large(size: int, most: int) -> Problem:
    """Say how large a file may be."""
    found, limit = size / 1e6, most / 1e6
    return Problem(
        "too_large",
        Text(
            f"The file has {found:.0f} MB; at most {limit:.0f} MB are read. Export only the columns of the "
            "form.",
            f"Le fichier pèse {found:.0f} Mo ; {limit:.0f} Mo au plus sont lus. Exportez seulement les "
            "colonnes "
            "du formulaire.",
        ),
    )


def ragged(line: int) -> Problem:
    """Name the first row that has more cells than the header."""
    where = Text(f"Row {line}", f"La ligne {line}") if line else Text("A row", "Une ligne")
    return Problem(
        "ragged_row",
        Text(
            f"{where.en} has more cells than the header. If decimals are written with a comma, separate "
            "columns by "
            "semicolons; put texts between quotes.",
            f"{where.fr} a plus de cellules que l’en-tête. Si les décimales s’écrivent avec une virgule, "
            "séparez "
            "les colonnes par des points-virgules ; mettez les textes entre guillemets.",
        ),
    )


def short_rows(share: float) -> Problem:
    """Say how many rows lack cells."""
    found = percent(share)
    return Problem(
        "short_rows",
        Text(
            f"{found.en} of the rows have fewer cells than the header: the export was cut or its columns "
            "have "
            "moved. Export it again.",
            f"{found.fr} des lignes ont moins de cellules que l’en-tête : l’export a été coupé ou ses "
            "colonnes "
            "ont glissé. Exportez de nouveau.",
        ),
    )


def version_taken(version: str) -> Problem:
    """Say that packages are never written over."""
    return Problem(
        "version_taken",
        Text(
            f"There is a package {shown(version)} already; none is written over. Choose another version.",
            f"Il existe déjà un paquet {shown(version)} ; aucun n’est écrasé. Choisissez une autre version.",
        ),
    )
