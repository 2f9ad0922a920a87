"""Hostile CSV files: applications to be scored row by row, and a hospital's births to learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from random import Random

from ml import registry
from ml.contracts import FieldKind
from tests.hostile.case import FOREIGN, NO_NUMBERS, Case, Intake, Wrong, noise
from tests.hostile.forms import TEXTS

MEBIBYTE = 1 << 20
CREDIT_HEADER = ("age", "duration", "credit_amount")
BIRTHS_HEADER = ("mother_id", "admission_date", "parity", "haemoglobin_g_dl", "blood_loss_ml")
BIRTHS, SEVERE = 400, 20
FIRST_DAY = date(2023, 1, 1)
NO_DATES = (
    "32/01/2023",
    "2023-13-01",
    "2023-02-30",
    "0000-00-00",
    "2999-01-01",
    "1899-12-31",
    "yesterday",
    "1e9",
    "NaN",
    "44927",
    "2023",
    "٢٠٢٣-٠١-٠١",
    "=TODAY()",
    "\u202e2023-01-01",
    "01-01",
    "Mon",
    "20230101 12:00",
    "1/1/23",
    "2023-1",
    "-2023-01-01",
)
MEANS_MISSING = ("NaN", "nan", "-", ".", "None", "null")
"""What registers write where nothing is known: taken for that."""


def cases(intake: Intake) -> Iterator[Case]:
    """Yield every hostile table of one kind."""
    case = partial(Case, intake)
    whole = credit if intake is Intake.CREDIT else births
    yield case(Wrong.EMPTY, "nothing at all", bytes)
    yield from _no_tables(case)
    yield from _headers(case, whole)
    yield from _rows(case, whole)
    yield from _applications(case) if intake is Intake.CREDIT else _births(case)


def credit(rows: Sequence[Sequence[str]] = (), header: Sequence[str] = CREDIT_HEADER) -> bytes:
    """Return a table of applications; a good row before and behind the given ones."""
    good = ("35", "24", "2500")
    return _csv([header, good, *rows, good])


def births(rows: Sequence[Sequence[str]] = (), header: Sequence[str] = BIRTHS_HEADER) -> bytes:
    """Return a table of births, the given ones behind two years of good ones."""
    return _csv([header, *good_births(), *rows])


def good_births() -> list[list[str]]:
    """Return births that a model can be learned from."""
    chance = Random(0)
    losses = [1200] * SEVERE + [300] * (BIRTHS - SEVERE)
    chance.shuffle(losses)
    return [
        [
            f"SYN-{n:06d}",
            (FIRST_DAY + timedelta(days=n * 700 // BIRTHS)).isoformat(),
            str(chance.randrange(4)),
            f"{chance.uniform(9.5, 13.5):.1f}",
            str(loss + 10 * chance.randrange(10)),
        ]
        for n, loss in enumerate(losses)
    ]


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    return "".join(",".join(row) + "\n" for row in rows).encode("utf-8", "surrogatepass")


def _no_tables(case: Callable[..., Case]) -> Iterator[Case]:
    for name, magic in FOREIGN.items():
        yield case(Wrong.MAGIC, f"a {name} by another name", partial(_joined, magic, noise(name, 2000)))
    for name, content in {
        "zeros": bytes(4096),
        "newlines": b"\n" * 4096,
        "blanks": b" " * 4096,
        "commas": b"," * 4096,
        "quotation marks": b'"' * 4096,
        "tabs": b"\t" * 4096,
        "noise": noise("table", 4096),
        "a byte order mark": b"\xef\xbb\xbf",
        "UTF-32": "age,duration\n1,2\n".encode("utf-32"),
        "an open quotation mark": b'age,"duration\n' + b"1,2\n" * 500,
        "carriage returns": b"\r" * 4096,
        "semicolons in one line": b";".join([b"x"] * 5000),
        "one letter": b"a",
        "one name": b"age\n",
        "a NUL in its header": b"age,du\0ration\n35,24\n",
        "a NUL in a row": b"age,duration\n35,\0\n",
    }.items():
        yield case(Wrong.DAMAGED, f"{name} for a table", partial(bytes, content))
    for size in (1, 8):
        line = partial(_joined, b"a,b", b"x" * (size * MEBIBYTE))
        yield case(Wrong.HUGE, f"one line of {size} MiB", line)
    yield case(Wrong.HUGE, "a hundred thousand columns", partial(_wide, 100_000))
    yield case(Wrong.HUGE, "1,001 columns", partial(_wide, 1001))
    yield case(Wrong.SPARSE, "64 MiB of nothing", bytes, sparse=64 * MEBIBYTE)
    yield case(Wrong.SPARSE, "2 GiB of nothing", bytes, sparse=2 << 30)
    yield case(
        Wrong.SPARSE,
        "a header and 64 MiB of nothing",
        partial(bytes, b"age,duration\n"),
        sparse=64 * MEBIBYTE,
    )


def _headers(case: Callable[..., Case], whole: Callable[..., bytes]) -> Iterator[Case]:
    header = CREDIT_HEADER if whole is credit else BIRTHS_HEADER
    yield case(Wrong.TRUNCATED, "a header and no row", partial(_csv, [header]))
    yield case(Wrong.TRUNCATED, "half a header", partial(_cut, whole, 4))
    for name in header:
        twice = partial(whole, (), (*header, name))
        yield case(Wrong.LYING, f"{name} named twice", twice)
    for name in ("answer", "imputed", "problems", "label", "probability_bad", "threshold") * (
        whole is credit
    ):
        yield case(
            Wrong.LYING, f"a column called {name}, as the answer's", partial(whole, (), (*header[:-1], name))
        )
    yield case(
        Wrong.DAMAGED, "values for a header", partial(whole, (), ("1", "2", "3", "4", "5")[: len(header)])
    )
    yield case(Wrong.DAMAGED, "blanks for a header", partial(whole, (), ("",) * len(header)))


def _rows(case: Callable[..., Case], whole: Callable[..., bytes]) -> Iterator[Case]:
    width = len(CREDIT_HEADER if whole is credit else BIRTHS_HEADER)
    for cells in (0, 1, width - 1, width + 1, 100, 50_000):
        if (whole is credit and cells) or cells > width:
            yield case(Wrong.LYING, f"a row of {cells} cells", partial(whole, [("1",) * cells]))
    yield case(Wrong.HUGE, "a cell of 200,000 letters", partial(whole, [("x" * 200_000, *("1",) * width)]))
    yield case(Wrong.DAMAGED, "a quotation mark never closed", partial(whole, [('"35', *("1",) * width)]))
    for name, text in TEXTS.items():
        many = partial(whole, [(text.replace(",", ""), *("1",) * width)] * 5)
        yield case(Wrong.TEXT, f"five rows too long that begin with {name}", many)


def _applications(case: Callable[..., Case]) -> Iterator[Case]:
    for field in registry.contract("german_credit").fields:
        words = dict(TEXTS)
        if field.kind in (FieldKind.NUMBER, FieldKind.INTEGER):
            words |= {repr(said): said for said in NO_NUMBERS if said.strip()} | {"a lot": "1e9", "-1": "-1"}
        for name, said in words.items():
            if "," not in said and "\n" not in said and '"' not in said:
                header = ("age", field.name) if field.name != "age" else ("duration", "age")
                bad = partial(credit, [("35", said)], header)
                yield case(Wrong.NUMBER, f"{field.name} is {name}", bad)


def _births(case: Callable[..., Case]) -> Iterator[Case]:
    for said in NO_DATES:
        yield case(Wrong.NUMBER, f"every date is {said!a}", partial(_every, 1, said))
    for place, name in ((2, "parity"), (3, "haemoglobin"), (4, "blood loss")):
        for said in NO_NUMBERS:
            if said.strip() and said not in MEANS_MISSING:
                yield case(Wrong.NUMBER, f"every {name} is {said!a}", partial(_every, place, said))
        for said in ("1e9", "-5", "99999999", "9" * 400, "0x1F", "1.2.3", "12;5", "--3", "3-"):
            yield case(Wrong.NUMBER, f"every {name} is {said:.20}", partial(_every, place, said))
        for name_, text in TEXTS.items():
            if not {",", "\n", '"'} & set(text) and text not in MEANS_MISSING:
                yield case(Wrong.TEXT, f"every {name} is {name_}", partial(_every, place, text))
    for name, place in (("mother", 0), ("date", 1), ("blood loss", 4)):
        yield case(Wrong.EMPTY, f"no row has a {name}", partial(_every, place, ""))
        yield case(Wrong.EMPTY, f"the {name} is not in the table", partial(_dropped, place))
    for name, text in TEXTS.items():
        if not {",", "\n", '"'} & set(text):
            yield case(Wrong.TEXT, f"every date is {name}", partial(_every, 1, text))
    for cut in range(5, len(",".join(BIRTHS_HEADER)) + 2):
        yield case(Wrong.TRUNCATED, f"cut after {cut} letters of its header", partial(_cut, births, cut))
    yield case(Wrong.LYING, "every birth twice", partial(_twice, 2))
    yield case(Wrong.LYING, "every birth of one mother", partial(_every, 0, "SYN-1"))
    yield case(Wrong.LYING, "every birth on one day", partial(_every, 1, "2023-01-01"))
    yield case(Wrong.LYING, "no haemorrhage at all", partial(_every, 4, "300"))
    yield case(Wrong.LYING, "nothing but haemorrhages", partial(_every, 4, "2500"))
    yield case(Wrong.LYING, "the header again in the middle", partial(births, [BIRTHS_HEADER]))
    yield case(Wrong.LYING, "blood loss in litres", partial(_every, 4, "0.4"))
    yield case(Wrong.TRUNCATED, "nine births in ten cut short", _short)
    for kept in (1, 2, 5):
        yield case(Wrong.TRUNCATED, f"only {kept} births", partial(_first, kept))


def _joined(*parts: bytes) -> bytes:
    return b"".join(parts)


def _cut(whole: Callable[[], bytes], at: int) -> bytes:
    return whole()[:at]


def _wide(columns: int) -> bytes:
    header = ",".join(f"c{n}" for n in range(columns))
    return f"{header}\n1,2\n1,2\n".encode()


def _every(place: int, said: str) -> bytes:
    rows = [[*row[:place], said, *row[place + 1 :]] for row in good_births()]
    return _csv([BIRTHS_HEADER, *rows])


def _dropped(place: int) -> bytes:
    rows = [BIRTHS_HEADER, *good_births()]
    return _csv([[*row[:place], *row[place + 1 :]] for row in rows])


def _twice(times: int) -> bytes:
    return _csv([BIRTHS_HEADER, *good_births() * times])


def _short() -> bytes:
    rows = good_births()
    return _csv([BIRTHS_HEADER, *(row if n % 10 == 0 else row[:2] for n, row in enumerate(rows))])


def _first(kept: int) -> bytes:
    return _csv([BIRTHS_HEADER, *good_births()[:kept]])
