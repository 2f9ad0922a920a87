"""Trainings for tests: tables of births that never happened, and trainings at every step."""

from __future__ import annotations

import csv
import io
import random
import shutil
import uuid
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.utils import timezone

from clinic.accounts.models import User
from ml import package as packages
from ml import promotion, smoke
from ml.algorithms.haemorrhage import simulate, simulated_csv
from ml.algorithms.haemorrhage.synthetic import Drift
from ml.package import Package
from predictions.stewardship import run, services
from predictions.stewardship.models import Training
from predictions.stewardship.states import Stage, State

HEADER = ("mother_id", "admission_date", "parity", "haemoglobin_g_dl", "blood_loss_ml")
FIRST_DAY = date(2023, 1, 1)


REPORT: dict[str, Any] = {
    "rows": 400, "births": 400, "events": 20, "incidence": 0.05, "period": ["2023-01-01", "2024-11-30"],
    "dropped": {"without_mother_date_or_outcome": 0}, "synthetic": True,
    "fields": [
        {
            "label": {"en": "Parity", "fr": "Parité"}, "column": "parity", "unit": "before", "missing": 12,
            "impossible": 3, "missing_share": 0.03,
        }
    ],
    "mothers": {"mothers": 390, "with_several_births": 10, "most_births": 2},
    "months": [{"month": f"2023-{n:02}", "births": 30 + n, "events": n % 3} for n in range(1, 13)],
    "outcome": {"field": "blood_loss_ml", "definition": "weighed", "window_hours": 24},
}  # fmt: skip
"""What a table holds, as a worker counts it, shortened."""

JUDGED: dict[str, Any] = {
    "tier": "intercept_slope",
    "model": "intercept_slope",
    "learned": {"slope": 1.31, "births": 300, "events": 15},
    "accepted": True,
    "reasons": [],
    "notes": [{"en": "Judged by 5 events.", "fr": "Évalué sur 5 événements."}],
    "holdout": {
        "births": 95, "events": 5, "from": "2024-06-09", "until": "2024-11-30", "left_out": 5,
        "threshold": 0.114,
    },
    "figures": {
        "candidate": {
            "roc_auc": {"value": 0.71, "low": 0.62, "high": 0.79},
            "calibration_slope": {"value": 0.97, "low": 0.67, "high": 1.29},
            "brier": {"value": 0.0588, "low": 0.0428, "high": 0.076},
            "net_benefit": {"value": 0.0091, "low": -0.0023, "high": 0.0218},
        },
        "current": {"roc_auc": {"value": 0.7, "low": 0.61, "high": 0.78}},
        "null": {"brier": {"value": 0.0638, "low": 0.0451, "high": 0.0824}},
        "treat_all": {"net_benefit": {"value": -0.0518, "low": None, "high": None}},
        "treat_none": {"net_benefit": {"value": 0.0, "low": 0.0, "high": 0.0}},
    },
    "criteria": [
        {
            "code": "calibration_slope",
            "met": True,
            "figure": {"value": 0.97, "low": 0.67, "high": 1.29},
            "sentence": {
                "en": "The calibration slope on the later births is 0.97, within 0.8 to 1.2.",
                "fr": "La pente de calibration sur les accouchements récents est de 0,97, entre 0,8 et 1,2.",
            },
        },
        {
            "code": "brier",
            "met": False,
            "figure": {"value": 0.001, "low": -0.01, "high": 0.01},
            "sentence": {
                "en": "On the later births the candidate does no better than giving every woman the same "
                "risk.",
                "fr": "Sur les accouchements récents, le candidat ne fait pas mieux que le même risque "
                "pour toutes.",
            },
        },
    ],
}  # fmt: skip
"""What a training gives, shortened; one criterion of each kind."""


HELD_OUT = {
    "roc_auc": (0.72, 0.70), "calibration_slope": (0.97, 0.80), "brier": (0.0588, 0.0601),
    "net_benefit": (0.0091, 0.0052),
}  # fmt: skip
"""Figures of a version learned here on later births, and of the one it was held against."""


