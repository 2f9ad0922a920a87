"""The PDF: what it says, in which language, whatever people typed; tagged for screen readers."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import replace

import pytest
from django.utils import timezone

from predictions.models import Explanation, Prediction, Review, Study
from predictions.outputs import facts as gathering
from predictions.outputs import ordering, radiograph, rendering, wording
from tests import factories, outputs, studies

pytestmark = [pytest.mark.django_db, pytest.mark.poppler]


def words(pdf: bytes) -> str:
    """Return the text of a PDF as one line, without the places where it was broken."""
    answer = subprocess.run(("pdftotext", "-", "-"), input=pdf, capture_output=True, check=True)
    return re.sub(r"\s+", " ", answer.stdout.decode().replace("\u200b", "").replace("-\n", "-"))


def unbroken(text: str) -> str:
    """Return a text without what line breaks add or take away."""
    return text.replace(" ", "").replace("-", "")


@pytest.mark.parametrize("algorithm", outputs.OUTCOMES)
@pytest.mark.parametrize(
    ("language", "draft", "notice"),
    [
        ("en", "AI draft – not signed", "Research use, not a medical device"),
        ("fr", "Brouillon de l’IA – non signé", "Usage de recherche, pas un dispositif médical"),
    ],
)
def test_a_draft_says_so_on_every_page_in_the_language_of_the_document(
    algorithm: str, language: str, draft: str, notice: str
) -> None:
    study = outputs.answered(algorithm)
    pdf = outputs.written(study, "pdf", language)
    said = words(pdf)
    pages = int(re.findall(r"page \d+ (?:of|sur) (\d+)", said)[0])
    assert said.count(draft) == pages + 1
    assert said.count(notice) >= pages
    assert study.patient.record_number in said
    assert study.prediction.package_sha256 in said.replace(" ", "")
    assert study.prediction.report["headline"][language].split()[0] in said
    # The report of a night writes its figures again, from the hypnogram that is reported.
    for section in () if algorithm == "sleep" else study.prediction.report["sections"]:
        if section["rows"] or section["paragraphs"]:
            assert re.sub(r"\s+", " ", section["title"][language]) in said


def test_it_is_tagged_and_declares_the_accessibility_standard() -> None:
    pdf = outputs.written(outputs.answered("chest_xray"), "pdf", "fr")
    assert b"/MarkInfo" in pdf
    assert b"/Lang(fr)" in pdf
    assert b"pdfuaid" in pdf


def test_what_people_typed_is_shown_and_never_run() -> None:
    typed = '*gras* #panic("x") $E=mc^2$ @ref <label> [crochets] \\ `code` — œuvre'
    study = outputs.answered("sleep", family_name=outputs.HARD_NAME, given_name="Zoé-Ælfgifu")
    outputs.sign(study, comment=typed)
    said = words(outputs.written(study, "pdf", "fr"))
    assert typed in said
    assert unbroken(outputs.HARD_NAME.upper()) in unbroken(said)
    assert "Zoé-Ælfgifu" in said


def test_a_signed_one_names_the_signer_the_version_and_the_verdict() -> None:
    study = outputs.answered("haemorrhage")
    outputs.sign(study)
    said = words(outputs.written(study, "pdf", "fr"))
    assert f"Version 1, signée par {study.submitted_by.label}" in said
    assert "Brouillon" not in said
    assert "D’accord" in said
    assert study.signatures.get().content_sha256 in said.replace(" ", "")


def test_first_read_then_the_algorithm_then_the_report() -> None:
    study = outputs.answered("chest_xray")
    outputs.sign(study, verdict="disagree", reason="clinical")
    said = words(outputs.written(study, "pdf", "fr"))
    order = [
        "Première lecture, avant l’algorithme",
        "Pneumonie (certitude : assez sûr)",
        "En faveur d’une pneumonie",
        "Image 1, incidence de face (AP) : en faveur d’une pneumonie, probabilité 81 %",
        "Image 2, incidence de profil (LL) : sans score",
        "Ce n’est pas une incidence de face.",
        "Compte rendu du radiologue",
        outputs.IMPRESSION,
    ]
    places = [said.index(expected) for expected in order]
    assert places == sorted(places)


def test_a_picture_that_nobody_read_first_is_not_captioned_as_read() -> None:
    study = outputs.answered("chest_xray", outcome=outputs.radiograph_before())
    reader = study.submitted_by
    # As before there were first reads: judged without one.
    Review.objects.create(
        prediction=study.prediction, author=reader, verdict="agree", created_at=timezone.now()
    )
    document = ordering.order(user=reader, study=study, kind="pdf", language="fr", version="")
    rendering.render(document.pk)
    said = words(outputs.content_of(document))
    assert "Image sans carte" in said
    assert "vue d’abord" not in said


def test_a_figure_that_rounds_to_a_hundred_is_bounded_as_on_the_screen() -> None:
    study = outputs.answered("chest_xray")
    outputs.written(study, "pdf", "fr")
    facts = gathering.gather(study.documents.get())
    film = replace(radiograph.films(facts)[0], probability=0.9969)
    assert wording.film(facts, film).endswith("probabilité > 99 %")


def test_each_map_has_its_own_sentence() -> None:
    said = words(outputs.written(outputs.answered("chest_xray"), "pdf", "en"))
    why = said[said.index("Why the model says so") :]
    assert why.index("Evidence of the network:") < why.index("SHAP values of the regions:")


def pictures(pdf: bytes) -> int:
    """Return how many pictures the pages show."""
    with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
        file.write(pdf)
        file.flush()
        answer = subprocess.run(("pdfimages", "-list", file.name), capture_output=True, check=True)
    return sum(line.split()[2] == "image" for line in answer.stdout.decode().splitlines()[2:])


def test_every_image_is_shown_and_a_scored_one_under_each_of_its_maps() -> None:
    study = outputs.answered("chest_xray")
    pdf = outputs.written(study, "pdf", "en")
    assert pictures(pdf) == 4, "two films, one of them under two maps"
    for caption in ("Evidence of the network", "SHAP values of the regions", "0.37 log odds"):
        assert caption in words(pdf)


def test_a_result_of_before_several_images_is_shown_with_its_map() -> None:
    study = outputs.answered("chest_xray", outcome=outputs.radiograph_before())
    pdf = outputs.written(study, "pdf", "fr")
    assert pictures(pdf) == 2
    assert "Image 1, incidence de face : en faveur d’une pneumonie, probabilité 81 %" in words(pdf)


def test_the_course_marks_this_report_and_says_what_changed() -> None:
    study = outputs.answered("haemorrhage")
    stay = factories.encounter(study.patient)
    Study.objects.filter(pk=study.pk).update(encounter=stay)
    values = study.values | {"haemoglobin": 9.1}
    again = studies.analysed(
        studies.waiting(study.submitted_by, study.patient, values=values, encounter=stay)
    )
    said = words(outputs.written(again, "pdf", "en"))
    course = said[said.index("Course of this birth") :]
    assert course.count("– this report") == 1
    assert "→ 9.1 g/dL" in course


def test_a_night_without_stages_known_and_a_lost_explanation_still_make_a_report() -> None:
    study = outputs.answered("sleep")
    prediction = Prediction.objects.create(
        study=study,
        package_version="0",
        package_sha256="0" * 64,
        result={**study.prediction.result, "stages": ["?"] * 40, "start": ""},
        report=study.prediction.report,
        created_at=study.prediction.created_at.replace(year=2999),
    )
    Explanation.objects.create(
        prediction=prediction, status="failed", package_version="0", package_sha256="0"
    )
    assert "No explanation was computed" in words(outputs.written(study, "pdf", "en"))
