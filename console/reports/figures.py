"""The metrics of a report row, and their amounts with the decimal places that amounts have."""

from dataclasses import dataclass, field, replace
from decimal import Context, Decimal

from console.reports.traffic import Traffic

_MICRO = Decimal("0.000001")
_SUMS = Context(prec=60)  # no sum of amounts has as many digits
NOTHING = Decimal(0).quantize(_MICRO)  # what programs read has six decimal places everywhere


@dataclass
class Figures:
    """The metrics of a report row.

    `users` is None where users were not counted for this question; `organic` installs are those
    that were attributed to no source. Revenue is in the currency of the report; `originals` are the
    sums as they were sent, by currency: event revenue, ad revenue. `unconverted` are those without
    an exchange rate, which are in no sum. `unverified` are those of the events that SDKs have sent,
    whose senders nobody has verified. `traffic` is None where clicks are not known by what the
    question asks for. `cost` is that of whole days, None where it is not known by what the question
    asks for; `cost_originals` and `cost_unconverted` are as those of revenue. `rounded` sets the
    cost of an attributed install, the revenue for each unit of cost (ROAS) and that of a unique
    user (ARPU), None of nothing.
    """

    events: int = 0
    users: int | None = None
    installs: int = 0
    organic: int = 0
    reattributions: int = 0
    sessions: int = 0
    unverified: int = 0
    revenue: Decimal = NOTHING
    ad_revenue: Decimal = NOTHING
    value: Decimal = NOTHING
    originals: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    unconverted: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    traffic: Traffic | None = None
    cost: Decimal | None = None
    cost_per_install: Decimal | None = None
    return_on_cost: float | None = None
    revenue_per_user: Decimal | None = None
    cost_originals: dict[str, Decimal] = field(default_factory=dict)
    cost_unconverted: dict[str, Decimal] = field(default_factory=dict)

    @property
    def attributed(self) -> int:
        return self.installs - self.organic

    @property
    def is_something(self) -> bool:
        counts = (self.events, self.installs, self.reattributions, self.sessions)
        has_traffic = self.traffic is not None and self.traffic.is_something
        return any(counts) or bool(self.originals) or bool(self.cost_originals) or has_traffic

    def rounded(self) -> "Figures":
        """Returns the metrics with six decimal places, and with what follows from them.

        Amounts are sent with six at most. An exchange rate has more, and products would have over
        twenty.
        """
        paid = self.revenue + self.ad_revenue
        cost_per_install = self.cost / self.attributed if self.cost and self.attributed else None
        return replace(
            self,
            revenue=_rounded(self.revenue),
            ad_revenue=_rounded(self.ad_revenue),
            value=_rounded(self.value),
            originals=_rounded_pairs(self.originals),
            unconverted=_rounded_pairs(self.unconverted),
            cost=None if self.cost is None else _rounded(self.cost),
            cost_per_install=None if cost_per_install is None else _rounded(cost_per_install),
            return_on_cost=float(paid / self.cost) if self.cost else None,
            revenue_per_user=_rounded(paid / self.users) if self.users else None,
            cost_originals={key: _rounded(each) for key, each in self.cost_originals.items()},
            cost_unconverted={key: _rounded(each) for key, each in self.cost_unconverted.items()},
        )

    @property
    def organic_share(self) -> float | None:
        return self.organic / self.installs if self.installs else None


def _rounded(amount: Decimal) -> Decimal:
    return _SUMS.plus(_SUMS.quantize(amount, _MICRO))  # which makes 0 of a negative zero


def _rounded_pairs(
    sums: dict[str, tuple[Decimal, Decimal]],
) -> dict[str, tuple[Decimal, Decimal]]:
    return {key: (_rounded(event), _rounded(ad)) for key, (event, ad) in sums.items()}
