"""Countries of addresses: whole files, replaced ones, broken ones."""

import logging
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.country_database import LOOK_SECONDS, CountryDatabase
from shared.errors import OperatorError
from tests.support.country_files import write_database


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_database(tmp_path / "countries.mmdb")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_database(tmp_path_factory.mktemp("whole") / "countries.mmdb").read_bytes()


@pytest.fixture
def database(file: Path, clock: Clock) -> CountryDatabase:
    return CountryDatabase(file, clock)


@pytest.mark.parametrize(
    ("address", "country"),
    [("81.2.69.142", "GB"), ("89.160.20.1", "SE"), ("2a02:c0::1", "NO"), ("8.8.8.8", None)],
)
def test_addresses_of_both_versions_are_found(
    database: CountryDatabase, address: str, country: str | None
) -> None:
    assert [database.country(address) for _ in range(2)] == [country, country]


def test_a_database_of_version_4_alone_knows_no_address_of_version_6(tmp_path: Path) -> None:
    file = write_database(tmp_path / "v4.mmdb", {"81.2.69.0/24": "GB"}, ip_version=4)
    database = CountryDatabase(file)

    assert [database.country(address) for address in ("2a02:c0::1", "81.2.69.1")] == [None, "GB"]


@pytest.mark.parametrize(
    ("record", "country"),
    [
        ({"country_code": "NL", "country": "Netherlands"}, "NL"),
        ({"country": "nl"}, "NL"),
        ({"country": {"iso_code": "<script>"}}, None),
        ({"country": {}}, None),
        ({"autonomous_system_number": 1}, None),
        ("1.0.0.0", None),
    ],
)
def test_a_record_of_any_form_is_a_country_or_none(
    tmp_path: Path, record: object, country: str | None
) -> None:
    database = CountryDatabase(write_database(tmp_path / "any.mmdb", {"81.2.69.0/24": record}))

    assert database.country("81.2.69.1") == country


def test_a_replaced_file_is_read_within_a_minute(
    database: CountryDatabase, file: Path, clock: Clock
) -> None:
    assert database.country("81.2.69.1") == "GB"
    write_database(file, {"81.2.69.0/24": "IE"})
    assert database.country("81.2.69.1") == "GB", "not looked yet"

    clock.seconds += LOOK_SECONDS

    assert database.country("81.2.69.1") == "IE"


@pytest.mark.parametrize("content", [None, b"", b"no database"])
def test_a_file_that_broke_leaves_countries_unknown_and_is_told_once_until_it_is_whole(
    database: CountryDatabase,
    file: Path,
    clock: Clock,
    content: bytes | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    for _ in range(3):
        clock.seconds += LOOK_SECONDS
        assert database.country("81.2.69.1") is None
    (told,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert "81.2.69" not in told.getMessage()

    write_database(file)
    clock.seconds += LOOK_SECONDS

    assert database.country("81.2.69.1") == "GB"


def test_a_file_whose_inside_is_broken_raises_nothing(
    tmp_path: Path, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = file.read_bytes()
    end = content.rindex(b"\xab\xcd\xefMaxMind.com")
    inside = tmp_path / "inside.mmdb"
    inside.write_bytes(b"\xff" * end + content[end:])
    database = CountryDatabase(inside)

    assert [database.country(f"81.2.69.{last}") for last in range(3)] == [None, None, None]

    assert len(caplog.records) == 1


def test_a_file_that_was_away_and_is_back_as_it_was_is_read_again(
    database: CountryDatabase, file: Path, clock: Clock
) -> None:
    for name in ("away.mmdb", "countries.mmdb"):
        file = file.rename(file.with_name(name))
        clock.seconds += LOOK_SECONDS
        database.country("81.2.69.1")

    assert database.country("81.2.69.1") == "GB"


def test_a_file_that_is_written_over_where_it_stands_ends_no_process(
    database: CountryDatabase, file: Path
) -> None:
    file.write_bytes(b"")

    assert database.country("81.2.69.1") == "GB"


@given(
    damage=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=9),
    length=st.none() | st.integers(0, 10_000),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_in_a_file_it_is_refused_at_first_or_answers(
    whole: bytes, tmp_path: Path, damage: list[tuple[int, int]], length: int | None
) -> None:
    content = bytearray(whole)
    for place, byte in damage:
        content[place % len(content)] = byte
    broken = tmp_path / "broken.mmdb"
    broken.write_bytes(content[:length])

    with suppress(OperatorError):
        database = CountryDatabase(broken)
        for address in ("81.2.69.142", "2a02:c0::1", "8.8.8.8"):
            database.country(address)


@pytest.mark.parametrize("content", [None, b"", b"no database"])
def test_at_first_a_file_that_cannot_be_read_is_an_error_that_says_what_to_do(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "countries.mmdb"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(OperatorError, match=r"countries\.mmdb cannot be read: .*unset WAYBILL_"):
        CountryDatabase(file)


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="cannot be read"):
        CountryDatabase(tmp_path)
