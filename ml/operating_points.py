"""The operating point of a version: whoever approves it confirms its own, not the former's.

What follows from the package alone is computed again, and so is what was chosen on held-out scores that lie
beside it (:mod:`ml.held_out`), by the function its training chose it with. Of an older version without them
it is read and said to be read: a second person confirms what is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from math import isclose
from typing import Any

from ml import held_out, registry
from ml.contracts import Text
from ml.held_out import HeldOut
from ml.numbers import grouped
from ml.package import Package
from ml.promotion import Criterion

CODE = "operating_point"
CURVES = "curves.json"
"""Of a package: its curves with the point at which its figures were measured, five decimals."""
ALIKE = 1e-6
"""How far a point derived anew may lie off, relatively; absolutely it is what scores are kept in."""
FITTED_AGAIN = 1e-3
"""How far the point of a head fitted again for it may lie off: a fit stops at a tolerance, not at a bit."""
FIGURES_ALIKE = 5e-4
"""How far a figure at the point may lie off: nobody is told more than a tenth of a percent."""


@dataclass(frozen=True, slots=True)
class Ward:
    """What the unit has set, ``None`` where it set nothing.

    Parameters
    ----------
    incidence
        Of the predicted outcome, 0 to 1.
    flag_share
        Share of patients the unit wants flagged, 0 to 1.
    """

    incidence: float | None = None
    flag_share: float | None = None


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """Where a version draws its line.

    Parameters
    ----------
    value
        The threshold, on the scale of the answer.
    stored
        What its manifest says; ``None`` where it says nothing at a ward's own settings.
    how
        How it was derived or chosen, and what follows from it.
    derived
        Whether ``value`` was computed anew; else it is what the manifest says.
    anew
        What was derived from held-out scores; ``value`` is the stored point where both are alike.
    otherwise
        What the manifest says that the point reaches, where that is not what it reaches.
    """

    name: str
    value: float
    stored: float | None
    how: Text
    derived: bool = True
    anew: float | None = None
    otherwise: Text | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the stored form."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> OperatingPoint:
        """Rebuild a point stored by :meth:`as_json`."""
        how, derived = Text.from_json(value["how"]), value.get("derived", True)
        otherwise = value.get("otherwise") and Text.from_json(value["otherwise"])
        return cls(value["name"], value["value"], value["stored"], how, derived, value.get("anew"), otherwise)


def derive(package: Package, ward: Ward) -> OperatingPoint:
    """Return the operating point at which a version will work in a ward.

    Raises
    ------
    ml.held_out.Unusable
        When the held-out scores beside it are damaged, or of another package.
    """
    return RULES[package.algorithm](package, ward)


def criterion(package: Package, serving: Package) -> Criterion:
    """Hold the stored operating point against what the package carries, without any ward's settings.

    Parameters
    ----------
    serving
        What serves now: the same model with the same figures works at the same point.
    """
    point = derive(package, Ward())
    if point.derived:
        return _held_against_derived(point)
    measured = _measured_at(package, point, serving)
    if measured is not None and not isclose(measured, point.value, rel_tol=1e-4):
        said = Text(
            f"Its figures were measured at an operating point of {measured:.4f}; its manifest says "
            f"{point.value:.4f}.",
            f"Ses chiffres ont été mesurés au point de fonctionnement {_fr(measured, 4)}\u00a0; son "
            f"manifeste indique {_fr(point.value, 4)}.",
        )
        return Criterion(CODE, False, said, point.value, measured)
    return Criterion(CODE, True, _not_derivable(point, serving), point.value)


def _held_against_derived(point: OperatingPoint) -> Criterion:
    if point.stored is None:
        said = Text(
            f"Derived anew, its operating point is {point.value:.4f}; its manifest says none.",
            f"Recalculé, son point de fonctionnement est {_fr(point.value, 4)}\u00a0; son manifeste n’en "
            "indique aucun.",
        )
        return Criterion(CODE, False, said, point.value)
    anew = point.value if point.anew is None else point.anew
    said = Text(
        f"Derived anew, its operating point is {anew:.4f}; its manifest says {point.stored:.4f}.",
        f"Recalculé, son point de fonctionnement est {_fr(anew, 4)}\u00a0; son manifeste indique "
        f"{_fr(point.stored, 4)}.",
    )
    met = isclose(point.value, point.stored, rel_tol=ALIKE, abs_tol=held_out.STEP)
    if met and not isclose(anew, point.stored, rel_tol=ALIKE, abs_tol=held_out.STEP):
        said = Text(
            f"{said.en} A head that is fitted again may differ by {FITTED_AGAIN:g}.",
            f"{said.fr} Une tête réapprise peut différer de {_fr(FITTED_AGAIN, 3)}.",
        )
    if point.otherwise is not None:
        met, said = False, Text(f"{said.en} {point.otherwise.en}", f"{said.fr} {point.otherwise.fr}")
    return Criterion(CODE, met, said, point.value, point.stored)


def _measured_at(package: Package, point: OperatingPoint, serving: Package) -> float | None:
    """Return the point at which the figures of a package were measured, ``None`` where nothing tells it."""
    if CURVES in package.manifest["files"]:
        return package.json(CURVES)["threshold"]
    same_model = package.manifest["files"] == serving.manifest["files"]
    if same_model and package.metrics == serving.metrics:
        return serving.thresholds.get(point.name)
    return None


def _not_derivable(point: OperatingPoint, serving: Package) -> Text:
    said = Text(
        f"Its operating point, {point.value:.4f}, was not derived anew: no held-out scores lie beside the "
        "package. Whoever approves confirms what its manifest says.",
        f"Son point de fonctionnement, {_fr(point.value, 4)}, n’a pas été recalculé\u00a0: aucun score "
        "hors apprentissage n’accompagne le paquet. Qui approuve confirme ce qu’indique son manifeste.",
    )
    now = serving.thresholds.get(point.name)
    if now is None:
        return said
    return Text(
        f"{said.en} {serving.version}, which serves, works at {now:.4f}.",
        f"{said.fr} {serving.version}, en service, fonctionne à {_fr(now, 4)}.",
    )


def _haemorrhage(package: Package, ward: Ward) -> OperatingPoint:
    settings = package.input["settings"]
    share = ward.flag_share or settings["flag_share"]["default"]
    learned = settings["incidence"].get("learned", False)
    # What was learned from a hospital's own births keeps the incidence they had.
    incidence = (None if learned else ward.incidence) or settings["incidence"]["default"]
    found = registry.door("haemorrhage", "operating").of(package, incidence, share).points[0]
    name = f"top_{share:.0%}".rstrip("%")
    flagged, bleed = 100 * found.flagged_share, found.true_per_100_flagged
    missed = 100 * (1 - found.found_share)
    return OperatingPoint(
        name,
        found.threshold,
        package.thresholds.get(name),
        Text(
            f"At an incidence of {100 * incidence:.1f} in 100 it flags {flagged:.0f} of 100 women; of 100 "
            f"flagged, {bleed:.0f} bleed severely; of 100 who do, it misses {missed:.0f}. Computed from the "
            "model, as if it were right.",
            f"Pour une incidence de {_fr(100 * incidence, 1)} sur 100, il signale {flagged:.0f} femmes sur "
            f"100\u00a0; sur 100 signalées, {bleed:.0f} saignent gravement\u00a0; sur 100 qui saignent, il "
            f"en manque {missed:.0f}. Calculé d’après le modèle, comme s’il était exact.",
        ),
    )


def _chest_xray(package: Package, ward: Ward) -> OperatingPoint:
    chosen = package.manifest["operating_point"]
    wanted = 100 * chosen["wanted_sensitivity"]
    held, found = _from_held_out(package)
    reached = chosen if found is None else found
    sensitivity, specificity = 100 * reached["sensitivity"], 100 * reached["specificity"]
    said = Text(
        f"Chosen for a sensitivity of {wanted:.0f} in 100 where a family of alterations was never met: it "
        f"reaches {sensitivity:.1f}, with a specificity of {specificity:.1f}. At even odds, before a site's "
        "prevalence moves the probability.",
        f"Choisi pour une sensibilité de {wanted:.0f} sur 100 face à des altérations jamais "
        f"rencontrées\u00a0: {_fr(sensitivity, 1)} atteints, spécificité {_fr(specificity, 1)}. À chances "
        "égales, avant que la prévalence du site ne déplace la probabilité.",
    )
    otherwise = None
    if any(abs(reached[name] - chosen[name]) > FIGURES_ALIKE for name in ("sensitivity", "specificity")):
        claimed = 100 * chosen["sensitivity"], 100 * chosen["specificity"]
        otherwise = Text(
            f"There it reaches a sensitivity of {sensitivity:.1f} and a specificity of {specificity:.1f} in "
            f"100; its manifest says {claimed[0]:.1f} and {claimed[1]:.1f}.",
            f"Il y atteint une sensibilité de {_fr(sensitivity, 1)} et une spécificité de "
            f"{_fr(specificity, 1)} sur 100\u00a0; son manifeste indique {_fr(claimed[0], 1)} et "
            f"{_fr(claimed[1], 1)}.",
        )
    return _point("probability", package, said, held, found, otherwise, within=FITTED_AGAIN)


def _sleep(package: Package, ward: Ward) -> OperatingPoint:
    held, found = _from_held_out(package)
    if found is not None:
        share, wrong = 100 * found["share"], 100 * found["wrong"]
        said = Text(
            f"Below this confidence an epoch is shown as uncertain: {share:.0f} of 100 epochs of patients it "
            f"had not learned from, of which it stages {wrong:.0f} in 100 otherwise than their scorer.",
            f"En dessous de cette confiance, une époque est présentée comme incertaine\u00a0: {share:.0f} "
            f"époques sur 100 chez des patients non appris, dont {wrong:.0f} sur 100 ne sont pas cotées "
            "comme par leur scoreur.",
        )
        return _point("confidence", package, said, held, found)
    uncertain = next((m.value for m in package.metrics if m.name == "uncertain_share"), None)
    of_100 = "–" if uncertain is None else f"{100 * uncertain:.0f}"
    said = Text(
        f"Below this confidence an epoch is shown as uncertain: {of_100} of 100 epochs of patients it had "
        "not learned from.",
        f"En dessous de cette confiance, une époque est présentée comme incertaine\u00a0: {of_100} "
        "époques sur 100 chez des patients non appris.",
    )
    return _point("confidence", package, said, held, found)


def _german_credit(package: Package, ward: Ward) -> OperatingPoint:
    costs = package.manifest["training"]["params"]["costs"]
    missed, alarm = costs["missed"], costs["false_alarm"]
    return OperatingPoint(
        "costs",
        alarm / (alarm + missed),
        package.thresholds["costs"],
        Text(
            f"Where a bad credit missed costs {missed} and a good one refused {alarm}, refusing pays from "
            f"{alarm} / ({alarm} + {missed}) on.",
            f"Si un mauvais crédit accordé coûte {missed} et un bon refusé {alarm}, refuser est rentable à "
            f"partir de {alarm} / ({alarm} + {missed}).",
        ),
    )


def _accident_severity(package: Package, ward: Ward) -> OperatingPoint:
    held, found = _from_held_out(package)
    said = Text(
        "Chosen in its own training for the best F1 score out of fold.",
        "Choisi lors de son propre entraînement pour le meilleur score F1 hors apprentissage.",
    )
    if found is not None:
        said = Text(f"{said.en[:-1]}: {found['f1']:.2f}.", f"{said.fr[:-1]}\u00a0: {_fr(found['f1'], 2)}.")
    return _point("best_f1", package, said, held, found)


def _from_held_out(package: Package) -> tuple[HeldOut | None, Mapping[str, float] | None]:
    """Return the held-out scores of a package and the point that follows from them, ``None`` without any."""
    held = held_out.of(package)
    if held is None:
        return None, None
    return held, registry.door(package.algorithm, "operating").of(package, held.values())


def _point(
    name: str,
    package: Package,
    said: Text,
    held: HeldOut | None,
    found: Mapping[str, float] | None,
    otherwise: Text | None = None,
    *,
    within: float = held_out.STEP,
) -> OperatingPoint:
    """Return a point that follows from held-out scores, or as the manifest says it where there are none."""
    stored = package.thresholds[name]
    if held is None or found is None:
        return OperatingPoint(name, stored, stored, said, derived=False)
    n, anew = str(held.n), found["value"]
    how = Text(
        f"{said.en} Derived anew from held-out scores (n = {grouped(n)} {held.unit.en}): {anew:.4f}. "
        f"{held.data.en}.",
        f"{said.fr} Recalculé à partir de scores hors apprentissage (n = {grouped(n)} {held.unit.fr})\u00a0: "
        f"{_fr(anew, 4)}. {held.data.fr}.",
    )
    alike = isclose(anew, stored, rel_tol=ALIKE, abs_tol=within)
    return OperatingPoint(name, stored if alike else anew, stored, how, anew=anew, otherwise=otherwise)


def _fr(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace(".", ",")


RULES: dict[str, Callable[[Package, Ward], OperatingPoint]] = {
    "haemorrhage": _haemorrhage,
    "chest_xray": _chest_xray,
    "sleep": _sleep,
    "german_credit": _german_credit,
    "accident_severity": _accident_severity,
}
