"""Compose file and images: valid, without a secret inside, and in step with the code they run."""

from __future__ import annotations

import json
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose
from packaging.requirements import Requirement

from clinic import celeryconfig, stack
from clinic.settings.production import weak_key
from tests.machine import ROOT, compose, hadolint

FILE = ROOT / "docker-compose.yml"
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
MUST_BE_SAID = ("VIGIE_SECRETS", "VIGIE_ALLOWED_HOSTS", "VIGIE_TRUSTED_ORIGINS")
OURS = ("vigie-web", "vigie-worker", "vigie-trainer")


@pytest.fixture(scope="module")
def text() -> str:
    return FILE.read_text("utf-8")


@pytest.fixture(scope="module")
def services(text: str) -> dict[str, dict[str, Any]]:
    return yaml.safe_load(text)["services"]


def filled_in(text: str) -> str:
    """Put the default, or a word, in the place of every variable, as Compose does."""
    return VARIABLE.sub(lambda match: match[3] if match[2] == "-" else "filled", text).replace("$$", "$")


def parsed(document: dict[str, Any]) -> PyCompose:
    spec = PyCompose.from_json(json.dumps(document))
    spec.validate()
    return spec


def test_follows_the_compose_specification(text: str) -> None:
    spec = parsed(yaml.safe_load(filled_in(text)))
    assert set(spec.service_names()) == {
        "migrate", "web", "worker-tabular", "worker-imaging", "worker-signals", "worker-training",
        "watch", "backup", "sealer", "redis", "postgres", "mlflow",
    }  # fmt: skip


