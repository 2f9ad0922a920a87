"""What a header says of its signals, in words that name nobody: the vocabulary of sleep recordings.

Labels, units and prefilters are typed by whoever sets up a recorder, and a name fits into each of them.
Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Callable

LABEL, TRANSDUCER, UNIT, PREFILTER, RESERVED = (0, 16), (16, 80), (96, 8), (136, 80), (224, 32)
"""Where a column of the signals' header begins and how wide it is, in bytes for one signal."""
TYPED = (LABEL, TRANSDUCER, UNIT, PREFILTER, RESERVED)
# The one thing the reserved field of the main header is for; BioSemi writes the third.
_KINDS = re.compile(rb"(?:EDF|BDF)\+[CD]|24BIT")
_WORDS = frozenset(
    """
    annotations abdomen abdo abdominal thorax thoracic thor chest rip effort resp respiration respiratory flow
    airflow nasal nose oral oronasal oro cannula pressure press pres therm thermistor snore snoring ronflement
    sound audio mic spo2 sao2 o2sat sat saturation pleth plethysmo pulse hr bpm heart rate rr eeg eog emg ecg
    ekg chin menton submental sub leg legs jambe tib tibialis ant anterior lat rat left right gauche droite
    droit lf rt roc loc horizontal vertical position pos body posture light lux event marker temp temperature
    rectal activity gravity accel acc cpap mask leak tidal volume etco2 tco2 tcco2 co2 ptt desat impedance imp
    ref avg le status edf bdf fuite debit oeil thoraco abdominale thoracique flux nasale derivation x y z l r
    g d i ii iii v avl avr avf dc
    """.split()  # noqa: SIM905 -- a list of words is read as one
)
_POSITION = re.compile(
    r"(?:fp|af|f|fc|ft|c|cp|t|tp|p|po|o|e|m|a|b|v|dc)(?:\d{1,2}|z)|fp?z|(?:[cfop]\d)?[am][12]|m1m2|a1a2|"
    r"(?:emg|ecg|ekg|eog|eeg|resp|lat|rat|leg|chin|g|imp)\d{1,2}"
)
_APART = re.compile(r"[^0-9A-Za-zÀ-ÿ]+")
_UNITS = frozenset({
    b"", b"V", b"mV", b"uV", b"\xb5V", b"\xc2\xb5V", b"nV", b"%", b"bpm", b"BPM", b"1/min", b"Hz", b"s",
    b"ms", b"mmHg", b"cmH2O", b"mbar", b"kPa", b"Pa", b"hPa", b"L/s", b"l/s", b"L/min", b"l/min", b"mL",
    b"ml", b"L", b"dB", b"dBSPL", b"deg", b"degC", b"DegC", b"C", b"\xb0C", b"\xc2\xb0C", b"g", b"mg",
    b"m/s2", b"lx", b"lux", b"Ohm", b"kOhm", b"Ohms", b"Boolean", b"bit", b"AU", b"a.u.",
})  # fmt: skip
_FILTER = re.compile(
    r"\b(HP|LP|N|NOTCH)[ :=]*(?:DC\b|(\d{1,4}(?:[.,]\d{1,5})?) ?((?:k|m)?Hz|s)?(?![\w]))", re.IGNORECASE
)
# Initials and parts of a date, where nothing else says what they are.
_NOTHING_ALONE = re.compile(r"\d{1,2}|[a-z]", re.IGNORECASE)
_DIGITS = re.compile(r"\d{1,2}")
_MOST_DIGITS = 2


def kind(reserved: bytes) -> bytes:
    """Return the 44 reserved bytes of the main header with nothing but the kind of the file."""
    found = _KINDS.match(reserved)
    return (found[0] if found else b"").ljust(44)


def plain(rest: bytes, signals: int) -> bytes:
    """Return the header of the signals in known words and numbers alone."""
    made = bytearray(rest)
    _each(made, signals, LABEL, lambda raw, number: label(raw, number).encode())
    _each(made, signals, TRANSDUCER, lambda raw, number: b"")
    _each(made, signals, UNIT, lambda raw, number: raw if raw in _UNITS else b"")
    _each(made, signals, PREFILTER, lambda raw, number: prefilter(raw).encode())
    _each(made, signals, RESERVED, lambda raw, number: b"")
    return bytes(made)


def without(rest: bytes, signals: int, words: re.Pattern[bytes]) -> bytes:
    """Return the header of the signals with words crossed out wherever somebody typed."""
    made = bytearray(rest)
    for column in TYPED:
        _each(made, signals, column, lambda raw, number: words.sub(lambda one: b"X" * len(one[0]), raw))
    return bytes(made)


def label(raw: bytes, number: int) -> str:
    """Return a label as it is where every word of it is known, else its known words, else its number."""
    typed = raw.decode("latin-1")
    words = [word for word in _APART.split(typed) if word]
    known = [word for word in words if _known(word)]
    if all(_NOTHING_ALONE.fullmatch(word) for word in known):
        return f"Signal {number}"
    if sum(1 for word in known if _DIGITS.fullmatch(word)) > _MOST_DIGITS:
        known = [word for word in known if not _DIGITS.fullmatch(word)]
    return typed if known == words and typed.isascii() else " ".join(known)


def prefilter(raw: bytes) -> str:
    """Return high-pass, low-pass and notch as numbers, and nothing else that was written there."""
    found = []
    for name, value, unit in _FILTER.findall(raw.decode("latin-1")):
        short = "N" if name.upper() == "NOTCH" else name.upper()
        found.append(f"{short}:{value.replace(',', '.') + unit if value else 'DC'}")
    return " ".join(found)


def _known(word: str) -> bool:
    small = word.lower()
    return small in _WORDS or bool(_POSITION.fullmatch(small) or _DIGITS.fullmatch(small))


def _each(
    rest: bytearray, signals: int, column: tuple[int, int], made: Callable[[bytes, int], bytes]
) -> None:
    start, width = column
    for number in range(signals):
        at = start * signals + number * width
        raw = bytes(rest[at : at + width]).strip()
        rest[at : at + width] = made(raw, number + 1)[:width].ljust(width)
