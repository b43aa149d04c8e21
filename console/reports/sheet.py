"""A report as a table, with the same values on a page, in a terminal and in a file."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise

from console.spreadsheet_text import inert

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
_CENT, _MICRO = Decimal("0.01"), Decimal("0.000001")


@dataclass(frozen=True)
class Share:
    """A part of a whole, 0 to 1. A change is written with its sign."""

    part: float
    is_change: bool = False


@dataclass(frozen=True)
class Money:
    """An amount in one currency, shown as `shown_amount` rounds it."""

    amount: Decimal
    currency: str


@dataclass(frozen=True)
class Duration:
    """A length of time: in its largest units for people, in seconds for programs."""

    seconds: float


@dataclass(frozen=True)
class SoFar:
    """An hour or day that is not over: marked for people, and written as it is for programs."""

    start: datetime | date


class NotYet:
    """The value of a day that is not over: unlike a value of zero, and unlike one of nobody."""


NOT_YET = NotYet()

Cell = str | int | Decimal | datetime | date | Share | Money | Duration | SoFar | NotYet | None


@dataclass(frozen=True)
class Sheet:
    """Columns, rows and the last line `total`, which may be empty. A cell without value is None."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    total: Sequence[Cell] = ()

    def is_numeric(self, column: int) -> bool:
        """Tells whether a column holds numbers."""
        cells = (line[column] for line in self.lines)
        first = next((cell for cell in cells if cell not in {None, NOT_YET}), None)
        return isinstance(first, int | Decimal | Money | Share | Duration)

    @property
    def lines(self) -> Iterator[Sequence[Cell]]:
        """Yields the rows and then the total, if there is one."""
        yield from self.rows
        if self.total:
            yield self.total


def shown_amount(amount: Decimal) -> Decimal:
    """Rounds an amount to cents, or a smaller one to two digits that are not zero.

    Amounts have six decimal places: revenue of an advertisement is a fraction of a cent.
    """
    if not _MICRO <= abs(amount) < 1:
        return amount.quantize(_CENT)
    places = min(max(2, 1 - amount.adjusted()), 6)
    return amount.quantize(Decimal(1).scaleb(-places))


def _duration_text(seconds: float) -> str:
    """Writes a length of time in its two largest units, such as 3 h 20 min."""
    rest = max(round(seconds), 0)
    for (unit, length), (smaller_unit, smaller) in pairwise(_UNITS):
        if rest >= length:
            number, part = rest // length, rest % length // smaller
            return f"{number} {unit} {part} {smaller_unit}" if part else f"{number} {unit}"
    return f"{rest} s"


def display_text(cell: Cell) -> str:  # noqa: PLR0911 - one a kind of cell
    """Formats a cell for people.

    Numbers get thousands separators, shares are in percent, times to the minute.
    """
    match cell:
        case int() | Decimal():
            return f"{Decimal(cell):,f}"
        case Money():
            return f"{shown_amount(cell.amount):,f}"
        case NotYet():
            return "not yet"
        case Duration():
            return _duration_text(cell.seconds)
        case Share():
            return f"{cell.part:+.1%}" if cell.is_change else f"{cell.part:.1%}"
        case SoFar():
            return f"{display_text(cell.start)} so far"
        case datetime():
            return f"{cell:%Y-%m-%d %H:%M}"
        case _:
            return plain_text(cell)


def plain_text(cell: Cell) -> str:  # noqa: PLR0911 - one a kind of cell
    """Formats a cell for programs: without thousands separators and percent signs."""
    match cell:
        case datetime():
            # Where clocks go back, two hours have one name.
            away = cell.utcoffset()
            return cell.isoformat(" ", "minutes") if away else f"{cell:%Y-%m-%d %H:%M}"
        case Decimal():
            return f"{cell:f}"
        case Money():
            return f"{shown_amount(cell.amount):f}"
        case Share():
            return f"{cell.part:.3f}"
        case Duration():
            return str(max(round(cell.seconds), 0))
        case SoFar():
            return plain_text(cell.start)
        case _:
            return "" if cell in {None, NOT_YET} else str(cell)


def to_csv(sheet: Sheet) -> str:
    """Returns a sheet as CSV (RFC 4180). Senders choose the names in it: none is a formula."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow([inert(column) for column in sheet.columns])
    for line in sheet.lines:
        writer.writerow(
            [inert(cell) if isinstance(cell, str) else plain_text(cell) for cell in line]
        )
    return file.getvalue()
