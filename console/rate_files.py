"""Reads files of exchange rates: those of the European Central Bank, and an operator's own.

The ECB's are zip files or CSV, with a line for each day and a column for each currency; an own one
has a line for each rate: `day,currency,rate`. Each rate is the units of a currency for one euro.
"""

import csv
import io
import zipfile
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from shared.errors import OperatorError

FILE_BYTES_MAX = 64 * 1024 * 1024  # the ECB's since 1999 has 2.5 MB
OWN_RATES_MAX = 100_000
OWN_COLUMNS = ["day", "currency", "rate"]
_DAY_FORMS = ("%Y-%m-%d", "%d %B %Y")  # of the ECB's history, and of its file of one day
_MISSING = {"", "N/A"}
_RATE_MAX = Decimal("1e12")


@dataclass(frozen=True)
class PublishedRate:
    """The units of a currency that one euro was worth on a day."""

    currency: str
    day: date
    per_euro: Decimal


def read_ecb_file(content: bytes) -> list[PublishedRate]:
    """Returns the rates of a file of the ECB. Raises OperatorError when it is no such file."""
    if content.startswith(b"PK"):
        content = _unzipped(content)
    lines = csv.reader(io.StringIO(content.decode("utf-8-sig", "replace")))
    heading = [name.strip() for name in next(lines, [])]
    if heading[:1] != ["Date"]:
        raise OperatorError("This is no file of the ECB: its first column is not Date.")
    rates = []
    for number, cells in enumerate(lines, start=2):
        if not cells:
            continue
        day = _day(number, cells[0].strip())
        for currency, text in zip(heading[1:], cells[1:], strict=False):
            if currency and text.strip() not in _MISSING:
                rates.append(PublishedRate(currency, day, _rate(number, text.strip())))
    return rates


def read_own_file(content: bytes) -> list[PublishedRate]:
    """Returns an operator's own rates. Raises OperatorError with the number of a wrong line."""
    lines = csv.reader(io.StringIO(content.decode("utf-8-sig", "replace")))
    if [name.strip().lower() for name in next(lines, [])] != OWN_COLUMNS:
        raise OperatorError(f"The first line must be {','.join(OWN_COLUMNS)}.")
    rates: dict[tuple[str, date], PublishedRate] = {}
    for number, cells in enumerate(lines, start=2):
        if not cells:
            continue
        if len(cells) != len(OWN_COLUMNS):
            raise OperatorError(f"Line {number} must have {len(OWN_COLUMNS)} columns.")
        day_text, currency, rate_text = (cell.strip() for cell in cells)
        currency = currency.upper()
        if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
            raise OperatorError(f"Line {number}: the currency must be an ISO 4217 code, as UAH.")
        if currency == "EUR":
            raise OperatorError(f"Line {number}: rates are per euro, so the euro has none.")
        rate = PublishedRate(currency, _day(number, day_text), _rate(number, rate_text))
        if rates.setdefault((currency, rate.day), rate) != rate:
            raise OperatorError(f"Line {number}: {currency} has two rates for {rate.day}.")
        if len(rates) > OWN_RATES_MAX:
            raise OperatorError(f"The file has more than {OWN_RATES_MAX:,} rates.")
    return list(rates.values())


def _unzipped(content: bytes) -> bytes:
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        with archive, archive.open(archive.namelist()[0]) as member:
            text = member.read(FILE_BYTES_MAX + 1)
    except (zipfile.BadZipFile, IndexError, NotImplementedError, RuntimeError):
        raise OperatorError("The zip file is damaged or empty. Download it again.") from None
    if len(text) > FILE_BYTES_MAX:
        raise OperatorError(f"The file in it is larger than {FILE_BYTES_MAX:,} bytes.")
    return text


def _day(number: int, text: str) -> date:
    for form in _DAY_FORMS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    raise OperatorError(f"Line {number}: the day must be a date, such as 2026-01-31.")


def _rate(number: int, text: str) -> Decimal:
    try:
        rate = Decimal(text)
    except InvalidOperation:
        rate = Decimal(0)
    if not rate.is_finite() or not 0 < rate < _RATE_MAX:
        raise OperatorError(f"Line {number}: the rate must be a positive number, such as 43.25.")
    return rate
