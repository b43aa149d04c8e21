"""The page of costs: uploaded amounts by day, and the prices of links."""

from datetime import date
from decimal import Decimal, InvalidOperation

from console.apps.apps import App
from console.apps.links import list_links
from console.reports.costs.cost_file import COLUMNS, read_cost_file
from console.reports.costs.prices import NewPrice, PricedBy, list_prices, set_price
from console.reports.costs.uploads import list_costs, upload_costs
from console.reports.names import read_names
from console.reports.sheet import Money, Sheet
from console.reports.views.view_query import read_period
from console.web.kept_parameters import keep_valid
from console.web.page_errors import BadRequest
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page, Redirect
from console.web.values import Values
from shared.partitions import day_of


def show(request: PageRequest, app: App) -> Answer:
    now_ms = request.services.clock()
    period, faults = keep_valid(request.query, lambda query: read_period(query, now_ms))
    costs = list_costs(request.connection, app, period)
    prices = list_prices(request.connection, app)
    return Page(
        "costs.html",
        {
            "period": period,
            "faults": faults,
            "today": day_of(now_ms),
            "columns": ",".join(COLUMNS),
            "costs": Sheet(
                ["day (UTC)", "partner or source", "campaign", "currency", "cost"],
                [
                    (
                        cost.day,
                        cost.partner,
                        cost.campaign,
                        cost.currency,
                        Money(cost.amount, cost.currency),
                    )
                    for cost in costs
                ],
            ),
            "prices": Sheet(
                ["link", "per", "event type", "from (UTC)", "currency", "price"],
                [
                    (
                        price.link,
                        price.per,
                        price.event,
                        price.since,
                        price.currency,
                        Money(price.amount, price.currency),
                    )
                    for price in prices
                ],
            ),
            "links": [(str(link.id), link.name) for link in list_links(request.connection, app)],
            "events": sorted(read_names(request.connection, app).events.values()),
            "kinds": [str(kind) for kind in PricedBy],
        },
    )


def upload(request: PageRequest, app: App) -> Answer:
    costs = read_cost_file(request.form.get("csv"))
    stored = upload_costs(request.connection, request.actor, app, costs)
    return Redirect(f"/apps/{app.id}/reports/costs", f"{stored:,} costs have been stored.")


def change_price(request: PageRequest, app: App) -> Answer:
    link = next(
        (
            link
            for link in list_links(request.connection, app)
            if str(link.id) == request.form.get("link")
        ),
        None,
    )
    if link is None:
        raise BadRequest("Choose a link of this app.")
    price = set_price(request.connection, request.actor, app, link, _read_price(request.form))
    flash = f"{link.name} costs {price.amount:f} {price.currency} per {price.per} {price.event}"
    return Redirect(f"/apps/{app.id}/reports/costs", f"{flash.strip()} from {price.since} on.")


def _read_price(form: Values) -> NewPrice:
    try:
        return NewPrice(
            per=PricedBy(form.get("per")),
            amount=Decimal(form.get("amount")),
            currency=form.get("currency"),
            since=date.fromisoformat(form.get("since")),
            event=form.get("event"),
        )
    except (ValueError, InvalidOperation):
        raise BadRequest("A price needs a kind, a number such as 1.20, and a first day.") from None
