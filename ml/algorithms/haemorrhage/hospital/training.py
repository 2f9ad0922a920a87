"""From a hospital's CSV to a package, or to the reasons why nothing changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from ml import package as packages
from ml.algorithms.haemorrhage import external, literature, model, operating
from ml.algorithms.haemorrhage.hospital import file_sentences as say
from ml.algorithms.haemorrhage.hospital import gate, site, tiers, trees
from ml.algorithms.haemorrhage.hospital.births import Births
from ml.algorithms.haemorrhage.hospital.gate import Split, Verdict
from ml.algorithms.haemorrhage.hospital.reading import read
from ml.algorithms.haemorrhage.hospital.sentences import cannot_be_parted
from ml.algorithms.haemorrhage.mapping import Mapping as ColumnMapping
from ml.contracts import Refused, Text
from ml.package import Package

Progress = Callable[[float, Text], None]

READING = Text("Reading and checking the table", "Lecture et contrôle de la table")
LEARNING = Text("Learning from the earlier births", "Apprentissage sur les accouchements anciens")
TREES = Text("Comparing with trees", "Comparaison avec des arbres")
JUDGING = Text("Judging by the later births", "Évaluation sur les accouchements récents")
WRITING = Text("Writing the package", "Écriture du paquet")
DONE = Text("Done", "Terminé")


@dataclass(frozen=True)
class Outcome:
    """How a training ended.

    Parameters
    ----------
    report
        The data report (:class:`Births`).
    tier
        What the events allowed: ``intercept``, ``intercept_slope``, ``refit``, ``trees``.
    model
        What the candidate is: the tier, and ``refit`` where trees were compared beside it.
    figures
        JSON-ready: ``candidate``, ``current``, ``null``, ``treat_all``, ``treat_none`` on the births held
        out, each figure with value, low and high; ``trees`` where they were compared.
    holdout
        JSON-ready: births, events, period and threshold of the judging, and how it was drawn.
    criteria
        JSON-ready: every criterion with its figure and sentence.
    reasons
        Why it was not accepted, one sentence each.
    package
        Version written, ``None`` when nothing was.
    """

    report: Mapping[str, Any]
    tier: str
    model: str
    learned: Mapping[str, Any]
    figures: Mapping[str, Any]
    holdout: Mapping[str, Any]
    criteria: tuple[Mapping[str, Any], ...]
    accepted: bool
    reasons: tuple[Text, ...] = ()
    package: str | None = None
    sha256: str = ""
    notes: tuple[Text, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """Return the stored form."""
        return {
            "report": self.report,
            "tier": self.tier,
            "model": self.model,
            "learned": self.learned,
            "figures": self.figures,
            "holdout": self.holdout,
            "criteria": list(self.criteria),
            "accepted": self.accepted,
            "reasons": [reason.as_json() for reason in self.reasons],
            "package": self.package,
            "sha256": self.sha256,
            "notes": [note.as_json() for note in self.notes],
        }


def run(
    csv_path: Path,
    mapping: ColumnMapping,
    *,
    out: Path,
    version: str = "",
    current: Package,
    params: Mapping[str, Any],
    progress: Progress | None = None,
) -> Outcome:
    """Learn from a hospital's births, judge, and write a package when it is accepted.

    The package is the very one judged: learned from the earlier births only. It does not serve before
    :func:`ml.package.name_champion` names it.

    Parameters
    ----------
    out
        Root of packages, usually :data:`ml.package.SITE`.
    version
        Name of the package; ``site-YYYY.MM.DD-n`` when empty.
    current
        The package in service, which the candidate has to beat.
    params
        The section ``haemorrhage`` of ``params.yaml``; ``ward_incidence``, when given, is the setting at
        which the package in service works (its own default otherwise).
    progress
        Called with the share done and what is being done.

    Raises
    ------
    Refused
        When nothing can be learned from the table, with every reason, or when there is a package of this
        version. Nothing is written then.
    ml.package.BrokenPackage
        When the version is no name for a folder.
    """
    tell = progress or (lambda share, what: None)
    version = version or site.next_version(out, date.today())
    if not packages.VERSION.fullmatch(version):
        raise packages.BrokenPackage(f"{version!r}: a version is written in letters, digits, . _ + and -")
    if (out / "haemorrhage" / version).exists():
        raise Refused(say.version_taken(version))
    tell(0.0, READING)
    births = read(csv_path, mapping)
    parts = gate.split(births)
    earlier, later = births.take(parts.earlier), births.take(parts.later)
    if earlier.events < gate.LEAST_EVENTS or not len(later):
        raise Refused(cannot_be_parted(earlier.events))
    tell(0.2, LEARNING)
    base = literature.coefficients(params)
    tier = tiers.tier_of(births, model.from_json(base))
    candidate = tiers.learn(earlier, base, tier, seed=params["seed"])
    incidence = candidate.coefficients["incidence"]
    threshold = operating.operating_point(candidate.model, incidence, params["flag_share"]).threshold
    tell(0.5, JUDGING)
    risks = external.risks(candidate.model, later.levels, incidence)
    verdict = gate.judge(
        later,
        {gate.CANDIDATE: risks, gate.CURRENT: _served_now(current, later, params)},
        rate=incidence,
        threshold=threshold,
        seed=params["seed"],
    )
    figures: dict[str, Any] = {
        name: {figure: gate.figure_json(value) for figure, value in found.items()}
        for name, found in verdict.figures.items()
    }
    if tier == "trees":
        tell(0.7, TREES)
        figures["trees"] = trees.compare(earlier, later, risks, threshold=threshold, seed=params["seed"])
    holdout = _holdout(births, parts, verdict)
    written = None
    if verdict.accepted:
        tell(0.85, WRITING)
        written = site.write(
            out, version, candidate, verdict, births, later, risks,
            current, params, {**holdout, "figures": figures},
        )  # fmt: skip
    tell(1.0, DONE)
    return Outcome(
        report=births.report,
        tier=tier,
        model=candidate.tier,
        learned=candidate.learned,
        figures=figures,
        holdout=holdout,
        criteria=tuple(criterion.as_json() for criterion in verdict.criteria),
        accepted=verdict.accepted,
        reasons=tuple(verdict.reasons),
        package=written.version if written else None,
        sha256=written.sha256 if written else "",
        notes=_notes(verdict, figures),
    )


def _served_now(current: Package, later: Births, params: Mapping[str, Any]) -> np.ndarray:
    """Return the risks the package in service would have shown."""
    setting = current.input["settings"]["incidence"]
    incidence = setting["default"]
    if not setting.get("learned") and params.get("ward_incidence"):
        incidence = params["ward_incidence"]
    return external.risks(model.of(current), later.levels, incidence)


def _holdout(births: Births, parts: Split, verdict: Verdict) -> dict[str, Any]:
    later = births.day[parts.later]
    return {
        "births": verdict.births,
        "events": verdict.events,
        "learned_from_births": len(parts.earlier),
        "learned_from_events": int(births.outcome[parts.earlier].sum()),
        "from": str(later.min()) if len(later) else None,
        "until": str(later.max()) if len(later) else None,
        "left_out": parts.left_out,
        "threshold": verdict.threshold,
        "drawn": "the latest quarter of the births, by day; those of mothers learned from are left out",
    }


def _notes(verdict: Verdict, figures: Mapping[str, Any]) -> tuple[Text, ...]:
    notes = []
    if verdict.events < 100:
        notes.append(
            Text(
                f"Judged by {verdict.events} events: the intervals are wide, and the same gate could have "
                "decided otherwise by chance.",
                f"Évalué sur {verdict.events} événements : les intervalles sont larges, et le hasard aurait "
                "pu faire pencher la décision autrement.",
            )
        )
    if "trees" in figures:
        notes.append(
            Text(
                "Trees were compared and are never served: with them, unknown answers could not be averaged "
                "over exactly, nor reasons be exact.",
                "Des arbres ont été comparés et ne sont jamais mis en service : avec eux, les réponses "
                "inconnues ne pourraient pas être moyennées exactement, ni les raisons être exactes.",
            )
        )
    return tuple(notes)
