"""Results of the three clinical algorithms to write documents of; every patient is plainly invented."""

from __future__ import annotations

import io
import tempfile
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from django.core.files.base import ContentFile
from django.utils import timezone
from PIL import Image
from pydicom.dataset import Dataset

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from ml import runner
from ml.algorithms.chest_xray import report as chest_report
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from ml.algorithms.sleep import simulate
from ml.contracts import Artefact, Explanation, Finding, Outcome, Problem, Source, Status, Text
from ml.package import Package
from predictions import first_read, lease, reading, review, run
from predictions.models import Document, Study, StudyFile
from predictions.outputs import ordering, rendering
from predictions.storage import receive, storage
from tests import dicom_builder, factories, studies

HARD_NAME = "#panic(1) *L’Œuvre-d’Été* $x$ [Ångström] <b>" + "Très-Long" * 5
TWENTY_MINUTES = 1 / 3
IMPRESSION = "Pneumonie du lobe inférieur droit."

FIGURES = {
    "probability": 0.81,
    "label": "PNEUMONIA",
    "threshold": 0.5,
    "prevalence": 0.5,
    "gate": {"accepted": True, "reasons": []},
    "model_view": {"width": 224, "height": 224},
}
ZONE = Text("The right lower zone raised the score most.", "La zone inférieure droite a le plus pesé.")
CAVEAT = Text("It shows where, not why.", "Elle montre où, non pourquoi.")
METHODS = {
    "evidence": Text("Evidence of the network", "Indices du réseau"),
    "shap": Text("SHAP values of the regions", "Valeurs SHAP des régions"),
}
RAMP = [f"#{level:02x}{level // 2:02x}{255 - level:02x}" for level in range(256)]


@cache
def night() -> Outcome:
    """Return the real answer for a simulated recording of twenty minutes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "night.edf"
        simulate.write_night(path, hours=TWENTY_MINUTES, seed=1)
        return runner.run("sleep", Source(path=path))


def radiograph() -> Outcome:
    """Return an answer shaped as the runner's to two films, over grey pictures; no network is asked."""
    result = FIGURES | {
        "scored": 0,
        "images": [scored_image(0, probability=0.81, label="PNEUMONIA"), _lateral()],
    }
    maps = [_map(method, label) for method, label in METHODS.items()]
    data = {"maps": maps, "ramp": RAMP, "caveat": CAVEAT.as_json(), "zones": []}
    pictures = [_picture(f"preview_{number}.png", "L", 90) for number in (0, 1)]
    levels = [_picture(one["name"], "L", 128, size=(112, 112)) for one in maps]
    return _answer(result, pictures, Explanation("class_activation", ZONE, data, tuple(levels)))


def radiograph_before() -> Outcome:
    """Return an answer as stored before a study could have several images."""
    result = FIGURES | {"preview": {"width": 320, "height": 260}}
    heat = _picture("heatmap.png", "RGBA", (200, 90, 0, 90))
    data = {"ramp": RAMP[::32], "ceiling": 0.5, "zones": []}
    pictures = [_picture("preview.png", "L", 90)]
    return _answer(result, pictures, Explanation("class_activation", ZONE, data, (heat,)))


def _answer(result: dict[str, Any], pictures: list[Artefact], explanation: Explanation) -> Outcome:
    limit = Text("Children of 1 to 5 years.", "Enfants de 1 à 5 ans.")
    return Outcome(
        algorithm="chest_xray",
        version="0.0.1",
        sha256="5" * 64,
        status=Status.OK,
        result=result,
        report=chest_report.report(Package(Path(), {"metrics": [], "limits": [limit.as_json()]}), result),
        quality=(Finding("size", Text("Shorter side", "Petit côté"), "1024.5", "px"),),
        artefacts=tuple(pictures),
        explanation=explanation,
        explanation_status="ok",
    )


def scored_image(number: int, *, probability: float, label: str) -> dict[str, Any]:
    """Return what is stored of a frontal film with an answer."""
    scored = {"role": "frontal", "view": "AP", "accepted": True, "reasons": []}
    return _image(number) | scored | {"probability": probability, "label": label}


def _lateral() -> dict[str, Any]:
    """Return what is stored of a film that is only shown."""
    reason = Problem("not_frontal", Text("Not a frontal view.", "Ce n’est pas une incidence de face."))
    return _image(1) | {"role": "lateral", "view": "LL", "accepted": False, "reasons": [reason.as_json()]}


def _image(number: int) -> dict[str, Any]:
    size = {"width": 320, "height": 260}
    window = {"centre": 128.0, "width": 256.0}
    pixels = {"name": f"pixels_{number}.gz", "type": "uint8", "scale": 1.0, "slope": 1.0, "intercept": 0.0}
    pixels |= {"inverted": False, "windows": [], "default": window, "function": "LINEAR"}
    return {
        "number": number,
        "recognised_by": "header",
        **size,
        "preview": f"preview_{number}.png",
        "preview_size": size,
        "pixels": pixels | size,
        "spacing": None,
        "taken_at": "2026-05-02",
    }


