"""What people make of a result: an opinion, a signature that cannot be changed, an amendment after it."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import Problem, Refused, Text
from predictions import access, first_read, reading, selectors
from predictions.models import (
    GIVEN_REASONS,
    Amendment,
    ReadingReport,
    Reason,
    Review,
    Signature,
    Study,
    Verdict,
)
from predictions.states import NoSuchWay, State, check
from predictions.workspaces.sleep import scoring, signing

LONGEST_COMMENT = 2000
# Signatures of the first version stand for result, report and verdict; since the second also for what the
# signer wrote and for what they saw first; since the third for the hypnogram that is reported of a night.
CONTENT_VERSION = 3

NOT_OPEN = Problem(
    "not_open_for_review",
    Text(
        "This study has no result waiting for a reader. A signed one has to be amended first.",
        "Cette étude n’a pas de résultat en attente de lecture. Si elle est signée, rectifiez-la d’abord.",
    ),
)
UNKNOWN_VERDICT = Problem(
    "unknown_verdict",
    Text(
        "Say whether you agree, disagree or cannot assess the result.",
        "Indiquez si vous êtes d’accord, en désaccord, ou si vous ne pouvez pas évaluer le résultat.",
    ),
    field="verdict",
)
REASON_MISSING = Problem(
    "reason_missing",
    Text("Choose a reason.", "Choisissez un motif."),
    field="reason",
)
COMMENT_MISSING = Problem(
    "comment_missing",
    Text(
        "With the reason “other”, say in a few words what it is.",
        "Avec le motif « autre », précisez-le en quelques mots.",
    ),
    field="comment",
)
COMMENT_TOO_LONG = Problem(
    "comment_too_long",
    Text(
        f"The comment is longer than {LONGEST_COMMENT} characters.",
        f"Le commentaire dépasse {LONGEST_COMMENT} caractères.",
    ),
    field="comment",
)
NO_VERDICT = Problem(
    "verdict_missing",
    Text(
        "Give your own verdict on this result before signing it.",
        "Donnez votre propre avis sur ce résultat avant de le signer.",
    ),
    field="verdict",
)
NO_ASSESSMENT = Problem(
    "assessment_missing",
    Text(
        "Write your own assessment in a few words: the answer of the algorithm is shown after you signed.",
        "Rédigez votre propre appréciation en quelques mots : la réponse de l’algorithme s’affiche après "
        "votre signature.",
    ),
    field="assessment",
)
SUPERSEDED = Problem(
    "superseded",
    Text(
        "She was assessed again since, in the same stay. Read the latest assessment first, or confirm that "
        "you sign this earlier one.",
        "Elle a été réévaluée depuis, au cours de la même venue. Lisez d’abord la dernière évaluation, ou "
        "confirmez que vous signez celle-ci, plus ancienne.",
    ),
    field="later",
)
AMENDMENT_REASON_MISSING = Problem(
    "amendment_reason_missing",
    Text(
        "Say why the signed report has to be amended.",
        "Indiquez pourquoi le compte rendu signé doit être rectifié.",
    ),
    field="reason",
)


def give(*, user: User, study: Study, verdict: str, reason: str = "", comment: str = "") -> Review:
    """Record what a member of the unit thinks of the result; a changed mind is a new opinion.

    Raises
    ------
    django.core.exceptions.PermissionDenied
        When the reader does not care for patients in the study's unit; recorded.
    predictions.first_read.Blind
        When the reader has not said first what they see themselves.
    ml.contracts.Refused
        With what is missing, or when no result waits for a reader.
    """
    _require(access.may_review(user, study), user, study)
    first_read.require(user, study)
    problems = _problems(verdict, reason, comment)
    prediction = study.prediction
    if study.state != State.READY or prediction is None:
        problems.insert(0, NOT_OPEN)
    if problems:
        raise Refused(*problems)
    with transaction.atomic():
        review = Review.objects.create(
            prediction=prediction,
            author=user,
            verdict=verdict,
            reason="" if verdict == Verdict.AGREE else reason,
            comment=_plain(comment),
            changed_mind=first_read.changed_mind(user, prediction, verdict),
            created_at=timezone.now(),
        )
        _record(Action.REVIEW, user, study, {"verdict": verdict, "reason": review.reason})
    return review


def require_latest(study: Study, later: str = "") -> None:
    """Raise :class:`ml.contracts.Refused` when a later assessment took the place of ``study``.

    Parameters
    ----------
    later
        Id of the later assessment that the signer knows of; yet another one is told again.
    """
    found = selectors.later_assessment(study)
    if found is not None and str(found.pk) != later:
        raise Refused(SUPERSEDED)


def sign(
    *, user: User, study: Study, later: str = "", hypnogram: str = "", assessment: str = ""
) -> Signature:
    """Sign the result together with the signer's own verdict: the next version of the report, immutable.

    Parameters
    ----------
    later
        Id of the later assessment of the same stay that the signer knows of, empty for none.
    hypnogram
        Of a night, which one is reported, as :func:`predictions.workspaces.sleep.signing.fix` takes it.
    assessment
        Under a silent evaluation, what the signer makes of the study without the answer, in their words.

    Raises
    ------
    django.core.exceptions.PermissionDenied
        When this person does not sign such studies in this unit; recorded.
    predictions.first_read.Blind
        When the signer has not said first what they see themselves.
    ml.contracts.Refused
        Without a verdict of the signer since the result (or its amendment) was opened; when a part of the
        report that must be written is empty; when she was assessed again since and the signer does not
        say to know of it; or when it is not clear whose scoring of a night counts.
    predictions.states.NoSuchWay
        When there is nothing to sign, also because somebody else signed a moment ago.
    """
    _require(access.may_sign(user, study), user, study)
    check(study.state, State.SIGNED)
    silent = first_read.silent(study)
    if not silent or first_read.awaited(user, study):
        first_read.require(user, study)
    with transaction.atomic():
        _move(study, State.READY, State.SIGNED)
        previous = study.signatures.last()
        if silent:
            review, report = _unseen(user, study, assessment)
        else:
            review, report = _judged_and_written(user, study, previous)
        require_latest(study, later)
        # The lock of the move stands: no event of a scorer comes in between what is read here and the end.
        reported = signing.fix(user, study, review.prediction, hypnogram)
        signature = Signature(
            study=study,
            version=previous.version + 1 if previous else 1,
            prediction=review.prediction,
            review=review,
            signer=user,
            signed_at=timezone.now(),
            amendment_reason=previous.amendment.reason if previous else "",
            reading=report,
            first_read=first_read.of(user, study),
            hypnogram=reported,
            content_version=CONTENT_VERSION,
        )
        signature.content_sha256 = content_sha256(signature)
        signature.save(force_insert=True)
        detail = {"version": signature.version, "content_sha256": signature.content_sha256}
        detail |= {"later_assessment": later} if later else {}
        _record(Action.SIGN, user, study, detail)
    study.refresh_from_db()
    return signature


def amend(*, user: User, study: Study, reason: str) -> Amendment:
    """Open a signed study again; the signed version stays, the next signature is the next version.

    Raises
    ------
    django.core.exceptions.PermissionDenied
        When this person does not sign such studies in this unit; recorded.
    ml.contracts.Refused
        Without a reason.
    predictions.states.NoSuchWay
        When it is not signed.
    """
    _require(access.may_sign(user, study), user, study)
    check(study.state, State.READY)
    reason = _plain(reason)
    if not reason:
        raise Refused(AMENDMENT_REASON_MISSING)
    if len(reason) > LONGEST_COMMENT:
        raise Refused(COMMENT_TOO_LONG)
    with transaction.atomic():
        _move(study, State.SIGNED, State.READY)
        amendment = Amendment.objects.create(
            signature=study.signatures.last(), opened_by=user, opened_at=timezone.now(), reason=reason
        )
        _record(Action.AMEND, user, study, {"version": amendment.signature.version})
    study.refresh_from_db()
    return amendment


def standing(user: User, study: Study, previous: Signature | None) -> Review | None:
    """Return the latest verdict of ``user`` on the present result, unless it is from before an amendment."""
    review = selectors.last_review(study.prediction, user) if study.prediction else None
    amendment = getattr(previous, "amendment", None)
    if review is not None and amendment is not None and review.created_at < amendment.opened_at:
        return None
    return review


def content(signature: Signature) -> dict[str, Any]:
    """Return what a signature stands for: result, report, the package that made them, and the verdict.

    Since its second version also what the signer wrote and what they saw first, since its third the
    hypnogram of a night; older signatures keep the content they were made of, and so their hash.
    """
    prediction, review = signature.prediction, signature.review
    judged = {
        "study": str(signature.study_id),
        "algorithm": signature.study.algorithm,
        "version": signature.version,
        "package": {"version": prediction.package_version, "sha256": prediction.package_sha256},
        "result": prediction.result,
        "report": prediction.report,
        "review": {
            "author": review.author_id,
            "verdict": review.verdict,
            "reason": review.reason,
            "comment": review.comment,
        },
        "signer": signature.signer_id,
        "amendment_reason": signature.amendment_reason,
    }
    if signature.content_version > 1:
        judged |= _own_words(signature)
    if signature.content_version > 2:
        judged["hypnogram"] = signing.content(signature.hypnogram)
    return judged


def _own_words(signature: Signature) -> dict[str, Any]:
    written, seen = signature.reading, signature.first_read
    return {
        "reading": {"language": written.language, "fields": written.fields} if written else None,
        "first_read": {
            "impression": seen.impression,
            "confidence": seen.confidence,
            "at": seen.at.astimezone(UTC).isoformat(),
        }
        if seen
        else None,
    }


def content_sha256(signature: Signature) -> str:
    """Return the SHA-256 of the signed content as canonical JSON; it can be computed again at any time."""
    canonical = json.dumps(content(signature), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _plain(text: str) -> str:
    """Return ``text`` without what PostgreSQL cannot store and what nobody meant to type."""
    return text.replace("\x00", "").strip()


def _problems(verdict: str, reason: str, comment: str) -> list[Problem]:
    problems = []
    if verdict not in Verdict.values:
        problems.append(UNKNOWN_VERDICT)
    elif verdict != Verdict.AGREE and reason not in dict(GIVEN_REASONS):
        problems.append(REASON_MISSING)
    elif verdict != Verdict.AGREE and reason == Reason.OTHER and not _plain(comment):
        problems.append(COMMENT_MISSING)
    if len(comment) > LONGEST_COMMENT:
        problems.append(COMMENT_TOO_LONG)
    return problems


def _judged_and_written(
    user: User, study: Study, previous: Signature | None
) -> tuple[Review, ReadingReport | None]:
    """Return the signer's latest verdict, given since the result was last opened, and what they wrote."""
    problems: list[Problem] = []
    written = None
    review = standing(user, study, previous)
    if review is None:
        problems.append(NO_VERDICT)
    try:
        written = reading.to_sign(user, study)
    except Refused as refusal:
        problems += refusal.problems
    if problems or review is None:
        raise Refused(*problems)
    return review, written


