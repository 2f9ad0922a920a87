"""Where a study begins: who asks, about whom, with what; accepted once and whole, or refused in words.

Runs in the web process: a form is checked by its contract, a file by its first 4 KiB, nothing in depth.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.utils import timezone

from clinic.accounts import shares
from clinic.accounts.models import Unit, User
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml import registry
from ml.algorithms.sleep import mapping
from ml.contracts import Contract, InputKind, Problem, Refused, Severity, Text
from patients import access as records
from patients import erasure, erasure_words
from patients.models import Encounter, Patient
from predictions import access, answers, channel_mapping, outcomes, queue, selectors, storage, uploads
from predictions.models import Study, StudyFile
from predictions.states import State, check

LONGEST_OPTION = 80
LONGEST_KEY = 64

NO_KEY = Problem(
    "idempotency_key_missing",
    Text(
        "The request carries no key of 1 to 64 characters that tells a repetition from a new study. "
        "Open the form again, or send an Idempotency-Key header.",
        "La requête ne porte pas de clé (1 à 64 caractères) distinguant une répétition d’une nouvelle étude. "
        "Rouvrez le formulaire, ou envoyez un en-tête Idempotency-Key.",
    ),
)
KEY_REUSED = Problem(
    "idempotency_key_reused",
    Text(
        "This form was already sent with other content. Open it again to send a new study.",
        "Ce formulaire a déjà été envoyé avec un autre contenu. Rouvrez-le pour envoyer une nouvelle étude.",
    ),
)
NOT_CLINICAL = Problem(
    "not_clinical",
    Text(
        "This is a reference task without patients; ask it through its own address.",
        "Il s’agit d’une tâche de référence sans patient ; interrogez-la à son adresse propre.",
    ),
)
NOT_IN_UNIT = Text(
    "This patient is not registered in the unit “{unit}”. Open an encounter there first.",
    "Ce patient n’est pas inscrit dans l’unité « {unit} ». Ouvrez-y d’abord une venue.",
)
OTHER_ENCOUNTER = Problem(
    "encounter_of_another_patient",
    Text("This encounter belongs to another patient.", "Cette venue est celle d’un autre patient."),
    field="encounter",
)
OPTION = Text(
    "“{name}” is not a choice of the sender, or too long.",
    "« {name} » n’est pas un choix de l’expéditeur, ou est trop long.",
)
OPTION_OF_THE_UNIT = Text(
    "“{name}” is the same for every study of a unit: an administrator sets it on the page of the unit.",
    "« {name} » vaut pour toutes les études d’une unité : un administrateur le règle sur la page de l’unité.",
)
SEEN_ELSEWHERE = Problem(
    "file_of_another_patient",
    Text(
        "The same file was already sent for another patient. Check whose it is.",
        "Le même fichier a déjà été envoyé pour un autre patient. Vérifiez à qui il appartient.",
    ),
    severity=Severity.WARN,
)

SENT_BEFORE = Text(
    "The same file was sent for this patient before, as study {study}.",
    "Le même fichier a déjà été envoyé pour ce patient : étude {study}.",
)


def submit(
    *,
    user: User,
    patient: Patient,
    algorithm: str,
    values: Mapping[str, Any] | None = None,
    upload: File | Sequence[File] | None = None,
    options: Mapping[str, Any] | None = None,
    idempotency_key: str,
    encounter: Encounter | None = None,
    confirm_mapping: bool = False,
) -> Study:
    """Accept one study, durably, and have it analysed; or raise with every reason why not.

    Parameters
    ----------
    values
        Raw answers of a form; the birth date is the record's, whatever they say.
    upload
        The file of ``request.FILES``, or any Django file, or several where the contract takes them.
    options
        Channel names, for recordings.
    idempotency_key
        Unique per member of staff: the same key with the same content gives the same study again.
    encounter
        The stay; without one, the stay that goes on in the unit of the algorithm, if any.
    confirm_mapping
        Whether a person looked at the channels that ``options`` name, so that the unit remembers them for
        recordings with the same labels once this one was staged.

    Returns
    -------
    Study
        Committed. Its message follows the commit; without a broker the reaper sends it later.

    Raises
    ------
    ml.contracts.Refused
        With every problem; nothing is kept.
    django.http.Http404, django.core.exceptions.PermissionDenied
        When this person may not act for this patient, or not with this algorithm; both recorded.
    ml.registry.UnknownAlgorithm
        When there is no such algorithm.
    """
    contract = registry.contract(algorithm)
    records.get_or_404(user, patient.pk)
    _require_submitter(user, contract)
    sent = uploads.listed(upload)
    received = uploads.received(contract, sent)
    try:
        problems = _circumstances(user, contract, patient, encounter, idempotency_key, options or {})
        typed, found = _checked(contract, patient, values, received)
        problems += found or _without_eeg(contract, options or {}, received)
        if any(problem.severity is Severity.REFUSE for problem in problems):
            _record_refusal(user, patient, contract, problems)
            raise Refused(*problems)
        draft = Study(
            algorithm=algorithm,
            patient=patient,
            encounter=encounter or outcomes.open_encounter(patient, contract),
            unit=Unit.objects.get(code=contract.unit),
            submitted_by=user,
            idempotency_key=idempotency_key,
            values=answers.stored(typed),
            options=dict(options or {}),
        )
        draft.fingerprint = _fingerprint(draft, encounter, received)
        seen = confirm_mapping and any(name in draft.options for name in mapping.USES)
        said = {channel_mapping.CONFIRMED: "yes"} if seen else {}
        return _accept_once(draft, received, [upload.name or "" for upload in sent], said)
    finally:
        for file in received:
            file.close()


def repeat(*, user: User, study: Study, version: str, files: Sequence[File], idempotency_key: str) -> Study:
    """Accept the stored files of a study once more, as a new one that says which it repeats.

    Channels are those that its sender named; what a unit sets for all its studies is as it is now.

    Parameters
    ----------
    version
        In service now.
    files
        Of ``study``, opened, in their order.

    Raises
    ------
    ml.contracts.Refused
        With every problem; nothing is kept. Also when a file does not open as what was stored.
    django.core.exceptions.PermissionDenied
        When this person may not submit studies of this kind.
    """
    contract, patient = study.contract, study.patient
    _require_submitter(user, contract)
    problems = _circumstances(user, contract, patient, study.encounter, idempotency_key, {})
    if problems:
        _record_refusal(user, patient, contract, problems)
        raise Refused(*problems)
    received = uploads.received(contract, files)
    try:
        if problems := uploads.check(contract, received):
            _record_refusal(user, patient, contract, problems)
            raise Refused(*problems)
        draft = Study(
            algorithm=contract.name,
            patient=patient,
            encounter=study.encounter,
            unit=study.unit,
            submitted_by=user,
            idempotency_key=idempotency_key,
            options={name: study.options[name] for name in mapping.OPTIONS if name in study.options},
            repeats=study,
            repeats_with=version,
        )
        draft.fingerprint = _fingerprint(draft, study.encounter, received)
        return _accept_once(draft, received, [file.original_name for file in study.files.all()], {})
    finally:
        for file in received:
            file.close()


def retry(*, user: User, study: Study) -> Study:
    """Send a failed study to the workers again, with a clean count of deaths.

    Raises
    ------
    django.core.exceptions.PermissionDenied
        When this person may not submit studies of this kind.
    predictions.states.NoSuchWay
        When it has not failed.
    """
    _require_submitter(user, study.contract)
    check(study.state, State.QUEUED)
    with transaction.atomic():
        moved = Study.objects.filter(pk=study.pk, state=State.FAILED).update(
            state=State.QUEUED, problems=[], deaths=0, sent_at=None, started_at=None, finished_at=None
        )
        if moved:
            record(Action.RETRY, actor=user, patient=study.patient_id, study=study.pk, kind="study")
            transaction.on_commit(partial(queue.send, study.pk))
    study.refresh_from_db()
    return study


def noticed(study: Study) -> list[dict[str, Any]]:
    """Return what was unusual about a study that was taken, for whoever sent it unseen.

    Looked at again instead of kept: the analysis says it once more with its result.
    """
    found = list(study.warnings)
    if not study.repeats_with and (before := selectors.sent_before(study)) is not None:
        message = SENT_BEFORE.format(study=before.pk)
        found.append(Problem("file_sent_before", message, severity=Severity.WARN).as_json())
    if study.contract.input_kind is InputKind.FORM:
        _typed, problems = registry.door(study.algorithm, "contract").check(study.values)
        found += [problem.as_json() for problem in problems if problem.severity is Severity.WARN]
    if study.encounter_id is None and outcomes.without_stay(study.contract, None):
        found.append(replace(outcomes.NO_STAY, severity=Severity.WARN).as_json())
    return found


def _require_submitter(user: User, contract: Contract) -> None:
    if not contract.clinical:
        raise Refused(NOT_CLINICAL)
    if not access.may_submit(user, contract):
        record(Action.REFUSED, actor=user, kind="study", detail={"algorithm": contract.name})
        raise PermissionDenied


def _circumstances(
    user: User,
    contract: Contract,
    patient: Patient,
    encounter: Encounter | None,
    key: str,
    options: Mapping[str, Any],
) -> list[Problem]:
    problems = [erasure_words.CLOSED] if erasure.closed(patient.pk) else []
    if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
        problems.append(NO_KEY)
    if not records.acting_units(user, patient).filter(code=contract.unit).exists():
        unit = Unit.objects.get(code=contract.unit)
        message = Text(NOT_IN_UNIT.en.format(unit=unit.name_en), NOT_IN_UNIT.fr.format(unit=unit.name_fr))
        problems.append(Problem("patient_not_in_unit", message))
    if encounter is not None and encounter.patient_id != patient.pk:
        problems.append(OTHER_ENCOUNTER)
    elif outcomes.birth_is_over(contract, patient, encounter):
        problems.append(outcomes.AFTER_BIRTH)
    for name, value in options.items():
        known = contract.input_kind is InputKind.FILE and name in mapping.OPTIONS
        short = isinstance(value, str) and len(value) <= LONGEST_OPTION and value.isprintable()
        if name in shares.SHARES.get(contract.name, ()):
            problems.append(Problem("option_of_the_unit", OPTION_OF_THE_UNIT.format(name=name)))
        elif not known or not short:
            problems.append(Problem("unknown_option", OPTION.format(name=str(name)[:LONGEST_OPTION])))
    return problems


def _checked(
    contract: Contract,
    patient: Patient,
    values: Mapping[str, Any] | None,
    received: Sequence[storage.Received],
) -> tuple[dict[str, Any], list[Problem]]:
    """Return the typed answers of a form and everything found wrong with a form or the files' heads."""
    door = registry.door(contract.name, "contract")
    if contract.input_kind is InputKind.FORM:
        given = dict(values or {})
        if any(field.name == "birth_date" for field in contract.fields):
            given["birth_date"] = patient.birth_date
        return door.check(given)
    return {}, uploads.check(contract, received)


