"""Ordering a document, in the web process: a row and a message; a worker writes it."""

from __future__ import annotations

from functools import partial
from pathlib import PurePath
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import Http404
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import LANGUAGES, Problem, Refused, Text
from predictions import access, first_read, queue
from predictions.models import Document, DocumentState, Signature, Study
from predictions.outputs import registry
from predictions.states import State
from predictions.workspaces.sleep import scoring

LONGEST_VERSION = 5
EXPORT = "export"
"""In the audit, what was sent in made ready to leave the house; anything else is a ``document``."""

NO_RESULT = Problem(
    "no_result",
    Text(
        "There is no result to write out. Wait for the analysis to end.",
        "Il n’y a pas de résultat à mettre en forme. Attendez la fin de l’analyse.",
    ),
)
NOT_OFFERED = Problem(
    "document_not_offered",
    Text(
        "Results of this kind are not given out in that form. Choose one from the list.",
        "Ce type de résultat n’existe pas sous cette forme. Choisissez dans la liste.",
    ),
    field="kind",
)
NO_SUCH_LANGUAGE = Problem(
    "document_language",
    Text("Choose French or English for the document.", "Choisissez le français ou l’anglais."),
    field="language",
)
NO_SUCH_VERSION = Problem(
    "document_version",
    Text(
        "There is no signed version of that number. Choose one from the list.",
        "Aucune version signée ne porte ce numéro. Choisissez dans la liste.",
    ),
    field="version",
)


def order(*, user: User, study: Study, kind: str, language: str, version: str = "") -> Document:
    """Have a result written out; the document of a signed version is written once and kept.

    Parameters
    ----------
    user
        Somebody for whom :func:`predictions.access.get_or_404` found the study. Whether they may see
        the answer yet is asked here, so that no door can forget it.
    kind
        A code of ``registry.KINDS`` that suits the algorithm.
    language
        ``"fr"`` or ``"en"``: the reader's, whatever the language of the screen.
    version
        Number of a signed version; empty for how the study stands now.

    Raises
    ------
    predictions.first_read.Blind
        When ``user`` must not see anything of the answer yet: a document would hold all of it.
    django.core.exceptions.PermissionDenied
        When ``user`` may see the study and not take its recording out; recorded.
    ml.contracts.Refused
        With everything that is wrong with the order.
    """
    first_read.require(user, study)
    problems = _problems(study, kind, language)
    if kind in registry.KINDS:
        _require_taking(user, study, registry.KINDS[kind])
    signature = None
    try:
        signature = _signature(study, version)
    except Refused as refusal:
        problems += refusal.problems
    prediction = signature.prediction if signature else study.prediction
    if kind in registry.KINDS and registry.KINDS[kind].export:
        signature = None
    if prediction is None:
        problems.append(NO_RESULT)
    if problems or prediction is None:
        raise Refused(*problems)
    wanted = Document(
        study=study, prediction=prediction, signature=signature, kind=kind, language=language, created_by=user
    )
    return _existing(wanted) or _ordered(wanted)


def find_or_404(user: User, study: Study, document_id: UUID) -> Document:
    """Return a document of a study that ``user`` may see.

    Raises
    ------
    predictions.first_read.Blind
        When ``user`` must not see anything of the answer yet, whether there is such a document or not.
    django.core.exceptions.PermissionDenied
        When ``user`` may see the study and not take its recording out; recorded.
    django.http.Http404
        When this study has none of that number.
    """
    first_read.require(user, study)
    document = Document.objects.filter(study=study, pk=document_id).select_related("signature").first()
    if document is None or not _open_to(user, study, document):
        raise Http404
    _require_taking(user, study, registry.KINDS[document.kind])
    return document


def kinds(user: User, study: Study) -> list[registry.Kind]:
    """Return the kinds that ``user`` may order of a study, in the order shown."""
    return [kind for kind in registry.suiting(study.contract) if _may_take(user, study, kind)]


def shown(user: User, study: Study) -> list[Document]:
    """Return what ``user`` finds on the page of a study: of every signed version, of the draft, exports."""
    documents = study.documents.select_related("signature")
    offered = {kind.code for kind in kinds(user, study)}
    return [
        document
        for document in documents
        if document.kind in offered and _stands(study, document) and _open_to(user, study, document)
    ]


def _stands(study: Study, document: Document) -> bool:
    """Return whether a document is of a signed version, of the present draft, or no part of an answer."""
    if document.signature_id or registry.KINDS[document.kind].export:
        return True
    return study.state == State.READY and document.prediction == study.prediction


def _open_to(user: User, study: Study, document: Document) -> bool:
    """Return whether a document was written for ``user``, or holds nothing that they should not meet yet."""
    if document.signature_id or document.created_by_id == user.pk or registry.KINDS[document.kind].export:
        return True
    return study.algorithm != scoring.ALGORITHM or scoring.may_meet(user, study)


