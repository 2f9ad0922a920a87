"""A training set while it is written: who may be in it, what they are called, where each label comes from."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from django.utils.crypto import salted_hmac

from clinic.accounts.models import User
from ml.algorithms.chest_xray.deidentify import Pseudonym
from patients import consent
from patients.models import Patient, Research
from predictions import births_csv, reanalysis
from predictions.archive import Archive
from predictions.models import Prediction, Signature, Study
from predictions.outputs import deidentified
from predictions.states import State

PROVENANCE = "provenance.csv"
COLUMNS = (
    "example", "patient", "consent", "consent_month", "study", "package_version", "package_sha256",
    "signed_by_role", "recorded_by_role", "month", "outcome", "outcome_source", "blind",
)  # fmt: skip
INVENTED = "invented"
BEING_AMENDED = "being_amended"
"""Of a signed study that was opened again: what stood in it is being corrected, and so no truth."""
SITE_KEY = "vigie.training_sets"
REPEATED = "repeated"
"""Of files that were analysed again and signed again: the last one signed is the example."""
LETTERS = 12


def site_key() -> bytes:
    """Return the key of the pseudonyms of every set of this site: a woman has one name in all of them.

    The research key where the site set one, else one that follows from its secret key and changes with it.
    """
    return settings.RESEARCH_KEY.encode() or salted_hmac(SITE_KEY, "pseudonyms", algorithm="sha256").digest()


def _standing(signature: Signature) -> tuple[bool, datetime]:
    return signature.study.state == State.SIGNED, signature.signed_at


class Writing:
    """One training set.

    Parameters
    ----------
    invented
        Whether invented patients of the demo may be in it.

    Attributes
    ----------
    left_out
        Examples that could be in it, by the reason why they are not.
    included
        Examples by patient.
    """

    def __init__(self, archive: Archive, *, invented: bool) -> None:
        self.archive = archive
        self._invented = invented
        self._names: dict[UUID, Pseudonym] = {}
        self._agreed: dict[UUID, str] = {}
        self._barred: dict[UUID, str] = {}
        self._rows: list[dict[str, str]] = []
        self.left_out: Counter[str] = Counter()
        self.included: Counter[UUID] = Counter()

    def look(self, patients: Iterable[UUID]) -> None:
        """Find out who of ``patients`` may be in it."""
        asked = set(patients)
        self._barred = consent.barred(asked)
        said = Patient.objects.filter(pk__in=asked, research=Research.AGREED).order_by()
        self._agreed = {
            pk: f"{timezone.localtime(at):%Y-%m}" if at else ""
            for pk, at in said.values_list("pk", "research_at")
        }
        if not self._invented:
            made_up = Patient.objects.filter(pk__in=asked, invented=True).values_list("pk", flat=True)
            self._barred |= dict.fromkeys(made_up, INVENTED)

    def may(self, patient: UUID) -> bool:
        """Return whether a patient may be in it, counting the example that stays out."""
        why = self._barred.get(patient)
        if why:
            self.left_out[why] += 1
        return not why

    def once(self, signatures: Iterable[Signature]) -> list[Signature]:
        """Return of files that were analysed again only what was signed last, counting what stays out.

        Parameters
        ----------
        signatures
            One of each study. Where all studies of the same files are being amended, one of them is returned.
        """
        chosen: dict[UUID, Signature] = {}
        for one in signatures:
            files = reanalysis.first_of(one.study).pk
            known = chosen.get(files)
            if known is not None:
                self.left_out[REPEATED] += 1
            if known is None or _standing(one) > _standing(known):
                chosen[files] = one
        return list(chosen.values())

    def pseudonym(self, patient: UUID) -> Pseudonym:
        """Return what a patient is called: the same all through the set, and in every other of this site."""
        if patient not in self._names:
            self._names[patient] = deidentified.pseudonym_of(str(patient), site_key())
        return self._names[patient]

    def consent(self) -> dict[str, dict[str, str]]:
        """Return by pseudonym what each patient of the set said, and in which month that was recorded."""
        said = {
            self.pseudonym(patient).name: {"research": Research.AGREED.value, "month": self._agreed[patient]}
            for patient in self.included
        }
        return dict(sorted(said.items()))

    def study(self, study: Study) -> str:
        """Return what a study is called: a keyed hash, which nobody without the key can undo."""
        whose = self.pseudonym(study.patient_id)
        own = hmac.new(whose.key, b"study" + str(study.pk).encode(), hashlib.sha256).hexdigest()
        return f"{whose.name}-{own[:LETTERS]}"

    def add(
        self,
        example: str,
        study: Study,
        prediction: Prediction,
        *,
        by: User,
        at: datetime,
        outcome: str,
        source: str,
        blind: bool | None,
        recorded_by: User | None = None,
    ) -> None:
        """Put an example on the list, with where its label comes from.

        Parameters
        ----------
        by, at
            Who signed, of whom the role is written, and when, of which the month is.
        blind
            Whether it was said before the answer was shown; ``None`` where nobody can tell.
        recorded_by
            Who recorded the outcome, where that is somebody else.
        """
        self.included[study.patient_id] += 1
        self._rows.append(
            {
                "example": example,
                "patient": self.pseudonym(study.patient_id).name,
                "consent": Research.AGREED.value,
                "consent_month": self._agreed[study.patient_id],
                "study": self.study(study),
                "package_version": prediction.package_version,
                "package_sha256": prediction.package_sha256,
                "signed_by_role": by.role,
                "recorded_by_role": (recorded_by or by).role,
                "month": f"{timezone.localtime(at):%Y-%m}",
                "outcome": outcome,
                "outcome_source": source,
                "blind": {True: "yes", False: "no", None: "unknown"}[blind],
            }
        )

    def close(self) -> None:
        """Write where every label comes from."""
        self.archive.write(PROVENANCE, births_csv.written(self._rows, list(COLUMNS)).encode())
