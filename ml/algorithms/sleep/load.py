"""From a recording, or a night of band powers, to what the network reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ml.algorithms.sleep import (
    annotations,
    bandpower,
    channel_doubts,
    channels,
    identity,
    montage,
    opinion,
    quality,
    reader,
    spectrogram,
    tals,
)
from ml.algorithms.sleep import segments as stretches
from ml.algorithms.sleep.channels import Derivation
from ml.algorithms.sleep.contract import CONTRACT, EPOCH_SECONDS, SLOTS
from ml.algorithms.sleep.edf_header import Header, Signal, damaged
from ml.algorithms.sleep.montage import Trace as Line
from ml.algorithms.sleep.recorded import Recorded, assemble
from ml.algorithms.sleep.signals import Night, Recording, collect
from ml.contracts import Artefact, Finding, Loaded, Problem, Refused, Severity, Source, Text
from ml.package import Package

__all__ = ["Recorded", "load"]

LOWEST_RATE = 50.0
# No amplifier of a sleep laboratory comes near; beyond it the resampling to 100 Hz is no longer exact.
HIGHEST_RATE = 20_000.0
SHORT_CONTEXT_SECONDS = 5 * 60
SHORT_NIGHT_SECONDS = 3 * 3600
LONG_NIGHT_SECONDS = 24 * 3600


def load(source: Source, package: Package, *, alone: bool = False) -> Loaded:
    """Read a recording (EDF, EDF+, BDF; interrupted or not) or a night of band powers (``.npz``).

    Parameters
    ----------
    source
        ``path`` to the file; ``options`` ``frontal``, ``posterior``, ``eog``, ``emg``, ``spo2``, ``flow``
        (or ``eeg``) name channels where the guess is wrong.
    package
        The serving package; the recipe of the features is the same for all.
    alone
        Whether to read what the stages come from and nothing else: no derivation that only votes, no
        breathing, no oxygen, no EEG for spindles and slow waves, nothing that the scoring room draws from.

    Raises
    ------
    Refused
        With every reason found, each with what to do.
    """
    if source.path is None:
        raise Refused(Problem("no_file", Text("A recording is needed.", "Un enregistrement est nécessaire.")))
    with source.path.open("rb") as stream:
        zipped = stream.read(4) == b"PK\x03\x04"
    # A zip archive under the name of a recording is told as at an upload: no recording.
    named_otherwise = source.path.suffix.casefold() not in CONTRACT.suffixes
    if zipped and named_otherwise:
        return _load_band_powers(source.path)
    return _load_recording(source, alone=alone)


def _load_band_powers(path: Path) -> Loaded:
    night = bandpower.read(path)
    labels = {slot: "band powers" if given else None for slot, given in zip(SLOTS, night.mask, strict=True)}
    epochs = len(night.features)
    recorded = Recorded(night.features, night.mask, {**labels, channels.EMG: None}, segments=((0, epochs),))
    return Loaded(recorded, problems=_length_warnings(epochs * EPOCH_SECONDS))


def _load_recording(source: Source, *, alone: bool) -> Loaded:
    header, signals = reader.read_header(source.path)
    patient = identity.of(header)
    try:
        _check_length(header, signals)
        derivations, warnings = channels.choose(signals, source.options)
        warnings += channel_doubts.doubts(signals, derivations)
        _check_rates(header, signals, derivations)
        with source.path.open("rb") as stream:
            onsets, notes = tals.read(stream, header, signals)
        recording = Recording(source.path, header, signals, stretches.split(header, onsets))
        _check_stretches(recording)
        shown = montage.default(signals, derivations, source.options)
        if alone:
            shown = tuple(line for line in shown if line.slot)
        night = collect(recording, shown, _staged(signals, derivations, shown), artefacts=not alone)
        usable, findings = _judged(recording, derivations, night)
        recorded = assemble(recording, usable, shown, night, displayed=not alone)
    except Refused as refusal:
        raise Refused(*refusal.problems, identity=patient) from refusal
    lights = annotations.lights(notes, onsets[0] if onsets else 0.0, recording.seconds)
    asked = opinion.wanted(source.options)
    recorded = replace(recorded, lights_off=lights[0], lights_on=lights[1], opinion=asked, alone=alone)
    return Loaded(
        data=recorded,
        identity=patient,
        problems=(
            *_length_warnings(header.seconds),
            *_start_warnings(header),
            *warnings,
            *quality.warnings(findings),
            *_gap_warnings(recording, stretches.unsaid(header, onsets)),
        ),
        quality=(*_recording_findings(recording, recorded), *_remembered(source), *findings),
        artefacts=(*night.artefacts, *_spectrogram(recorded, night)),
    )


def _spectrogram(recorded: Recorded, night: Night) -> tuple[Artefact, ...]:
    """Draw the first EEG's spectrogram where signals are drawn at all."""
    if not night.artefacts or recorded.eeg is None:
        return ()
    return (spectrogram.artefact(recorded.eeg, recorded.eeg_label),)


def _staged(
    signals: tuple[Signal, ...], derivations: list[Derivation], shown: tuple[Line, ...]
) -> list[Line]:
    """Every derivation needed at 100 Hz: those of the slots, and the jurors."""
    kinds = {channels.EOG: "eog", channels.EMG: "emg"}
    slots = [
        Line(d.label, kinds.get(d.slot, "eeg"), d.signal, d.minus) for d in derivations if d.slot in SLOTS
    ]
    known = {(line.plus, line.minus) for line in slots}
    jurors = [trace for trace, _slot in montage.jurors(signals, shown)]
    return slots + [trace for trace in jurors if (trace.plus, trace.minus) not in known]


