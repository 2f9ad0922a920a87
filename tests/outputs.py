"""Results of the three clinical algorithms to write documents of; every patient is plainly invented."""

from __future__ import annotations

import io
import tempfile
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from django.utils import timezone
from PIL import Image

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from ml import runner
from ml.algorithms.chest_xray import report as chest_report
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from ml.algorithms.sleep import simulate
from ml.contracts import Artefact, Explanation, Finding, Outcome, Source, Status, Text
from ml.package import Package
from predictions import lease, review, run
from predictions.models import Document, Study
from predictions.outputs import ordering, rendering
from predictions.storage import storage
from tests import factories, studies

HARD_NAME = "#panic(1) *L’Œuvre-d’Été* $x$ [Ångström] <b>" + "Très-Long" * 5
TWENTY_MINUTES = 1 / 3


@cache
def night() -> Outcome:
    """Return the real answer for a simulated recording of twenty minutes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "night.edf"
        simulate.write_night(path, hours=TWENTY_MINUTES, seed=1)
        return runner.run("sleep", Source(path=path))


def radiograph() -> Outcome:
    """Return an answer shaped as the runner's, over a grey picture; no network is asked."""
    result = {
        "probability": 0.81,
        "label": "PNEUMONIA",
        "threshold": 0.5,
        "gate": {"accepted": True, "reasons": []},
        "model_view": {"width": 224, "height": 224},
        "preview": {"width": 320, "height": 260},
    }
    limit = Text("Children of 1 to 5 years.", "Enfants de 1 à 5 ans.")
    said = Text("The right lower zone raised the score most.", "La zone inférieure droite a le plus pesé.")
    heat = _picture("heatmap.png", "RGBA", (200, 90, 0, 90))
    return Outcome(
        algorithm="chest_xray",
        version="0.0.1",
        sha256="5" * 64,
        status=Status.OK,
        result=result,
        report=chest_report.report(Package(Path(), {"metrics": [], "limits": [limit.as_json()]}), result),
        quality=(Finding("size", Text("Shorter side", "Petit côté"), "1024.5", "px"),),
        artefacts=(_picture("preview.png", "L", 90),),
        explanation=Explanation("class_activation", said, {}, (heat,)),
        explanation_status="ok",
    )


def _picture(name: str, mode: str, colour: Any) -> Artefact:
    stream = io.BytesIO()
    Image.new(mode, (320, 260), colour).save(stream, "PNG")
    return Artefact(name, "image/png", stream.getvalue())


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


def answered(algorithm: str, **names: Any) -> Study:
    """Return a study of an invented patient with its answer, waiting for a reader."""
    code, outcome = OUTCOMES[algorithm]
    unit = factories.unit(code)
    signer = Role.RADIOLOGIST if algorithm == "chest_xray" else Role.PHYSICIAN
    physician = User.objects.filter(username=f"reader-{code}").first()
    physician = physician or factories.staff(f"reader-{code}", signer, unit)
    patient = factories.patient(unit, **({"birth_date": date(1990, 2, 28)} | names))
    values = admission() if algorithm == "haemorrhage" else {}
    study = studies.waiting(physician, patient, algorithm=algorithm, values=values)
    run._write(lease.claim(study.pk), outcome())
    study.refresh_from_db()
    return study


def sign(study: Study, *, verdict: str = "agree", reason: str = "", comment: str = "") -> None:
    """Sign a study as its reader."""
    review.give(user=study.submitted_by, study=study, verdict=verdict, reason=reason, comment=comment)
    review.sign(user=study.submitted_by, study=study)


def written(study: Study, kind: str, language: str = "en", version: str = "") -> bytes:
    """Order a document, have it written as a worker does, and return its content."""
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
