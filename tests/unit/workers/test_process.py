"""What a worker holds; that it connects is tested with real servers."""

import pytest

from shared.database import DatabaseError
from tests.support.build import settings
from workers.patient_database import Database
from workers.process import WorkerStores


def test_nothing_is_connected_to_before_it_is_needed() -> None:
    stores = WorkerStores(
        settings(DATABASE_URL="postgresql://127.0.0.1:1/none", REDIS_URL="redis://127.0.0.1:1")
    )

    stores.database.close()


def test_a_database_that_is_not_there_is_an_error_each_time_it_is_asked_for() -> None:
    database = Database("postgresql://127.0.0.1:1/none")

    for _ in range(2):
        with pytest.raises(DatabaseError):
            database.connection()
        database.close()
