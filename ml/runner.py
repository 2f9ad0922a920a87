"""One analysis from input to answer: load, predict, explain, report. No Django in here."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import perf_counter

from ml import package as packages
from ml import registry
from ml.contracts import (
    Explanation,
    Finding,
    Identity,
    Loaded,
    Outcome,
    Problem,
    Refused,
    Source,
    Status,
    Text,
)

log = logging.getLogger(__name__)

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
IDENTITY_AGREES = Finding(
    code="identity_agrees",
    label=Text(
        "The identity in the file agrees with the record",
        "L’identité dans le fichier correspond au dossier",
    ),
)


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


def run(algorithm: str, source: Source, *, version: str = "", explain: bool = True) -> Outcome:
    """Analyse one input with a verified package.

    Parameters
    ----------
    algorithm
        A name of ``ml.registry``.
    source
        Form values or a private file, and the identity on record where there is one.
    version
        Package version; the champion when empty.
    explain
        Whether to compute the explanation too.

    Returns
    -------
    Outcome
        ``ok`` with a result, or ``refused`` with every reason found.

    Raises
    ------
    ml.registry.UnknownAlgorithm
        No such algorithm.
    ml.package.BrokenPackage
        The package is not what its manifest says.
    Exception
        A defect of ours: the caller decides whether to retry and what to tell the user.
    """
    package = packages.load(algorithm, version)
    timings: dict[str, float] = {}
    about = {"algorithm": algorithm, "version": package.version, "sha256": package.sha256}
    with _timed(timings, "total"):
        try:
            with _timed(timings, "load"):
                loaded = _load(algorithm, source, package)
            with _timed(timings, "predict"):
                result = registry.door(algorithm, "predict").predict(package, loaded)
        except Refused as refusal:
            return Outcome(
                **about,
                status=Status.REFUSED,
                result=refusal.answer,
                problems=refusal.problems,
                timings_ms=timings,
            )
        report = registry.door(algorithm, "report").report(package, result)
        explanation, status = None, "absent"
        if explain:
            with _timed(timings, "explain"):
                explanation, status = _explain(algorithm, package, loaded, result)
    return Outcome(
        **about,
        status=Status.OK,
        result=result,
        report=report,
        problems=loaded.problems,
        quality=loaded.quality,
        artefacts=loaded.artefacts,
        explanation=explanation,
        explanation_status=status,
        timings_ms=timings,
    )


def _load(algorithm: str, source: Source, package: packages.Package) -> Loaded:
    """Parse the input and hold its identity against the record, so that every reason is named."""
    try:
        loaded = registry.door(algorithm, "load").load(source, package)
    except Refused as refusal:
        verdict = _identity_verdict(refusal.identity, source)
        if isinstance(verdict, Problem):
            raise Refused(*refusal.problems, verdict, answer=refusal.answer) from refusal
        raise
    verdict = _identity_verdict(loaded.identity, source)
    if isinstance(verdict, Problem):
        raise Refused(verdict)
    return replace(loaded, quality=(verdict, *loaded.quality)) if verdict else loaded


def _identity_verdict(found: Identity | None, source: Source) -> Finding | Problem | None:
    if found is None or source.record is None or source.path is None:
        return None
    return check_identity(found, source.record)


def _explain(
    algorithm: str, package: packages.Package, loaded: Loaded, result: dict
) -> tuple[Explanation | None, str]:
    # Whatever goes wrong while explaining, the prediction is already made and must not be lost;
    # the traceback goes to the log with the type only, because messages may quote the input.
    try:
        return registry.door(algorithm, "explain").explain(package, loaded, result), "ok"
    except Exception as error:  # noqa: BLE001
        log.error("explanation failed", extra={"algorithm": algorithm, "error": type(error).__name__})
        return None, "failed"


@contextmanager
def _timed(timings: dict[str, float], stage: str) -> Iterator[None]:
    start = perf_counter()
    try:
        yield
    finally:
        timings[stage] = round((perf_counter() - start) * 1000, 2)
