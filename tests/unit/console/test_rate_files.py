"""Tests that files of exchange rates are read whole, or refused with the line at fault."""

import io
import zipfile
from datetime import date
from decimal import Decimal

import pytest

from console.rate_files import PublishedRate, read_ecb_file, read_own_file
from shared.errors import OperatorError

HISTORY = b"Date,USD,JPY,HRK,\n2026-11-27,1.1580,180.91,N/A,\n2026-11-26,1.1564,,7.5345,\n"
DAILY = b"Date, USD, JPY, \n27 November 2026, 1.1580, 180.91, \n"
FRIDAY, THURSDAY = date(2026, 11, 27), date(2026, 11, 26)


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        member = zipfile.ZipInfo("eurofxref-hist.csv", (2026, 11, 27, 16, 0, 0))
        archive.writestr(member, content)  # the same bytes each time: tests are named after them
    return file.getvalue()


@pytest.mark.parametrize("content", [HISTORY, b"\xef\xbb\xbf" + HISTORY, zipped(HISTORY)])
def test_every_rate_of_the_ecbs_history_is_read(content: bytes) -> None:
    assert read_ecb_file(content) == [
        PublishedRate("USD", FRIDAY, Decimal("1.1580")),
        PublishedRate("JPY", FRIDAY, Decimal("180.91")),
        PublishedRate("USD", THURSDAY, Decimal("1.1564")),
        PublishedRate("HRK", THURSDAY, Decimal("7.5345")),
    ]


def test_the_ecbs_daily_file_is_read_too() -> None:
    assert [rate.day for rate in read_ecb_file(zipped(DAILY))] == [FRIDAY, FRIDAY]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "first column is not Date"),
        (b"<html>Not found</html>", "first column is not Date"),
        (zipped(b"Datum,USD\n"), "first column is not Date"),
        (zipped(HISTORY)[:40], "damaged"),
        (b"Date,USD\nyesterday,1.1\n", "Line 2: the day must be a date"),
        (b"Date,USD\n2026-11-27,1.1\n2026-11-26,-1\n", "Line 3: the rate must be a positive"),
        (b"Date,USD\n2026-11-27,NaN\n", "Line 2: the rate must be a positive"),
        (b"Date,USD\n2026-11-27,1e999\n", "Line 2: the rate must be a positive"),
    ],
)
def test_another_file_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(OperatorError, match=reason):
        read_ecb_file(content)


def test_own_rates_have_a_line_each() -> None:
    content = b"day,currency,rate\r\n2026-11-01, uah ,48.6\r\n\r\n2026-11-01,XAU,0.00027\r\n"

    assert read_own_file(content) == [
        PublishedRate("UAH", date(2026, 11, 1), Decimal("48.6")),
        PublishedRate("XAU", date(2026, 11, 1), Decimal("0.00027")),
    ]
    assert read_own_file(b"day,currency,rate\n") == []


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("currency,day,rate\n", "first line must be day,currency,rate"),
        ("", "first line must be day,currency,rate"),
        ("day,currency,rate\n2026-11-01,UAH\n", "Line 2 must have 3 columns"),
        ("day,currency,rate\n2026-11-31,UAH,1\n", "Line 2: the day"),
        ("day,currency,rate\n2026-11-01,UA,1\n", "Line 2: the currency"),
        ("day,currency,rate\n2026-11-01,EUR,1\n", "Line 2: rates are per euro"),
        ("day,currency,rate\n2026-11-01,UAH,0\n", "Line 2: the rate"),
        ("day,currency,rate\n2026-11-01,UAH,1\n2026-11-01,uah,2\n", "Line 3: UAH has two rates"),
    ],
)
def test_a_wrong_line_of_own_rates_is_named(lines: str, reason: str) -> None:
    with pytest.raises(OperatorError, match=reason):
        read_own_file(lines.encode())
