"""Whether the files of a study and the record are about one person."""

from __future__ import annotations

from collections.abc import Sequence

from ml.contracts import Finding, Identity, Problem, Text

CONTRADICTIONS = {
    "name": Text("the name", "le nom"),
    "record_number": Text("the record number", "le numéro de dossier"),
    "birth_date": Text("the birth date", "la date de naissance"),
    "sex": Text("the sex", "le sexe"),
}

NO_IDENTITY = Finding(
    code="no_identity",
    label=Text(
        "The file names no patient: check that it is the right one",
        "Le fichier ne nomme aucun patient : vérifiez que c’est le bon",
    ),
    attention=True,
)
SOME_WITHOUT = Text(
    "File {number} names no patient: check that it is the right one",
    "Le fichier {number} ne nomme aucun patient : vérifiez que c’est le bon",
)
NONE_NAMED = Text(
    "The files name no patient: check that they are the right ones",
    "Les fichiers ne nomment aucun patient : vérifiez que ce sont les bons",
)
IDENTITY_AGREES = Finding(
    code="identity_agrees",
    label=Text(
        "The identity in the file agrees with the record",
        "L’identité dans le fichier correspond au dossier",
    ),
)
OF_SEVERAL = Text("File {number}: {said}", "Fichier {number}\u00a0: {said}")


def check_identity(found: Identity, record: Identity) -> Finding | Problem:
    """Hold the identity in a file against the record.

    Returns
    -------
    Finding or Problem
        A finding that the file names nobody or that it agrees; the problem ``identity_mismatch``
        when a part contradicts the record. Its message names the parts, never their values: it is
        read by people who may not see either.
    """
    if found.empty:
        return NO_IDENTITY
    parts = [CONTRADICTIONS[part] for part in found.contradictions(record)]
    if not parts:
        return IDENTITY_AGREES
    return Problem(
        code="identity_mismatch",
        message=Text(
            en="The file and the record disagree on "
            + ", ".join(part.en for part in parts)
            + ". Check that the file belongs to this patient.",
            fr="Le fichier et le dossier ne concordent pas sur "
            + ", ".join(part.fr for part in parts)
            + ". Vérifiez que le fichier est bien celui de ce patient.",
        ),
    )


def check_identities(found: Sequence[Identity], record: Identity) -> list[Finding | Problem]:
    """Hold the identity in every file of a study against the record, each file named by its number.

    Returns
    -------
    list of Finding or Problem
        One verdict for a single file. For several: a problem for each that contradicts the record, one
        finding that the others agree, and one for each that names nobody.
    """
    if len(found) == 1:
        return [check_identity(found[0], record)]
    verdicts = [check_identity(identity, record) for identity in found]
    if all(verdict is NO_IDENTITY for verdict in verdicts):
        return [Finding(NO_IDENTITY.code, NONE_NAMED, attention=True)]
    told: list[Finding | Problem] = [IDENTITY_AGREES] if IDENTITY_AGREES in verdicts else []
    for number, verdict in enumerate(verdicts, 1):
        if isinstance(verdict, Problem):
            said = verdict.message
            message = Text(
                OF_SEVERAL.en.format(number=number, said=said.en),
                OF_SEVERAL.fr.format(number=number, said=said.fr),
            )
            told.append(Problem(verdict.code, message))
        elif verdict is NO_IDENTITY:
            told.append(Finding(NO_IDENTITY.code, SOME_WITHOUT.format(number=number), attention=True))
    return told