@pytest.mark.parametrize(
    "service",
    [
        {"image": "x", "prots": ["80:80"]},
        {"image": "x", "networks": ["nowhere"]},
        {"image": "x", "mem_limit": "lots"},
    ],
)
def test_the_specification_is_really_checked(service: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        parsed({"services": {"web": service}})


@pytest.mark.docker
def test_docker_compose_accepts_it(tmp_path: Path) -> None:
    environment = tmp_path / "env"
    environment.write_text("".join(f"{name}=/filled\n" for name in MUST_BE_SAID), "utf-8")
    answer = _config(environment)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.docker
@pytest.mark.parametrize("missing", MUST_BE_SAID)
def test_docker_compose_asks_for_what_must_be_said(missing: str, tmp_path: Path) -> None:
    said = "".join(f"{name}=/filled\n" for name in MUST_BE_SAID if name != missing)
    (tmp_path / "env").write_text(said, "utf-8")
    answer = _config(tmp_path / "env")
    assert answer.returncode != 0
    assert missing in answer.stderr


def _config(environment: Path) -> subprocess.CompletedProcess[str]:
    command = (*compose(), "-f", str(FILE), "--env-file", str(environment), "config", "-q")
    return subprocess.run(command, capture_output=True, text=True, cwd=environment.parent)


def test_no_secret_has_a_default(text: str) -> None:
    kinds = {(name, kind) for name, kind, _ in VARIABLE.findall(text)}
    for said in MUST_BE_SAID:
        assert {kind for name, kind in kinds if name == said} == {"?"}
    # A token nobody set is no token; every other secret is a file.
    for line in text.splitlines():
        if re.match(r"\s+\w*(PASSWORD|SECRET|AUTH|TOKEN)\w*:", line):
            assert re.search(r"_FILE: /run/secrets/\w+$|: \$\{\w+:-\}$", line), line


def test_each_container_gets_only_the_secrets_it_needs(services: dict[str, dict[str, Any]]) -> None:
    given = {name: set(service.get("secrets", ())) for name, service in services.items()}
    assert given.pop("redis") == {"broker_password"}
    assert given.pop("postgres") == {"database_password"}
    assert given.pop("mlflow") == set()
    for name, secrets in given.items():
        assert secrets == {"secret_key", "database_password", "broker_password"}, name


def test_secrets_are_made_once_and_the_folder_keeps_others_out(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    subprocess.run(("sh", str(ROOT / "scripts/secrets.sh"), str(folder)), check=True)
    made = {path.name: path.read_text("ascii") for path in folder.iterdir()}
    subprocess.run(("sh", str(ROOT / "scripts/secrets.sh"), str(folder)), check=True)
    assert {path.name: path.read_text("ascii") for path in folder.iterdir()} == made
    assert set(made) == {"secret_key", "database_password", "broker_password"}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(set(made.values())) == 3
    assert not any(weak_key(value) for value in made.values())


def test_every_container_gives_up_what_it_does_not_need(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service, name
        assert service["mem_limit"], name
        assert set(service.get("cap_add", ())) <= {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}, (
            name
        )
        assert name == "postgres" or "cap_add" not in service, name
        assert not any("docker.sock" in str(volume) for volume in service.get("volumes", ())), name


def test_broker_and_database_reach_nothing_outside(text: str, services: dict[str, dict[str, Any]]) -> None:
    assert yaml.safe_load(text)["networks"]["inside"] == {"internal": True}
    outside = {name for name, service in services.items() if "outside" in service["networks"]}
    assert outside == {"web", "sealer", "mlflow"}
    assert {name for name, service in services.items() if "ports" in service} == {"web", "mlflow"}


def test_every_container_says_whether_it_works(services: dict[str, dict[str, Any]]) -> None:
    for name in ("redis", "postgres"):
        assert services[name]["healthcheck"]["test"], name
    for name, service in services.items():
        # Those of one process are started again when it dies; the images of the others say it themselves.
        if service.get("healthcheck", {}).get("disable"):
            assert service["command"], name


def test_images_hold_only_what_the_product_needs() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    taken = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert taken == {
        "manage.py", "gunicorn.conf.py", "pyproject.toml", "params.yaml", "clinic", "patients", "predictions",
        "ml", "templates", "static", "locale", "requirements", "scripts/mlflow_server.py",
    }  # fmt: skip


def test_images_start_from_named_versions() -> None:
    bases = re.findall(r"^FROM (\S+:\S+) AS", DOCKERFILE, re.MULTILINE)
    assert bases
    assert all(re.fullmatch(r"\w+:\d[\w.-]+-bookworm", base) for base in bases)
    assert "latest" not in DOCKERFILE + FILE.read_text("utf-8")


def test_every_setting_it_gives_is_one_the_product_reads(services: dict[str, dict[str, Any]]) -> None:
    settings = (ROOT / "clinic/settings/__init__.py").read_text("utf-8")
    known = set(re.findall(r'(?:env\.\w+|secret)\(\s*"(\w+)"', settings))
    known |= set(re.findall(r"\$\{?(VIGIE_\w+)", DOCKERFILE))
    ours = [service for service in services.values() if service.get("image") in OURS]
    given = {name.removesuffix("_FILE") for service in ours for name in service["environment"]}
    known = {name.removesuffix("_FILE") for name in known}
    assert given <= known


def test_every_queue_has_a_worker(services: dict[str, dict[str, Any]]) -> None:
    served = [
        queue
        for name, service in services.items()
        if name.startswith("worker-")
        for queue in service["environment"]["VIGIE_QUEUES"].split(",")
    ]
    assert sorted(served) == sorted(celeryconfig.QUEUES)
    assert sorted(",".join(stack.QUEUES.values()).split(",")) == sorted(celeryconfig.QUEUES)


def test_nobody_waits_for_a_prediction_behind_a_training(services: dict[str, dict[str, Any]]) -> None:
    assert stack.QUEUES["training"] == "training"
    assert services["worker-training"]["environment"]["VIGIE_QUEUES"] == "training"


def test_nothing_listens_to_the_outside_but_on_the_loopback(services: dict[str, dict[str, Any]]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_image_built_is_a_stage_that_gives_up_root(services: dict[str, dict[str, Any]]) -> None:
    stages = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]
    by_name = {stage.split("\n", 1)[0].split(" AS ")[1]: stage for stage in stages}
    for target in {service["build"]["target"] for service in services.values() if "build" in service}:
        assert "\nUSER 10001\n" in by_name[target]
        assert "\nHEALTHCHECK " in by_name[target]


@pytest.mark.hadolint
def test_hadolint_has_nothing_to_say() -> None:
    answer = subprocess.run((hadolint(), "Dockerfile"), cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def pins(name: str) -> set[str]:
    """Return the requirements of a file, in one spelling."""
    lines = (ROOT / name).read_text("utf-8").splitlines()
    return {str(Requirement(line)) for line in lines if line and not line.startswith(("#", "-", " "))}


@pytest.mark.parametrize("image", ["web", "worker", "training", "mlflow", "build"])
def test_images_install_what_the_product_was_tested_with(image: str) -> None:
    assert pins(f"requirements/{image}.txt")
    assert pins(f"requirements/{image}.txt") <= pins("requirements.txt")


def test_the_lock_holds_every_pin() -> None:
    def bare(requirement: str) -> str:
        parsed = Requirement(requirement)
        name = re.sub(r"[-_.]+", "-", parsed.name).lower()
        return f"{name}{parsed.specifier} {parsed.marker or ''}"

    assert {bare(pin) for pin in pins("requirements.txt")} <= {
        bare(pin) for pin in pins("requirements/lock.txt")
    }
