"""The reading of a chest X-ray as a DICOM Comprehensive SR (TID 1500), for the archive beside the images.

UNVERIFIED until somebody signs. What the algorithm measured stands under its own name as a device; what
people said first and what they wrote stands apart, under theirs.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

import highdicom as hd
from django.utils import timezone
from highdicom.sr import templates
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from predictions import verdicts
from predictions.models import FirstRead, Signature
from predictions.outputs import dicom_source as source
from predictions.outputs import dicom_sr_words as words
from predictions.outputs import radiograph, wording
from predictions.outputs.dicom_source import Sources
from predictions.outputs.facts import IMPRESSION, Facts
from predictions.outputs.radiograph import Film
from predictions.outputs.typed import upright

SERIES_NUMBER = 9001
CONTAINS = hd.sr.RelationshipTypeValues.CONTAINS


def render(facts: Facts) -> bytes:
    """Write the structured report.

    Raises
    ------
    ml.contracts.Refused
        When the X-ray did not come as DICOM.
    """
    with source.quiet():
        return _written(facts, source.sources(facts))


def _written(facts: Facts, found: Sources) -> bytes:
    signature = facts.signature
    report = hd.sr.ComprehensiveSR(
        evidence=list(found.images.values()),
        content=_content(facts, found.images)[0],
        series_instance_uid=source.uid(facts, "series"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=source.uid(facts, "instance"),
        instance_number=signature.version if signature else 1,
        manufacturer=source.MANUFACTURER,
        is_complete=True,
        is_final=signature is not None,
        is_verified=signature is not None,
        verifying_observer_name=source.person(signature.signer) if signature else None,
        verifying_organization=facts.study.unit.name_fr if signature else None,
        series_description=source.series_description(facts),
    )
    if signature:
        verified = timezone.localtime(signature.signed_at)
        report.VerifyingObserverSequence[0].VerificationDateTime = f"{verified:%Y%m%d%H%M%S%z}"
    stream = io.BytesIO()
    report.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _content(facts: Facts, images: Mapping[int, Dataset]) -> hd.sr.MeasurementReport:
    device = templates.DeviceObserverIdentifyingAttributes(
        uid=source.device_uid(facts),
        name=facts.package_name,
        manufacturer_name=source.MANUFACTURER,
        model_name=facts.study.algorithm,
        serial_number=facts.prediction.package_sha256[: source.LONG_STRING],
    )
    observer = templates.ObserverContext(
        observer_type=codes.DCM.Device, observer_identifying_attributes=device
    )
    several = words.concept("chest-xray-views", facts.language)
    scored = [film for film in radiograph.films(facts) if film.scored]
    report = templates.MeasurementReport(
        observation_context=templates.ObservationContext(observer_device_context=observer),
        procedure_reported=words.CHEST_ONE_VIEW if len(images) == 1 else several,
        imaging_measurements=[_measurements(facts, film, images.get(film.number)) for film in scored],
        language_of_content_item_and_descendants=_language(facts.language),
    )
    # TID 1500 is extensible: what people said follows what was measured.
    for read in facts.first_reads:
        report[0].ContentSequence.append(_first_read(facts, read))
    if facts.signature and facts.reading:
        report[0].ContentSequence.append(_reading(facts, facts.signature))
    return report


def _language(code: str) -> templates.LanguageOfContentItemAndDescendants:
    return templates.LanguageOfContentItemAndDescendants(words.LANGUAGES[code])


def _measurements(facts: Facts, film: Film, image: Dataset | None) -> Any:
    """Return what the algorithm says of one image, and the signer's verdict on it."""
    algorithm = templates.AlgorithmIdentification(
        name=facts.study.algorithm,
        version=facts.prediction.package_version,
        parameters=[f"package sha256 {facts.prediction.package_sha256}"],
        manufacturer=source.MANUFACTURER,
    )
    figures = {"pneumonia-prob": film.probability, "operating-point": facts.result["threshold"]}
    if "prevalence" in facts.result:  # results of the first packages were all stated for one half
        figures["prevalence"] = facts.result["prevalence"]
    group = templates.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=templates.TrackingIdentifier(
            uid=source.lasting_uid(facts, "finding", film.number),
            identifier=f"pneumonia, image {film.number + 1}",
        ),
        algorithm_id=algorithm,
        finding_sites=[hd.sr.FindingSite(codes.SCT.Chest)],
        measurements=[
            templates.Measurement(
                name=words.concept(code, facts.language), value=round(100 * share, 1), unit=codes.UCUM.Percent
            )
            for code, share in figures.items()
        ],
        qualitative_evaluations=[
            templates.QualitativeEvaluation(
                name=words.concept(name, facts.language), value=words.concept(value, facts.language)
            )
            for name, value in _evaluations(facts, film)
        ],
        source_images=[hd.sr.SourceImageForMeasurementGroup.from_source_image(image)] if image else None,
    )
    for code, said in _remarks(facts, film):
        group[0].ContentSequence.append(_text(words.concept(code, facts.language), said))
    return group


