"""Erasures at work, in a worker: the export, the one transaction that erases, the files after it.

Every step can be stopped at any point and done again: the rows go all or none, and the names of the files
stay in the erasure's own row until the last of them is gone.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from clinic.audit import redaction
from clinic.audit.models import Action
from clinic.audit.recording import WORKER, record
from ml.contracts import Refused
from patients import erasure as erasures
from patients import erasure_list
from patients.erasure import Subject
from patients.models import Erasure, ErasureState, LegalHold, Patient
from predictions import queue
from predictions.archive import Archive
from predictions.models import Document, Study
from predictions.outputs import facts, registry, rendering
from predictions.shredders import studies
from predictions.storage import Received, storage

log = logging.getLogger(__name__)

FORMAT = "vigie-record/1"
FOLDER = "exports"
LARGEST_EXPORT = 1 << 40
SENT_AGAIN = timedelta(minutes=5)
# An approved one may only wait for an analysis that runs: it is looked at again soon.
APPROVED_AGAIN = timedelta(seconds=30)
CLOSED = (ErasureState.DECLINED, ErasureState.WITHDRAWN, ErasureState.STOPPED)
FHIR = "fhir"


def waiting() -> list[Erasure]:
    """Return the erasures a worker has something to do for."""
    to_export = Q(state=ErasureState.REQUESTED, content="")
    to_erase = Q(state__in=[ErasureState.APPROVED, ErasureState.SHREDDING])
    to_forget = Q(state__in=CLOSED) & ~Q(export_name="")
    return list(Erasure.objects.filter(to_export | to_erase | to_forget).order_by("requested_at"))


def look() -> None:
    """Wake a worker for each, and again for one that nothing came of; part of the watch."""
    for erasure in waiting():
        again = APPROVED_AGAIN if erasure.state == ErasureState.APPROVED else SENT_AGAIN
        recently = timezone.now() - again
        if erasure.sent_at is not None and recently < erasure.sent_at <= timezone.now():
            continue
        if not queue.wake(queue.ERASE, {"erasure_id": str(erasure.pk)}, queue.DOCUMENT_QUEUE):
            return
        Erasure.objects.filter(pk=erasure.pk).update(sent_at=timezone.now())


def work(erasure_id: UUID) -> None:
    """Do what comes next for one erasure; a second message finds nothing to do."""
    erasure = Erasure.objects.get(pk=erasure_id)
    if erasure.state == ErasureState.REQUESTED and not erasure.content:
        export(erasure)
    elif erasure.state in CLOSED:
        _forget_export(erasure)
    elif erasure.state == ErasureState.APPROVED:
        erase(erasure)
    erasure.refresh_from_db()
    if erasure.state == ErasureState.SHREDDING:
        _remove_files(erasure)


def export(erasure: Erasure) -> None:
    """Write everything that would go into one ZIP, kept with the erasure until it is decided."""
    subject = Subject(erasure.patient, erasure.study)
    # Before the rows are read: what comes in meanwhile makes it another content.
    content = erasures.fingerprint(subject)
    received = Received(limit=LARGEST_EXPORT)
    about = {"format": FORMAT, "written_at": timezone.now(), "erasure": erasure.pk}
    with Archive(received, about) as archive:
        for shredder in erasures.shredders():
            shredder.export(subject, archive)
        for study in studies(subject).prefetch_related("predictions", "signatures"):
            _put_fhir(study, erasure, archive)
    name = storage.adopt(received, FOLDER)
    open_still = Erasure.objects.filter(
        pk=erasure.pk, state=ErasureState.REQUESTED, content="", export_name=erasure.export_name
    )
    written = open_still.update(export_name=name, size=received.size, sha256=received.sha256, content=content)
    if not written:
        storage.discard(name)
    elif erasure.export_name:
        storage.discard(erasure.export_name)


def _put_fhir(study: Study, erasure: Erasure, archive: Archive) -> None:
    """Add each signed version, or the draft, as a FHIR bundle."""
    name = f"studies/{study.pk}/fhir"
    for signature in list(study.signatures.all()) or [None]:
        prediction = signature.prediction if signature else study.prediction
        if prediction is None:
            continue
        place = f"{name}-v{signature.version}.json" if signature else f"{name}-draft.json"
        document = Document(
            study=study, prediction=prediction, signature=signature, kind=FHIR, language="fr",
            created_by=erasure.requested_by, created_at=timezone.now(),
        )  # fmt: skip
        try:
            archive.write(place, registry.renderer(FHIR)(facts.gather(document)))
        except Refused as refusal:
            archive.left_out(place, refusal.problems[0].code)
        except Exception as error:
            # A result of an earlier version that cannot be put into FHIR must not keep its patient from being
            # erased: its rows are in the export all the same, and the log keeps type and place.
            log.error("bundle not written", exc_info=error, extra={"study": str(study.pk)})
            archive.left_out(place, rendering.NOT_WRITTEN.code)


@transaction.atomic
def erase(erasure: Erasure) -> bool:
    """Delete every row in one transaction, and remember the names of the files; ``False`` if it must wait.

    The triggers over signed work let rows of this patient go while, and only while, this transaction has the
    erasure in the state ``ERASING``.
    """
    subject = Subject(erasure.patient, erasure.study)
    # Whoever places a hold takes the same lock: it comes before this, or finds nobody.
    patient = Patient.objects.select_for_update().filter(pk=erasure.patient).first()
    if LegalHold.objects.filter(patient=erasure.patient, released_at=None).exists():
        erasures.stop(erasure)
        return False
    if erasures.busy(subject):
        return False
    if erasures.fingerprint(subject) != erasure.content:
        erasures.export_again(erasure)
        return False
    approved = Erasure.objects.filter(pk=erasure.pk, state=ErasureState.APPROVED)
    if not approved.update(state=ErasureState.ERASING):
        return False
    gone = [erasure.patient, *studies(subject).values_list("pk", flat=True)]
    files, taken = [], {}
    for shredder in erasures.shredders():
        files += [name for name, _size in shredder.files(subject)]
    for shredder in erasures.shredders():
        amount = shredder.shred(subject)
        taken[shredder.name] = {"rows": amount.rows, "files": amount.files, "bytes": amount.size}
    payloads = _redact(erasure, patient, gone)
    taken["audit_payloads"] = {"rows": payloads}
    Erasure.objects.filter(pk=erasure.pk).update(
        state=ErasureState.SHREDDING, files=files, log=taken, reason=""
    )
    # What was written in earlier requests about the same goes too, whatever became of them.
    same = Q(study=erasure.study) if erasure.study else Q()
    Erasure.objects.filter(same, patient=erasure.patient).update(reason="")
    record(
        Action.ERASE,
        actor_label=WORKER,
        patient=erasure.patient,
        study=erasure.study,
        kind=erasures.KIND,
        object_id=str(erasure.pk),
        detail=taken,
    )
    return True


def _redact(erasure: Erasure, patient: Patient | None, gone: list[UUID]) -> int:
    """Take the details of the events, and of searches that name or found what is gone."""
    why = f"erasure {erasure.pk}"
    if erasure.study:
        ids = [str(erasure.study)]
        return redaction.redact(study=erasure.study, actor=erasure.decided_by, why=why, mentions=ids)
    ids = [str(one) for one in gone]
    mentions = [*ids, patient.record_number, patient.family_name] if patient else ids
    return redaction.redact(patient=erasure.patient, actor=erasure.decided_by, why=why, mentions=mentions)


def _remove_files(erasure: Erasure) -> None:
    """Remove the files and the export of what is erased; the name of each stays until it is gone."""
    for name in erasure.files:
        storage.discard(name)
    if erasure.export_name:
        storage.discard(erasure.export_name)
    erasure.state, erasure.erased_at = ErasureState.DONE, timezone.now()
    # Before it counts as done: a line that stands there twice is read once.
    erasure_list.add(erasure)
    Erasure.objects.filter(pk=erasure.pk, state=ErasureState.SHREDDING).update(
        state=ErasureState.DONE, files=[], export_name="", erased_at=erasure.erased_at
    )
    log.info("record erased", extra={"erasure": str(erasure.pk)})


def _forget_export(erasure: Erasure) -> None:
    storage.discard(erasure.export_name)
    Erasure.objects.filter(pk=erasure.pk).update(export_name="")
