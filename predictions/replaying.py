"""Replay: the stored input through the pinned package again, held against what was answered then.

On the processor and the libraries of then every byte has to be the same. Elsewhere the words, labels and
counts have to be, and each kind of figure within its :data:`TOLERANCES`: another processor adds up in another
order, and what a figure is rounded to then may fall either way. Nothing is written but the audit, and the
kept copy of the package where it is damaged or missing and another one is whole.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from time import perf_counter
from typing import Any
from uuid import UUID

from clinic.audit.models import Action
from clinic.audit.recording import record
from ml import concordance, package_upkeep, registry, runner, runtime
from ml import package as packages
from ml.contracts import Outcome, Problem, Refused, Status, Text
from ml.package import BrokenPackage, Gone, Outdated
from ml.package_upkeep import Copy
from predictions import differences
from predictions.deployments import answering
from predictions.differences import Difference, Tolerance
from predictions.limits import TooSlow, within
from predictions.models import Prediction, Study
from predictions.run import OUT_OF_MEMORY, TOO_SLOW, plain, source_of
from predictions.states import State

log = logging.getLogger(__name__)

KIND = "prediction"
EXACT = Tolerance()
# Kinds of figures by the part of the answer they stand in. Probabilities are stored to four places: one unit
# of the last is allowed for. ``last`` is how many units of its last digit a number in a sentence may be off.
TOLERANCES: Mapping[str, Tolerance] = {
    "result": Tolerance(relative=1e-4, absolute=1.1e-4),
    "explanation": Tolerance(relative=1e-3, absolute=1e-3),
    "report": Tolerance(relative=1e-4, absolute=1.1e-4, last=1),
    "problems": Tolerance(last=1),
    "quality": Tolerance(last=1),
}
# Found by holding the file against the record, which may have been put right since: no part of the answer.
ABOUT_THE_RECORD = frozenset({concordance.NO_IDENTITY.code, concordance.IDENTITY_AGREES.code})

NO_ANSWER = Problem(
    "nothing_to_replay",
    Text(
        "This study has no answer ({state}): there is nothing to hold a replay against.",
        "Cette étude n’a pas de réponse ({state}) : il n’y a rien à quoi comparer un rejeu.",
    ),
)
UNKNOWN = Problem(
    "no_such_prediction",
    Text(
        "There is no prediction or study {id} here: it never was, or it was erased.",
        "Aucune prédiction ni étude {id} ici : elle n’a jamais existé, ou elle a été effacée.",
    ),
)
PACKAGE_GONE = Problem(
    "package_gone",
    Text(
        "The package that answered, {algorithm} {version} ({sha256}), is no longer here, neither shipped nor "
        "kept. Restore it from a backup into the folder of packages, then replay again.",
        "Le paquet qui a répondu, {algorithm} {version} ({sha256}), n’est plus ici, ni livré ni conservé. "
        "Restaurez-le d’une sauvegarde dans le dossier des paquets, puis relancez le rejeu.",
    ),
)
PACKAGE_OUTDATED = Problem(
    "package_outdated",
    Text(
        "The package that answered, {algorithm} {version}, is whole, but this version of the software can no "
        "longer run it ({why}). Replay it with the version that made the prediction.",
        "Le paquet qui a répondu, {algorithm} {version}, est intact, mais cette version du logiciel ne sait "
        "plus l’exécuter ({why}). Rejouez avec la version qui a produit la prédiction.",
    ),
)
PACKAGE_BROKEN = Problem(
    "package_broken",
    Text(
        "The package that answered is damaged, so nothing was computed: {why}.",
        "Le paquet qui a répondu est altéré : rien n’a été calculé ({why}).",
    ),
)
FAILED = Problem(
    "analysis_failed",
    Text(
        "The analysis stopped on a defect ({kind}): this version of the software cannot compute it again.",
        "L’analyse s’est arrêtée sur un défaut ({kind}) : cette version du logiciel ne peut pas la refaire.",
    ),
)
FILE_ERASED = Problem(
    "file_erased",
    Text(
        "The files this study was sent with were erased: there is nothing to compute from.",
        "Les fichiers envoyés avec cette étude ont été effacés : il n’y a plus rien à recalculer.",
    ),
)


class Verdict(StrEnum):
    """How a replay ended."""

    SAME = "same"
    WITHIN_TOLERANCE = "within_tolerance"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a replay gave beside what was answered; no value in it names a patient.

    Parameters
    ----------
    elsewhere
        What of the processor and the libraries is not as recorded: ``{name: [then, now]}``. Empty where every
        byte has to be the same; ``{"runtime": ["", ...]}`` where nobody wrote down what it was.
    differences
        Where the two differ, beyond the tolerances where these count.
    left_out
        What a later release writes too and the stored answer lacks: there is nothing to hold it against.
    kept
        How the kept copy of the package was found, and what became of it.
    """

    prediction: UUID
    study: UUID
    algorithm: str
    version: str
    sha256: str
    verdict: Verdict
    elsewhere: Mapping[str, Sequence[str]] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()
    left_out: tuple[str, ...] = ()
    kept: Copy = Copy.WHOLE
    seconds: float = 0.0

    @property
    def exact(self) -> bool:
        """Whether every byte had to be the same."""
        return not self.elsewhere

    def as_json(self) -> dict[str, Any]:
        """Return the form in which the command gives it out."""
        return {
            **asdict(self),
            "prediction": str(self.prediction),
            "study": str(self.study),
            "verdict": str(self.verdict),
            "kept": str(self.kept),
            "compared": "byte for byte" if self.exact else "within tolerance",
        }


