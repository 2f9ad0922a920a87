"""A batch through real workers: killed with its worker, stopped with the product, and whole in the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from clinic.accounts.roles import Role
from ml import registry
from predictions.batches.models import Batch, Chunk, ItemState, Stage, Step
from tests import factories, own_database, probe
from tests import ward as wards
from tests.batches import sent, table
from tests.test_batches import read
from tests.ward import Ward, wait_for

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("ward of batches")]
ROWS = 4000


@pytest.fixture(scope="module")
def ward(
    tmp_path_factory: pytest.TempPathFactory, empty_sqlite: Path, django_db_blocker: Any
) -> Iterator[Ward]:
    """Return a ward on a database file, with a watch that looks every half second."""
    folder = tmp_path_factory.mktemp("batch-ward")
    url = own_database.copied(empty_sqlite, folder / "ward.sqlite3")
    with wards.opened(folder, url, django_db_blocker) as ward:
        yield ward


@pytest.fixture
def files_of_the_ward(ward: Ward, private_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep files where the workers of the ward find them."""
    monkeypatch.setattr(settings, "PRIVATE_ROOT", ward.folder / "private")
    monkeypatch.setitem(registry.ALGORITHMS, probe.NAME, probe.__name__)
    registry.contract.cache_clear()


@pytest.mark.usefixtures("files_of_the_ward")
def test_a_batch_of_four_thousand_outlives_its_worker_and_the_whole_product(ward: Ward) -> None:
    # The probe stands in the place of haemorrhage in this ward; a reference task answers as itself.
    steward = factories.staff("batch-steward", Role.STEWARD)
    rows = [{"reference": f"R{n:05}", "duration": "24", "amount": str(500 + n)} for n in range(ROWS)]
    batch = sent(steward, table(rows), algorithm="german_credit")
    answered = batch.items.filter(state=ItemState.OK)
    with ward.worker("tabular"):
        wait_for(lambda: answered.count() >= 300)
    # The worker died with a chunk in hand; another one takes it from the dead.
    with ward.worker("tabular"):
        wait_for(lambda: answered.count() >= 900)
    ward.stop(ward.watch_process)
    ward.stop(ward.broker_process)
    assert Batch.objects.get(pk=batch.pk).stage == Stage.ANSWERING
    ward.start_broker()
    ward.start_watch()
    with ward.worker("tabular"):
        wait_for(lambda: Batch.objects.get(pk=batch.pk).stage == Stage.DONE, seconds=150)
    batch.refresh_from_db()
    rows = read(batch)
    assert [row["reference"] for row in rows] == [f"R{n:05}" for n in range(ROWS)]
    assert {row["status"] for row in rows} == {"ok"}
    chunks = Chunk.objects.filter(batch=batch, step=Step.ANSWER)
    assert chunks.count() == ROWS // 100
    assert sum(chunks.values_list("deaths", flat=True)) <= 2