def _judged(
    recording: Recording, derivations: list[Derivation], night: Night
) -> tuple[list[Derivation], list[Finding]]:
    """Leave out what is flat, and say what is remarkable of the rest."""
    usable, findings = [], []
    for derivation in derivations:
        judged = night.quality.get((derivation.signal, derivation.minus))
        if judged is not None and judged.dead:
            findings.append(_dead(derivation))
            continue
        if derivation.slot in SLOTS and judged is not None:
            voltage = reader.microvolts_per_unit(recording.signals[derivation.signal]) is not None
            eyes = derivation.slot == channels.EOG
            findings += quality.findings(derivation.label, judged, voltage=voltage, eyes=eyes)
        usable.append(derivation)
    if not any(d.slot in SLOTS[:2] for d in usable):
        raise Refused(Problem("flat_signal", Text(
            "Nothing was recorded on the EEG: the signal is flat. Check the electrode, or name another "
            "channel.",
            "Rien n’a été enregistré sur l’EEG : le signal est plat. Vérifiez l’électrode ou indiquez "
            "une autre voie.",
        )))  # fmt: skip
    return usable, findings


def _check_length(header: Header, signals: tuple[Signal, ...]) -> None:
    if all(s.annotations for s in signals):
        raise Refused(Problem("edf_only_annotations", Text(
            "The file holds annotations only (a hypnogram?). Choose the recording itself.",
            "Le fichier ne contient que des annotations (un hypnogramme ?). Choisissez l’enregistrement "
            "lui-même.",
        )))  # fmt: skip
    # In a file of annotations alone it is 0 by the standard.
    if header.record_seconds == 0:
        raise Refused(damaged(Text("its record duration is 0", "la durée d’un bloc est nulle")))
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


def _check_stretches(recording: Recording) -> None:
    if not any(stretch.epochs(recording.header)[1] for stretch in recording.segments):
        raise Refused(Problem("too_short", Text(
            "No uninterrupted stretch of the recording holds a whole epoch of 30 s. Export the whole night.",
            "Aucune partie continue de l’enregistrement ne contient une époque entière de 30 s. Exportez la "
            "nuit entière.",
        )))  # fmt: skip


def _gap_warnings(recording: Recording, unsaid: float) -> tuple[Problem, ...]:
    if unsaid:
        seconds = f"{unsaid:.0f}"
        return (Problem("unsaid_gaps", Text(
            f"The file calls itself continuous, but {seconds} s are missing between its records: what "
            "follows a gap is shown too early. Export it as EDF+D, or each part by itself.",
            f"Le fichier se dit continu, mais il manque {seconds} s entre ses blocs : ce qui suit une "
            "interruption est affiché trop tôt. Exportez-le en EDF+D, ou chaque partie séparément.",
        ), severity=Severity.WARN),)  # fmt: skip
    gaps = len(recording.segments) - 1
    if not gaps:
        return ()
    missing = f"{(recording.seconds - recording.header.seconds) / 60:.1f}"
    return (Problem("interrupted", Text(
        f"The recording has {gaps} interruption(s), {missing} min together. Each uninterrupted stretch is "
        "staged by itself; the epochs between stay unscored.",
        f"L’enregistrement comporte {gaps} interruption(s), {missing.replace('.', ',')} min au total. "
        "Chaque partie continue est cotée séparément ; les époques intermédiaires restent non cotées.",
    ), severity=Severity.WARN),)  # fmt: skip


def _dead(derivation: Derivation) -> Finding:
    return Finding("flat_channel", Text(
        f"{derivation.label}: flat, not used", f"{derivation.label} : plat, non utilisé",
    ), attention=True)  # fmt: skip


def _recording_findings(recording: Recording, recorded: Recorded) -> list[Finding]:
    hours = Finding("duration", Text("Length of the recording", "Durée de l’enregistrement"),
                    f"{recording.seconds / 3600:.2f}", "h")  # fmt: skip
    if not recorded.simulated:
        return [hours]
    return [Finding("simulated", Text(
        "Simulated recording: no patient was measured",
        "Enregistrement simulé : aucun patient n’a été mesuré",
    ), attention=True), hours]  # fmt: skip


def _remembered(source: Source) -> list[Finding]:
    """Say that nobody looked at the channels this time: the unit's earlier confirmation was taken."""
    if not source.options.get("mapping"):
        return []
    return [Finding("remembered_channels", Text(
        "Channels as the unit confirmed them for an earlier recording of this recorder",
        "Voies telles que l’unité les a confirmées pour un enregistrement antérieur de cet enregistreur",
    ))]  # fmt: skip


def _start_warnings(header: Header) -> tuple[Problem, ...]:
    if identity.start(header) is not None:
        return ()
    return (Problem("start_unreadable", Text(
        f"The date and time of the recording cannot be read ({header.start_date} {header.start_time}): clock "
        "times are missing, times count from its beginning.",
        f"La date et l’heure de l’enregistrement sont illisibles ({header.start_date} {header.start_time}) : "
        "sans heure d’horloge, les temps se comptent depuis son début.",
    ), severity=Severity.WARN),)  # fmt: skip


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
