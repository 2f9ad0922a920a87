"""Ordering a document, in the web process: a row and a message; a worker writes it."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from django.db import IntegrityError, transaction
from django.http import Http404
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import LANGUAGES, Problem, Refused, Text
from predictions import first_read, queue
from predictions.models import Document, DocumentState, Signature, Study
from predictions.outputs import registry
from predictions.states import State

LONGEST_VERSION = 5

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
        Somebody for whom :func:`predictions.selectors.get_or_404` found the study. Whether they may see
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
    ml.contracts.Refused
        With everything that is wrong with the order.
    """
    first_read.require(user, study)
    problems = _problems(study, kind, language)
    signature = None
    try:
        signature = _signature(study, version)
    except Refused as refusal:
        problems += refusal.problems
    prediction = signature.prediction if signature else study.prediction
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
    django.http.Http404
        When this study has none of that number.
    """
    first_read.require(user, study)
    document = Document.objects.filter(study=study, pk=document_id).select_related("signature").first()
    if document is None:
        raise Http404
    return document


def shown(study: Study) -> list[Document]:
    """Return the documents on the page of a study: of every signed version, and of the present draft."""
    documents = study.documents.select_related("signature")
    draft = study.prediction if study.state == State.READY else None
    return [
        document
        for document in documents
        if document.signature_id or (draft and document.prediction_id == draft.pk)
    ]


def versions(study: Study) -> list[Signature]:
    """Return the signed versions, the latest first."""
    return list(study.signatures.order_by("-version"))


def file_name(document: Document) -> str:
    """Return a name that tells the documents of a study apart and says nothing of the patient."""
    kind = registry.KINDS[document.kind]
    parts = ["vigie", document.study.algorithm.replace("_", "-"), document.study_id.hex[:8]]
    parts.append(f"v{document.signature.version}" if document.signature else "draft")
    if kind.suffix != f".{kind.code}":  # two kinds may share an ending
        parts.append(kind.code.replace("_", "-"))
    if kind.worded:
        parts.append(document.language)
    return "-".join(parts) + kind.suffix


def recorded_download(user: User, document: Document) -> None:
    """Write down that somebody took a document out of the house."""
    _record(Action.DOWNLOAD, user, document)


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
        return same.filter(state=DocumentState.REQUESTED).first()
    document = same.first()
    if document is not None and document.state == DocumentState.FAILED:
        return _again(document, wanted.created_by)
    return document


def _again(document: Document, user: User) -> Document:
    with transaction.atomic():
        failed = Document.objects.filter(pk=document.pk, state=DocumentState.FAILED)
        if failed.update(state=DocumentState.REQUESTED, problems=[], attempts=0, sent_at=None):
            _record(Action.CREATE, user, document)
            transaction.on_commit(partial(queue.send_document, document.pk))
    document.refresh_from_db()
    return document


def _ordered(wanted: Document) -> Document:
    wanted.created_at = timezone.now()
    try:
        with transaction.atomic():
            wanted.save(force_insert=True)
            _record(Action.CREATE, wanted.created_by, wanted)
            transaction.on_commit(partial(queue.send_document, wanted.pk))
    except IntegrityError:
        # Two clicks on a signed version: the unique key lets one through, the other takes its document.
        existing = _existing(wanted)
        if existing is None:
            raise
        return existing
    return wanted


def _record(action: Action, user: User, document: Document) -> None:
    version = document.signature.version if document.signature else None
    record(
        action,
        actor=user,
        patient=document.study.patient_id,
        study=document.study_id,
        kind="document",
        object_id=str(document.pk),
        detail={"kind": document.kind, "language": document.language, "version": version},
    )