def _may_take(user: User, study: Study, kind: registry.Kind) -> bool:
    if kind.research:
        return access.may_sign(user, study)
    return not kind.export or access.may_take_out(user, study)


def _require_taking(user: User, study: Study, kind: registry.Kind) -> None:
    """Raise, and write down, that somebody wanted to take out what their role may not."""
    if not _may_take(user, study, kind):
        record(
            Action.REFUSED,
            actor=user,
            patient=study.patient_id,
            study=study.pk,
            kind=EXPORT,
            detail={"kind": kind.code},
        )
        raise PermissionDenied


def versions(study: Study) -> list[Signature]:
    """Return the signed versions, the latest first."""
    return list(study.signatures.order_by("-version"))


def file_name(document: Document) -> str:
    """Return a name that tells the documents of a study apart and says nothing of the patient."""
    kind = registry.KINDS[document.kind]
    parts = ["vigie", document.study.algorithm.replace("_", "-"), document.study_id.hex[:8]]
    if kind.research:
        # No number of ours: whoever gets it must not be able to ask for the study by it.
        return f"vigie-{document.study.algorithm.replace('_', '-')}-deidentified-{document.pk.hex[:8]}.zip"
    if kind.export:
        # The copy keeps the format it came in, BDF or EDF.
        sent = PurePath(document.study.file.original_name).suffix.lower() if document.study.file else ""
        suffix = sent if sent in document.study.contract.suffixes else kind.suffix
        return "-".join([*parts, "anonymous"]) + suffix
    parts.append(f"v{document.signature.version}" if document.signature else "draft")
    if kind.suffix != f".{kind.code}":  # two kinds may share an ending
        parts.append(kind.code.replace("_", "-"))
    if kind.worded:
        parts.append(document.language)
    return "-".join(parts) + kind.suffix


def recorded_download(user: User, document: Document) -> None:
    """Write down that somebody took a document out of the house."""
    export = registry.KINDS[document.kind].export
    _record(Action.EXPORT if export else Action.DOWNLOAD, user, document)


def _problems(study: Study, kind: str, language: str) -> list[Problem]:
    problems = []
    if kind not in registry.KINDS or not registry.KINDS[kind].suits(study.contract):
        problems.append(NOT_OFFERED)
    if language not in LANGUAGES:
        problems.append(NO_SUCH_LANGUAGE)
    return problems


def _signature(study: Study, version: str) -> Signature | None:
    """Return the signed version asked for; the latest when the study stands signed; none for a draft."""
    signatures = study.signatures.select_related("prediction")
    if not version:
        return signatures.last() if study.state == State.SIGNED else None
    number = int(version) if version.isdecimal() and len(version) < LONGEST_VERSION else 0
    found = signatures.filter(version=number).first()
    if found is None:
        raise Refused(NO_SUCH_VERSION)
    return found


def _existing(wanted: Document) -> Document | None:
    """Return the document already written or on its way; a failed one is tried again."""
    same = Document.objects.filter(
        prediction=wanted.prediction, signature=wanted.signature, kind=wanted.kind, language=wanted.language
    )
    if wanted.signature is None:
        # What a draft of a night shows depends on who asks.
        return same.filter(state=DocumentState.REQUESTED, created_by=wanted.created_by).first()
    document = same.first()
    if document is not None and document.state == DocumentState.FAILED:
        return _again(document, wanted.created_by)
    return document


def _again(document: Document, user: User) -> Document:
    with transaction.atomic():
        failed = Document.objects.filter(pk=document.pk, state=DocumentState.FAILED)
        if failed.update(state=DocumentState.REQUESTED, problems=[], attempts=0, sent_at=None):
            _record(Action.CREATE, user, document)
            _send(document)
    document.refresh_from_db()
    return document


def _ordered(wanted: Document) -> Document:
    wanted.created_at = timezone.now()
    try:
        with transaction.atomic():
            wanted.save(force_insert=True)
            _record(Action.CREATE, wanted.created_by, wanted)
            _send(wanted)
    except IntegrityError:
        # Two clicks on a signed version: the unique key lets one through, the other takes its document.
        existing = _existing(wanted)
        if existing is None:
            raise
        return existing
    return wanted


def _send(document: Document) -> None:
    seconds = registry.KINDS[document.kind].seconds
    transaction.on_commit(partial(queue.send_document, document.pk, seconds))


def _record(action: Action, user: User, document: Document) -> None:
    version = document.signature.version if document.signature else None
    record(
        action,
        actor=user,
        patient=document.study.patient_id,
        study=document.study_id,
        kind=EXPORT if registry.KINDS[document.kind].export else "document",
        object_id=str(document.pk),
        detail={"kind": document.kind, "language": document.language, "version": version},
    )
