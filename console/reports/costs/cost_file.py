"""Reads costs by day, partner and campaign from a CSV file, before anything is stored."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from console.moments import DAY_MAX, DAY_MIN, checked_day
from shared.errors import BadValue, OperatorError

COLUMNS = ("day", "partner", "campaign", "currency", "amount")
OPTIONAL = ("campaign",)
COSTS_MAX = 10_000  # in one file
AMOUNT_MAX = Decimal("1e11")
CAMPAIGN_CHARACTERS_MAX = 200  # as many as rollups keep
_PLACES_MAX = 6


@dataclass(frozen=True)
class NewCost:
    """What a partner or source cost on a day (UTC), altogether or for one of its campaigns.

    `partner` is a name as in reports: `Acme`, or `network (source)`.
    """

    day: date
    partner: str
    currency: str
    amount: Decimal
    campaign: str = ""


def read_cost_file(text: str) -> list[NewCost]:
    """Returns the costs of a CSV file. Raises OperatorError with the number of a wrong line.

    Columns may come in any order, separated by commas or semicolons; `campaign` may be missing.
    """
    text = text.removeprefix("\ufeff")
    heading = text.partition("\n")[0]
    lines = csv.reader(io.StringIO(text), delimiter=";" if ";" in heading else ",")
    names = [name.strip().lower() for name in next(lines, [])]
    missing = [name for name in COLUMNS if name not in {*names, *OPTIONAL}]
    if missing or set(names) - set(COLUMNS) or len(names) != len(set(names)):
        raise OperatorError(
            f"The first line must name the columns {', '.join(COLUMNS)}; campaign may be missing."
        )
    costs = []
    for number, cells in enumerate(lines, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(names):
            raise OperatorError(f"Line {number} must have {len(names)} columns.")
        values = dict(zip(names, (cell.strip() for cell in cells), strict=True))
        try:
            costs.append(
                NewCost(
                    day=checked_day("day", date.fromisoformat(values["day"])),
                    partner=values["partner"],
                    currency=values["currency"],
                    amount=Decimal(values["amount"]),
                    campaign=values.get("campaign", ""),
                )
            )
        except (ValueError, BadValue):
            raise OperatorError(
                f"Line {number}: day must be a date from {DAY_MIN} to {DAY_MAX}, as 2026-01-31."
            ) from None
        except InvalidOperation:
            raise OperatorError(f"Line {number}: amount must be a number as 12.50.") from None
    return checked_costs(costs)


def checked_costs(costs: Iterable[NewCost]) -> list[NewCost]:
    """Returns the costs with tidy values.

    Raises OperatorError for an invalid value, for two amounts of the same, and for too many.
    """
    checked: dict[tuple[object, ...], NewCost] = {}
    for number, cost in enumerate(costs, start=1):
        place = f"Cost {number}"
        tidy = NewCost(
            cost.day,
            cost.partner.strip(),
            currency_code(place, cost.currency),
            amount_of(place, cost.amount),
            cost.campaign.strip(),
        )
        if not tidy.partner:
            raise OperatorError(f"{place} must name a partner, or a source as `NAME (source)`.")
        if len(tidy.campaign) > CAMPAIGN_CHARACTERS_MAX:
            raise OperatorError(
                f"{place}: a campaign has at most {CAMPAIGN_CHARACTERS_MAX} characters."
            )
        key = (tidy.day, tidy.partner, tidy.campaign)
        if key in checked:
            raise OperatorError(
                f"{place}: this day, partner and campaign already have an amount. Add them up."
            )
        checked[key] = tidy
    if not checked:
        raise OperatorError("There are no costs in it. Add a line for each day and partner.")
    if len(checked) > COSTS_MAX:
        raise OperatorError(f"There are more than {COSTS_MAX:,} costs. Send them in parts.")
    return list(checked.values())


def currency_code(place: str, text: str) -> str:
    """Returns a currency's code in capitals. Raises OperatorError when it is none."""
    code = text.strip().upper()
    if not (len(code) == 3 and code.isascii() and code.isalpha()):
        raise OperatorError(f"{place}: the currency must be an ISO 4217 code, as EUR.")
    return code


def amount_of(place: str, amount: Decimal) -> Decimal:
    """Returns an amount that can be stored exactly. Raises OperatorError for any other."""
    exponent = amount.as_tuple().exponent
    if not amount.is_finite() or not 0 <= amount <= AMOUNT_MAX:
        raise OperatorError(f"{place}: the amount must be between 0 and {AMOUNT_MAX:,f}.")
    if not isinstance(exponent, int) or exponent < -_PLACES_MAX:
        raise OperatorError(f"{place}: the amount has at most {_PLACES_MAX} decimal places.")
    return amount