def births(rows: int = 400, *, severe: int = 20, seed: int = 0) -> list[list[str]]:
    """Return lines of a small table: as many severe haemorrhages as asked, spread over two years."""
    chance = random.Random(seed)
    losses = [1200] * severe + [300] * (rows - severe)
    chance.shuffle(losses)
    return [
        [
            f"SYN-{index:06d}",
            (FIRST_DAY + timedelta(days=index * 700 // rows)).isoformat(),
            str(chance.randrange(4)),
            f"{chance.uniform(9.5, 13.5):.1f}",
            str(loss + 10 * chance.randrange(10)),
        ]
        for index, loss in enumerate(losses)
    ]


def table(
    rows: Iterable[Sequence[str]] | None = None, *, header: Sequence[str] = HEADER, delimiter: str = ","
) -> bytes:
    """Write lines below a header as CSV in UTF-8."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(births() if rows is None else rows)
    return stream.getvalue().encode()


def uploaded(by: User, content: bytes | None = None, **fields: Any) -> Training:
    """Make a training whose columns wait to be named."""
    file = ContentFile(table() if content is None else content, name=fields.pop("name", "births.csv"))
    key = fields.pop("key", uuid.uuid4().hex)
    made = services.upload(user=by, algorithm="haemorrhage", file=file, idempotency_key=key)
    if fields:
        Training.objects.filter(pk=made.pk).update(**fields)
        made.refresh_from_db()
    return made


def read(training: Training) -> Training:
    """Have a worker's part done here: name the columns as proposed and read the table."""
    services.describe(user=training.uploaded_by, training=training, mapping=training.mapping)
    return worked(training)


def worked(training: Training) -> Training:
    """Claim and do what waits, in this process."""
    claimed = run.claim(training.pk)
    assert claimed is not None
    run.run(claimed)
    training.refresh_from_db()
    return training


def accepted(by: User, number: int = 1, **outcome: Any) -> Training:
    """Make a training whose candidate was accepted: a copy of the shipped package under its own version."""
    training = uploaded(by, table(births(seed=number)))
    made = learned(training.algorithm, training.version)
    current = packages.load(training.algorithm)
    Training.objects.filter(pk=training.pk).update(
        state=State.ACCEPTED,
        stage=Stage.TRAINING,
        stored_name="",
        report=REPORT,
        outcome=JUDGED | outcome,
        compared_version=current.version,
        compared_sha256=current.sha256,
        package_version=made.version,
        package_sha256=made.sha256,
        finished_at=timezone.now(),
    )
    training.refresh_from_db()
    return training


def learned(
    algorithm: str, version: str, *, tier: str = "intercept_slope", synthetic: bool = False
) -> Package:
    """Copy the serving package under another version, with a manifest that says it was learned here."""
    serving = packages.load(algorithm)
    told = ("births", "events", "incidence", "period", "outcome")
    figures = JUDGED["figures"]
    candidate = figures["candidate"] | {"recall": {"value": 0.3, "low": 0.1, "high": 0.5}}
    training = {
        "kind": "hospital", "tier": tier, "tier_words": {"en": "words of the tier", "fr": "mots du palier"},
        "learned": {"slope": 1.31}, "criteria": [],
        "replaces": {"version": serving.version, "sha256": serving.sha256},
        "holdout": JUDGED["holdout"] | {"figures": figures | {"candidate": candidate}},
    }  # fmt: skip
    data = {name: REPORT[name] for name in told} | {"training": "births", "synthetic": synthetic}
    metrics = [
        {"name": prefix + name, "value": value, "low": value - 0.01, "high": value + 0.01, "n": 95,
         "data": "births after 2024-06-09", "unit": "births", "command": "python -m ml train haemorrhage"}
        for name, values in HELD_OUT.items()
        for prefix, value in zip((promotion.HERE, promotion.FORMER), values, strict=True)
    ]  # fmt: skip
    return copied(algorithm, version, training=training, data=data, metrics=metrics)


def copied(algorithm: str, version: str, **said: Any) -> Package:
    """Copy the serving package under a version of its own; its manifest may say something else."""
    serving = packages.load(algorithm)
    folder = packages.SITE / algorithm / version
    shutil.copytree(serving.folder, folder)
    (folder / packages.MANIFEST).unlink()
    manifest = {k: v for k, v in serving.manifest.items() if k not in ("files", "sha256", "created")}
    made = packages.write(folder, manifest | {"version": version} | said)
    smoke.record(made)
    return made


def simulated(folder: Path, *, births: int = 3000, incidence: float = 0.06, seed: int = 3) -> Path:
    """Write synthetic births, with stronger odds ratios than the published ones, and their mapping beside."""
    drawn = simulate.births(births, incidence=incidence, seed=seed, drift=Drift(slope=1.5))
    simulated_csv.write(drawn, folder / "births.csv")
    return folder / "births.csv"
