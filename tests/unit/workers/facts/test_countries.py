"""The country of an event: its sender's word, else its address, else none."""

from pathlib import Path

import pytest

from shared.errors import OperatorError
from tests.support.build import event, settings
from tests.support.country_files import write_database
from workers.facts.countries import country_reader
from workers.process import WorkerStores


def test_without_a_database_only_the_sender_knows() -> None:
    country_of = country_reader("")

    assert country_of(event(parameters={"country": "de"}, ip_address="81.2.69.142")) == "DE"
    assert country_of(event(parameters={"country": "{Country code}"})) is None
    assert country_of(event(ip_address="81.2.69.142")) is None


@pytest.mark.parametrize(
    ("parameters", "address", "country"),
    [
        ({"country": "DE"}, "81.2.69.142", "DE"),
        ({"country": "{Country code}"}, "81.2.69.142", "GB"),
        ({"country": "United Kingdom"}, "::ffff:81.2.69.142", "GB"),
        ({}, "2A02:00C0::1", "NO"),
        ({}, "10.0.0.1", None),
        ({}, "fd00::1", None),
        ({}, None, None),
    ],
)
def test_the_sender_comes_before_the_address(
    tmp_path: Path, parameters: dict[str, str], address: str | None, country: str | None
) -> None:
    networks = {"81.2.69.0/24": "GB", "2a02:c0::/32": "NO", "10.0.0.0/8": "US", "fd00::/8": "US"}
    country_of = country_reader(str(write_database(tmp_path / "countries.mmdb", networks)))

    assert country_of(event(parameters=parameters, ip_address=address)) == country


def test_a_worker_does_not_start_on_a_database_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="WAYBILL_COUNTRY_DATABASE"):
        WorkerStores(settings(WAYBILL_COUNTRY_DATABASE=str(tmp_path / "none.mmdb")))
