"""Reading anchors back beside the walk over the chain: what was signed outside against what stands here."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db.models import Max

from clinic.audit.anchors import statements
from clinic.audit.anchors.statements import BadStatement, Statement
from clinic.audit.anchors.targets import FileTarget, configured
from clinic.audit.models import Anchor, AnchorTarget, Seal

REMEMBERED = 500
"""Lines that may be sent twice: whoever sent them went down before noting that they had arrived."""
CHUNK = 500


class Trail:
    """One series of anchors, read line by line as the walk goes on; its first fault ends its reading.

    Parameters
    ----------
    name
        What the report calls it.
    lines
        One anchor each; what a syslog server writes before it is passed over.
    keys
        Public keys to check with, by id.
    chain
        Hash of the first seal.
    written
        Number of the last anchor it must hold; 0 when nobody knows.

    Attributes
    ----------
    fault : str
        What is wrong with the anchors themselves, or empty.
    seen : int
        Anchors that were right.
    """

    def __init__(
        self,
        name: str,
        lines: Iterable[str],
        keys: Mapping[str, Ed25519PublicKey],
        *,
        chain: str,
        written: int = 0,
    ) -> None:
        self.name = name
        self.fault = ""
        self.seen = 0
        self._keys, self._chain, self._written = keys, chain, written
        self._number, self._line, self._position = 0, "", 0
        self._recent: OrderedDict[str, None] = OrderedDict()
        self._where = name
        self._statements = self._read(lines)
        self._next: Statement | None = None
        self._advance()

    def compare(self, position: int, link: str, event: int) -> str:
        """Hold one link of the chain against what was anchored; return what is wrong with it."""
        while self._next is not None and self._next.position < position:
            self._advance()
        if self._next is None or self._next.holds(position, link) is not False:
            return ""
        return (
            f"event {event} (seal {position}) is not the one signed in {self._where}: the chain was "
            "recomputed from here, or from a row before that no anchor covers"
        )

    def finish(self, position: int) -> str:
        """Read to the end; return what the anchors say there was behind the last link walked."""
        while self._next is not None:
            end = self._next
            grown = Seal.objects.filter(position=end.position, hash=end.hash)
            if end.position > position and not grown.exists():
                return (
                    f"the chain ends with seal {position}, but event {end.event} (seal {end.position}) was "
                    f"signed in {self._where}: the chain was cut off after seal {position}"
                )
            self._advance()
        if not self.fault and self._number < self._written:
            self.fault = (
                f"{self.name} ends with anchor {self._number}, but had taken anchor {self._written}: "
                "its end was cut off"
            )
        return ""

    def _advance(self) -> None:
        self._next = None
        try:
            self._next = next(self._statements, None)
        except BadStatement as error:
            self.fault = f"{self._where} {error}"
        except FileNotFoundError:
            self.fault = f"{self.name} is missing" if self._written else ""
        except (OSError, UnicodeDecodeError) as error:
            self.fault = f"{self.name} cannot be read ({type(error).__name__})"

    def _read(self, lines: Iterable[str]) -> Iterator[Statement]:
        for row, text in enumerate(lines, 1):
            self._where = f"line {row} of {self.name}"
            line = text[max(text.find("{"), 0) :].strip()
            if line and line not in self._recent:
                statement = statements.read(line, self._keys)
                self._where = f"anchor {statement.number} (line {row} of {self.name})"
                self._check(statement)
                self._remember(line, statement)
                yield statement

    def _check(self, statement: Statement) -> None:
        """Raise :class:`BadStatement` unless it follows the one before and belongs to this chain."""
        if statement.chain != self._chain:
            raise BadStatement("is of another chain: seal 1 was another one")
        if not self._line and not self._written:  # a log server may have begun to listen later
            return
        if statement.number != self._number + 1:
            raise BadStatement(f"follows anchor {self._number}: anchors were removed or exchanged")
        if statement.previous != (statements.line_hash(self._line) if self._line else ""):
            raise BadStatement("does not follow the one before it: anchors were exchanged")

    def _remember(self, line: str, statement: Statement) -> None:
        self._line, self._number, self._position = line, statement.number, statement.position
        self.seen += 1
        self._recent[line] = None
        if len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)


def laid(keys: Mapping[str, Ed25519PublicKey], others: Iterable[Path] = ()) -> list[Trail]:
    """Return every series of anchors that can be read here: the database's own, files, and ``others``.

    Parameters
    ----------
    others
        Files brought from a log server or from whoever takes the anchors at a web address.
    """
    chain = Seal.objects.order_by("position").values_list("hash", flat=True).first() or ""
    sent = dict(AnchorTarget.objects.values_list("name", "sent"))
    made = Anchor.objects.aggregate(Max("number"))["number__max"] or 0
    written = max([made, *sent.values()])
    trails = [Trail("the table of anchors", _kept(), keys, chain=chain, written=written)]
    for target in configured():
        if isinstance(target, FileTarget):
            taken = sent.get(target.name, 0)
            trails.append(_file(target.path, keys, chain=chain, written=taken))
    return trails + [_file(path, keys, chain=chain) for path in others]


def _kept() -> Iterator[str]:
    """Yield the anchors of the database, in chunks, so that no long query stops writers."""
    last = 0
    while chunk := list(Anchor.objects.filter(number__gt=last).order_by("number")[:CHUNK]):
        yield from (anchor.statement for anchor in chunk)
        last = chunk[-1].number


def _file(path: Path, keys: Mapping[str, Ed25519PublicKey], *, chain: str, written: int = 0) -> Trail:
    return Trail(str(path), _lines(path), keys, chain=chain, written=written)


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        yield from file
