"""One line of a night for lists and programs: what would be reported of it, and who scores it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db.models import F

from clinic.accounts.models import User
from ml.contracts import Text
from predictions.models import Scoring, Study
from predictions.workspaces.sleep import scoring
from predictions.workspaces.sleep.scoring import Hypnogram

SLEPT = Text(
    "{hours} h {minutes:02} of sleep, efficiency {efficiency}%",
    "{hours} h {minutes:02} de sommeil, efficacité {efficiency}\u202f%",
)
UNDEFINED = Text("no recording time between the lights", "aucun temps d’enregistrement entre les lumières")
SCORED_BY = Text("scored by {who}", "scoré par {who}")
BEING_SCORED_BY = Text("being scored by {who}", "scorage en cours par {who}")
UNCORRECTED = Text("draft of the network, uncorrected", "brouillon du réseau, non corrigé")


def lines(user: User, studies: Iterable[Study], scored: Mapping[UUID, Text]) -> Mapping[UUID, Text]:
    """Return what each night says in a line wherever that is more than the draft that was stored.

    Signed, also while it is corrected: what was signed. Else what ``user`` finds on its page.

    Parameters
    ----------
    studies
        Of any kind, with ``predictions`` and ``signatures`` read.
    scored
        From :func:`scorers`.
    """
    found = {}
    for study in studies:
        if study.algorithm != scoring.ALGORITHM or study.prediction is None:
            continue
        signature = next(reversed(study.signatures.all()), None)
        if signature is not None:
            found[study.pk] = of(scoring.of(signature))
        elif study.pk in scored and (now := scoring.current(study, user)).scorer is not None:
            found[study.pk] = of(now)
    return found


def beside(line: Text | None, who: Text | None) -> Text | None:
    """Return who scores a night unless its line names just them already."""
    return None if line is not None and who is not None and line.en.endswith(who.en) else who


def of(hypnogram: Hypnogram) -> Text:
    """Return sleep, efficiency and whose scoring it is."""
    found = hypnogram.statistics
    said = UNDEFINED
    if found["se"] is not None:
        hours, minutes = divmod(round(found["tst"]), 60)
        said = SLEPT.format(hours=hours, minutes=minutes, efficiency=round(found["se"]))
    whose = UNCORRECTED
    if hypnogram.scorer is not None:
        open_yet = hypnogram.scoring is not None and hypnogram.scoring.closed_at is None
        whose = (BEING_SCORED_BY if open_yet else SCORED_BY).format(who=hypnogram.scorer.label)
    return Text(f"{said.en}, {whose.en}", f"{said.fr}, {whose.fr}")


def scorers(studies: Iterable[Study]) -> Mapping[UUID, Text]:
    """Return who scored the version of each night that waits for its signature, or is at it."""
    nights = [study.pk for study in studies if study.algorithm == scoring.ALGORITHM]
    made = (
        Scoring.objects.filter(study__in=nights, unfinished=False)
        .exclude(study__signatures__version__gte=F("version"))
        .select_related("scorer")
    )
    finished: dict[UUID, list[str]] = {}
    at_it: dict[UUID, list[str]] = {}
    for one in made if nights else ():
        names = (finished if one.finished else at_it).setdefault(one.study_id, [])
        if one.scorer.label not in names:
            names.append(one.scorer.label)
    busy = {pk: BEING_SCORED_BY.format(who=", ".join(names)) for pk, names in at_it.items()}
    return {pk: SCORED_BY.format(who=", ".join(names)) for pk, names in finished.items()} | busy
