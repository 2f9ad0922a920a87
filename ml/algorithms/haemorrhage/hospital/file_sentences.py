"""Why a file is no table that can be read, in both languages, and what to do."""

from __future__ import annotations

from ml.algorithms.haemorrhage.hospital.sentences import percent
from ml.algorithms.haemorrhage.mapping.problems import shown
from ml.contracts import Problem, Text


def ragged(line: int) -> Problem:
    """Name the first row that has more cells than the header."""
    where = Text(f"Row {line}", f"La ligne {line}") if line else Text("A row", "Une ligne")
    return Problem(
        "ragged_row",
        Text(
            f"{where.en} has more cells than the header. If decimals are written with a comma, separate "
            "columns by semicolons; put texts between quotes.",
            f"{where.fr} a plus de cellules que l’en-tête. Si les décimales s’écrivent avec une virgule, "
            "séparez les colonnes par des points-virgules ; mettez les textes entre guillemets.",
        ),
    )


def header_again(line: int) -> Problem:
    """Name the row that repeats the header."""
    return Problem(
        "header_again",
        Text(
            f"Row {line} repeats the header: several exports were probably joined. Keep the header in the "
            "first row only.",
            f"La ligne {line} répète l’en-tête : plusieurs exports ont sans doute été réunis. Ne gardez "
            "l’en-tête que sur la première ligne.",
        ),
    )


def short_rows(share: float) -> Problem:
    """Say how many rows lack cells."""
    found = percent(share)
    return Problem(
        "short_rows",
        Text(
            f"{found.en} of the rows have fewer cells than the header: the export was cut or its columns "
            "have moved. Export it again.",
            f"{found.fr} des lignes ont moins de cellules que l’en-tête : l’export a été coupé ou ses "
            "colonnes ont glissé. Exportez de nouveau.",
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
