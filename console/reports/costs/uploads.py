"""Stores and lists costs by day, partner and campaign, as people or programs upload them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from console.actor import Actor, require_admin
from console.apps.apps import App
from console.audit import Action, Change, record_change
from console.reports.costs.cost_file import NewCost, checked_costs
from console.reports.names import read_names
from console.reports.period import Period
from shared.database import Connection, run, transaction

LISTED_MAX = 1_000

# An amount of zero removes what there was.
_STORE = """
WITH sent AS (
    SELECT * FROM unnest(
        %s::date[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::numeric[]
    ) AS sent (day, partner_id, source, campaign, currency, amount)
), removed AS (
    DELETE FROM costs USING sent
    WHERE costs.app_id = %s AND sent.amount = 0 AND costs.day = sent.day
      AND costs.partner_id = sent.partner_id AND costs.source = sent.source
      AND costs.campaign = sent.campaign
)
INSERT INTO costs (app_id, day, partner_id, source, campaign, currency, amount)
SELECT %s, day, partner_id, source, campaign, currency, amount FROM sent WHERE amount > 0
ON CONFLICT (app_id, day, partner_id, source, campaign) DO UPDATE SET
    currency = excluded.currency, amount = excluded.amount, uploaded_at = now()
"""
_LIST = """
SELECT day, partner_id, source, campaign, currency, amount FROM costs
WHERE app_id = %s AND day BETWEEN %s AND %s
ORDER BY day DESC, partner_id, source, campaign LIMIT %s
"""


@dataclass(frozen=True)
class Cost:
    """What a partner or source cost on a day; `campaign` is '' for all of it."""

    day: date
    partner: str
    campaign: str
    currency: str
    amount: Decimal


def upload_costs(connection: Connection, actor: Actor, app: App, costs: Iterable[NewCost]) -> int:
    """Stores costs in place of those of the same day, partner and campaign; returns their number.

    An amount of 0 removes a cost. Raises OperatorError for an invalid cost or an unknown partner,
    and then nothing is stored, and NotAllowed for a viewer.
    """
    require_admin(actor)
    names, rows = read_names(connection, app), checked_costs(costs)
    keys = {cost.partner: names.partner_filter(cost.partner) for cost in rows}
    columns = (
        [cost.day for cost in rows],
        [keys[cost.partner].partner_id for cost in rows],
        [keys[cost.partner].source for cost in rows],
        [cost.campaign for cost in rows],
        [cost.currency for cost in rows],
        [cost.amount for cost in rows],
    )
    days = sorted(cost.day for cost in rows)
    after = {"costs": len(rows), "first": str(days[0]), "last": str(days[-1])}
    with transaction(connection):
        run(connection, _STORE, (*columns, app.id, app.id))
        record_change(connection, actor, app.id, Change(Action.COST_UPLOAD, "costs", None, after))
    return len(rows)


def list_costs(connection: Connection, app: App, period: Period) -> list[Cost]:
    """Returns the uploaded costs of a period, the newest first, at most LISTED_MAX."""
    names = read_names(connection, app)
    rows = run(connection, _LIST, (app.id, period.first, period.last, LISTED_MAX))
    return [
        Cost(day, names.partner_by_id(partner_id, source), *rest)
        for day, partner_id, source, *rest in rows
    ]