def _evaluations(facts: Facts, film: Film) -> Iterator[tuple[str, str]]:
    yield "pneumonia-class", words.CLASSES[film.label]
    if facts.signature:
        review = facts.signature.review
        yield "signer-verdict", words.VERDICTS[verdicts.code(review)]
        if reason := verdicts.reason_code(review):
            yield "signer-reason", words.REASONS[reason]


def _remarks(facts: Facts, film: Film) -> Iterator[tuple[str, str]]:
    """Yield what can only be said in sentences: the zone of each map, the signer's comment."""
    for said in wording.zones(facts, film):
        yield "strongest-zone", said
    if facts.signature and not verdicts.agrees(facts.signature.review) and facts.signature.review.comment:
        yield "signer-comment", upright(facts.signature.review.comment)


def _first_read(facts: Facts, read: FirstRead) -> hd.sr.ContainerContentItem:
    """Return what somebody saw before the algorithm's answer, under their own name."""
    said = {
        "first-impression": words.IMPRESSIONS[read.impression],
        "confidence": words.CONFIDENCES[read.confidence],
    }
    container = _by_person(words.concept("first-read", facts.language), source.person(read.reader))
    container.ObservationDateTime = f"{timezone.localtime(read.at):%Y%m%d%H%M%S%z}"
    for name, value in said.items():
        container.ContentSequence.append(
            hd.sr.CodeContentItem(
                name=words.concept(name, facts.language),
                value=words.concept(value, facts.language),
                relationship_type=CONTAINS,
            )
        )
    return container


def _reading(facts: Facts, signature: Signature) -> hd.sr.ContainerContentItem:
    """Return the signed report, in the language and under the name of its writer."""
    language = signature.reading.language
    container = _by_person(codes.DCM.Findings, source.person(signature.signer), *_language(language))
    names = {field.label: field.name for field in facts.contract.reading}
    for label, written in facts.reading:
        code = words.coded(f"read-{names[label]}", label, language)
        if names[label] == IMPRESSION:
            code = codes.DCM.Impression
        container.ContentSequence.append(_text(code, written))
    return container


def _by_person(name: Any, who: str, *modifiers: hd.sr.ContentItem) -> hd.sr.ContainerContentItem:
    """Return a container whose content is a person's own, not the device's."""
    observer = templates.ObserverContext(
        observer_type=codes.DCM.Person,
        observer_identifying_attributes=templates.PersonObserverIdentifyingAttributes(name=who),
    )
    container = hd.sr.ContainerContentItem(name=name, relationship_type=CONTAINS)
    container.ContentSequence = hd.sr.ContentSequence([*modifiers, *observer])
    return container


def _text(name: Any, said: str) -> hd.sr.TextContentItem:
    return hd.sr.TextContentItem(name=name, value=said, relationship_type=CONTAINS)