def find(identifier: UUID) -> Prediction:
    """Return a prediction by its own number or its study's.

    Raises
    ------
    ml.contracts.Refused
        When there is none, or the study ended without an answer.
    """
    answered = Prediction.objects.select_related("study__patient", "explanation")
    found = answered.filter(pk=identifier).first() or answered.filter(study=identifier).first()
    if found:
        return found
    study = Study.objects.filter(pk=identifier).first()
    if study is None:
        raise Refused(_filled(UNKNOWN, id=identifier))
    raise Refused(_filled(NO_ANSWER, state=State(study.state)), *study.problem_list)


def replay(prediction: Prediction) -> Comparison:
    """Run the stored input through the package that answered, and compare; audited.

    Only the main thread of a process may call it: the analysis runs within the limits of its contract.

    Raises
    ------
    ml.contracts.Refused
        When the package or a file is gone or damaged, or the analysis takes more than its contract allows or
        stops on a defect: nothing was compared.
    """
    study, begun = prediction.study, perf_counter()
    try:
        package = _pinned(prediction)
        kept = package_upkeep.mend(package)
        _require_files(study)
        outcome = _again(study, package)
    except Refused as refusal:
        _record(prediction, {"verdict": "refused", "codes": [problem.code for problem in refusal.problems]})
        raise
    outcome, left_out = _as_of_then(prediction, outcome, package)
    elsewhere = _elsewhere(prediction.runtime)
    found = tuple(_differences(prediction, outcome, exact=not elsewhere))
    verdict = Verdict.SAME
    if found:
        verdict = Verdict.DIFFERENT
    elif elsewhere and any(_differences(prediction, outcome, exact=True)):
        verdict = Verdict.WITHIN_TOLERANCE
    comparison = Comparison(
        prediction=prediction.pk,
        study=study.pk,
        algorithm=study.algorithm,
        version=package.version,
        sha256=package.sha256,
        verdict=verdict,
        elsewhere=elsewhere,
        differences=found,
        left_out=left_out,
        kept=kept,
        seconds=round(perf_counter() - begun, 3),
    )
    detail = {"verdict": str(verdict), "elsewhere": sorted(elsewhere), "differences": len(found)}
    detail |= {"left_out": list(left_out)} if left_out else {}
    _record(prediction, detail | ({} if kept is Copy.WHOLE else {"kept": str(kept)}))
    return comparison


def _pinned(prediction: Prediction) -> packages.Package:
    algorithm, version = prediction.study.algorithm, prediction.package_version
    about = {"algorithm": algorithm, "version": version, "sha256": prediction.package_sha256[:12]}
    try:
        return packages.by_sha256(algorithm, prediction.package_sha256)
    except Gone as error:
        raise Refused(_filled(PACKAGE_GONE, **about)) from error
    except Outdated as error:
        raise Refused(_filled(PACKAGE_OUTDATED, why=error.lacking, **about)) from error
    except BrokenPackage as error:
        raise Refused(_filled(PACKAGE_BROKEN, why=error, **about)) from error


def _again(study: Study, package: packages.Package) -> Outcome:
    try:
        with within(study.contract.limits), source_of(study, identified=False) as source:
            return runner.run(study.algorithm, source, package=package)
    except Refused:
        raise
    except MemoryError as error:
        raise Refused(OUT_OF_MEMORY) from error
    except TooSlow as error:
        raise Refused(TOO_SLOW) from error
    except Exception as error:
        # Code of today on a package of then may stop in any way; the log keeps type and place.
        log.error("replay failed", exc_info=error, extra={"study": str(study.pk)})
        raise Refused(_filled(FAILED, kind=type(error).__name__)) from error


