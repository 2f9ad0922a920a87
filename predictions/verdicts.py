"""What a signer thinks of a figure, in words: wherever the signed figure stands, this stands beside it.

A signature attests that somebody read the result, not that they agree with it. Whoever meets the figure in
a file or a list has to meet the disagreement with it.
"""

from __future__ import annotations

from django.utils import translation

from ml.contracts import Text
from predictions.models import Review, Verdict

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
COMMENT = Text("Comment: {comment}", "Commentaire : {comment}")


def agrees(review: Review) -> bool:
    """Return whether the figure stands as the signer's own opinion."""
    return review.verdict == Verdict.AGREE


def sentence(review: Review, language: str) -> str:
    """Say it whole: "The signer disagrees with this result: poor input. Comment: wrong platelets"."""
    colon = " : " if language == "fr" else ": "
    reason = _reason(review, language)
    said = SENTENCES[Verdict(review.verdict)].to(language) + (f"{colon}{reason}." if reason else ".")
    return f"{said} {COMMENT.format(comment=review.comment).to(language)}" if review.comment else said


def brief(review: Review, language: str) -> str:
    """Say it in a line of a list: "signed: disagrees – poor input"."""
    reason = _reason(review, language)
    said = BRIEF[Verdict(review.verdict)].to(language)
    return f"{said} – {reason}" if reason else said


def _reason(review: Review, language: str) -> str:
    """Return the reason as it stands within a sentence; nothing for an agreement."""
    if not review.reason:
        return ""
    with translation.override(language):
        label = str(review.get_reason_display())
    return label[:1].lower() + label[1:]
