"""Deep parse: the checked form, and the ward's settings, ready for the model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml.algorithms.haemorrhage import answers, contract, model
from ml.algorithms.haemorrhage.fields import BY_NAME
from ml.algorithms.haemorrhage.parsing import written
from ml.algorithms.haemorrhage.wording import listed
from ml.contracts import Finding, Loaded, Problem, Refused, Severity, Source, Text
from ml.package import Package


@dataclass(frozen=True, slots=True)
class Admission:
    """One admission as the model takes it.

    Parameters
    ----------
    typed
        Checked answers by field name.
    allowed
        Level codes left open, per answered factor.
    incidence
        Share of births with the outcome on this ward, 0–1.
    flag_share
        Share of women the ward wants flagged, 0–1.
    known
        How many of the counted questions are answered, and how many there are.
    unknown
        Names of the counted questions nobody answered.
    """

    typed: Mapping[str, Any]
    allowed: Mapping[str, frozenset[str]]
    incidence: float
    flag_share: float
    known: tuple[int, int]
    unknown: tuple[str, ...]
    warnings: tuple[Problem, ...]


def load(source: Source, package: Package) -> Loaded:
    """Check a filled-in form and the ward's settings.

    Parameters
    ----------
    source
        ``values``: the form. ``options``: ``incidence`` and ``flag_share`` of the ward, both 0–1;
        the package's own defaults without them. A package trained on the hospital's own births brings
        its incidence along: what was tested is what serves, so the setting is not used then.

    Raises
    ------
    Refused
        With every reason found.
    """
    typed, problems = contract.check(source.values, at=source.at)
    incidence, flag_share = _settings(source.options, package, problems)
    refusals = [problem for problem in problems if problem.severity is Severity.REFUSE]
    if refusals:
        raise Refused(*problems)
    warnings = tuple(problems)
    admission = Admission(
        typed=typed,
        allowed=answers.allowed(model.of(package), typed),
        incidence=incidence,
        flag_share=flag_share,
        known=contract.known(typed),
        unknown=tuple(contract.unknown(typed)),
        warnings=warnings,
    )
    quality = (*_quality(admission), *_setting_not_used(source.options, package))
    return Loaded(data=admission, problems=warnings, quality=quality)


def _settings(options: Mapping[str, Any], package: Package, problems: list[Problem]) -> tuple[float, float]:
    settings = package.input["settings"]
    found = {}
    for name, label in (
        ("incidence", Text("ward incidence", "incidence du service")),
        ("flag_share", Text("share of women to flag", "part de femmes à signaler")),
    ):
        default, low, high = (settings[name][key] for key in ("default", "minimum", "maximum"))
        value = options.get(name, default)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
            or not low <= value <= high
        ):
            problems.append(_bad_setting(name, label, low, high))
            value = default
        found[name] = float(default if settings[name].get("learned") else value)
    return found["incidence"], found["flag_share"]


def _bad_setting(name: str, label: Text, low: float, high: float) -> Problem:
    least, most = written(low), written(high)
    return Problem(
        f"{name}_out_of_range",
        Text(
            f"The setting “{label.en}” must be a number from {least.en} to {most.en}. Ask an administrator.",
            f"Le réglage « {label.fr} » doit être un nombre de {least.fr} à {most.fr}. "
            "Demandez à un administrateur.",
        ),
    )


def _setting_not_used(options: Mapping[str, Any], package: Package) -> tuple[Finding, ...]:
    setting = package.input["settings"]["incidence"]
    given = options.get("incidence", setting["default"])
    if not setting.get("learned") or given == setting["default"]:
        return ()
    learned = written(round(100 * setting["default"], 2))
    births = Text("this hospital’s births", "les accouchements de cet hôpital")
    if package.manifest["data"].get("synthetic"):
        births = Text("simulated births", "des accouchements simulés")
    return (
        Finding(
            code="incidence_learned",
            label=Text(
                f"The model was trained on {births.en} and keeps their incidence, {learned.en} %; "
                "the unit’s setting is not used",
                f"Le modèle a été entraîné sur {births.fr} et garde leur incidence, "
                f"{learned.fr} % ; le réglage du service n’est pas utilisé",
            ),
        ),
    )


def _quality(admission: Admission) -> tuple[Finding, ...]:
    known, asked = admission.known
    findings = [
        Finding(
            code="answers_known",
            label=Text(f"Questions answered, of {asked}", f"Questions renseignées, sur {asked}"),
            value=str(known),
            attention=known < asked / 2,
        )
    ]
    if beside := _beside_the_figure(admission.typed):
        named = listed(beside)
        findings.append(
            Finding(
                code="not_in_the_figure",
                label=Text(
                    f"Recorded, but not in the figure: {named.en}",
                    f"Enregistré, mais n’entre pas dans le calcul : {named.fr}",
                ),
                attention=True,
            )
        )
    findings += [
        Finding(code=problem.code, label=problem.message, attention=True)
        for problem in admission.warnings
        if problem.code in {"stale_result", "result_time_missing"}
    ]
    return tuple(findings)


def _beside_the_figure(typed: Mapping[str, Any]) -> list[Text]:
    """Answers that matter to a clinician and that the model has no odds ratio for."""
    fibrinogen, ratio = BY_NAME["fibrinogen"], BY_NAME["aptt_ratio"]
    said = {
        Text("low fibrinogen", "fibrinogène bas"): (typed["fibrinogen"] or 10) < fibrinogen.warn_below,
        Text("prolonged aPTT", "TCA allongé"): (typed["aptt_ratio"] or 0) > ratio.warn_above,
        Text("refusal of transfusion", "refus de transfusion"): typed["refuses_transfusion"] == "yes",
    }
    return [text for text, holds in said.items() if holds]