def _as_of_then(
    prediction: Prediction, outcome: Outcome, package: packages.Package
) -> tuple[Outcome, tuple[str, ...]]:
    """Return the answer in the form it had when the stored one was written, and the paths left out of it.

    Only keys that the algorithm says came later (``LATER`` of its report) and that the stored result lacks;
    the report is written anew without them, so that its other words are still compared one by one.
    """
    if outcome.status is not Status.OK:
        return outcome, ()
    writer = registry.door(prediction.study.algorithm, "report")
    later = [key for key in getattr(writer, "LATER", ()) if key in outcome.result]
    absent = [key for key in later if key not in prediction.result]
    if not absent:
        return outcome, ()
    result = {key: value for key, value in outcome.result.items() if key not in absent}
    return (
        replace(outcome, result=result, report=writer.report(package, result)),
        tuple(f"$.result.{key}" for key in absent),
    )


def _require_files(study: Study) -> None:
    if study.contract.input_kind == "file" and not study.files.exists():
        raise Refused(FILE_ERASED)


def _elsewhere(then: Mapping[str, str]) -> dict[str, list[str]]:
    now = runtime.described()
    if not then:
        return {"runtime": ["", now["processor"]]}
    names = sorted(then.keys() | now.keys())
    return {
        name: [then.get(name, ""), now.get(name, "")] for name in names if then.get(name) != now.get(name)
    }


def _differences(prediction: Prediction, outcome: Outcome, *, exact: bool) -> Iterator[Difference]:
    if outcome.status is not Status.OK:
        codes = ", ".join(problem.code for problem in outcome.problems)
        yield Difference("$.status", "ok", f"{outcome.status}: {codes}")
        return
    stored, replayed = _stored(prediction), _replayed(prediction, outcome)
    for part, tolerance in TOLERANCES.items():
        given = EXACT if exact else tolerance
        yield from differences.between(stored[part], replayed[part], f"$.{part}", given)
    yield from _artefacts(prediction, outcome, exact=exact)


def _stored(prediction: Prediction) -> dict[str, Any]:
    explained = prediction.explanation
    return {
        "result": prediction.result,
        "report": prediction.report,
        "problems": [one for one in prediction.problems if one["code"] not in answering.MARKS],
        "quality": [one for one in prediction.quality if one["code"] not in ABOUT_THE_RECORD],
        "explanation": {
            "status": explained.status,
            "method": explained.method,
            "sentence": explained.sentence,
            "data": explained.data,
        },
    }


def _replayed(prediction: Prediction, outcome: Outcome) -> dict[str, Any]:
    explained = outcome.explanation
    assembled = {
        "result": outcome.result,
        "report": outcome.report.as_json() if outcome.report else {},
        "problems": [*prediction.study.warnings, *(problem.as_json() for problem in outcome.problems)],
        "quality": [finding.as_json() for finding in outcome.quality],
        "explanation": {
            "status": outcome.explanation_status,
            "method": explained.method if explained else "",
            "sentence": explained.sentence.as_json() if explained else {},
            "data": explained.data if explained else {},
        },
    }
    return plain(assembled)


def _artefacts(prediction: Prediction, outcome: Outcome, *, exact: bool) -> Iterator[Difference]:
    """Compare the files the analysis made: every byte, elsewhere their names and kinds alone.

    A picture or a compressed signal that is one grey level off has another hash altogether; the figures it
    was drawn from are compared.
    """
    explained = outcome.explanation.artefacts if outcome.explanation else ()
    made = {artefact.name: artefact for artefact in (*outcome.artefacts, *explained)}
    kept = {artefact.name: artefact for artefact in prediction.artefacts.all()}
    for name in sorted(made.keys() | kept.keys()):
        path = f"$.artefacts[{name}]"
        if name not in made or name not in kept:
            yield Difference(path, "made" if name in kept else "none", "made" if name in made else "none")
        elif kept[name].media_type != made[name].media_type:
            yield Difference(f"{path}.media_type", kept[name].media_type, made[name].media_type)
        elif exact and kept[name].sha256 != (digest := differences.sha256(made[name].content)):
            yield Difference(f"{path}.sha256", kept[name].sha256, digest)


def _record(prediction: Prediction, detail: Mapping[str, Any]) -> None:
    study = prediction.study
    record(
        Action.REPLAY,
        patient=study.patient_id,
        study=study.pk,
        kind=KIND,
        object_id=str(prediction.pk),
        detail={"algorithm": study.algorithm, "sha256": prediction.package_sha256, **detail},
    )


def _filled(problem: Problem, **values: Any) -> Problem:
    return Problem(problem.code, problem.message.format(**values))
