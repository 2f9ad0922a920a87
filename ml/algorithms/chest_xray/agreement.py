"""Whether the images of one study belong together: one patient, one examination, one day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

from ml.algorithms.chest_xray.image import Image
from ml.concordance import CONTRADICTIONS
from ml.contracts import Problem, Severity, Text

OF_SEVERAL = Text("Image {number}: {said}", "Image {number}\u00a0: {said}")
DIFFERENT_PEOPLE = Text(
    "Images {numbers} disagree on {parts}, so they are not of one patient. Send those of each patient as a "
    "study of their own.",
    "Les images {numbers} ne concordent pas sur {parts} : elles ne sont pas du même patient. Envoyez celles "
    "de chaque patient dans une étude à part.",
)
DIFFERENT_STUDIES = Text(
    "The images come from different examinations: {groups}. Check that they belong together; an earlier one "
    "belongs in a study of its own.",
    "Les images proviennent d’examens différents : {groups}. Vérifiez qu’elles vont ensemble ; un examen "
    "antérieur se place dans une étude à part.",
)
DIFFERENT_DAYS = Text(
    "The images were taken on different days: {groups}. Check that they belong together; an earlier one "
    "belongs in a study of its own.",
    "Les images ont été prises à des dates différentes : {groups}. Vérifiez qu’elles vont ensemble ; un "
    "examen antérieur se place dans une étude à part.",
)
NOT_SCORED = Text("It was not scored. {said}", "Elle n’a pas de score. {said}")
AND = Text(" and ", " et ")


def different_people(images: Sequence[Image]) -> Problem | None:
    """Return the problem of images whose headers contradict each other on who the patient is.

    Its message names images and parts, never values: it is read by people who may not see either.
    """
    numbers: set[int] = set()
    parts: set[str] = set()
    for one, other in combinations(images, 2):
        if found := one.identity.contradictions(other.identity):
            numbers |= {one.number, other.number}
            parts |= set(found)
    if not parts:
        return None
    named = [text for part, text in CONTRADICTIONS.items() if part in parts]
    message = _filled(
        DIFFERENT_PEOPLE,
        lambda language: {
            "numbers": listed(sorted(numbers), language),
            "parts": ", ".join(text.to(language) for text in named),
        },
    )
    return Problem("images_of_different_patients", message)


def doubts(images: Sequence[Image]) -> list[Problem]:
    """Return the warnings about images that say they come from different examinations or days."""
    found = []
    for code, sentence, key in (
        ("different_studies", DIFFERENT_STUDIES, lambda image: image.study),
        ("different_days", DIFFERENT_DAYS, lambda image: image.day),
    ):
        groups = _groups(images, key)
        if len(groups) > 1:
            message = _filled(
                sentence,
                lambda language, groups=groups: {
                    "groups": " / ".join(listed(numbers, language) for numbers in groups)
                },
            )
            found.append(Problem(code, message, severity=Severity.WARN))
    return found


def of_image(problem: Problem, number: int) -> Problem:
    """Say of which image a problem is."""
    return Problem(problem.code, said_of(problem.message, number), problem.field, problem.severity)


def not_scored(problem: Problem, number: int) -> Problem:
    """Turn the reason against one image into a warning that travels with the score of the others."""
    said = Text(NOT_SCORED.en.format(said=problem.message.en), NOT_SCORED.fr.format(said=problem.message.fr))
    return Problem(problem.code, said_of(said, number), severity=Severity.WARN)


def said_of(text: Text, number: int) -> Text:
    """Put the number of the image, counted from 1, before a sentence about it."""
    return Text(
        OF_SEVERAL.en.format(number=number + 1, said=text.en),
        OF_SEVERAL.fr.format(number=number + 1, said=text.fr),
    )


def listed(numbers: Sequence[int], language: str) -> str:
    """Write the numbers of images, counted from 1: "1, 2 and 4"."""
    words = [str(number + 1) for number in numbers]
    return AND.to(language).join(filter(None, (", ".join(words[:-1]), words[-1])))


def _groups(images: Sequence[Image], key: Callable[[Image], str]) -> list[list[int]]:
    """Gather the numbers of the images by what they say, those that say nothing left out."""
    groups: dict[str, list[int]] = {}
    for image in images:
        if said := key(image):
            groups.setdefault(said, []).append(image.number)
    return list(groups.values())


def _filled(sentence: Text, values: Callable[[str], dict[str, str]]) -> Text:
    return Text(sentence.en.format(**values("en")), sentence.fr.format(**values("fr")))
