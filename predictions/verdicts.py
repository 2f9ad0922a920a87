"""What a signer thinks of a figure, in words: wherever the signed figure stands, this stands beside it.

A signature attests that somebody read the result, not that they agree with it. Whoever meets the figure in
a file or a list has to meet the disagreement with it. Who signs in a silent evaluation has not even seen the
result: that is said as what it is, and not as an opinion that they had of it.
"""

from __future__ import annotations

from django.utils import translation

from ml.contracts import Text
from predictions.models import Reason, Review, Verdict

SENTENCES = {
    Verdict.AGREE: Text("The signer agrees with this result", "Le signataire est d’accord avec ce résultat"),
    Verdict.DISAGREE: Text(
        "The signer disagrees with this result", "Le signataire n’est pas d’accord avec ce résultat"
    ),
    Verdict.CANNOT_ASSESS: Text(
        "The signer could not assess this result", "Le signataire n’a pas pu évaluer ce résultat"
    ),
}
BRIEF = {
    Verdict.AGREE: Text("signed: agrees", "signé : d’accord"),
    Verdict.DISAGREE: Text("signed: disagrees", "signé : pas d’accord"),
    Verdict.CANNOT_ASSESS: Text("signed: cannot assess", "signé : ne peut pas évaluer"),
}
NOT_SEEN = "not_seen"
"""Stands for the verdict of a silent signature, wherever one is given as a code."""
UNSEEN = Text(
    "Signed in a silent evaluation, without sight of this result",
    "Signé en évaluation silencieuse, sans avoir vu ce résultat",
)
BRIEF_UNSEEN = Text("signed without sight of it", "signé sans l’avoir vu")
OWN_WORDS = Text("The signer’s own assessment: {comment}", "Appréciation propre du signataire : {comment}")
COMMENT = Text("Comment: {comment}", "Commentaire : {comment}")


def agrees(review: Review) -> bool:
    """Return whether the figure stands as the signer's own opinion."""
    return review.verdict == Verdict.AGREE


def unseen(review: Review) -> bool:
    """Return whether the signer signed without sight of the result, in a silent evaluation."""
    return review.reason == Reason.UNSEEN


def code(review: Review) -> str:
    """Return the verdict as a code, :data:`NOT_SEEN` where there could be none."""
    return NOT_SEEN if unseen(review) else review.verdict


def reason_code(review: Review) -> str:
    """Return the reason as a code; nothing where the verdict says it already."""
    return "" if unseen(review) else review.reason


def label(review: Review, language: str) -> str:
    """Say the verdict alone: "Disagree"."""
    if unseen(review):
        return UNSEEN.to(language)
    with translation.override(language):
        return str(review.get_verdict_display())


def reason_label(review: Review, language: str) -> str:
    """Say the reason alone, as the review form does; nothing where the verdict says it already."""
    if unseen(review) or not review.reason:
        return ""
    with translation.override(language):
        return str(review.get_reason_display())


def line(review: Review, language: str) -> str:
    """Say verdict and reason on a page: "Disagree · Poor input"."""
    return " · ".join(filter(None, (label(review, language), reason_label(review, language))))


def sentence(review: Review, language: str) -> str:
    """Say it whole: "The signer disagrees with this result: poor input. Comment: wrong platelets"."""
    if unseen(review):
        said = UNSEEN.to(language) + "."
        return f"{said} {OWN_WORDS.format(comment=review.comment).to(language)}" if review.comment else said
    colon = " : " if language == "fr" else ": "
    reason = _reason(review, language)
    said = SENTENCES[Verdict(review.verdict)].to(language) + (f"{colon}{reason}." if reason else ".")
    return f"{said} {COMMENT.format(comment=review.comment).to(language)}" if review.comment else said


def brief(review: Review, language: str) -> str:
    """Say it in a line of a list: "signed: disagrees – poor input"."""
    if unseen(review):
        return BRIEF_UNSEEN.to(language)
    reason = _reason(review, language)
    said = BRIEF[Verdict(review.verdict)].to(language)
    return f"{said} – {reason}" if reason else said


def _reason(review: Review, language: str) -> str:
    """Return the reason as it stands within a sentence; nothing for an agreement."""
    said = reason_label(review, language)
    return said[:1].lower() + said[1:]