def _map(method: str, label: Text) -> dict[str, Any]:
    return {
        "image": 0,
        "method": method,
        "label": label.as_json(),
        "name": f"map_{method}_0.png",
        "ceiling": 0.37,
        "unit": "log odds",
        "zones": [],
        "sentence": ZONE.as_json(),
    }


def _picture(name: str, mode: str, colour: Any, size: tuple[int, int] = (320, 260)) -> Artefact:
    stream = io.BytesIO()
    Image.new(mode, size, colour).save(stream, "PNG")
    return Artefact(name, "image/png", stream.getvalue())


def dicom_image(view: str = "AP") -> Dataset:
    """Return a small DX object that names nobody."""
    return film(np.full((64, 64), 90, dtype=np.uint8), view)


def film(picture: np.ndarray, view: str = "AP") -> Dataset:
    """Return a picture as a DX object that names nobody."""
    return dicom_builder.dx_from_jpeg(
        picture, view_position=view, name="", record_number="", birth_date=None, sex=""
    )


def one_examination(first: Dataset, *others: Dataset) -> list[Dataset]:
    """File images under the examination of the first."""
    for image in others:
        image.StudyInstanceUID = first.StudyInstanceUID
    return [first, *others]


def as_file(image: Dataset) -> bytes:
    """Return an image as a DICOM Part 10 file."""
    stream = io.BytesIO()
    image.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def send(study: Study, *contents: bytes) -> Study:
    """Give a study the files it was analysed from."""
    for number, content in enumerate(contents):
        received = receive(ContentFile(content), limit=len(content))
        StudyFile.objects.create(
            study=study,
            number=number,
            name=storage.adopt(received, "uploads"),
            size=received.size,
            sha256=received.sha256,
        )
    study.refresh_from_db()
    return study


def haemorrhage() -> Outcome:
    """Return the real answer for an invented admission."""
    return runner.run("haemorrhage", Source(values=admission()))


def admission() -> dict[str, Any]:
    """Return the answers of an invented admission of now."""
    return as_of(EXAMPLES[1], timezone.now())


OUTCOMES = {
    "haemorrhage": ("maternity", haemorrhage),
    "chest_xray": ("radiology", radiograph),
    "sleep": ("sleep", night),
}


def answered(algorithm: str, *, outcome: Outcome | None = None, **names: Any) -> Study:
    """Return a study of an invented patient with its answer, waiting for a reader."""
    code, answer = OUTCOMES[algorithm]
    unit = factories.unit(code)
    signer = Role.RADIOLOGIST if algorithm == "chest_xray" else Role.PHYSICIAN
    physician = User.objects.filter(username=f"reader-{code}").first()
    physician = physician or factories.staff(f"reader-{code}", signer, unit)
    patient = factories.patient(unit, **({"birth_date": date(1990, 2, 28)} | names))
    values = admission() if algorithm == "haemorrhage" else {}
    study = studies.waiting(physician, patient, algorithm=algorithm, values=values)
    run._write(lease.claim(study.pk), outcome or answer())
    study.refresh_from_db()
    return study


def read(study: Study) -> None:
    """Say first what the reader sees, where studies of this kind ask for it."""
    if study.contract.blind_first and not study.first_reads.filter(reader=study.submitted_by):
        first_read.commit(user=study.submitted_by, study=study, impression="pneumonia", confidence="fairly")


def write_report(study: Study) -> None:
    """Write what a signature of such studies needs."""
    if study.contract.reading:
        values = {"lungs": "Opacité de la base droite.", "impression": IMPRESSION}
        reading.save(user=study.submitted_by, study=study, values=values, language="fr")


def sign(study: Study, *, verdict: str = "agree", reason: str = "", comment: str = "") -> None:
    """Sign a study as its reader."""
    read(study)
    write_report(study)
    review.give(user=study.submitted_by, study=study, verdict=verdict, reason=reason, comment=comment)
    review.sign(user=study.submitted_by, study=study)


def written(study: Study, kind: str, language: str = "en", version: str = "") -> bytes:
    """Order a document, have it written as a worker does, and return its content.

    A reader of a kind that is read blind first has said before what they see.
    """
    read(study)
    document = ordering.order(
        user=study.submitted_by, study=study, kind=kind, language=language, version=version
    )
    rendering.render(document.pk)
    return content_of(document)


def content_of(document: Document) -> bytes:
    """Return the stored bytes of a document that must be ready."""
    document.refresh_from_db()
    assert document.state == "ready", document.problems
    with storage.open(document.stored_name) as stream:
        return stream.read()
