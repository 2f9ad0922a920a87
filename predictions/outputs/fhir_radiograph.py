"""What a FHIR bundle says of a chest X-ray beyond a figure: the images, each one's answer, what people said.

What the algorithm measured and what a person saw or wrote are resources of their own, each under the name
of whoever it is from.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import UID

from ml.contracts import Refused
from predictions.models import FirstRead, Signature
from predictions.outputs import dicom_source as source
from predictions.outputs import fhir_codes as codes
from predictions.outputs import radiograph, wording
from predictions.outputs.dicom_source import Sources
from predictions.outputs.facts import Facts
from predictions.outputs.radiograph import Film

Resource = dict[str, Any]


def sources(facts: Facts) -> Sources | None:
    """Return the DICOM images of the study; ``None`` when none came as such."""
    try:
        with source.quiet():
            return source.sources(facts)
    except Refused:
        return None


def scored(facts: Facts) -> dict[str, Film]:
    """Return the images with an answer by the name of the resource that states it."""
    films = [film for film in radiograph.films(facts) if film.scored]
    return {f"measured/pneumonia-probability/{film.number + 1}": film for film in films}


def imaging_study(found: Sources, subject: Resource) -> Resource:
    """Return the examination as the archive knows it: its series and the instances that were analysed."""
    series = sorted(found.images.values(), key=lambda image: image.SeriesInstanceUID)
    grouped = [list(images) for _, images in groupby(series, key=lambda image: image.SeriesInstanceUID)]
    return {
        "resourceType": "ImagingStudy",
        "identifier": [{"system": codes.DICOM_UID, "value": f"urn:oid:{found.filed.StudyInstanceUID}"}],
        "status": "available",
        "subject": subject,
        "numberOfSeries": len(grouped),
        "numberOfInstances": len(found.images),
        "series": [_series(images) for images in grouped],
    }


def _series(images: list[Dataset]) -> Resource:
    first = images[0]
    return {
        "uid": first.SeriesInstanceUID,
        "modality": {"system": codes.DCM, "code": first.Modality or "OT"},
        "numberOfInstances": len(images),
        "instance": [
            {
                "uid": image.SOPInstanceUID,
                "sopClass": {
                    "system": codes.URI,
                    "code": f"urn:oid:{image.SOPClassUID}",
                    "display": UID(image.SOPClassUID).name,
                },
            }
            for image in images
        ],
    }


def answer(facts: Facts, film: Film, found: Sources | None) -> Resource:
    """Return what an observation of one image holds beyond who, when and of whom."""
    image = found.images.get(film.number) if found else None
    components = [
        {
            "code": codes.concept("pneumonia-class", "Class at the operating point"),
            "valueCodeableConcept": codes.concept(*codes.CLASSES[film.label]),
        },
        {
            "code": codes.concept("operating-point", "Operating point"),
            "valueQuantity": codes.quantity(100 * facts.result["threshold"], "%"),
        },
        {
            "code": codes.concept("image", "Image that was analysed"),
            "valueString": f"{facts.say(film.name)}, {facts.say(film.projection)}",
        },
    ]
    if "prevalence" in facts.result:  # results of the first packages were all stated for one half
        components.append(
            {
                "code": codes.concept("prevalence", "Prevalence that probability and point are stated for"),
                "valueQuantity": codes.quantity(100 * facts.result["prevalence"], "%"),
            }
        )
    if image is not None:
        components.append(
            {
                "code": codes.concept("sop-instance", "SOP Instance UID of the image"),
                "valueString": image.SOPInstanceUID,
            }
        )
    return {
        "code": codes.concept("pneumonia-probability", "Probability of pneumonia"),
        "valueQuantity": codes.quantity(100 * film.probability, "%"),
        "component": components,
    }


def remarks(facts: Facts, film: Film) -> list[Resource]:
    """Return the notes of one image's answer: what each map shows, and the limits of the model."""
    limits = [facts.say(limit) for limit in facts.prediction.report.get("limits", ())]
    return [
        {"text": text} for text in (*wording.zones(facts, film), *limits, facts.say(wording.RESEARCH_USE))
    ]


def first_read(read: FirstRead, subject: Resource, reader: Resource) -> Resource:
    """Return what somebody saw before the answer."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": codes.concept("first-read", "First read, before the algorithm's answer"),
        "subject": subject,
        "performer": [reader],
        "effectiveDateTime": read.at.isoformat(),
        "valueCodeableConcept": codes.concept(*codes.IMPRESSIONS[read.impression]),
        "component": [
            {
                "code": codes.concept("reader-confidence", "Confidence of the reader"),
                "valueCodeableConcept": codes.concept(*codes.CONFIDENCES[read.confidence]),
            }
        ],
    }


def reading(facts: Facts, signed: Signature, subject: Resource, signer: Resource) -> Resource:
    """Return the report that the signer wrote, part by part, in the language it was written in."""
    names = {field.label: field.name for field in facts.contract.reading}
    return {
        "resourceType": "Observation",
        "status": facts.status,
        "language": signed.reading.language,
        "code": codes.concept("radiologist-report", "Report of the radiologist", loinc="18782-3"),
        "subject": subject,
        "performer": [signer],
        "effectiveDateTime": signed.reading.saved_at.isoformat(),
        "issued": signed.signed_at.isoformat(),
        "component": [
            {"code": codes.concept(f"read-{names[label]}", label.en), "valueString": written}
            for label, written in facts.reading
        ],
    }
