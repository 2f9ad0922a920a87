"""A night as a table of its epochs: what is reported, the draft beside it, and what was noted of each.

The names of the columns are in the language of the document; programs go by layout and position.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ml.contracts import Text
from predictions.outputs import night as nights
from predictions.outputs import wording
from predictions.outputs.csv_cells import opinion, version
from predictions.outputs.facts import Facts
from predictions.outputs.night import Mark, Night

LAYOUT = "sleep-2"
"""Says which columns follow, in every row; the first layout had none and began with the onset."""
COLUMNS = (
    Text("layout", "format"),
    Text("epoch", "époque"),
    Text("onset s", "début s"),
    Text("duration s", "durée s"),
    Text("clock", "heure"),
    Text("reported stage", "stade retenu"),
    Text("AI draft", "brouillon IA"),
    *(Text(f"p {stage} (AI)", f"p {stage} (IA)") for stage in nights.STAGES),
    Text("confidence (AI)", "confiance (IA)"),
    Text("disagreement of the derivations (AI)", "désaccord des dérivations (IA)"),
    Text("to check", "à vérifier"),
    Text("changed by hand", "modifié à la main"),
    Text("arousal", "micro-éveil"),
    Text("artefact", "artéfact"),
    Text("desaturation (AI)", "désaturation (IA)"),
    Text("respiratory event (AI)", "événement respiratoire (IA)"),
    Text("signal", "signal"),
    Text("comment of the scorer", "commentaire du scoreur"),
    Text("scorer", "scoreur"),
    Text("verdict", "avis"),
    Text("reason", "motif de l’avis"),
    Text("comment", "commentaire"),
    Text("status", "statut"),
    Text("study", "étude"),
    Text("package", "paquet du modèle"),
    Text("SHA-256 of the package", "SHA-256 du paquet"),
    Text("notice", "mention"),
)


def epochs(facts: Facts) -> Iterator[Sequence[Any]]:
    """Yield the header and one row per epoch, from the start of the recording."""
    night = nights.of(facts)
    yield [facts.say(name) for name in COLUMNS]
    said, after = _said(night), _after(night)
    flagged = [
        set(night.result.get("uncertain", ())),
        set(night.changed),
        night.marked(night.arousals),
        night.marked(night.artefacts),
        _screened(night, night.oxygen, night.falls),
        _screened(night, night.breathing, [mark for marks in night.pauses.values() for mark in marks]),
    ]
    for epoch, stage in enumerate(night.stages):
        at = epoch * night.seconds
        yield (
            LAYOUT, epoch + 1, at, night.seconds, night.clock(at), stage, *_drafted(night, epoch),
            *("" if flags is None else int(epoch in flags) for flags in flagged),
            " ".join(night.reasons.get(epoch, ())), said.get(epoch, ""), *after(epoch),
        )  # fmt: skip


def _screened(night: Night, stored: Mapping[str, Any], marks: Sequence[Mark]) -> set[int] | None:
    """Return the epochs that events touch; ``None`` where too little of the signal could be used to say."""
    return night.marked(marks) if stored and stored["gate"]["usable"] else None


def _drafted(night: Night, epoch: int) -> Sequence[Any]:
    """Return the draft's stage, its probabilities, the largest of them and the jury's disagreement."""
    row = night.probabilities[epoch] if epoch < len(night.probabilities) else None
    chances = [""] * (len(nights.STAGES) + 1) if row is None else [*row, max(row)]
    disagreement = night.disagreement[epoch] if epoch < len(night.disagreement) else None
    drafted = night.draft[epoch] if epoch < len(night.draft) else ""
    return drafted, *chances, "" if disagreement is None else disagreement


def _said(night: Night) -> dict[int, str]:
    return dict(night.comments)


def _after(night: Night) -> Any:
    """Return what closes every row; a comment is as long as its writer likes: once is enough."""
    facts, given = night.facts, opinion(night.facts)
    status = version(facts) + (" simulated" if night.result.get("simulated") else "")
    study, package, sha = str(facts.study.pk), facts.package_name, facts.prediction.package_sha256
    notice = wording.notice(facts)

    def closing(epoch: int) -> Sequence[str]:
        comment = "" if epoch else given["comment"]
        return night.scorer, given["verdict"], given["reason"], comment, status, study, package, sha, notice

    return closing
