"""The metrics of a report row, and their amounts to the decimal places that amounts have."""

from dataclasses import dataclass, field, replace
from decimal import Context, Decimal

_MICRO = Decimal("0.000001")
_SUMS = Context(prec=60)  # no sum of amounts has as many digits


@dataclass
class Figures:
    """The metrics of a report row.

    `users` is None where users were not counted for this question; `organic` installs are those
    that were attributed to no source. Revenue is in the currency of the report; `originals` are the
    sums as they were sent, by currency: event revenue, ad revenue. `unconverted` are those without
    an exchange rate, which are in no sum.
    """

    events: int = 0
    users: int | None = None
    installs: int = 0
    organic: int = 0
    reattributions: int = 0
    sessions: int = 0
    revenue: Decimal = Decimal(0)
    ad_revenue: Decimal = Decimal(0)
    value: Decimal = Decimal(0)
    originals: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    unconverted: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)

    @property
    def attributed(self) -> int:
        return self.installs - self.organic

    @property
    def is_something(self) -> bool:
        counts = (self.events, self.installs, self.reattributions, self.sessions)
        return any(counts) or bool(self.originals)

    def rounded(self) -> "Figures":
        """Returns the metrics with at most six decimal places, which is what amounts are sent with.

        An exchange rate has more, and their product would have over twenty.
        """
        revenue, ad_revenue = (
            _SUMS.quantize(amount, _MICRO) if Decimal(amount.as_tuple().exponent) < -6 else amount
            for amount in (self.revenue, self.ad_revenue)
        )
        return replace(self, revenue=revenue, ad_revenue=ad_revenue)

    @property
    def organic_share(self) -> float | None:
        return self.organic / self.installs if self.installs else None
