"""The steward's pages: what they say, what they hide, and each mistake at its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import User
from ml import package as packages
from predictions.stewardship.models import Training
from predictions.stewardship.states import State
from tests import promotions, trainings

pytestmark = pytest.mark.django_db

ALGORITHM = "haemorrhage"
# As a French hospital exports it: names, numbers, columns from after the birth.
FRENCH_HEADER = (
    "IPP", "nom", "date_accouchement", "parite", "Hb g/L", "mode accouchement", "poids naissance", "pertes",
)  # fmt: skip


@pytest.fixture
def desk(client: Client, steward: User) -> Client:
    """Return the browser of a steward who reads English."""
    client.force_login(steward)
    return client


def french() -> bytes:
    lines = [
        [f"8001234{index}", f"LANTERN{index}", f"{1 + index % 28:02}/03/2025", str(index % 3),
         str(95 + index), "VB", str(3000 + index), str(200 + 10 * index)]
        for index in range(60)
    ]  # fmt: skip
    return trainings.table(lines, header=FRENCH_HEADER, delimiter=";")


def address(name: str, training: Training | None = None) -> str:
    return reverse(name, args=[ALGORITHM, training.pk] if training else [ALGORITHM])


def get(desk: Client, name: str, training: Training | None = None) -> str:
    response = desk.get(address(name, training))
    assert response.status_code == 200
    return response.content.decode()


def answers(training: Training, **changed: str) -> Mapping[str, str]:
    """Return what the page sends for the proposed mapping, with some answers changed by column."""
    said = {"definition": "", "window_hours": "24", "missing": ""}
    fields = {entry["column"]: (field, entry) for field, entry in training.mapping["columns"].items()}
    for index, name in enumerate(training.header):
        field, entry = fields.get(name, ("", {}))
        said[f"f-{index}"] = changed.get(name, field)
        said[f"u-{index}"] = entry.get("unit", "")
    return said


def upload(desk: Client, content: bytes, *, name: str = "births.csv", **headers: str) -> Any:
    form = {"key": "one", "file": SimpleUploadedFile(name, content)}
    return desk.post(address("training_new"), form, headers=headers)


def test_an_upload_leads_to_its_columns_and_a_refused_one_stays_with_its_sentence(desk: Client) -> None:
    refused = upload(desk, b"")
    assert refused.status_code == 422
    assert "The file is empty" in refused.content.decode()
    scripted = upload(desk, b"%PDF-1.7", Accept="application/json")
    assert scripted.status_code == 422
    assert "not a CSV file" in scripted.json()["problems"][0]
    taken = upload(desk, trainings.table())
    assert taken.url == address("training_columns", Training.objects.get())
    assert upload(desk, trainings.table()).url == taken.url


def test_a_file_cut_on_its_way_leaves_nothing(desk: Client, private_root: Any) -> None:
    boundary = "lantern"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="births.csv"\r\n\r\n'
    desk.post(
        address("training_new"),
        head.encode() + trainings.table()[:500],
        content_type=f"multipart/form-data; boundary={boundary}",
    )
    assert not Training.objects.exists()
    assert not [path for path in private_root.rglob("*") if path.is_file()]


def test_the_columns_page_proposes_masks_and_refuses_what_came_later(desk: Client, steward: User) -> None:
    training = trainings.uploaded(steward, french())
    page = get(desk, "training_columns", training)
    assert "LANTERN" not in page
    assert "8001234" not in page
    assert "/03/2025" not in page
    assert '<option value="mother" selected>' in page
    assert '<option value="g/L" selected>' in page
    assert "Refused: the way the birth went, which nobody knows at admission." in page
    assert "Refused: the weight or state of the newborn, which nobody knows at admission." in page


def test_every_column_that_is_not_named_needs_no_answer_and_a_wrong_one_is_said_at_its_row(
    desk: Client, steward: User
) -> None:
    training = trainings.uploaded(steward)
    twice = answers(training, parity="mother")
    refused = desk.post(address("training_columns", training), twice)
    page = refused.content.decode()
    assert refused.status_code == 422
    assert "chosen for several columns" in page
    taken = desk.post(address("training_columns", training), answers(training, parity=""))
    assert taken.status_code == 302
    training.refresh_from_db()
    assert training.state == State.QUEUED
    assert "parity" not in training.mapping["columns"]


def test_a_leaking_column_is_refused_by_name_even_when_the_page_did_not_offer_it(
    desk: Client, steward: User
) -> None:
    training = trainings.uploaded(steward, french())
    forced = answers(training, **{"poids naissance": "weight_kg"})
    refused = desk.post(address("training_columns", training), forced)
    assert refused.status_code == 422
    assert "nobody knows at admission" in refused.content.decode()
    training.refresh_from_db()
    assert training.state == State.UPLOADED


def test_the_live_check_keeps_the_answers_and_says_what_is_missing(desk: Client, steward: User) -> None:
    training = trainings.uploaded(steward)
    live = desk.post(
        address("training_columns_check", training),
        answers(training, mother_id=""),
        headers={"HX-Request": "true", "HX-Trigger-Name": "f-0"},
    ).content.decode()
    assert "training needs it" in live
    assert 'id="reading-0"' in live
    assert 'id="reading-1"' not in live
    training.refresh_from_db()
    assert "mother" not in training.mapping["columns"]


def test_a_mapping_goes_out_as_a_file_and_comes_back(desk: Client, steward: User) -> None:
    first = trainings.uploaded(steward)
    file = desk.get(address("training_mapping", first)).content
    assert yaml.safe_load(file)["columns"]["mother"] == {"column": "mother_id"}
    second = trainings.uploaded(steward, trainings.table(trainings.births(300)), mapping={})
    sent = {"file": SimpleUploadedFile("mapping.yaml", file)}
    assert desk.post(address("training_mapping_upload", second), sent).status_code == 302
    second.refresh_from_db()
    assert second.mapping["columns"] == first.mapping["columns"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"columns: [unclosed", "not a mapping in YAML"),
        (b"- a\n- list\n", "not a mapping in YAML"),
        (b"\xff\xfe\x00", "not a mapping in YAML"),
        (b"rows: 3\n", "it needs the key"),
        (b"columns: {moter: {column: mother_id}}\n", "Did you mean"),
        (b"columns: {haemoglobin: {column: hb, unit: stone}}\n", "is not known"),
        (b"x" * 70_000, "larger than the 64 kB allowed"),
    ],
)
def test_a_file_that_is_no_mapping_is_said_beside_it(
    desk: Client, steward: User, content: bytes, sentence: str
) -> None:
    training = trainings.uploaded(steward)
    sent = {"file": SimpleUploadedFile("mapping.yaml", content)}
    refused = desk.post(address("training_mapping_upload", training), sent)
    assert refused.status_code == 422
    assert sentence in refused.content.decode()
    before = training.mapping
    training.refresh_from_db()
    assert training.mapping == before


def test_a_mapping_that_fits_no_column_is_refused_and_changes_nothing(desk: Client, steward: User) -> None:
    training = trainings.uploaded(steward)
    other = b"columns: {mother: {column: ipp}, parity: {column: pare}, bmi: {column: imc}}\n"
    sent = {"file": SimpleUploadedFile("mapping.yaml", other)}
    refused = desk.post(address("training_mapping_upload", training), sent)
    page = refused.content.decode()
    assert refused.status_code == 422
    assert "This mapping is for another file" in page
    assert "“ipp”, “pare”, “imc”" in page
    before = training.mapping
    training.refresh_from_db()
    assert training.mapping == before


def test_a_mapping_that_fits_in_part_names_what_the_file_lacks(desk: Client, steward: User) -> None:
    training = trainings.uploaded(steward)
    other = b"columns: {mother: {column: mother_id}, parity: {column: parity}, bmi: {column: imc}}\n"
    sent = {"file": SimpleUploadedFile("mapping.yaml", other)}
    page = desk.post(address("training_mapping_upload", training), sent, follow=True).content.decode()
    assert "the file lacks 1 of the 3 columns it names: “imc”" in page
    assert "The mapping was read. Look" not in page


def test_a_refused_mapping_file_costs_no_answer_and_the_page_still_leads_on(
    desk: Client, steward: User
) -> None:
    training = trainings.uploaded(steward)
    Training.objects.filter(pk=training.pk).update(state=State.CHECKED)
    sent = {**answers(training, parity=""), "definition": "weighed by hand"}
    file = SimpleUploadedFile("mapping.yaml", b"- no mapping\n")
    page = desk.post(address("training_mapping_upload", training), sent | {"file": file}).content.decode()
    assert "not a mapping in YAML" in page
    assert ">weighed by hand</textarea>" in page
    assert '<option value="parity" selected>' not in page
    assert f'<form method="post" action="{address("training_columns", training)}"' in page
    assert 'form="columns" formaction=' in page


def test_births_that_say_they_are_simulated_stay_so_on_the_page(desk: Client, steward: User) -> None:
    rows = [[*line, "yes"] for line in trainings.births()]
    content = trainings.table(rows, header=(*trainings.HEADER, "synthetic"))
    training = trainings.uploaded(steward, content)
    page = get(desk, "training_columns", training)
    assert 'name="synthetic" value="yes" checked' in page
    assert "A column of the file says it of every birth" in page
    sent = desk.post(address("training_columns", training), answers(training))  # the box is not among them
    assert sent.status_code == 302
    training.refresh_from_db()
    assert training.mapping["synthetic"] is True
    assert trainings.worked(training).report["synthetic"] is True


def test_a_name_that_says_another_unit_is_pointed_out(desk: Client, steward: User) -> None:
    rows = [[*line[:3], str(round(10 * float(line[3]))), line[4]] for line in trainings.births()]
    training = trainings.uploaded(steward, trainings.table(rows))
    said = "The name of the column says g/dL, the unit chosen is g/L"
    assert said in get(desk, "training_columns", training)
    assert said not in get(desk, "training_columns", trainings.uploaded(steward))


def test_a_refusal_takes_the_browser_to_the_first_thing_to_correct(desk: Client, steward: User) -> None:
    training = trainings.uploaded(steward, french())
    forced = answers(training, **{"poids naissance": "weight_kg"})
    assert " autofocus" not in get(desk, "training_columns", training)
    page = desk.post(address("training_columns", training), forced).content.decode()
    assert 'aria-describedby="problems-6" autofocus' in page
    assert page.count(" autofocus") == 1


def test_the_report_is_shown_and_the_training_can_be_started(desk: Client, steward: User) -> None:
    training = trainings.read(trainings.uploaded(steward))
    page = get(desk, "training", training)
    assert "Severe haemorrhages" in page
    assert "20" in page
    started = desk.post(address("training_start", training))
    assert started.url == address("training", training)
    assert "Waiting for the worker" in get(desk, "training", training)
    partial = desk.get(address("training_state", training), headers={"HX-Request": "true"})
    assert "HX-Retarget" not in partial.headers
    assert "training-line" not in partial.content.decode()
    Training.objects.filter(pk=training.pk).update(state=State.RUNNING, started_at=timezone.now())
    started = desk.get(address("training_state", training) + "?was=queued").content.decode()
    line = started.split('id="training-line"')[1]
    assert 'hx-swap-oob="true"' in line
    assert "running" in line


def test_the_page_that_waits_gets_the_whole_outcome_once_there_is_one(desk: Client, steward: User) -> None:
    training = trainings.read(trainings.uploaded(steward))
    partial = desk.get(address("training_state", training), headers={"HX-Request": "true"})
    assert partial.headers["HX-Retarget"] == "#training"
    assert "Ready to train" in partial.content.decode()


def test_what_serves_is_shown_to_everybody_who_sees_the_model_with_who_decided(
    desk: Client, steward: User, alice: User
) -> None:
    shipped = packages.champion_version(ALGORITHM)
    training = trainings.accepted(steward)
    made = packages.load(ALGORITHM, training.package_version)
    assert reverse("version_propose", args=[ALGORITHM, made.version]) in get(desk, "training", training)
    decision = promotions.served(steward, made, reason="Calibrated on our own births")
    assert (decision.training, decision.decided_by) == (training, promotions.signer(ALGORITHM))

    ward = Client()
    ward.force_login(alice)
    page = ward.get(reverse("model", args=[ALGORITHM])).content.decode()
    assert "site-0001" in page
    assert "Calibrated on our own births" in page
    assert steward.label in page
    assert decision.decided_by.label in page
    assert reverse("serving_roll_back", args=[ALGORITHM]) not in page

    back = {"replacing": "site-0001", "reason": "Flags too many"}
    assert desk.post(address("serving_roll_back"), back).status_code == 302
    assert packages.champion_version(ALGORITHM) == shipped
    assert "Flags too many" in get(desk, "training_list")


def test_no_such_page_for_an_algorithm_that_learns_nothing_here(desk: Client) -> None:
    assert desk.get(reverse("training_list", args=["sleep"])).status_code == 404
    assert desk.get(reverse("training_list", args=["nothing"])).status_code == 404
