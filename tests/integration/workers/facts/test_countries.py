"""Countries from end to end: a batch in the inbox, a database, a job."""

from pathlib import Path

import pytest

from tests.integration.fresh import fresh
from tests.integration.workers.conftest import Bench
from tests.support.build import settings
from tests.support.country_files import write_database
from workers import jobs
from workers.process import WorkerStores


def test_a_drain_job_asks_the_database_that_the_operator_gave(
    bench: Bench,
    database_url: str,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = write_database(tmp_path / "countries.mmdb")
    stores = WorkerStores(
        settings(DATABASE_URL=database_url, REDIS_URL=redis_url, WAYBILL_COUNTRY_DATABASE=str(file))
    )
    monkeypatch.setattr(jobs, "process_stores", lambda: stores)
    bench.send([
        fresh(user_id="ann", ip_address="81.2.69.142"),
        fresh(user_id="ben", ip_address="81.2.69.142", parameters={"country": "de"}),
        fresh(user_id="cat", ip_address="10.0.0.1"),
    ])  # fmt: skip

    assert jobs.drain().startswith("Stored 3 events; ")

    stores.database.close()
    rows = bench.connection.execute("SELECT user_id, country FROM events ORDER BY user_id")
    assert rows.fetchall() == [("ann", "GB"), ("ben", "DE"), ("cat", None)]
