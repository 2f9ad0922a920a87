"""Why somebody decided on a version: asked for, kept whole."""

from __future__ import annotations

from ml.contracts import Problem, Refused, Text

LONGEST_REASON = 2000

NO_REASON = Problem(
    "reason_missing",
    Text(
        "Write why: whoever asks later which version ran, and why, reads it here.",
        "Indiquez pourquoi : qui demandera plus tard quelle version tournait, et pourquoi, le lira ici.",
    ),
    field="reason",
)
TOO_LONG = Text(
    "The reason has {n} characters; at most {most} are kept. Shorten it.",
    "Le motif compte {n} caractères ; {most} au plus sont conservés. Raccourcissez-le.",
)


def written(reason: str, *, needed: bool = True) -> str:
    """Return a reason as it is kept.

    Parameters
    ----------
    reason
        As it was sent. A browser sends each line break as two characters but counts one.
    needed
        Whether it may not be empty.

    Raises
    ------
    ml.contracts.Refused
        When it is missing, or longer than what is kept: nobody's words are cut.
    """
    kept = reason.replace("\r\n", "\n").strip()
    if needed and not kept:
        raise Refused(NO_REASON)
    if len(kept) > LONGEST_REASON:
        said = TOO_LONG.format(n=len(kept), most=LONGEST_REASON)
        raise Refused(Problem("reason_too_long", said, field="reason"))
    return kept