def _unseen(user: User, study: Study, assessment: str) -> tuple[Review, ReadingReport | None]:
    """Return that the signer judged without the answer, and what they wrote."""
    words, problems = _plain(assessment), []
    written = None
    if not words and not study.contract.reading and study.algorithm != scoring.ALGORITHM:
        problems.append(NO_ASSESSMENT)
    if len(words) > LONGEST_COMMENT:
        problems.append(COMMENT_TOO_LONG)
    try:
        written = reading.to_sign(user, study)
    except Refused as refusal:
        problems += refusal.problems
    if problems:
        raise Refused(*problems)
    review = Review.objects.create(
        prediction=study.prediction,
        author=user,
        verdict=Verdict.CANNOT_ASSESS,
        reason=Reason.UNSEEN,
        comment=words,
        created_at=timezone.now(),
    )
    return review, written


def _move(study: Study, current: State, following: State) -> None:
    """Take the way between two states if nobody else just did; :class:`NoSuchWay` otherwise."""
    if not Study.objects.filter(pk=study.pk, state=current).update(state=following):
        raise NoSuchWay(f"the study is no longer {current}")


def _require(allowed: bool, user: User, study: Study) -> None:
    if not allowed:
        _record(Action.REFUSED, user, study, {})
        raise PermissionDenied


def _record(action: Action, user: User, study: Study, detail: dict[str, Any]) -> None:
    record(action, actor=user, patient=study.patient_id, study=study.pk, kind="study", detail=detail)
