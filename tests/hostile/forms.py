"""Hostile answers to the forms: what a program or a bent page sends instead of a patient's values."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ml import registry
from ml.algorithms.haemorrhage.examples import EXAMPLES
from ml.contracts import Contract, Field, FieldKind
from tests.hostile.case import FOREIGN, NO_NUMBERS, Case, Intake, Wrong, noise

NO_VALUES: dict[str, Any] = {
    "true": True,
    "a list": [1],
    "an object": {"$gt": 0},
    "an empty list": [],
    "a nested list": [[[1]]],
    "half a character": "\ud800",
    "NUL": "\0",
    "5,000 letters": "x" * 5000,
}
TEXTS = {
    "a script": "<script>alert(1)</script>",
    "a path": "../../../etc/passwd",
    "SQL": "'; DROP TABLE study; --",
    "a formula": '=HYPERLINK("http://x","y")',
    "right to left": "\u202eoui",
    "isolates": "\u2066non\u2069",
    "a template": "{{7*7}}{%% debug %%}",
    "a format": "%s%s%n",
    "emoji": "🫀" * 20,
    "combining": "e" + "\u0301" * 80,
    "a shell": "$(reboot)`id`",
    "a log line": "\r\nERROR root: all lost",
    "a null word": "null",
    "full width": "１２",
    "a zero width space": "\u200b1",
    "an escape": "\x1b[2J",
}
DATES = (
    "32/01/2026",
    "2026-13-01",
    "2026-02-30",
    "0000-00-00",
    "9999-99-99",
    "01/01/26",
    "yesterday",
    "1e9",
    "NaN",
    "2026-01-01T25:00",
    "2026-01-01T10:00+99:99",
    "2999-01-01 10:00",
    "-2026-01-01",
    "٠١/٠١/٢٠٢٦",
    "1899-12-31 10:00",
)
MOMENTS = ("2026-01-01", "2026-01-01T", "2026-01-01 24:61", "2026-01-01 10:00 10:00")
BODIES: dict[str, bytes] = {
    "no body": b"",
    "null": b"null",
    "a list": b"[]",
    "a number": b"3",
    "a word": b'"x"',
    "an open object": b"{",
    "two objects": b"{}{}",
    "a comma too many": b'{"values": {},}',
    "single quotes": b"{'values': {}}",
    "UTF-16": '{"values": {}}'.encode("utf-16"),
    "Latin-1": '{"values": "é"}'.encode("latin-1"),
    "half a UTF-8 letter": b'{"values": "\xc3"}',
    "a byte order mark": b'\xef\xbb\xbf{"values": {}}',
    "NaN": b'{"values": NaN}',
    "minus infinity": b'{"values": -Infinity}',
    "1e999": b'{"values": 1e999}',
    "a number of 5,000 digits": b'{"values": ' + b"9" * 5000 + b"}",
    "lists 100,000 deep": b'{"values":' + b"[" * 100_000,
    "objects 50,000 deep": b'{"a":' * 50_000,
    "a NUL": b'{"values": "\0"}',
    "3 MiB": b'{"values": "' + b"x" * (3 << 20) + b'"}',
    "a form": b"values=1&algorithm=haemorrhage",
    "XML": b"<values/>",
    "YAML": b"values: !!python/object/apply:os.system [id]",
    "a comment": b'{"values": {} /* x */}',
    "JavaScript": b'{"values": undefined}',
    "an empty object": b"{}",
    "a hex number": b'{"values": 0x10}',
    "leading zeros": b'{"values": 007}',
    "a bare word": b"{values: {}}",
}


def cases(intake: Intake) -> Iterator[Case]:
    """Yield every hostile body of one form."""
    case = partial(Case, intake)
    algorithm = "haemorrhage" if intake is Intake.FORM else "german_credit"
    contract = registry.contract(algorithm)
    make = partial(_form, _base(algorithm))
    yield case(Wrong.EMPTY, "no values at all", partial(_json, {"values": {}}))
    for field in contract.fields:
        if field.name != "birth_date" or intake is not Intake.FORM:
            yield from _values(field, case, make)
    yield from _names(contract, case, make)
    for name, body in BODIES.items():
        yield case(Wrong.DAMAGED, f"{name} for a body", partial(bytes, body))
    for name, magic in FOREIGN.items():
        yield case(Wrong.MAGIC, f"a {name} for a body", partial(bytes, magic + noise(name, 300)))
    for name, value in {
        "a list": [1, 2],
        "a word": "haemoglobin",
        "null": None,
        "a number": 7,
        "true": True,
    }.items():
        yield case(Wrong.TYPE, f"{name} for the values", partial(_json, {"values": value}))


def _values(
    field: Field, case: Callable[..., Case], make: Callable[..., Callable[[], bytes]]
) -> Iterator[Case]:
    for name, value in NO_VALUES.items():
        yield case(Wrong.TYPE, f"{field.name} is {name}", make(**{field.name: value}))
    for name, text in TEXTS.items():
        yield case(Wrong.TEXT, f"{field.name} is {name}", make(**{field.name: text}))
    if field.kind in (FieldKind.NUMBER, FieldKind.INTEGER):
        yield from _figures(field, case, make)
    if field.kind in (FieldKind.DATE, FieldKind.DATETIME):
        for said in (*DATES, *(MOMENTS if field.kind is FieldKind.DATETIME else ())):
            yield case(Wrong.NUMBER, f"{field.name} is {said}", make(**{field.name: said}))
    if field.timed:
        for said in (*DATES, *MOMENTS):
            yield case(
                Wrong.NUMBER, f"the time of {field.name} is {said}", make(**{f"{field.name}_at": said})
            )


def _figures(
    field: Field, case: Callable[..., Case], make: Callable[..., Callable[[], bytes]]
) -> Iterator[Case]:
    for said in NO_NUMBERS:
        if said and said not in ("None", "true", "1 2"):
            yield case(Wrong.NUMBER, f"{field.name} is {said!a}", make(**{field.name: said}))
    far = {"far below": -1e9, "far above": 1e9, "10 to the 400": 10**400, "minus 10 to the 400": -(10**400)}
    if field.minimum is not None:
        far["just below"] = field.minimum - 1
    if field.maximum is not None:
        far["just above"] = field.maximum + 1
    if field.kind is FieldKind.INTEGER:
        far["not whole"] = 1.5
    for name, value in far.items():
        yield case(Wrong.NUMBER, f"{field.name} is {name}", make(**{field.name: value}))


def _names(
    contract: Contract, case: Callable[..., Case], make: Callable[..., Callable[[], bytes]]
) -> Iterator[Case]:
    field = next(field for field in contract.fields if field.kind in (FieldKind.NUMBER, FieldKind.INTEGER))
    for name in ("__proto__", "constructor", "../x", "\u202eage", "=1+1", "<b>", "x" * 5000, "\ud800"):
        wrong = {name: 1, field.name: "NaN"}
        yield case(Wrong.TEXT, f"a field called {name!a:.30} beside a wrong one", make(**wrong))
    yield case(
        Wrong.HUGE,
        "10,000 fields nobody asked for",
        make(**{f"field_{n}": n for n in range(10_000)}, **{field.name: "x"}),
    )


def _base(algorithm: str) -> dict[str, Any]:
    return dict(EXAMPLES[0]) if algorithm == "haemorrhage" else {"age": 35}


def _form(base: dict[str, Any], **changes: Any) -> Callable[[], bytes]:
    return partial(_json, {"values": base | changes})


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()
