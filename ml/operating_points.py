"""The operating point of a version: whoever approves it confirms its own, not the former's.

What follows from the package alone is computed again. What was chosen on training data, which no hospital
has, is read with what it reached there and said to be read: a second person confirms what is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from math import isclose
from typing import Any

from ml import registry
from ml.contracts import Text
from ml.package import Package
from ml.promotion import Criterion

CODE = "operating_point"
CURVES = "curves.json"
"""Of a package: its curves with the point at which its figures were measured, five decimals."""


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
    """

    name: str
    value: float
    stored: float | None
    how: Text
    derived: bool = True

    def as_json(self) -> dict[str, Any]:
        """Return the stored form."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> OperatingPoint:
        """Rebuild a point stored by :meth:`as_json`."""
        how, derived = Text.from_json(value["how"]), value.get("derived", True)
        return cls(value["name"], value["value"], value["stored"], how, derived)


def derive(package: Package, ward: Ward) -> OperatingPoint:
    """Return the operating point at which a version will work in a ward."""
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
    said = Text(
        f"Derived anew, its operating point is {point.value:.4f}; its manifest says {point.stored:.4f}.",
        f"Recalculé, son point de fonctionnement est {_fr(point.value, 4)}\u00a0; son manifeste indique "
        f"{_fr(point.stored, 4)}.",
    )
    met = isclose(point.value, point.stored, rel_tol=1e-6)
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
        f"Its operating point, {point.value:.4f}, was not derived anew: the package does not carry what it "
        "was chosen on. Whoever approves confirms what its manifest says.",
        f"Son point de fonctionnement, {_fr(point.value, 4)}, n’a pas été recalculé\u00a0: le paquet ne "
        "porte pas les données qui l’ont fixé. Qui approuve confirme ce qu’indique son manifeste.",
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
    sensitivity, specificity = 100 * chosen["sensitivity"], 100 * chosen["specificity"]
    return OperatingPoint(
        "probability",
        package.thresholds["probability"],
        package.thresholds["probability"],
        Text(
            f"Chosen in its own training for a sensitivity of {wanted:.0f} in 100 where a family of "
            f"alterations was never met: it reached {sensitivity:.1f}, with a specificity of "
            f"{specificity:.1f}. At even odds, before a site's prevalence moves the probability.",
            f"Choisi lors de son propre entraînement pour une sensibilité de {wanted:.0f} sur 100 face à des "
            f"altérations jamais rencontrées\u00a0: {_fr(sensitivity, 1)} atteints, spécificité "
            f"{_fr(specificity, 1)}. À chances égales, avant que la prévalence du site ne déplace la "
            "probabilité.",
        ),
        derived=False,
    )


def _sleep(package: Package, ward: Ward) -> OperatingPoint:
    uncertain = next((m.value for m in package.metrics if m.name == "uncertain_share"), None)
    share = "–" if uncertain is None else f"{100 * uncertain:.0f}"
    return OperatingPoint(
        "confidence",
        package.thresholds["confidence"],
        package.thresholds["confidence"],
        Text(
            f"Below this confidence an epoch is shown as uncertain: {share} of 100 epochs of patients it had "
            "not learned from.",
            f"En dessous de cette confiance, une époque est présentée comme incertaine\u00a0: {share} "
            "époques sur 100 chez des patients non appris.",
        ),
        derived=False,
    )


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
    value = package.thresholds["best_f1"]
    return OperatingPoint(
        "best_f1",
        value,
        value,
        Text(
            "Chosen in its own training for the best F1 score out of fold.",
            "Choisi lors de son propre entraînement pour le meilleur score F1 hors apprentissage.",
        ),
        derived=False,
    )


def _fr(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace(".", ",")


RULES: dict[str, Callable[[Package, Ward], OperatingPoint]] = {
    "haemorrhage": _haemorrhage,
    "chest_xray": _chest_xray,
    "sleep": _sleep,
    "german_credit": _german_credit,
    "accident_severity": _accident_severity,
}
