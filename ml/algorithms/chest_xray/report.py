"""The result in plain sections, in both languages."""

from __future__ import annotations

from typing import Any

from ml.algorithms.chest_xray.predict import POSITIVE
from ml.contracts import Report, ReportRow, ReportSection, Text
from ml.package import Metric, Package

HEADLINES = {
    True: Text("Suggests pneumonia", "En faveur d’une pneumonie"),
    False: Text("Does not suggest pneumonia", "Pas d’argument pour une pneumonie"),
}
ROLES = {
    "frontal": Text("frontal", "face"),
    "lateral": Text("lateral", "profil"),
    "other": Text("view unknown", "incidence inconnue"),
}
RECOGNISED = {
    "header": Text(", by its header", ", d’après l’en-tête"),
    "appearance": Text(", by its appearance", ", d’après son aspect"),
}
NO_SCORE = Text("shown, not scored", "montrée, sans score")
UNREADABLE = Text("could not be read", "illisible")
BY_APPEARANCE = Text(
    "A lateral film is recognised by its DICOM header only: none was at hand to learn its appearance from.",
    "Un cliché de profil n’est reconnu que par son en-tête DICOM\u202f: aucun n’était disponible pour en "
    "apprendre l’aspect.",
)
TEST = "official test"
EVEN = 0.5
"""Prevalence of results from before a site could give its own."""


def report(package: Package, result: dict[str, Any]) -> Report:
    """Write the report of a study.

    Parameters
    ----------
    result
        As :func:`ml.algorithms.chest_xray.predict.predict` gives it; one from before a study could have
        several images has no ``images``.
    """
    parts = (_score(result), _images(result), _meaning(package), _gate(result))
    return Report(
        headline=HEADLINES[result["label"] == POSITIVE],
        sections=tuple(part for part in parts if part.rows),
        limits=package.limits,
    )


def percent(share: float) -> Text:
    """Write a share as a whole percentage, never 0 or 100 where it is not exactly that."""
    whole = min(99, max(1, round(100 * share))) if 0 < share < 1 else round(100 * share)
    bound = "< " if share and share < 0.005 else "> " if 0.995 <= share < 1 else ""
    return Text(f"{bound}{whole}%", f"{bound}{whole}\u00a0%")


def _score(result: dict[str, Any]) -> ReportSection:
    share = percent(result.get("prevalence", EVEN))
    return ReportSection(
        title=Text("Score", "Score"),
        rows=(
            ReportRow(
                Text("Probability of pneumonia", "Probabilité de pneumonie"), percent(result["probability"])
            ),
            ReportRow(Text("Operating point", "Seuil de décision"), percent(result["threshold"])),
        ),
        paragraphs=(
            Text(
                f"The probability is that of a child from a group in which {share.en} have pneumonia.",
                f"La probabilité est celle d’un enfant issu d’un groupe où {share.fr} des enfants ont une "
                "pneumonie.",
            ),
            *_highest(result),
        ),
    )


def _highest(result: dict[str, Any]) -> tuple[Text, ...]:
    """Say of which image the score is, where several were scored."""
    if sum("probability" in image for image in result.get("images", ())) < 2:
        return ()
    number = result["scored"] + 1
    return (
        Text(
            f"Several images were scored; this is the highest score, that of image {number}.",
            f"Plusieurs images ont un score\u202f; celui-ci est le plus élevé, celui de l’image {number}.",
        ),
    )


def _images(result: dict[str, Any]) -> ReportSection:
    """What each image of the study is and what became of it; nothing for a single one."""
    images = result.get("images", ())
    listed = images if len(images) > 1 else ()
    by_appearance = any(image["recognised_by"] == "appearance" for image in listed)
    return ReportSection(
        title=Text("Images of the study", "Images de l’étude"),
        rows=tuple(
            ReportRow(Text(f"Image {image['number'] + 1}", f"Image {image['number'] + 1}"), _image(image))
            for image in listed
        ),
        paragraphs=(BY_APPEARANCE,) if by_appearance else (),
    )


def _image(image: dict[str, Any]) -> Text:
    role = ROLES[image["role"]]
    view = f" ({image['view']})" if image["view"] else ""
    if "probability" in image:
        said = percent(image["probability"])
    else:
        said = NO_SCORE if image["preview"] else UNREADABLE
    by = RECOGNISED.get(image["recognised_by"], Text("", ""))
    return Text(f"{role.en}{view}{by.en}: {said.en}", f"{role.fr}{view}{by.fr}\u00a0: {said.fr}")


def _meaning(package: Package) -> ReportSection:
    """What the operating point finds and misses, from the package's own figures."""
    tested = {metric.name: metric for metric in package.metrics if TEST in metric.data}
    labels = {
        "recall": Text("Sensitivity at this point", "Sensibilité à ce seuil"),
        "specificity": Text("Specificity at this point", "Spécificité à ce seuil"),
        "roc_auc": Text("Area under the ROC curve", "Aire sous la courbe ROC"),
    }
    rows = tuple(ReportRow(label, _figure(tested[name])) for name, label in labels.items() if name in tested)
    return ReportSection(
        title=Text("What the model achieved on its test", "Ce que le modèle a obtenu sur son test"), rows=rows
    )


def _figure(metric: Metric) -> Text:
    if metric.low is None or metric.high is None:
        return Text(f"{metric.value:.3f}", f"{metric.value:.3f}".replace(".", ","))
    figure = f"{metric.value:.3f} [{metric.low:.3f}–{metric.high:.3f}]"
    return Text(f"{figure}, n = {metric.n}", f"{figure.replace('.', ',')}, n = {metric.n}")


def _gate(result: dict[str, Any]) -> ReportSection:
    """Whether the image was accepted, and why not where it was scored all the same."""
    accepted = result["gate"]["accepted"]
    return ReportSection(
        title=Text("Suitability of the image", "Aptitude de l’image"),
        rows=(
            ReportRow(
                Text("Accepted by the input check", "Acceptée par le contrôle d’entrée"),
                Text("yes", "oui") if accepted else Text("no", "non"),
            ),
        ),
        paragraphs=tuple(Text.from_json(reason["message"]) for reason in result["gate"]["reasons"]),
    )
