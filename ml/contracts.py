"""The words every room of the house speaks: frozen dataclasses, standard library only.

The web process imports this module, so nothing heavy may ever be imported here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from ml.identity import Identity

LANGUAGES = ("en", "fr")


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence in both languages of the interface."""

    en: str
    fr: str

    def to(self, language: str) -> str:
        """Return the sentence in ``language`` (``"fr"``, ``"fr-FR"``, ...), English for any other."""
        return self.fr if language.lower().startswith("fr") else self.en

    def format(self, **values: Any) -> Text:
        """Fill the placeholders of both languages with the same values."""
        return Text(en=self.en.format(**values), fr=self.fr.format(**values))

    def as_json(self) -> dict[str, str]:
        """Return ``{"en": ..., "fr": ...}``."""
        return {"en": self.en, "fr": self.fr}

    @classmethod
    def from_json(cls, value: Mapping[str, str]) -> Text:
        """Rebuild a text stored by :meth:`as_json`."""
        return cls(en=value["en"], fr=value["fr"])


class Severity(StrEnum):
    """How far a problem reaches: ``refuse`` stops the study, ``warn`` travels with the result."""

    REFUSE = "refuse"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with an input, said so that its sender can mend it.

    Parameters
    ----------
    code
        Stable identifier, lower case with underscores (``"edf_not_closed"``).
    message
        What was wrong and what to do, in both languages, without identifiers of a patient.
    field
        Name of the form field it belongs to; empty for the whole input.
    severity
        ``Severity.REFUSE`` (no result) or ``Severity.WARN`` (result with a warning).
    """

    code: str
    message: Text
    field: str = ""
    severity: Severity = Severity.REFUSE

    def as_json(self) -> dict[str, Any]:
        """Return the form in which problems are stored."""
        return {
            "code": self.code,
            "message": self.message.as_json(),
            "field": self.field,
            "severity": str(self.severity),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Problem:
        """Rebuild a problem stored by :meth:`as_json`."""
        return cls(
            code=value["code"],
            message=Text.from_json(value["message"]),
            field=value.get("field", ""),
            severity=Severity(value.get("severity", Severity.REFUSE)),
        )


class Refused(Exception):
    """The input cannot be analysed; carries every problem found, never only the first.

    Parameters
    ----------
    *problems
        Every reason, each with what to do.
    identity
        Who the file says it is about, as far as it was read: the runner adds a contradiction with
        the record to the reasons.
    further
        The same for the second file and every later one.
    answer
        What can be said all the same (``{"gate": ...}``); never a score.
    """

    def __init__(
        self,
        *problems: Problem,
        identity: Identity | None = None,
        further: tuple[Identity, ...] = (),
        answer: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__("; ".join(f"{p.code}: {p.message.en}" for p in problems))
        self.problems: tuple[Problem, ...] = problems
        self.identity = identity
        self.further = further
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer of a choice field: a stored code and its label."""

    code: str
    label: Text


class FieldKind(StrEnum):
    """What a form field holds. ``TERNARY`` is yes / no / unknown, never defaulted."""

    NUMBER = "number"
    INTEGER = "integer"
    CHOICE = "choice"
    TERNARY = "ternary"
    DATETIME = "datetime"
    DATE = "date"
    TEXT = "text"


TERNARY_CHOICES = (
    Choice("yes", Text("Yes", "Oui")),
    Choice("no", Text("No", "Non")),
    Choice("unknown", Text("Unknown", "Inconnu")),
)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a structured input, from which forms, API schemas and checks are built.

    Parameters
    ----------
    minimum, maximum
        Hard limits, inclusive, in ``unit``: outside them the value is refused.
    warn_below, warn_above
        Soft limits, exclusive: outside them the value is accepted with a question.
    timed
        A laboratory value with the time of its result in ``<name>_at``.
    counted
        Whether the field counts in "11 of 14 known".
    code
        LOINC or SNOMED code, empty when none was checked.
    normal
        What to write where nothing was found, for a part of a reader's report.
    """

    name: str
    kind: FieldKind
    label: Text
    section: str = ""
    unit: str = ""
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    warn_below: float | None = None
    warn_above: float | None = None
    choices: tuple[Choice, ...] = ()
    help: Text | None = None
    timed: bool = False
    counted: bool = False
    code: str = ""
    normal: Text | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A titled group of fields of a form, in the order shown."""

    name: str
    title: Text