def _record_refusal(user: User, patient: Patient, contract: Contract, problems: list[Problem]) -> None:
    record(
        Action.REFUSE_INPUT,
        actor=user,
        patient=patient.pk,
        kind="study",
        detail={"algorithm": contract.name, "codes": [problem.code for problem in problems]},
    )


def _accept_once(
    draft: Study,
    received: Sequence[storage.Received],
    original_names: Sequence[str],
    said: Mapping[str, str],
) -> Study:
    if (earlier := _earlier(draft)) is not None:
        return earlier
    draft.submitted_at = timezone.now()
    draft.options |= shares.options(draft.unit, draft.algorithm) | _remembered(draft, received) | said
    if _seen_elsewhere(draft, received):
        draft.warnings = [SEEN_ELSEWHERE.as_json()]
    files: list[StudyFile] = []
    kept = False
    try:
        for number, (file, name) in enumerate(zip(received, original_names, strict=True)):
            files.append(
                StudyFile(
                    study=draft,
                    number=number,
                    original_name=name[:255],
                    size=file.size,
                    sha256=file.sha256,
                    name=storage.storage.adopt(file, "uploads"),
                )
            )
        # The unique key decides between two clicks that both came past the look above.
        with suppress(IntegrityError), transaction.atomic():
            _write(draft, files)
            kept = True
    finally:
        if not kept:
            for file in files:
                storage.storage.discard(file.name)
    if not kept:
        return _required(_earlier(draft))
    return draft


