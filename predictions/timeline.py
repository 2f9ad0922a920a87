"""The studies and births of a patient, for the page of the floor below: one timeline, and links per stay."""

from __future__ import annotations

from uuid import UUID

from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from clinic.accounts.models import User
from ml.contracts import Text
from patients import links, timeline
from patients.models import Encounter, Patient
from predictions import access, first_read, outcomes, verdicts
from predictions.models import BloodLoss, Review, Study
from predictions.states import State
from predictions.workspaces.sleep import headline

SIGNED = (
    "signatures__review",
    "signatures__hypnogram__scoring__scorer",
    "signatures__hypnogram__prediction",
)


def studies(user: User, patient: Patient) -> list[timeline.Entry]:
    """Return the studies of ``patient`` that ``user`` may see, each with its answer in a few words.

    An answer that must not reach ``user`` before their own first impression is left out.
    """
    language = get_language() or ""
    mine = access.for_user(user).filter(patient=patient)
    found = list(mine.prefetch_related("predictions", "repetitions", *SIGNED))
    scored = headline.scorers(found)
    hidden = first_read.hidden(user, found)
    nights = headline.lines(user, (study for study in found if study.pk not in hidden), scored)
    replaced = _replaced(found)
    return [
        timeline.Entry(
            at=study.submitted_at,
            kind="study",
            title=study.contract.title.to(language),
            state=study.state,
            state_label=str(State(study.state).label),
            detail=_("not read yet")
            if study.pk in hidden
            else _detail(study, language, study.pk in replaced, nights.get(study.pk), scored.get(study.pk)),
            url=reverse("study", args=[study.pk]),
        )
        for study in found
    ]


def _detail(study: Study, language: str, replaced: bool, night: Text | None, scored: Text | None) -> str:
    repeated = [_("analyses an earlier study again")] if study.repeats_with else []
    if study.prediction is None:
        return "".join(repeated)
    drafted = Text.from_json(study.prediction.report["headline"])
    said = [(night or drafted).to(language)]
    if who := headline.beside(night, scored):
        said.append(who.to(language))
    if review := _dissent(study):
        said.append(verdicts.brief(review, language))
    if replaced:
        said.append(_("assessed again since"))
    if study.repetitions.all():
        said.append(_("analysed again since"))
    return " · ".join([*repeated, *said])


def _dissent(study: Study) -> Review | None:
    """Return the review of the signed version in force where its signer does not share the figure.

    Of a night that a person scored it was about the draft, and no word on what the line says.
    """
    last = next(reversed(study.signatures.all()), None)
    if last is None or verdicts.agrees(last.review):
        return None
    return None if last.hypnogram is not None and last.hypnogram.scoring is not None else last.review


def _replaced(latest_first: list[Study]) -> set[UUID]:
    """Return the assessments of a birth that a later one in the same stay replaced."""
    latest: set[UUID] = set()
    replaced = set()
    for study in latest_first:
        if study.algorithm == outcomes.ALGORITHM and study.encounter_id and study.prediction:
            if study.encounter_id in latest:
                replaced.add(study.pk)
            latest.add(study.encounter_id)
    return replaced


def births(user: User, patient: Patient) -> list[timeline.Entry]:
    """Return the measured blood losses of ``patient``, corrected ones left out."""
    found: dict[UUID, BloodLoss] = {}
    for loss in BloodLoss.objects.filter(encounter__patient=patient).order_by("number"):
        found[loss.encounter_id] = loss
    return [
        timeline.Entry(at=loss.measured_at, kind="outcome", title=_("Blood loss"), detail=told(loss))
        for loss in found.values()
    ]


def told(loss: BloodLoss) -> str:
    """Write a blood loss in words: "620 mL, no severe haemorrhage"."""
    said = _("severe haemorrhage") if loss.severe else _("no severe haemorrhage")
    return f"{loss.millilitres} mL, {said}"


def of_stay(user: User, encounter: Encounter) -> list[links.Link]:
    """Return the latest assessment of the birth of a stay, and the way to its blood loss."""
    if not outcomes.takes_blood_loss(encounter):
        return []
    loss = outcomes.latest(encounter)
    found = []
    study = encounter.studies.filter(algorithm=outcomes.ALGORITHM).order_by("-submitted_at").first()
    if study is not None:
        found.append(links.Link(_("Latest assessment"), reverse("study", args=[study.pk])))
    if access.may_record_loss(user, encounter):
        label = _("Correct the blood loss") if loss else _("Record the blood loss")
        address = reverse("blood_loss", args=[encounter.patient_id, encounter.pk])
        found.append(links.Link(label, address, action=True))
    return found


def register() -> None:
    """Add studies and births to every patient's timeline, and what a stay offers."""
    timeline.register(studies)
    timeline.register(births)
    links.register(of_stay)
