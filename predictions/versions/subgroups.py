"""How a version does for whom: by age, sex, site and device, as far as it was ever measured.

What no manifest holds is said, with what it would take: an empty place must not read as "no difference".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from ml.contracts import Text
from ml.package import Metric, Package
from ml.subgroups import published

AXES = (
    ("age", _("Age")),
    ("sex", _("Sex")),
    ("site", _("Site")),
    ("device", _("Device and way of recording")),
)


@dataclass(frozen=True, slots=True)
class Axis:
    """One way of parting patients.

    Parameters
    ----------
    metrics
        Figures of the manifest that are of one part.
    silence
        Why there is none, and what it would take; also what the figures do not say.
    """

    name: Any
    metrics: tuple[Metric, ...]
    silence: Text | None


@dataclass(frozen=True, slots=True)
class Part:
    """Which figures of a manifest are of parts of the patients, by name or by the words for their data.

    Parameters
    ----------
    silence
        What is said where nothing was measured apart.
    beside
        What is said instead beside figures that ``python -m ml subgroups`` published.
    """

    names: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    silence: Text | None = None
    beside: Text | None = None

    def of(self, metrics: Sequence[Metric]) -> tuple[Metric, ...]:
        """Return the figures that are of such parts."""
        return tuple(
            metric
            for metric in metrics
            if metric.name in self.names or any(words in metric.data for words in self.data)
        )


NOT_A_PATIENT = Text(
    "A reference task on public data: no patient, nothing to part.",
    "Tâche de référence sur données publiques : pas de patient, rien à répartir.",
)
NO_CHILD_KNOWN = Text(
    "Only of adults, whom the gate has to refuse. Within children it cannot be measured: their images "
    "(Kermany 2018) carry neither age nor sex.",
    "Seulement chez des adultes, que le contrôle d’entrée doit refuser. Non mesurable parmi les enfants : "
    "leurs images (Kermany 2018) ne portent ni âge ni sexe.",
)
PARTS: Mapping[str, Mapping[str, Part]] = {
    "haemorrhage": {
        "age": Part(
            silence=Text(
                "Not measured for this version. Both external tables carry the mother’s age: python -m ml "
                "subgroups haemorrhage parts them.",
                "Non mesuré pour cette version. Les deux tables externes contiennent l’âge de la mère : "
                "python -m ml subgroups haemorrhage les répartit.",
            ),
            beside=Text(
                "Few bleed in any one group of Zurich: the intervals are wide.",
                "Peu de femmes saignent dans chaque groupe de Zurich : les intervalles sont larges.",
            ),
        ),
        "sex": Part(silence=Text("All are women.", "Toutes sont des femmes.")),
        "site": Part(
            names=(
                "zurich_roc_auc", "zurich_calibration_slope", "natality_roc_auc",
                "natality_calibration_slope", "holdout_roc_auc", "holdout_calibration_slope",
            )
        ),
        "device": Part(
            silence=Text(
                "No device: values come from the form.",
                "Pas d’appareil : les valeurs viennent du formulaire.",
            )
        ),
    },
    "chest_xray": {
        "age": Part(
            names=("gate_refuses_adults",),
            silence=Text(
                "Within children it cannot be measured: the training and test images (Kermany 2018, one to "
                "five years) carry no age.",
                "Non mesurable parmi les enfants : les images d’apprentissage et de test (Kermany 2018, un à "
                "cinq ans) ne portent pas d’âge.",
            ),
            beside=NO_CHILD_KNOWN,
        ),
        "sex": Part(
            silence=Text(
                "Cannot be measured: the images of children carry no sex.",
                "Non mesurable : les images d’enfants ne portent pas de sexe.",
            ),
            beside=NO_CHILD_KNOWN,
        ),
        "site": Part(
            data=("NIH ChestX-ray14",),
            silence=Text(
                "All children were imaged in one hospital. Another site is known only for adults, whom the "
                "gate refuses.",
                "Tous les enfants viennent d’un seul hôpital. Un autre site n’est connu que pour des "
                "adultes, que le contrôle d’entrée refuse.",
            ),
        ),
        "device": Part(
            data=("altered by a family its head never met",),
            silence=Text(
                "The images name no device. What stands in for it are alterations of exposure, geometry, "
                "sharpness and storage that the model had not met.",
                "Les images ne nomment pas d’appareil. En tiennent lieu des altérations d’exposition, de "
                "géométrie, de netteté et de stockage que le modèle n’avait pas rencontrées.",
            ),
        ),
    },
    "sleep": {
        "age": Part(
            silence=Text(
                "Not measured: the nights are stored as band powers without age. PhysioNet’s list of "
                "subjects (SC-subjects) has it; with that file beside the nights python -m ml evaluate sleep "
                "could part them.",
                "Non mesuré : les nuits sont conservées en puissances par bande, sans âge. La liste des "
                "sujets de PhysioNet (SC-subjects) le donne ; placée à côté des nuits, python -m ml "
                "evaluate sleep pourrait les répartir.",
            )
        ),
        "sex": Part(
            silence=Text(
                "Not measured, for the same reason as age.", "Non mesuré, pour la même raison que l’âge."
            )
        ),
        "site": Part(names=("kappa", "ucddb018.kappa", "ucddb_wake_n3.accuracy")),
        "device": Part(
            names=(
                "frontal_eeg.kappa", "frontal_eeg_eog.kappa", "two_eeg.kappa", "posterior_eeg.kappa",
                "raw_device.coloured_night.kappa", "raw_device.coloured_nap.kappa",
            )
        ),
    },
}  # fmt: skip


def axes(package: Package) -> list[Axis]:
    """Return every way of parting patients with what a version's manifest says of it."""
    parts, found = PARTS.get(package.algorithm), published(package)
    if parts is None:
        return [Axis(words, (), NOT_A_PATIENT) for _name, words in AXES]
    return [
        Axis(
            words,
            (*found.get(name, ()), *parts[name].of(package.metrics)),
            parts[name].beside if name in found else parts[name].silence,
        )
        for name, words in AXES
    ]