def _without_eeg(
    contract: Contract, options: Mapping[str, Any], received: Sequence[storage.Received]
) -> list[Problem]:
    """Return why the channels that the sender names cannot be staged, told before it is kept."""
    if not received or not all(isinstance(value, str) for value in options.values()):
        return []
    with received[0].reader() as head:
        return channel_mapping.without_eeg(options, contract.name, head)


def _remembered(draft: Study, received: Sequence[storage.Received]) -> dict[str, str]:
    """Return the channels that the unit confirmed earlier for such a recording."""
    if not received:
        return {}
    with received[0].reader() as head:
        return channel_mapping.options(draft.unit, draft.algorithm, draft.options, head)


def _write(study: Study, files: Sequence[StudyFile]) -> None:
    study.save(force_insert=True)
    StudyFile.objects.bulk_create(files)
    detail: dict[str, Any] = {"algorithm": study.algorithm}
    if files:
        detail["files"] = [{"size": file.size, "sha256": file.sha256} for file in files]
    if study.repeats is not None:
        detail |= {"repeats": str(study.repeats.pk), "version": study.repeats_with}
        _record_repetition(study, study.repeats)
    record(
        Action.SUBMIT,
        actor=study.submitted_by,
        patient=study.patient_id,
        study=study.pk,
        kind="study",
        detail=detail,
    )
    transaction.on_commit(partial(queue.send, study.pk))


