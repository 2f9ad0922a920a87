"""One analysis from input to answer: load, predict, explain, report. No Django in here."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import perf_counter

from ml import package as packages
from ml import registry
from ml.concordance import check_identities
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

MEBIBYTE = 1 << 20
TOO_LARGE = Text(
    "There is more than the {limit} MiB that are read here. Check that it is the right file.",
    "Il y a plus que les {limit} Mio lus ici. Vérifiez que c’est le bon fichier.",
)
TOO_MANY = Text(
    "{sent} files came, and one study takes {limit} at most.",
    "{sent} fichiers ont été reçus et une étude en prend {limit} au plus.",
)


def run(
    algorithm: str,
    source: Source,
    *,
    version: str = "",
    package: packages.Package | None = None,
    explain: bool = True,
) -> Outcome:
    """Analyse one input with a verified package.

    Parameters
    ----------
    algorithm
        A name of ``ml.registry``.
    source
        Form values or a private file, and the identity on record where there is one.
    version
        Package version; the champion when empty.
    package
        The package itself, verified, in place of a version: a replay has the one that answered then.
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
        The package is not what its manifest says, or answers no study.
    Exception
        A defect of ours: the caller decides whether to retry and what to tell the user.
    """
    package = package or packages.serving(algorithm, version)
    timings: dict[str, float] = {}
    about = {"algorithm": algorithm, "version": package.version, "sha256": package.sha256}
    with _timed(timings, "total"):
        try:
            with _timed(timings, "load"):
                _require_size(algorithm, source)
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
        problems=(*loaded.problems, *report.doubts),
        quality=loaded.quality,
        artefacts=loaded.artefacts,
        explanation=explanation,
        explanation_status=status,
        timings_ms=timings,
    )


def _require_size(algorithm: str, source: Source) -> None:
    """Refuse files larger, or more of them, than the contract takes, whoever let them through."""
    contract = registry.contract(algorithm)
    limits, sizes = contract.limits, [path.stat().st_size for path in source.paths]
    if len(sizes) > contract.max_files:
        raise Refused(Problem("too_many_files", TOO_MANY.format(sent=len(sizes), limit=contract.max_files)))
    for found, most in ((max(sizes, default=0), limits.upload_bytes), (sum(sizes), limits.request_bytes)):
        if found > most:
            raise Refused(Problem("file_too_large", TOO_LARGE.format(limit=most // MEBIBYTE)))


def _load(algorithm: str, source: Source, package: packages.Package) -> Loaded:
    """Parse the input and hold every identity in it against the record, so that every reason is named."""
    try:
        loaded = registry.door(algorithm, "load").load(source, package)
    except Refused as refusal:
        verdicts = _identity_verdicts(refusal.identity, refusal.further, source)
        if strangers := [verdict for verdict in verdicts if isinstance(verdict, Problem)]:
            raise Refused(*refusal.problems, *strangers, answer=refusal.answer) from refusal
        raise
    verdicts = _identity_verdicts(loaded.identity, loaded.further, source)
    if strangers := [verdict for verdict in verdicts if isinstance(verdict, Problem)]:
        raise Refused(*strangers)
    told = (verdict for verdict in verdicts if isinstance(verdict, Finding))
    return replace(loaded, quality=(*told, *loaded.quality))


def _identity_verdicts(
    found: Identity | None, further: tuple[Identity, ...], source: Source
) -> list[Finding | Problem]:
    if found is None or source.record is None or source.path is None:
        return []
    return check_identities((found, *further), source.record)


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
