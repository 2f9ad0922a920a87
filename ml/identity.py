"""Who a file says it is about, and whether that contradicts the record. Standard library only."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a file says it is about, or who the record says it should be about."""

    family_name: str = ""
    given_name: str = ""
    record_number: str = ""
    birth_date: date | None = None
    sex: str = ""

    @property
    def empty(self) -> bool:
        """Whether nothing in it could identify anybody (a sex alone cannot)."""
        return not (self.family_name or self.given_name or self.record_number or self.birth_date)

    def contradictions(self, record: Identity) -> tuple[str, ...]:
        """Name the parts in which this identity, read from a file, contradicts the record.

        Only parts present on both sides are compared. Names are compared without accents, case,
        punctuation and order, because devices write ``DUPONT^CLAIRE``, ``Dupont Claire`` and
        ``Claire_Dupont`` for the same person.

        Returns
        -------
        tuple of str
            Among ``"name"``, ``"record_number"``, ``"birth_date"``, ``"sex"``.
        """
        found = []
        mine, theirs = self._name_words(), record._name_words()
        if mine and theirs and not (mine <= theirs or theirs <= mine):
            found.append("name")
        numbers = _fold(self.record_number), _fold(record.record_number)
        if all(numbers) and numbers[0] != numbers[1]:
            found.append("record_number")
        if self.birth_date and record.birth_date and self.birth_date != record.birth_date:
            found.append("birth_date")
        if self.sex and record.sex and self.sex.upper()[:1] != record.sex.upper()[:1]:
            found.append("sex")
        return tuple(found)

    def _name_words(self) -> frozenset[str]:
        words = re.split(r"[\W_]+", f"{self.family_name} {self.given_name}")
        return frozenset(folded for word in words if (folded := _fold(word)))


def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if c.isalnum()).casefold()