def _record_repetition(study: Study, earlier: Study) -> None:
    """Write into the audit of the study that is repeated as which one it is."""
    record(
        Action.RETRY,
        actor=study.submitted_by,
        patient=earlier.patient_id,
        study=earlier.pk,
        kind="study",
        detail={"repeated_as": str(study.pk), "version": study.repeats_with},
    )


def _fingerprint(study: Study, named: Encounter | None, received: Sequence[storage.Received]) -> str:
    """Return the hash of what was sent: a stay that was not named may be another one an hour later.

    A form and a study of one file hash as they did before a study could have several: a request sent again
    across an upgrade is still the same request.
    """
    sent = [file.sha256 for file in received]
    content = {
        "algorithm": study.algorithm,
        "patient": str(study.patient_id),
        "encounter": str(named.pk) if named else "",
        "values": study.values,
        "options": study.options,
    } | ({"files": sent} if len(sent) > 1 else {"file": "".join(sent)})
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _earlier(draft: Study) -> Study | None:
    """Return the study already accepted under this key; :class:`Refused` when it brought other content."""
    earlier = Study.objects.filter(
        submitted_by=draft.submitted_by, idempotency_key=draft.idempotency_key
    ).first()
    if earlier is not None and earlier.fingerprint != draft.fingerprint:
        raise Refused(KEY_REUSED)
    return earlier


def _required(study: Study | None) -> Study:
    if study is None:
        raise IntegrityError("a study was refused by the database for another reason than its key")
    return study


def _seen_elsewhere(draft: Study, received: Sequence[storage.Received]) -> bool:
    same = StudyFile.objects.filter(sha256__in=[file.sha256 for file in received])
    return same.exclude(study__patient=draft.patient_id).exists()
