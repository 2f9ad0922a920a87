"""The header of an EDF or BDF file, read strictly by ourselves before any library or array sees the file.

Layout after Kemp et al. 1992 (EDF), Kemp & Olivan 2003 (EDF+) and BioSemi (BDF: the same header with
another first field, samples of 24 bits). Standard library only: the web process screens uploads with it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from ml.contracts import Problem, Refused, Text

MAIN_BYTES = 256
PER_SIGNAL_BYTES = 256
MAX_SIGNALS = 1024
MAX_HOURS = 72
# A record holds whole samples: one of a hundredth of a millisecond is a damaged number.
SHORTEST_RECORD = 1e-5
# Ten a second for three days and more; each is looked at for its time.
MAX_RECORDS = 5_000_000
# One record is held whole: the standard asks for 61,440 bytes at most, no recorder writes a thousandfold.
MAX_RECORD_BYTES = 64 * 1024**2
ANNOTATIONS = ("EDF Annotations", "BDF Annotations")
EDF_MAGIC, BDF_MAGIC = b"0       ", b"\xffBIOSEMI"
# Widths of the per-signal fields, each stored for all signals in turn.
_SIGNAL_FIELDS = (
    ("label", 16), ("transducer", 80), ("unit", 8), ("physical_min", 8), ("physical_max", 8),
    ("digital_min", 8), ("digital_max", 8), ("prefilter", 80), ("samples", 8), ("reserved", 32),
)  # fmt: skip
# ASCII digits only: int() and float() would also read Arabic-Indic ones and "1_0".
_INTEGER = re.compile(r"[+-]?[0-9]+")
_REAL = re.compile(r"[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?")
_AGAIN = Text(
    "Export the recording again as EDF, EDF+ or BDF.",
    "Exportez de nouveau l’enregistrement en EDF, EDF+ ou BDF.",
)


@dataclass(frozen=True, slots=True)
class Header:
    """The 256 bytes every EDF file begins with; ``width`` is the size of a sample in bytes, 3 in a BDF."""

    patient: str
    recording: str
    start_date: str
    start_time: str
    header_bytes: int
    reserved: str
    n_records: int
    record_seconds: float
    n_signals: int
    width: int = 2

    @property
    def seconds(self) -> float:
        """Seconds recorded; with interruptions the night is longer than that."""
        return self.n_records * self.record_seconds

    @property
    def plus(self) -> bool:
        """Whether it is EDF+ or BDF+, whose fields have an order and whose notes are annotations."""
        return self.reserved.startswith(("EDF+", "BDF+"))

    @property
    def interrupted(self) -> bool:
        """Whether it says of itself that its records do not follow one another (EDF+D, BDF+D)."""
        return self.reserved.startswith(("EDF+D", "BDF+D"))


@dataclass(frozen=True, slots=True)
class Signal:
    """What the header says of one signal; ``samples`` is per data record."""

    label: str
    transducer: str
    unit: str
    physical_min: float
    physical_max: float
    digital_min: int
    digital_max: int
    prefilter: str
    samples: int

    @property
    def annotations(self) -> bool:
        """Whether it is the EDF+ annotation channel and no signal."""
        return self.label in ANNOTATIONS


def parse_main(head: bytes) -> Header:
    """Read the first 256 bytes.

    Raises
    ------
    Refused
        ``file_empty``, ``not_edf``, ``edf_header_damaged``, ``edf_not_closed``,
        ``edf_no_signals``, ``edf_too_many_signals``, ``edf_no_data``, ``edf_too_long`` or
        ``edf_too_many_records``, each with what to do.
    """
    if not head:
        raise Refused(_problem("file_empty", "The file is empty.", "Le fichier est vide.", _AGAIN))
    if head[:8] not in (EDF_MAGIC, BDF_MAGIC):
        raise Refused(_problem(
            "not_edf", "This is neither an EDF nor a BDF file: it does not begin as one.",
            "Ce n’est ni un fichier EDF ni un fichier BDF : il ne commence pas comme tel.",
            Text("Choose the recording itself (.edf, .bdf).",
                 "Choisissez l’enregistrement lui-même (.edf, .bdf)."),
        ))  # fmt: skip
    if len(head) < MAIN_BYTES:
        raise Refused(
            damaged(Text("its first 256 bytes are incomplete", "ses 256 premiers octets sont incomplets"))
        )
    header = Header(
        patient=_text(head[8:88]),
        recording=_text(head[88:168]),
        start_date=_text(head[168:176]),
        start_time=_text(head[176:184]),
        header_bytes=_integer(head[184:192], Text("the header length", "la longueur de l’en-tête")),
        reserved=_text(head[192:236]),
        n_records=_integer(
            head[236:244], Text("the number of data records", "le nombre de blocs de données")
        ),
        record_seconds=_real(head[244:252], Text("the record duration", "la durée d’un bloc")),
        n_signals=_integer(head[252:256], Text("the number of signals", "le nombre de signaux")),
        width=3 if head[:8] == BDF_MAGIC else 2,
    )
    _check_main(header)
    return header


def _check_main(header: Header) -> None:
    if header.n_records == -1:
        raise Refused(_problem(
            "edf_not_closed", "The recording was not closed: its number of data records is −1.",
            "L’enregistrement n’a pas été clôturé : son nombre de blocs de données vaut −1.",
            Text("Close it on the recorder and export it again.",
                 "Clôturez-le sur l’enregistreur, puis exportez-le de nouveau."),
        ))  # fmt: skip
    if header.n_signals == 0:
        raise Refused(_problem("edf_no_signals", "The file holds no signals.",
                               "Le fichier ne contient aucun signal.", _AGAIN))  # fmt: skip
    if header.n_signals > MAX_SIGNALS:
        raise Refused(_problem(
            "edf_too_many_signals",
            f"The header announces {header.n_signals} signals; {MAX_SIGNALS} is the most read.",
            f"L’en-tête annonce {header.n_signals} signaux ; {MAX_SIGNALS} au plus sont lus.", _AGAIN,
        ))  # fmt: skip
    if header.n_signals < 0 or header.n_records < -1:
        raise Refused(damaged(Text("a count in it is negative", "un de ses nombres est négatif")))
    if header.header_bytes != MAIN_BYTES + header.n_signals * PER_SIGNAL_BYTES:
        raise Refused(damaged(Text(
            f"its length ({header.header_bytes} bytes) does not fit {header.n_signals} signals",
            f"sa longueur ({header.header_bytes} octets) ne correspond pas à {header.n_signals} signaux",
        )))  # fmt: skip
    if header.n_records == 0:
        raise Refused(_problem("edf_no_data", "The recording holds no data.",
                               "L’enregistrement ne contient aucune donnée.", _AGAIN))  # fmt: skip
    if header.record_seconds < 0:
        raise Refused(damaged(Text("its record duration is negative", "la durée d’un bloc est négative")))
    if 0 < header.record_seconds < SHORTEST_RECORD:
        raise Refused(damaged(Text(
            "its record duration is next to nothing", "la durée d’un bloc est presque nulle",
        )))  # fmt: skip
    if header.seconds > MAX_HOURS * 3600:
        raise Refused(_problem(
            "edf_too_long", f"The header announces more than {MAX_HOURS} h of recording.",
            f"L’en-tête annonce plus de {MAX_HOURS} h d’enregistrement.",
            Text("Export one night at a time.", "Exportez une nuit à la fois."),
        ))  # fmt: skip
    if header.n_records > MAX_RECORDS:
        raise Refused(_problem(
            "edf_too_many_records",
            f"The header announces {header.n_records} data records; {MAX_RECORDS} is the most read.",
            f"L’en-tête annonce {header.n_records} blocs de données ; {MAX_RECORDS} au plus sont lus.",
            Text("Export the recording again with records of one second.",
                 "Exportez de nouveau l’enregistrement avec des blocs d’une seconde."),
        ))  # fmt: skip


def parse_signals(head: bytes, header: Header) -> tuple[Signal, ...]:
    """Read the per-signal part of the header.

    Parameters
    ----------
    head
        The first ``header.header_bytes`` bytes of the file.

    Raises
    ------
    Refused
        ``edf_header_damaged`` when it is incomplete or a field is not what it should be.
    """
    if len(head) < header.header_bytes:
        raise Refused(damaged(Text("it ends before its last signal", "il s’arrête avant son dernier signal")))
    columns: dict[str, list[bytes]] = {}
    at = MAIN_BYTES
    for name, width in _SIGNAL_FIELDS:
        columns[name] = [head[at + i * width : at + (i + 1) * width] for i in range(header.n_signals)]
        at += width * header.n_signals
    signals = []
    for i in range(header.n_signals):
        # A channel without a name is shown, and can be chosen, by its place.
        label = _text(columns["label"][i]) or f"#{i + 1}"
        samples = _samples(columns["samples"][i], i)
        signals.append(Signal(
            label=label,
            transducer=_text(columns["transducer"][i]),
            unit=_text(columns["unit"][i]),
            physical_min=_real(columns["physical_min"][i], _of("physical minimum", "minimum physique", i)),
            physical_max=_real(columns["physical_max"][i], _of("physical maximum", "maximum physique", i)),
            digital_min=_integer(columns["digital_min"][i], _of("digital minimum", "minimum numérique", i)),
            digital_max=_integer(columns["digital_max"][i], _of("digital maximum", "maximum numérique", i)),
            prefilter=_text(columns["prefilter"][i]),
            samples=samples,
        ))  # fmt: skip
    return tuple(signals)


def record_problem(record_bytes: int) -> Problem | None:
    """Hold the size of a data record, in bytes, against the most that is read at once."""
    if record_bytes <= MAX_RECORD_BYTES:
        return None
    found, most = record_bytes // 1024**2, MAX_RECORD_BYTES // 1024**2
    return _problem(
        "edf_record_too_large",
        f"One data record has {found} MiB; {most} MiB is the most read at once.",
        f"Un bloc de données fait {found} Mio ; {most} Mio au plus sont lus à la fois.",
        Text("Export the recording again with records of a few seconds.",
             "Exportez de nouveau l’enregistrement avec des blocs de quelques secondes."),
    )  # fmt: skip


def size_problem(expected: int, size: int) -> Problem | None:
    """Hold the size of the file, in bytes, against the size its header announces."""
    if size == expected:
        return None
    if size < expected:
        return _problem(
            "edf_size_mismatch",
            f"The file is incomplete: {size} bytes, where its header announces {expected}.",
            f"Le fichier est incomplet : {size} octets, alors que son en-tête en annonce {expected}.",
            Text("Copy or export it again.", "Copiez-le ou exportez-le de nouveau."),
        )
    return _problem(
        "edf_size_mismatch",
        f"The file is longer than its header says: {size} bytes instead of {expected}.",
        f"Le fichier est plus long que ne le dit son en-tête : {size} octets au lieu de {expected}.",
        _AGAIN,
    )


def screen(head: bytes, size: int) -> list[Problem]:
    """Check the beginning of an upload; see :func:`ml.algorithms.sleep.contract.screen`."""
    if size == 0:
        head = b""
    try:
        header = parse_main(head)
    except Refused as refusal:
        return list(refusal.problems)
    if size < header.header_bytes:
        return [damaged(Text("the file ends inside it", "le fichier s’arrête en plein en-tête"))]
    at = MAIN_BYTES + 216 * header.n_signals
    if at + 8 * header.n_signals > len(head):
        # The samples per record lie beyond the bytes at hand: only divisibility can be checked.
        whole = (size - header.header_bytes) % (
            header.width * header.n_records
        ) == 0 and size > header.header_bytes
        return [] if whole else [_problem(
            "edf_size_mismatch", f"The size of the file ({size} bytes) does not fit its header.",
            f"La taille du fichier ({size} octets) ne correspond pas à son en-tête.",
            Text("Copy or export it again.", "Copiez-le ou exportez-le de nouveau."),
        )]  # fmt: skip
    try:
        samples = [_samples(head[at + 8 * i : at + 8 * i + 8], i) for i in range(header.n_signals)]
    except Refused as refusal:
        return list(refusal.problems)
    record_bytes = header.width * sum(samples)
    problem = size_problem(header.header_bytes + header.n_records * record_bytes, size)
    return [found for found in (problem, record_problem(record_bytes)) if found]


def damaged(why: Text) -> Problem:
    """Return the problem "the EDF header is damaged", with the reason."""
    return _problem("edf_header_damaged", f"The header of the recording is damaged: {why.en}.",
                    f"L’en-tête de l’enregistrement est endommagé : {why.fr}.", _AGAIN)  # fmt: skip


def _problem(code: str, en: str, fr: str, advice: Text) -> Problem:
    return Problem(code, Text(f"{en} {advice.en}", f"{fr} {advice.fr}"))


def _of(en: str, fr: str, index: int) -> Text:
    return Text(f"{en} of signal {index + 1}", f"{fr} du signal {index + 1}")


def _text(raw: bytes) -> str:
    # The standard says ASCII; French recorders write UTF-8 or Latin-1 into labels.
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    # A control character in a label would reach terminals, pages and JSON as it is.
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()


def _figures(raw: bytes) -> str:
    """Return what stands in a number's field, empty where a byte of it is no ASCII."""
    return _text(raw) if raw.isascii() else ""


def _integer(raw: bytes, what: Text) -> int:
    text = _figures(raw)
    if not _INTEGER.fullmatch(text):
        raise Refused(damaged(Text(f"{what.en} is not a number", f"{what.fr} n’est pas un nombre")))
    return int(text)


def _samples(raw: bytes, index: int) -> int:
    what = _of("samples per record", "échantillons par bloc", index)
    samples = _integer(raw, what)
    if samples < 0:
        raise Refused(damaged(Text(f"{what.en}: a negative number", f"{what.fr} : un nombre négatif")))
    return samples


def _real(raw: bytes, what: Text) -> float:
    text = _figures(raw)
    value = float(text.replace(",", ".")) if _REAL.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise Refused(damaged(Text(f"{what.en} is not a number", f"{what.fr} n’est pas un nombre")))
    return value
