"""A table as it is shown: the same columns, rows, figures on a page, at a terminal, in a file."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Share:
    """A part of a whole, 0 to 1."""

    part: float


@dataclass(frozen=True)
class Money:
    """An amount in one currency, shown to two places."""

    amount: Decimal
    currency: str


Cell = str | int | Decimal | datetime | date | Share | Money | None


@dataclass(frozen=True)
class Sheet:
    """`total` is the last line, or empty. A cell that is None has nothing to say."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    total: Sequence[Cell] = ()

    def is_figure(self, column: int) -> bool:
        """Whether numbers stand in it."""
        cells = (line[column] for line in self.lines)
        first = next((cell for cell in cells if cell is not None), None)
        return isinstance(first, int | Decimal | Money | Share)

    @property
    def lines(self) -> Iterator[Sequence[Cell]]:
        yield from self.rows
        if self.total:
            yield self.total


def shown(cell: Cell) -> str:
    """For people: thousands apart, shares as percent, times as UTC to the minute."""
    match cell:
        case int():
            return f"{cell:,}"
        case Decimal():
            return f"{cell:,f}"
        case Money():
            return f"{cell.amount.quantize(_CENT):,f}"
        case Share():
            return f"{cell.part:.1%}"
        case _:
            return plain(cell)


def plain(cell: Cell) -> str:
    """For programs: the same figures without thousands and percent signs."""
    match cell:
        case None:
            return ""
        case datetime():
            return f"{cell:%Y-%m-%d %H:%M}"
        case Decimal():
            return f"{cell:f}"
        case Money():
            return f"{cell.amount.quantize(_CENT):f}"
        case Share():
            return f"{cell.part:.3f}"
        case _:
            return str(cell)


def as_csv(sheet: Sheet) -> str:
    """RFC 4180. Names come from outside: one that a spreadsheet would take for a formula gets an
    apostrophe in front (CWE-1236).
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow([_inert(column) for column in sheet.columns])
    for line in sheet.lines:
        writer.writerow([_inert(cell) if isinstance(cell, str) else plain(cell) for cell in line])
    return file.getvalue()


def _inert(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
