"""Proposing that a version should serve, deciding on it, taking it back: each by its person, on record."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.urls import reverse
from django.utils import timezone

from clinic.accounts import notices
from clinic.accounts.models import User
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml import package as packages
from ml.contracts import Problem, Refused, Text
from ml.package import BrokenPackage, Package
from predictions import jobs
from predictions.models.job import JobState
from predictions.stewardship import selectors as stewardship
from predictions.stewardship import serving
from predictions.stewardship.models import ServingDecision
from predictions.stewardship.reasons import written
from predictions.versions import access, gate, services
from predictions.versions.models import Answer, Proposal, Stage

KIND = "proposal"

NO_SUCH = Problem(
    "no_such_version",
    Text(
        "There is no package of this version here. Look at the list of versions.",
        "Il n’y a pas de paquet de cette version ici. Consultez la liste des versions.",
    ),
)
SERVING_BROKEN = Text(
    "Nothing can be held against version {version}, which serves: its package is missing or damaged. Return "
    "to the former version, or have the package put back, then propose.",
    "Rien ne peut être comparé à la version {version}, en service\u00a0: son paquet est absent ou altéré. "
    "Rétablissez la version antérieure, ou faites remettre le paquet, puis proposez.",
)
BROKEN = Text(
    "This package cannot be proposed: {why}",
    "Ce paquet ne peut pas être proposé\u00a0: {why}",
)
SERVES_ALREADY = Problem(
    "serves_already",
    Text("This version serves already.", "Cette version est déjà en service."),
)
ONE_IS_OPEN = Problem(
    "one_is_open",
    Text(
        "A version of this model is proposed already: wait for the answer, or withdraw that one first.",
        "Une version de ce modèle est déjà proposée : attendez la réponse, ou retirez d’abord celle-là.",
    ),
)
NOT_OPEN = Problem(
    "not_open",
    Text(
        "This proposal waits for no answer any more; the page shows what became of it.",
        "Cette proposition n’attend plus de réponse ; la page montre ce qu’elle est devenue.",
    ),
)
OWN = Problem(
    "own_proposal",
    Text(
        "Who proposes a version does not decide on it: a second person does.",
        "Qui propose une version n’en décide pas : une seconde personne le fait.",
    ),
)
PROPOSER_LEFT = Problem(
    "proposer_left",
    Text(
        "The account of whoever proposed this was closed since: two people have to stand behind a version. "
        "Have another steward propose it.",
        "Le compte de la personne qui a proposé cette version a été fermé depuis : deux personnes doivent "
        "répondre d’une version. Faites-la proposer par un autre responsable des modèles.",
    ),
)
CLOSED = Text(
    "{title}: your proposal of version {version} was closed, because {now} serves by now. Propose it again.",
    "{title} : votre proposition de la version {version} a été close, car {now} est désormais en service. "
    "Proposez-la de nouveau.",
)
NOT_ENTITLED = Problem(
    "not_entitled",
    Text(
        "Those who sign such studies in the unit decide on a version.",
        "Ceux qui signent ces études dans l’unité décident d’une version.",
    ),
)
TO_DECIDE = Text(
    "Version {version} of “{title}” is proposed for service: look at it and decide.",
    "La version {version} de «\u00a0{title}\u00a0» est proposée à la mise en service\u00a0: examinez-la et "
    "décidez.",
)
ANSWERS = {
    Answer.APPROVED: Text(
        "Version {version} of “{title}” was approved and serves.",
        "La version {version} de «\u00a0{title}\u00a0» a été approuvée et est en service.",
    ),
    Answer.DECLINED: Text(
        "Version {version} of “{title}” was declined.",
        "La version {version} de «\u00a0{title}\u00a0» a été refusée.",
    ),
}


def propose(*, user: User, algorithm: str, version: str, reason: str) -> Proposal:
    """Propose that a version should serve; a worker judges it before anybody is asked.

    Raises
    ------
    ml.contracts.Refused
        With the reason, also when the package is broken or too old for this code: nothing is kept then.
    """
    try:
        reason = written(reason)
        candidate, current = _proposed(algorithm, version)
    except Refused as refusal:
        codes = [problem.code for problem in refusal.problems]
        detail = {"version": version, "codes": codes}
        record(Action.REFUSE_INPUT, actor=user, kind=KIND, object_id=algorithm, detail=detail)
        raise
    last = Proposal.objects.filter(algorithm=algorithm).aggregate(last=Max("number"))["last"]
    made = Proposal(
        algorithm=algorithm,
        number=(last or 0) + 1,
        version=candidate.version,
        package_sha256=candidate.sha256,
        serving_version=current.version,
        serving_sha256=current.sha256,
        reason=reason,
        proposed_by=user,
        queued_at=timezone.now(),
    )
    try:
        with transaction.atomic():
            made.save(force_insert=True)
            services.register(candidate)
            _record(Action.REQUEST, made, user, reason=made.reason, serving=made.serving_version)
            jobs.start(made)
    except IntegrityError as error:
        raise Refused(ONE_IS_OPEN) from error
    return made


def approve(*, user: User, proposal: Proposal, threshold: str, reason: str = "") -> Proposal:
    """Approve an open proposal as the second person: its version serves from the next study on.

    Parameters
    ----------
    threshold
        Its operating point, as the person wrote it; see :func:`predictions.versions.gate.confirmed`.
    reason
        Further words; may be empty.

    Raises
    ------
    ml.contracts.Refused
        With the reason; nothing is changed.
    """
    _require_second(user, proposal)
    confirmed = gate.confirmed(proposal, threshold)
    reason = written(reason, needed=False)
    words = " — ".join(filter(None, (proposal.reason, reason)))
    with transaction.atomic():
        _answer(proposal, Answer.APPROVED, user, reason, confirmed_threshold=confirmed)
        detail = {"confirmed": confirmed, "point": proposal.point["name"]}
        _record(Action.APPROVE, proposal, user, reason=proposal.answer_reason, **detail)
        _tell_proposer(proposal)
        serving.serve(
            user=user,
            algorithm=proposal.algorithm,
            version=proposal.version,
            sha256=proposal.package_sha256,
            reason=words,
            replacing=proposal.serving_version,
            kept=partial(_link, proposal),
        )
    return proposal


def decline(*, user: User, proposal: Proposal, reason: str) -> Proposal:
    """Decline an open proposal as the second person; the reason is asked for. Errors as :func:`approve`."""
    _require_second(user, proposal)
    reason = written(reason)
    with transaction.atomic():
        _answer(proposal, Answer.DECLINED, user, reason)
        _record(Action.DECLINE, proposal, user, reason=proposal.answer_reason)
        _tell_proposer(proposal)
    return proposal


def withdraw(*, user: User, proposal: Proposal) -> Proposal:
    """Take a proposal back, judged or not, before anybody answered."""
    with transaction.atomic():
        if proposal.stage == Stage.JUDGING and not jobs.withdraw(proposal):
            raise Refused(NOT_OPEN)
        _answer(proposal, Answer.WITHDRAWN, user, "")
        _record(Action.WITHDRAW, proposal, user)
    return proposal


def follow(made: ServingDecision) -> None:
    """Close what waits for an answer and was held against a version that serves no more; tell its proposer.

    One that a worker is judging is left to its page, which says the same.
    """
    for proposal in Proposal.objects.filter(algorithm=made.algorithm, open=True, state=JobState.DONE):
        if proposal.serving_sha256 == made.package_sha256:
            continue
        why = f"{made.replaced_version} → {made.version}. {made.reason}"
        _answer(proposal, Answer.WITHDRAWN, made.decided_by, why)
        _record(Action.WITHDRAW, proposal, made.decided_by, reason=why)
        told = CLOSED.format(title="{title}", version="{version}", now=made.version)
        notices.notify([proposal.proposed_by], _named(told, proposal), link=address(proposal))


def ask(proposal: Proposal) -> None:
    """Tell those who may decide that a proposal passed the gate and waits for them."""
    people = [
        person for person in access.deciders(proposal.algorithm) if person.pk != proposal.proposed_by_id
    ]
    notices.notify(people, _named(TO_DECIDE, proposal), link=address(proposal))


def address(proposal: Proposal) -> str:
    """Return the path of the page of a proposal."""
    return reverse("proposal", args=[proposal.algorithm, proposal.pk])


def require_whole(algorithm: str, version: str) -> Package:
    """Return the package of a version, read from the disk now.

    Raises
    ------
    ml.contracts.Refused
        When there is none, or it is not whole: names what is broken.
    """
    if version not in packages.versions(algorithm):
        raise Refused(NO_SUCH)
    try:
        # From the disk, not from what this process once verified: a bit may have flipped since.
        return packages.read(packages.load(algorithm, version).folder)
    except BrokenPackage as error:
        raise Refused(Problem("broken_package", BROKEN.format(why=error))) from error


def _proposed(algorithm: str, version: str) -> tuple[Package, Package]:
    candidate = require_whole(algorithm, version)
    current = _current(algorithm)
    if candidate.sha256 == current.sha256:
        raise Refused(SERVES_ALREADY)
    if Proposal.objects.filter(algorithm=algorithm, open=True).exists():
        raise Refused(ONE_IS_OPEN)
    return candidate, current


def _current(algorithm: str) -> Package:
    try:
        return packages.load(algorithm)
    except BrokenPackage as error:
        said = SERVING_BROKEN.format(version=stewardship.service(algorithm).version)
        raise Refused(Problem("serving_broken", said)) from error


def _require_second(user: User, proposal: Proposal) -> None:
    if user.pk == proposal.proposed_by_id:
        raise Refused(OWN)
    if not access.may_approve(user, proposal.algorithm, proposal.proposed_by):
        raise Refused(NOT_ENTITLED)
    if proposal.stage != Stage.OPEN:
        raise Refused(NOT_OPEN)
    if not proposal.proposed_by.is_active:
        raise Refused(PROPOSER_LEFT)


def _link(proposal: Proposal, made: ServingDecision) -> None:
    proposal.serving_decision = made
    proposal.save(update_fields=["serving_decision"])


def _answer(proposal: Proposal, answer: Answer, user: User, reason: str, **values: Any) -> None:
    waiting = Proposal.objects.filter(pk=proposal.pk, open=True, answer="").exclude(state=JobState.RUNNING)
    values |= {
        "open": False,
        "answer": answer,
        "answered_by": user,
        "answered_at": timezone.now(),
        "answer_reason": reason,
    }
    if not waiting.update(**values):
        raise Refused(NOT_OPEN)
    proposal.refresh_from_db()


def _tell_proposer(proposal: Proposal) -> None:
    said = _named(ANSWERS[Answer(proposal.answer)], proposal)
    notices.notify([proposal.proposed_by], said, link=address(proposal))


def _named(text: Text, proposal: Proposal) -> Text:
    title = proposal.contract.title
    return Text(
        text.en.format(version=proposal.version, title=title.en),
        text.fr.format(version=proposal.version, title=title.fr),
    )


def _record(action: Action, proposal: Proposal, user: User, **detail: Any) -> None:
    about = {
        "algorithm": proposal.algorithm,
        "version": proposal.version,
        "sha256": proposal.package_sha256,
    }
    record(action, actor=user, kind=KIND, object_id=str(proposal.pk), detail=about | detail)
