"""Writing a training set, in a worker."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from typing import BinaryIO

from django.db import transaction
from django.utils import timezone

from clinic.audit.models import Action
from clinic.audit.recording import WORKER, record
from ml.contracts import Problem, Refused, Text
from patients import consent
from predictions.archive import Archive
from predictions.feedback import births, radiographs, recordings, services, words
from predictions.feedback.access import KIND
from predictions.feedback.models import Included, Request, TrainingSet
from predictions.feedback.writing import Writing
from predictions.jobs import Ending
from predictions.models import JobState
from predictions.storage import Received, storage

FORMAT = "vigie-training-set/2"
STORED = "training_sets"
LARGEST = 1 << 40
WRITERS: dict[str, Callable[[Writing], None]] = {
    "haemorrhage": births.write,
    "chest_xray": radiographs.write,
    "sleep": recordings.write,
}
NOBODY = Problem(
    "nothing_to_learn_from",
    Text(
        "Nothing can be given out: no signed study of a patient who was told and agrees can be learned from.",
        "Rien ne peut être remis : aucune étude signée d’un patient informé et d’accord ne peut servir.",
    ),
)
LEFT_OUT = Text("{nothing} Left out: {left}.", "{nothing} Laissés de côté : {left}.")
CHANGED = Problem(
    "consent_changed",
    Text(
        "A patient no longer agrees, was put under a legal hold or is being erased while this was written; "
        "the file was thrown away. Ask again.",
        "Pendant l’écriture, un patient a retiré son accord, a été placé sous conservation légale ou est en "
        "cours d’effacement ; le fichier a été jeté. Redemandez.",
    ),
)
TERMS = Text(
    "For training and testing the models of this hospital, by whom it was approved for, for the purpose "
    "written here and no other. Pseudonymous, not anonymous: keep it where patient data may be kept, try to "
    "identify nobody, pass it to nobody, delete it when the purpose is reached. A patient may refuse at any "
    "time: whoever holds a copy is told the pseudonym and takes the patient out. No licence to others is "
    "given. Recordings keep their time of day. Of a birth, a physician signed the assessment "
    "(signed_by_role) and whoever attended recorded the blood loss (recorded_by_role); nobody signed that. "
    "Nights signed as the draft stood are not in it: nobody looked at each epoch. Readings of X-rays are, "
    "also where they agree with the answer: each is one judgement that somebody put their name to, and "
    "provenance.csv says whether it was made before the answer was shown (blind). Leave the others out "
    "where a network must not learn from its own answers.",
    "Pour entraîner et évaluer les modèles de cet hôpital, par les personnes pour qui il a été approuvé, "
    "pour le but écrit ici et aucun autre. Pseudonyme, non anonyme : à garder là où des données de patients "
    "peuvent l’être ; ne chercher à identifier personne, ne le transmettre à personne, le supprimer une "
    "fois le but atteint. Un patient peut s’opposer à tout moment : qui détient une copie est averti du "
    "pseudonyme et en retire le patient. Aucune licence n’est donnée à des tiers. Les enregistrements "
    "gardent leur heure. Pour un accouchement, l’évaluation est signée (signed_by_role) et les pertes "
    "sanguines sont saisies par qui y assistait (recorded_by_role), sans signature. Les nuits signées "
    "telles que le brouillon n’y sont pas : personne n’a regardé chaque époque. Les lectures de "
    "radiographies y sont, même en accord avec la réponse : chacune est un jugement signé, et "
    "provenance.csv dit s’il a précédé la réponse (blind). Écartez les autres si un réseau ne doit pas "
    "apprendre de ses propres réponses.",
)
WITHDRAWN = Text(
    "People of earlier sets who no longer agree: copies already out must be withdrawn, or they be taken out.",
    "Personnes de jeux antérieurs qui ne sont plus d’accord : les copies déjà sorties doivent être retirées, "
    "ou ces personnes en être ôtées.",
)


def work(made: TrainingSet) -> Ending:
    """Write the set into private storage, encrypted; what it holds and whom is kept beside it.

    Raises
    ------
    ml.contracts.Refused
        When nobody may be in it.
    """
    received = Received(limit=LARGEST)
    try:
        writing = written(made.request, received)
    except BaseException:
        received.close()
        raise
    size, sha256 = received.size, received.sha256
    name = storage.adopt(received, STORED)
    values = {"stored_name": name, "size": size, "sha256": sha256, "counts": counts(writing)}
    return Ending(values, partial(_keep, made, name, sha256, writing))


def into(asked: Request, target: BinaryIO) -> tuple[Writing, str, int]:
    """Write a set into an open file and return what it holds, its hash and its size.

    Raises
    ------
    ml.contracts.Refused
        When nobody may be in it.
    """
    writing = written(asked, target)
    size = target.tell()
    target.seek(0)
    sha256 = hashlib.file_digest(target, "sha256").hexdigest()
    target.seek(0)
    return writing, sha256, size


@transaction.atomic
def kept_outside(asked: Request, writing: Writing, sha256: str, size: int) -> TrainingSet:
    """Write down a set that was written straight into a folder: there is no file of it here."""
    now = timezone.now()
    made = TrainingSet.objects.create(
        algorithm=asked.algorithm,
        request=asked,
        state=JobState.DONE,
        sha256=sha256,
        size=size,
        counts=counts(writing),
        taken=1,
        queued_at=now,
        finished_at=now,
        deleted_at=now,
    )
    keep(made, sha256, writing)
    return made


@transaction.atomic
def lost_outside(asked: Request, problem: Problem, state: JobState) -> TrainingSet:
    """Write down that a set was agreed on and not written, and why; its page says so."""
    now = timezone.now()
    made = TrainingSet.objects.create(
        algorithm=asked.algorithm,
        request=asked,
        state=state,
        problems=[problem.as_json()],
        queued_at=now,
        finished_at=now,
        deleted_at=now,
    )
    detail = {"algorithm": asked.algorithm, "codes": [problem.code]}
    record(Action.FAIL, actor_label=WORKER, kind=KIND, object_id=str(asked.pk), detail=detail)
    services.tell_lost(made)
    return made


def written(asked: Request, target: Received | BinaryIO) -> Writing:
    """Write a set as a ZIP; :class:`ml.contracts.Refused` when nobody may be in it."""
    with Archive(target, _about(asked)) as archive:
        writing = Writing(archive, invented=asked.invented)
        WRITERS[asked.algorithm](writing)
        if not writing.included:
            raise Refused(_nobody(writing))
        writing.close()
        archive.about |= counts(writing) | {"consent": writing.consent()}
    return writing


def erased_names(algorithm: str) -> dict[int, list[str]]:
    """Return by set what patients were called in it whose record has been erased since."""
    made = TrainingSet.objects.filter(algorithm=algorithm, counts__has_key=services.ERASED)
    return {one.request.number: list(one.counts[services.ERASED]) for one in made.select_related("request")}


def _nobody(writing: Writing) -> Problem:
    """Return that nobody may be in it, with why in words where anything was left out."""
    left = [(n, words.left_out(why, n)) for why, n in sorted(writing.left_out.items())]
    if not left:
        return NOBODY
    listed = [", ".join(f"{n} {why.to(language)}" for n, why in left) for language in ("en", "fr")]
    said = Text(
        LEFT_OUT.en.format(nothing=NOBODY.message.en, left=listed[0]),
        LEFT_OUT.fr.format(nothing=NOBODY.message.fr, left=listed[1]),
    )
    return Problem(NOBODY.code, said)


def counts(writing: Writing) -> dict[str, object]:
    """Return how much is in a set and what is not."""
    return {
        "examples": writing.included.total(),
        "patients": len(writing.included),
        "left_out": dict(writing.left_out),
    }


def keep(made: TrainingSet, sha256: str, writing: Writing) -> None:
    """Write down who is in a set and what they are called there; each patient's own audit says so too."""
    Included.objects.bulk_create(
        Included(training_set=made, patient_id=patient, name=writing.pseudonym(patient).name, examples=n)
        for patient, n in writing.included.items()
    )
    said = {"algorithm": made.algorithm, "sha256": sha256}
    by = {"actor_label": WORKER, "kind": KIND, "object_id": str(made.request_id)}
    record(Action.EXPORT, **by, detail={**said, **counts(writing)})
    for patient in sorted(writing.included, key=str):
        record(Action.EXPORT, patient=patient, **by, detail=said)


