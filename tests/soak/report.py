"""What happened in a soak: one line of JSON each as it goes on, and the tables at its end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from predictions.models import Study
from predictions.states import State

ENDS = (State.READY, State.REFUSED, State.FAILED)


class Report:
    """The lines of a soak; one that was cut short goes on from them."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, **line: Any) -> None:
        """Write one line, at once on the disk."""
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")

    def lines(self, what: str) -> list[dict[str, Any]]:
        """Return the lines that tell of ``what``."""
        return [line for line in self._read() if line["line"] == what]

    def done(self, what: str) -> set[int]:
        """Return the numbers that lines of ``what`` carry."""
        return {line["number"] for line in self.lines(what)}

    def _read(self) -> Iterator[dict[str, Any]]:
        if self._path.exists():
            for line in self._path.read_text("utf-8").splitlines():
                yield json.loads(line)


def tables(report: Report) -> str:
    """Return what was killed and what became of the studies, as two tables in Markdown."""
    sent = report.lines("study")
    states = {
        str(pk): (state, deaths)
        for pk, state, deaths in Study.objects.filter(
            pk__in=[line["id"] for line in sent if line["id"]]
        ).values_list("pk", "state", "deaths")
    }
    return "\n".join([*_by_kind(sent, states), "", *_by_event(report.lines("event"), states), ""])


def _by_kind(sent: Iterable[Mapping[str, Any]], states: Mapping[str, tuple[str, int]]) -> Iterator[str]:
    counts: dict[str, Counter[str]] = {}
    for line in sent:
        kind = counts.setdefault(line["kind"], Counter())
        state, deaths = states.get(line["id"], ("turned away", 0))
        kind.update([state, "sent", *(["interrupted"] * bool(deaths)), *(["again"] * (line["tries"] > 1))])
    columns = ("sent", "again", "turned away", "interrupted", *ENDS)
    yield from _table("what was sent", columns, counts)


def _by_event(events: Iterable[Mapping[str, Any]], states: Mapping[str, tuple[str, int]]) -> Iterator[str]:
    counts: dict[str, Counter[str]] = {}
    for event in events:
        row = counts.setdefault(event["what"], Counter())
        ends = [states[study][0] for study in event["under_way"] if study in states]
        row.update(["times", *(["under way"] * len(ends)), *ends])
    yield from _table("what happened", ("times", "under way", *ENDS), counts)


def _table(title: str, columns: Iterable[str], rows: Mapping[str, Counter[str]]) -> Iterator[str]:
    heads = [str(column) for column in columns]
    yield f"| {title} | {' | '.join(heads)} |"
    yield f"|---|{'---:|' * len(heads)}"
    total: Counter[str] = Counter()
    for name, counted in sorted(rows.items()):
        total.update(counted)
        yield f"| {name} | {' | '.join(str(counted[head]) for head in heads)} |"
    yield f"| **together** | {' | '.join(str(total[head]) for head in heads)} |"
