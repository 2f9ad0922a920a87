"""Everything a renderer may use, gathered once, so that no renderer has to know where it is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from clinic.accounts.models import User
from ml import package, registry
from ml.contracts import Contract, Problem, Text
from ml.package import BrokenPackage
from patients.models import Patient
from predictions import outcomes, reading
from predictions.deployments.answering import MARKS
from predictions.models import (
    BloodLoss,
    Document,
    Explanation,
    FirstRead,
    Prediction,
    Signature,
    StoredArtefact,
    Study,
)
from predictions.storage import storage

IMPRESSION = "impression"
"""Field of a report that answers whoever asked."""


@dataclass(frozen=True)
class Facts:
    """One result as it stands in one version.

    Parameters
    ----------
    signature
        The version shown; ``None`` for a draft.
    superseded
        Number of the signed version that an open amendment will replace; 0 for none.
    outcome
        Measured blood loss of the birth an assessment is of, as it stood when gathered.
    language
        ``"fr"`` or ``"en"``.
    reader
        Who ordered the document.
    """

    study: Study
    prediction: Prediction
    signature: Signature | None
    explanation: Explanation | None
    superseded: int
    language: str
    written_at: datetime
    reader: User
    outcome: BloodLoss | None = None

    @property
    def patient(self) -> Patient:
        """Whom it is about."""
        return self.study.patient

    @property
    def contract(self) -> Contract:
        """The contract of the algorithm."""
        return registry.contract(self.study.algorithm)

    @property
    def result(self) -> Mapping[str, Any]:
        """The figures, as the algorithm's ``predict`` describes them."""
        return self.prediction.result

    @property
    def status(self) -> str:
        """``preliminary``, ``final`` or ``amended``, as FHIR calls them."""
        if self.signature is None:
            return "preliminary"
        return "final" if self.signature.version == 1 else "amended"

    @property
    def package_name(self) -> str:
        """Algorithm and package version."""
        return f"{self.study.algorithm} {self.prediction.package_version}"

    @property
    def marks(self) -> list[Problem]:
        """What a reader has to know of which version was asked: one on trial, or another in its place."""
        stored = map(Problem.from_json, self.prediction.problems)
        return [problem for problem in stored if problem.code in MARKS]

    @cached_property
    def intended_use(self) -> Text:
        """What the package is for; the contract's purpose where the package is no longer here."""
        try:
            return package.load(self.study.algorithm, self.prediction.package_version).intended_use
        except BrokenPackage:
            return self.contract.purpose

    def say(self, text: Text | Mapping[str, str] | None) -> str:
        """Write a text of ours, or its stored form, in the language of the document."""
        if not text:
            return ""
        return (text if isinstance(text, Text) else Text.from_json(text)).to(self.language)

    def artefact(self, name: str) -> bytes | None:
        """Return a stored picture of the result; ``None`` when there is none of that name."""
        stored = StoredArtefact.objects.filter(prediction=self.prediction, name=name).first()
        if stored is None:
            return None
        with storage.open(stored.stored_name) as stream:
            return stream.read()

    @contextmanager
    def input_paths(self) -> Iterator[dict[int, Path]]:
        """Lend the files that were analysed, by their number; none for a form."""
        with ExitStack() as stack:
            yield {
                file.number: stack.enter_context(storage.local(file.name)) for file in self.study.files.all()
            }

    @cached_property
    def first_reads(self) -> list[FirstRead]:
        """What people said before they saw the answer: the signer, or all who did while it is a draft."""
        if self.signature:
            return [self.signature.first_read] if self.signature.first_read else []
        return list(self.prediction.first_reads.select_related("reader"))

    @cached_property
    def reading(self) -> list[tuple[Text, str]]:
        """The signed report part by part, as its writer wrote it; nothing in a draft."""
        return reading.of(self.signature) if self.signature else []

    @property
    def impression(self) -> str:
        """The conclusion of the signed report; empty where none was written."""
        labels = {field.label for field in self.contract.reading if field.name == IMPRESSION}
        return next((written for label, written in self.reading if label in labels), "")


def gather(document: Document) -> Facts:
    """Collect what a document shows."""
    study, signature = document.study, document.signature
    last = study.signatures.last() if signature is None else None
    return Facts(
        study=study,
        prediction=document.prediction,
        signature=signature,
        explanation=Explanation.objects.filter(prediction=document.prediction).first(),
        superseded=last.version if last else 0,
        language=document.language,
        written_at=document.created_at,
        reader=document.created_by,
        outcome=outcomes.latest(study.encounter) if study.algorithm == outcomes.ALGORITHM else None,
    )