def changed(writing: Writing) -> bool:
    """Return whether somebody of a set may no longer be in one."""
    return bool(consent.barred(writing.included))


def _keep(made: TrainingSet, name: str, sha256: str, writing: Writing) -> None:
    if changed(writing):
        TrainingSet.objects.filter(pk=made.pk).update(
            state=JobState.FAILED, problems=[CHANGED.as_json()], stored_name="", deleted_at=timezone.now()
        )
        services.tell_lost(made)
        storage.discard(name)
        return
    keep(made, sha256, writing)
    services.tell_written(made)


def _about(asked: Request) -> dict[str, object]:
    earlier = Included.objects.filter(
        training_set__algorithm=asked.algorithm, withdrawn_at__isnull=False
    ).select_related("training_set__request")
    sets: dict[int, list[str]] = erased_names(asked.algorithm)
    for line in earlier.order_by("training_set__request__number", "name"):
        sets.setdefault(line.training_set.request.number, []).append(line.name)
    sets = {number: sorted(set(names)) for number, names in sorted(sets.items())}
    return {
        "format": FORMAT,
        "algorithm": asked.algorithm,
        "number": asked.number,
        "purpose": asked.purpose,
        "terms": TERMS.as_json(),
        "linkable_by_the_site": True,
        "invented_patients": asked.invented,
        "withdraw": {"note": WITHDRAWN.as_json(), "names_by_set": sets},
    }
