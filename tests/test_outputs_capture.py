"""The secondary capture: picture and maps, marked for good as an algorithm's in the pixels themselves."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from ml.algorithms.chest_xray.explain import SCALE
from predictions.models import Study
from predictions.outputs import dicom_sc, ordering, rendering
from tests import outputs

pytestmark = pytest.mark.django_db

MARK = np.array([0xA3, 0x44, 0x00])
GREY = 90


@pytest.fixture
def image() -> Dataset:
    """Return the image the study was analysed from."""
    return outputs.dicom_image()


@pytest.fixture
def study(image: Dataset) -> Study:
    """Return a study of that image with its answer."""
    study = outputs.answered("chest_xray", family_name="Exemple", given_name="Zoé")
    return outputs.send(study, outputs.as_file(image))


def capture(study: Study, language: str = "en") -> Dataset:
    """Return the written capture."""
    return dcmread(io.BytesIO(outputs.written(study, "dicom_sc", language)))


def test_it_is_filed_beside_the_image_and_says_what_it_is(study: Study, image: Dataset) -> None:
    found = capture(study)
    assert found.StudyInstanceUID == image.StudyInstanceUID
    assert found.SeriesInstanceUID != image.SeriesInstanceUID
    assert found.SourceImageSequence[0].ReferencedSOPInstanceUID == image.SOPInstanceUID
    assert (found.BurnedInAnnotation, found.ConversionType) == ("YES", "DI")
    assert found.ImageType[0] == "DERIVED"
    assert found.DerivationDescription
    assert found.SoftwareVersions == "chest_xray 0.0.1"
    assert found.SeriesDescription == "AI draft - not signed"
    assert found.ImageComments == dicom_sc.MARK
    assert not found.file_meta.TransferSyntaxUID.is_compressed


def test_only_what_is_drawn_is_named_as_its_source() -> None:
    frontal, lateral = outputs.one_examination(outputs.dicom_image(), outputs.dicom_image("LL"))
    study = outputs.answered("chest_xray")
    found = capture(outputs.send(study, outputs.as_file(frontal), outputs.as_file(lateral)))
    [source] = found.SourceImageSequence
    assert source.ReferencedSOPInstanceUID == frontal.SOPInstanceUID


def test_the_patient_is_the_one_on_record_and_stands_in_the_header_only(study: Study) -> None:
    found = capture(study)
    assert str(found.PatientName) == "Exemple^Zoé"
    assert found.PatientID == study.patient.record_number
    before = found.pixel_array
    study.patient.family_name = "Autre"
    study.patient.save()
    # The time of writing is not in the pixels either: only the name in the header changed.
    after = capture(study)
    assert str(after.PatientName) == "Autre^Zoé"
    assert np.array_equal(after.pixel_array, before)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_picture_maps_and_marks_are_in_the_pixels(study: Study, language: str) -> None:
    pixels = capture(study, language).pixel_array.astype(int)
    for edge in (pixels[: dicom_sc.MARK_HEIGHT], pixels[-dicom_sc.MARK_HEIGHT :]):
        assert (edge == MARK).all(axis=2).mean() > 0.8
        assert (edge.min(axis=2) > 200).sum() > 1000, "the words of the mark are white on it"
    middle = pixels[dicom_sc.MARK_HEIGHT + dicom_sc.TITLE_HEIGHT + 100]
    plain = (middle == GREY).all(axis=1).sum()
    coloured = (np.ptp(middle, axis=1) > 10).sum()
    assert plain > 500, "the picture as sent, its grey levels untouched"
    assert coloured == pytest.approx(2 * plain, rel=0.02), "both maps beside it"


def test_the_words_follow_the_language_and_the_signature(study: Study) -> None:
    english, french = (capture(study, language).pixel_array for language in ("en", "fr"))
    assert not np.array_equal(english, french)
    outputs.sign(study, verdict="disagree", reason="clinical")
    signed = capture(study)
    assert not np.array_equal(signed.pixel_array, english)
    assert signed.SeriesDescription == "AI result, signed: signer disagrees"


def test_a_result_of_before_several_images_is_drawn_too(image: Dataset) -> None:
    study = outputs.answered("chest_xray", outcome=outputs.radiograph_before())
    outputs.send(study, outputs.as_file(image))
    pixels = capture(study).pixel_array.astype(int)
    middle = pixels[dicom_sc.MARK_HEIGHT + dicom_sc.TITLE_HEIGHT + 100]
    assert (np.ptp(middle, axis=1) > 10).sum() == pytest.approx((middle == GREY).all(axis=1).sum(), rel=0.02)


def test_without_a_picture_it_says_so(study: Study) -> None:
    study.prediction.artefacts.all().delete()
    outputs.read(study)
    document = ordering.order(user=study.submitted_by, study=study, kind="dicom_sc", language="fr")
    rendering.render(document.pk)
    document.refresh_from_db()
    assert [problem["code"] for problem in document.problems] == ["no_picture"]


def test_without_maps_the_picture_stands_alone(image: Dataset) -> None:
    lost = replace(outputs.radiograph(), explanation=None, explanation_status="failed")
    study = outputs.send(outputs.answered("chest_xray", outcome=lost), outputs.as_file(image))
    pixels = capture(study).pixel_array.astype(int)
    middle = pixels[dicom_sc.MARK_HEIGHT + dicom_sc.TITLE_HEIGHT + 100]
    assert (middle == GREY).all(axis=1).sum() > 800
    assert (np.ptp(middle, axis=1) > 10).sum() == 0


def test_every_scored_image_is_drawn_below_the_one_before() -> None:
    answer = outputs.radiograph()
    one = outputs.answered("chest_xray", outcome=answer)
    outputs.send(one, outputs.as_file(outputs.dicom_image()))
    answer.result["images"][1] = outputs.scored_image(1, probability=0.2, label="NORMAL")
    two = outputs.answered("chest_xray", outcome=answer)
    outputs.send(two, outputs.as_file(outputs.dicom_image()))
    assert capture(two).Rows > capture(one).Rows + 300


def test_pixels_that_are_not_square_are_drawn_in_their_true_shape() -> None:
    answer = outputs.radiograph()
    plain = outputs.answered("chest_xray", outcome=answer)
    outputs.send(plain, outputs.as_file(outputs.dicom_image()))
    answer.result["images"][0]["aspect"] = 0.5
    flat = outputs.answered("chest_xray", outcome=answer)
    outputs.send(flat, outputs.as_file(outputs.dicom_image()))
    assert capture(flat).Rows < capture(plain).Rows - 200


def test_of_many_images_the_page_stays_small_with_every_word_on_it(image: Dataset) -> None:
    answer, films = outputs.radiograph(), range(8)
    said = "Par rapport à un thorax normal moyen, c’est la zone inférieure à gauche de l’image qui a le plus "
    said += "élevé le score, modérément (cotes multipliées par 3,4) : 27 % de tout ce qui l’a élevé (diffus)."
    maps = [
        told | {"image": number, "sentence": {"en": said, "fr": said}, "scale": SCALE.as_json()}
        for number in films
        for told in answer.explanation.data["maps"]
    ]
    explained = replace(answer.explanation, data=answer.explanation.data | {"maps": maps})
    pictures = tuple(replace(answer.artefacts[0], name=f"preview_{number}.png") for number in films)
    answer = replace(answer, explanation=explained, artefacts=pictures)
    answer.result["images"] = [
        outputs.scored_image(number, probability=0.8, label="PNEUMONIA") for number in films
    ]
    study = outputs.send(outputs.answered("chest_xray", outcome=answer), outputs.as_file(image))
    pixels = capture(study, "fr").pixel_array
    assert pixels.size <= 12_000_000
    # Above each picture but the first, and above the notes, a few rows are left free by the words.
    grey = (pixels[:, 60:200] == GREY).all(axis=(1, 2))
    assert np.count_nonzero(np.diff(grey.astype(int)) == 1) == len(films)
    for top in np.flatnonzero(np.diff(grey.astype(int)) == 1)[1:]:
        assert (pixels[top - 6 : top] < 30).all()
