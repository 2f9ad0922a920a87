"""From a recording, or a night of band powers, to what the network reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ml.algorithms.sleep import bandpower, channels, identity, quality, reader
from ml.algorithms.sleep.channels import Derivation
from ml.algorithms.sleep.contract import EPOCH_SECONDS
from ml.algorithms.sleep.edf_header import Header, Signal
from ml.algorithms.sleep.features import PASS_BANDS, SLOTS, band_powers
from ml.contracts import Artefact, Finding, Loaded, Problem, Refused, Severity, Source, Text
from ml.package import Package

PREVIEW = "signal.json"
PREVIEW_PAIRS = 2000
LOWEST_RATE = 50.0
# No amplifier of a sleep laboratory comes near; beyond it the resampling to 100 Hz is no longer exact.
HIGHEST_RATE = 20_000.0
SHORT_CONTEXT_SECONDS = 5 * 60
SHORT_NIGHT_SECONDS = 3 * 3600
LONG_NIGHT_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Recorded:
    """A night as the network reads it.

    Parameters
    ----------
    features
        Shape (epochs, 3, 10): band powers by slot.
    mask
        Shape (3,): which slots are filled.
    channels
        Label of the derivation in each slot, ``None`` where there is none.
    start
        When the recording began, ISO 8601 without a zone; empty when unknown.
    """

    features: np.ndarray
    mask: np.ndarray
    channels: dict[str, str | None]
    start: str = ""
    simulated: bool = False


def load(source: Source, package: Package) -> Loaded:
    """Read a recording (EDF, EDF+) or a night of band powers (``.npz``).

    Parameters
    ----------
    source
        ``path`` to the file; ``options`` ``eeg``, ``eog``, ``emg`` name channels where the guess is wrong.
    package
        The serving package; the recipe of the features is the same for all.

    Raises
    ------
    Refused
        With every reason found, each with what to do.
    """
    if source.path is None:
        raise Refused(Problem("no_file", Text("A recording is needed.", "Un enregistrement est nécessaire.")))
    with source.path.open("rb") as stream:
        zipped = stream.read(4) == b"PK\x03\x04"
    return _load_band_powers(source.path) if zipped else _load_edf(source)


def _load_band_powers(path: Path) -> Loaded:
    night = bandpower.read(path)
    labels = {slot: "band powers" if given else None for slot, given in zip(SLOTS, night.mask, strict=True)}
    recorded = Recorded(night.features, night.mask, {**labels, channels.EMG: None})
    return Loaded(recorded, problems=_length_warnings(len(night.features) * EPOCH_SECONDS))


def _load_edf(source: Source) -> Loaded:
    header, signals = reader.read_header(source.path)
    patient = identity.of(header)
    try:
        _check_length(header, signals)
        derivations, warnings = channels.choose(signals, source.options)
        _check_rates(header, signals, derivations)
        features, usable, findings, preview = _read(source.path, header, signals, derivations)
    except Refused as refusal:
        raise Refused(*refusal.problems, identity=patient) from refusal
    labels = {d.slot: d.label for d in usable}
    mask = np.array([slot in labels for slot in SLOTS])
    start = identity.start(header)
    recorded = Recorded(
        features=features,
        mask=mask,
        channels={slot: labels.get(slot) for slot in (*SLOTS, channels.EMG)},
        start=start.isoformat() if start else "",
        simulated=identity.simulated(header),
    )
    return Loaded(
        data=recorded,
        identity=patient,
        problems=(*_length_warnings(header.seconds), *warnings),
        quality=(*_recording_findings(header, recorded), *findings),
        artefacts=(preview,),
    )


def _check_length(header: Header, signals: tuple[Signal, ...]) -> None:
    if all(s.annotations for s in signals):
        raise Refused(Problem("edf_only_annotations", Text(
            "The file holds annotations only (a hypnogram?). Choose the recording itself.",
            "Le fichier ne contient que des annotations (un hypnogramme ?). Choisissez l’enregistrement "
            "lui-même.",
        )))  # fmt: skip
    if header.seconds < EPOCH_SECONDS:
        raise Refused(Problem("too_short", Text(
            "The recording is shorter than one epoch of 30 s. Export the whole night.",
            "L’enregistrement dure moins d’une époque de 30 s. Exportez la nuit entière.",
        )))  # fmt: skip


def _check_rates(header: Header, signals: tuple[Signal, ...], derivations: list[Derivation]) -> None:
    rates = {d.label: reader.rate(header, signals[d.signal]) for d in derivations if d.slot in SLOTS}
    slow = [label for label, rate in rates.items() if rate < LOWEST_RATE]
    if slow:
        raise Refused(Problem("rate_too_low", Text(
            f"Sampled below {LOWEST_RATE:.0f} Hz, too slow for staging: {', '.join(slow)}.",
            f"Échantillonnage inférieur à {LOWEST_RATE:.0f} Hz, insuffisant pour les stades : "
            f"{', '.join(slow)}.",
        )))  # fmt: skip
    fast = [label for label, rate in rates.items() if rate > HIGHEST_RATE]
    if fast:
        raise Refused(Problem("rate_too_high", Text(
            f"Sampled above {HIGHEST_RATE / 1000:.0f} kHz if the header is right, as no sleep recorder does: "
            f"{', '.join(fast)}. Export it again.",
            f"Échantillonnage supérieur à {HIGHEST_RATE / 1000:.0f} kHz selon l’en-tête, ce qu’aucun "
            f"polysomnographe ne fait : {', '.join(fast)}. Exportez de nouveau l’enregistrement.",
        )))  # fmt: skip


def _read(
    path: Path, header: Header, signals: tuple[Signal, ...], derivations: list[Derivation]
) -> tuple[np.ndarray, list[Derivation], list[Finding], Artefact]:
    """Read the chosen channels one after the other, so that one full-rate signal is in floats at a time."""
    wanted = {i for d in derivations for i in (d.signal, d.minus) if i is not None}
    digital = reader.read_digital(path, header, signals, wanted)
    features = np.zeros((int(header.seconds / EPOCH_SECONDS + 1e-6), len(SLOTS), 10), np.float32)
    usable, findings, previews = [], [], []
    for derivation in derivations:
        signal, rate = signals[derivation.signal], reader.rate(header, signals[derivation.signal])
        samples = reader.physical(digital[derivation.signal], signal)
        if derivation.minus is not None:
            samples -= reader.physical(digital[derivation.minus], signals[derivation.minus])
        measured = quality.measure(samples, digital[derivation.signal], signal, rate)
        voltage = reader.microvolts_per_unit(signal) is not None
        previews.append(_preview(derivation, samples, "µV" if voltage else signal.unit))
        if measured.dead:
            findings.append(_dead(derivation))
            continue
        if derivation.slot in SLOTS:
            at = SLOTS.index(derivation.slot)
            features[:, at] = band_powers(samples, rate, PASS_BANDS[derivation.slot])
            findings += quality.findings(derivation.label, measured, voltage=voltage)
        usable.append(derivation)
    if not any(d.slot in SLOTS[:2] for d in usable):
        raise Refused(Problem("flat_signal", Text(
            "Nothing was recorded on the EEG: the signal is flat. Check the electrode, or name another "
            "channel.",
            "Rien n’a été enregistré sur l’EEG : le signal est plat. Vérifiez l’électrode ou indiquez "
            "une autre voie.",
        )))  # fmt: skip
    content = json.dumps({"seconds": header.seconds, "channels": previews}, separators=(",", ":"))
    return features, usable, findings, Artefact(PREVIEW, "application/json", content.encode())


def _preview(derivation: Derivation, samples: np.ndarray, unit: str) -> dict:
    """Lowest and highest value of each of 2000 stretches, for a first look at the night."""
    size = max(1, -(-len(samples) // PREVIEW_PAIRS))
    edges = np.arange(0, len(samples), size)
    return {
        "slot": derivation.slot,
        "label": derivation.label,
        "unit": unit,
        "min": [float(f"{v:.4g}") for v in np.minimum.reduceat(samples, edges)],
        "max": [float(f"{v:.4g}") for v in np.maximum.reduceat(samples, edges)],
    }


def _dead(derivation: Derivation) -> Finding:
    return Finding("flat_channel", Text(
        f"{derivation.label}: flat, not used", f"{derivation.label} : plat, non utilisé",
    ), attention=True)  # fmt: skip


def _recording_findings(header: Header, recorded: Recorded) -> list[Finding]:
    hours = Finding("duration", Text("Length of the recording", "Durée de l’enregistrement"),
                    f"{header.seconds / 3600:.2f}", "h")  # fmt: skip
    if not recorded.simulated:
        return [hours]
    return [Finding("simulated", Text(
        "Simulated recording: no patient was measured",
        "Enregistrement simulé : aucun patient n’a été mesuré",
    ), attention=True), hours]  # fmt: skip


def _length_warnings(seconds: float) -> tuple[Problem, ...]:
    if seconds < SHORT_CONTEXT_SECONDS:
        return (Problem("too_short_for_context", Text(
            "Less than five minutes: far too short to stage. The stages shown only prove that the "
            "channels were read.",
            "Moins de cinq minutes : bien trop court pour des stades. Ceux qui sont affichés montrent "
            "seulement "
            "que les voies ont été lues.",
        ), severity=Severity.WARN),)  # fmt: skip
    if seconds < SHORT_NIGHT_SECONDS:
        return (Problem("short_night", Text(
            "Less than three hours: stages are judged against the rest of the night, so a nap is less "
            "reliable.",
            "Moins de trois heures : les stades se jugent par rapport au reste de la nuit ; une sieste "
            "est moins fiable.",
        ), severity=Severity.WARN),)  # fmt: skip
    if seconds > LONG_NIGHT_SECONDS:
        return (Problem("several_nights", Text(
            "More than 24 hours in one file: its nights are staged and counted as one. Export each night "
            "apart.",
            "Plus de 24 heures dans un seul fichier : ses nuits sont cotées et comptées comme une seule. "
            "Exportez chaque nuit à part.",
        ), severity=Severity.WARN),)  # fmt: skip
    return ()
