"""What of a patient the lists of disagreements hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from patients.erasure import Shredder, Subject
from predictions.agreement.models import Disagreement


def _rows(subject: Subject) -> Sequence[QuerySet[Any]]:
    found = Disagreement.objects.order_by().filter(study__patient=subject.patient)
    return [found.filter(study=subject.study) if subject.study else found]


SHREDDER = Shredder("disagreements", _("Lines of lists of disagreements"), 18, _rows, (Disagreement,))
