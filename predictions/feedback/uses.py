"""In which training sets a patient is, and what follows when they no longer agree."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from clinic.accounts import notices
from clinic.accounts.models import Unit, User
from clinic.accounts.roles import Role
from ml.contracts import Text
from patients.consent import Use
from patients.models import Patient, Research
from predictions.feedback import services
from predictions.feedback.models import Included

TAKE_OUT = Text(
    "A patient no longer agrees that their data be learned from, or was erased. They are “{name}” in set "
    "{number} ({algorithm}): take them out of every copy, and train no more on them.",
    "Un patient n’est plus d’accord pour l’utilisation de ses données, ou a été effacé. Il s’appelle "
    "« {name} » dans le jeu d’entraînement {number} ({algorithm}) : retirez-le de chaque copie, "
    "sans plus entraîner avec lui.",
)


def of(patient: Patient) -> Iterator[Use]:
    """Yield every training set a patient is in."""
    language = get_language() or "en"
    for line in _lines(patient):
        asked = line.training_set.request
        title = asked.contract.title.to(language)
        yield Use(
            at=line.training_set.finished_at or line.training_set.queued_at,
            title=_("Training set %(number)s, %(algorithm)s") % {"number": asked.number, "algorithm": title},
            name=line.name,
            detail=_("no longer agreed: copies have to be withdrawn") if line.withdrawn_at else "",
        )


def changed(patient: Patient) -> None:
    """Honour that somebody no longer agrees, whatever they say instead: files still here go, and those who
    may have copies are told whom to take out.

    The notice names a pseudonym, which only who has the set can find.
    """
    if patient.research == Research.AGREED:
        return
    for line in _lines(patient).filter(withdrawn_at=None):
        services.discard(line.training_set, "a patient no longer agrees")
        tell(line)
    _lines(patient).filter(withdrawn_at=None).update(withdrawn_at=timezone.now())


def tell(line: Included) -> None:
    """Tell those who may have a copy whom to take out of it."""
    asked = line.training_set.request
    said = {"name": line.name, "number": asked.number}
    text = Text(
        TAKE_OUT.en.format(**said, algorithm=asked.contract.title.en),
        TAKE_OUT.fr.format(**said, algorithm=asked.contract.title.fr),
    )
    stewards = User.objects.filter(role=Role.STEWARD, is_active=True)
    leads = notices.leads(Unit.objects.filter(code=asked.contract.unit))
    notices.notify([*stewards, *leads], text, link=services.page(asked))


def _lines(patient: Patient) -> QuerySet[Included]:
    return Included.objects.filter(patient=patient).select_related("training_set__request")