class InputKind(StrEnum):
    """How an input arrives."""

    FORM = "form"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one analysis may take before it is stopped, enforced inside the pool child.

    Parameters
    ----------
    upload_bytes
        Bytes of one file at most.
    study_bytes
        Bytes of all files of a study together; 0 where a study has one file.
    """

    seconds: int
    memory_bytes: int
    upload_bytes: int = 0
    study_bytes: int = 0

    @property
    def request_bytes(self) -> int:
        """Bytes of everything that one study sends at most."""
        return self.study_bytes or self.upload_bytes


@dataclass(frozen=True, slots=True)
class Contract:
    """Everything the web process has to know of an algorithm, and all it may import of it.

    Parameters
    ----------
    name
        Identifier: folder, registry line, template partial, URL segment.
    unit
        Code of the clinical unit whose staff use it (``maternity``, ``radiology``, ``sleep``);
        empty for a reference task.
    queue
        ``tabular``, ``imaging`` or ``signals``.
    submit_roles, sign_roles
        Role codes allowed to submit, and to sign.
    suffixes
        Lower-case file suffixes offered to the browser's file dialog; contents decide, not names.
    any_name
        Whether files may come without any suffix, as from a DICOM medium: the dialog then offers every file.
    max_files
        Files that one study may bring.
    blind_first
        Whether the reader commits a first impression before seeing the answer.
    reading
        Parts of the report that the reader writes and signs; empty where only the answer is signed.
    order_by
        Number of the result, larger for more urgent, by which a site may have its worklist ordered;
        empty where lists go by waiting time alone.
    """

    name: str
    title: Text
    purpose: Text
    input_kind: InputKind
    queue: str
    limits: Limits
    unit: str = ""
    submit_roles: tuple[str, ...] = ()
    sign_roles: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    fields: tuple[Field, ...] = ()
    suffixes: tuple[str, ...] = ()
    any_name: bool = False
    max_files: int = 1
    blind_first: bool = False
    reading: tuple[Field, ...] = ()
    order_by: str = ""

    @property
    def clinical(self) -> bool:
        """Whether a unit of the hospital works with it."""
        return bool(self.unit)

    def field(self, name: str) -> Field:
        """Return the field called ``name``; ``KeyError`` names it when there is none."""
        for candidate in self.fields:
            if candidate.name == name:
                return candidate
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Source:
    """An input as the analyser receives it: a form's values or private files.

    Parameters
    ----------
    values
        Raw field values of a form.
    path
        File on local disk; its name is generated and says nothing.
    further
        The second file and every later one, where the algorithm reads several (``Contract.max_files``).
    options
        Algorithm-specific choices of the sender (channel names, ``no_gate``, ...).
    record
        Identity of the patient the study belongs to; ``None`` outside the product.
    at
        The moment that times in the input are held against, aware; the clock's when ``None``. The product
        says when the analysis began, so that a replay years later asks the same question.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    record: Identity | None = None
    further: tuple[Path, ...] = ()
    at: datetime | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every file in the order sent; empty for a form."""
        return () if self.path is None else (self.path, *self.further)


@dataclass(frozen=True, slots=True)
class Finding:
    """One measured fact about the quality of an input, for the "data quality" part of a result."""

    code: str
    label: Text
    value: str = ""
    unit: str = ""
    attention: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the stored form."""
        return {
            "code": self.code,
            "label": self.label.as_json(),
            "value": self.value,
            "unit": self.unit,
            "attention": self.attention,
        }


@dataclass(frozen=True, slots=True)
class Loaded:
    """A parsed, validated input on its way from ``load`` to ``predict`` and ``explain``.

    Parameters
    ----------
    data
        Whatever the algorithm's own ``predict`` takes (arrays, a row); opaque to everybody else.
    identity
        Who the file says it is about.
    further
        Who the second file and every later one say they are about.
    problems
        Warnings only; refusals are raised as :class:`Refused`.
    quality
        Measured facts for the result page.
    artefacts
        Files made while reading that the page needs (a preview image, a signal pyramid).
    """

    data: Any
    identity: Identity = field(default_factory=Identity)
    problems: tuple[Problem, ...] = ()
    quality: tuple[Finding, ...] = ()
    artefacts: tuple[Artefact, ...] = ()
    further: tuple[Identity, ...] = ()


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file an analysis produced, to be stored privately beside the result."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the model said what it said, in numbers a page can draw and a sentence people read.

    Parameters
    ----------
    method
        ``"exact_shap"``, ``"class_activation"``, ...
    sentence
        The strongest reasons in words.
    data
        JSON-ready numbers for the drawing.
    artefacts
        Pictures such as a heat map.
    """

    method: str
    sentence: Text
    data: Mapping[str, Any]
    artefacts: tuple[Artefact, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One line of a report: a label, a value already written out, and its unit."""

    label: Text
    value: Text
    unit: str = ""


@dataclass(frozen=True, slots=True)
class ReportSection:
    """A titled block of a report."""

    title: Text
    rows: tuple[ReportRow, ...] = ()
    paragraphs: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A result in plain sections without HTML, from which page, PDF and FHIR are written.

    Parameters
    ----------
    doubts
        What makes the whole answer doubtful: the runner tells it with the warnings of the input.
    """

    headline: Text
    sections: tuple[ReportSection, ...]
    limits: tuple[Text, ...] = ()
    doubts: tuple[Problem, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the stored form; doubts are stored with the warnings."""
        stored = asdict(self)
        del stored["doubts"]
        return stored


class Status(StrEnum):
    """How one analysis ended."""

    OK = "ok"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What ``ml.runner.run`` gives back: always an answer, never an exception of the input's making.

    Parameters
    ----------
    explanation_status
        ``"ok"``, ``"failed"`` or ``"absent"``; a failed explanation never loses a prediction.
    timings_ms
        Milliseconds per stage (``load``, ``predict``, ``explain``, ``total``).
    """

    algorithm: str
    version: str
    sha256: str
    status: Status
    result: Mapping[str, Any] | None = None
    report: Report | None = None
    problems: tuple[Problem, ...] = ()
    quality: tuple[Finding, ...] = ()
    artefacts: tuple[Artefact, ...] = ()
    explanation: Explanation | None = None
    explanation_status: str = "absent"
    timings_ms: Mapping[str, float] = field(default_factory=dict)
