"""The walls: what may import what, what the web process may hold, what an image must contain."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from ml import registry
from tests import own_database
from tests.machine import ROOT

# One process of two looks at the web process, once.
pytestmark = pytest.mark.xdist_group("boundaries")

HEAVY = {
    "tensorflow", "keras", "mne", "shap", "sklearn", "xgboost", "mlflow", "pydicom", "onnxruntime",
    "numpy", "pandas", "scipy", "PIL", "edfio", "typst", "fhir", "highdicom", "pyarrow",
}  # fmt: skip
WEB_MEGABYTES = 150
OURS = ("clinic", "patients", "predictions", "ml", "bench")

# One worker of the web server: every address resolved, pages asked for, then a look at what it holds.
WEB_PROCESS = """
import json, os, sys
from io import BytesIO
from clinic.wsgi import application
from django.conf import settings
from django.urls import get_resolver
from django.test import RequestFactory

def walk(patterns):
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            walk(pattern.url_patterns)
        else:
            pattern.callback

walk(get_resolver().url_patterns)
statuses = []
for path in ("/accounts/login/", "/health", "/", "/api/schema", "/nowhere"):
    environ = RequestFactory(SERVER_NAME="localhost").get(path).environ
    body = application(environ, lambda status, headers, exc_info=None: statuses.append((path, status)))
    list(body)
resident = next(line for line in open("/proc/self/status") if line.startswith("VmRSS"))
held = {"modules": sorted(sys.modules), "kilobytes": int(resident.split()[1]), "statuses": statuses}
print(json.dumps(held))
"""

# A worker that has opened every door of every algorithm and every writer of reports.
WORKER_PROCESS = """
import importlib, json, pkgutil, sys
import django
django.setup()
from ml import registry
import predictions.tasks, ml.runner
for name in registry.names():
    for door in ("contract", "load", "predict", "explain", "report"):
        registry.door(name, door)
for name in ("haemorrhage", "chest_xray", "sleep", "accident_severity"):
    registry.door(name, "operating")
import predictions.batches.work
import predictions.outputs
for module in pkgutil.iter_modules(predictions.outputs.__path__, "predictions.outputs."):
    importlib.import_module(module.name)
print(json.dumps({"modules": sorted(sys.modules)}))
"""


# The worker that trains on a hospital's table, with everything a training may come to import.
TRAINING_PROCESS = """
import json, sys
import django
django.setup()
from ml import registry
import predictions.tasks, predictions.stewardship.tasks
for door in ("mapping", "hospital"):
    registry.door("haemorrhage", door)
import ml.training.pipeline, xgboost
print(json.dumps({"modules": sorted(sys.modules)}))
"""

# Hides every package that an image does not install.
WITHOUT = """
import json, os, sys
from importlib.machinery import PathFinder

absent = set(json.loads(os.environ["ABSENT"]))

class Image(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.split(".")[0] in absent else super().find_spec(name, path, target)

sys.meta_path[:] = [Image if finder is PathFinder else finder for finder in sys.meta_path]
"""


def run(program: str, folder: Path, requirements: str) -> dict:
    """Run ``program`` with the data folder ``folder`` as in an image with ``requirements``."""
    installed = closure(ROOT / requirements)
    owners = metadata.packages_distributions()
    absent = [top for top, names in owners.items() if installed.isdisjoint(map(canonical, names))]
    foreign = ("COV", "REDIS_URL", "DATABASE_URL")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(foreign)} | {
        "VIGIE_DATA_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "clinic.settings",
        "ABSENT": json.dumps(absent),
    }
    command = (sys.executable, "-c", WITHOUT + program)
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=400)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, empty_sqlite: Path) -> dict:
    folder = tmp_path_factory.mktemp("web")
    own_database.of_folder(empty_sqlite, folder)
    return run(WEB_PROCESS, folder, "requirements/web.txt")


def test_the_import_contracts_hold() -> None:
    answer = subprocess.run(
        (Path(sys.executable).parent / "lint-imports", "--no-cache"), cwd=ROOT, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stdout


def test_the_web_process_imports_nothing_that_analyses(web: dict) -> None:
    assert HEAVY.isdisjoint(module.split(".")[0] for module in web["modules"])


def test_the_web_process_answers_and_stays_small(web: dict) -> None:
    statuses = dict(web["statuses"])
    assert statuses["/accounts/login/"].startswith("200")
    assert statuses["/nowhere"].startswith(("302", "404"))
    assert not [path for path, status in statuses.items() if status.startswith("500")]
    assert web["kilobytes"] < WEB_MEGABYTES * 1024


def closure(requirements: Path) -> set[str]:
    """Return every distribution that installing a requirements file brings here."""
    found: set[str] = set()
    waiting = []
    for line in requirements.read_text("utf-8").splitlines():
        if line.startswith("-r "):
            found |= closure(requirements.parent / line[3:])
        elif line and not line.startswith("#"):
            waiting.append(Requirement(line))
    while waiting:
        requirement = waiting.pop()
        name = canonical(requirement.name)
        extras = requirement.extras or {""}
        if requirement.marker and not requirement.marker.evaluate():
            continue
        if name in found and not requirement.extras:
            continue
        found.add(name)
        for line in metadata.requires(requirement.name) or ():
            needed = Requirement(line)
            if not needed.marker or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                needed.marker = None
                waiting.append(needed)
    return found


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_analysis_imports_within_the_worker_image(tmp_path: Path) -> None:
    worker = run(WORKER_PROCESS, tmp_path, "requirements/worker.txt")
    tops = {module.split(".")[0] for module in worker["modules"]}
    assert tops.isdisjoint({"tensorflow", "keras", "shap", "sklearn", "xgboost", "mlflow", "pandas"})


def test_everything_a_training_needs_imports_within_the_trainer_image(tmp_path: Path) -> None:
    trainer = run(TRAINING_PROCESS, tmp_path, "requirements/training.txt")
    tops = {module.split(".")[0] for module in trainer["modules"]}
    assert tops.isdisjoint({"tensorflow", "keras", "mlflow", "optuna", "shap"})


def test_every_import_of_ours_is_a_requirement_by_name() -> None:
    owners = metadata.packages_distributions()
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    named = {canonical(Requirement(line).name) for line in lines if line and not line.startswith("#")}
    unnamed = []
    for path in (path for top in (*OURS, "tests") for path in (ROOT / top).rglob("*.py")):
        for top in imported_by(path) - {*OURS, "tests", "scripts", *sys.stdlib_module_names}:
            if named.isdisjoint(canonical(owner) for owner in owners.get(top, ())):
                unnamed.append(f"{path.relative_to(ROOT)} imports {top}")
    assert not unnamed


def imported_by(path: Path) -> set[str]:
    """Return the top names of what a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return {name.split(".")[0] for name in names}


def test_contracts_are_there_for_every_algorithm_without_its_libraries() -> None:
    program = "import sys; from ml import registry; registry.contracts(); print(*sys.modules)"
    answer = subprocess.run(
        (sys.executable, "-c", program), cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert HEAVY.isdisjoint(answer.stdout.split())
    assert len(registry.names()) >= 5
