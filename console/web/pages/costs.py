"""The page of costs: uploaded amounts by day, and the prices of links."""

from datetime import timedelta
from decimal import Decimal, InvalidOperation
from urllib.parse import urlencode

from console.apps.apps import App
from console.apps.links import list_links
from console.moments import read_day
from console.reports.costs.cost_file import COLUMNS, read_cost_file
from console.reports.costs.prices import NewPrice, PricedBy, list_prices, set_price
from console.reports.costs.uploads import list_costs, upload_costs
from console.reports.names import read_names
from console.reports.period import REPORT_DAYS_MAX
from console.reports.sheet import Money, Sheet
from console.reports.views.view_query import read_period
from console.web.kept_parameters import keep_valid
from console.web.page_errors import BadRequest
from console.web.page_request import PageRequest
from console.web.responses import Answer, Page, Redirect
from console.web.values import FORM_BYTES_MAX, Values

_OTHER_FIELDS_BYTES_MAX = 1_024


def show(request: PageRequest, app: App) -> Answer:
    now_ms = request.services.clock()
    period, faults = keep_valid(request.query, lambda query: read_period(query, app, now_ms))
    costs = list_costs(request.connection, app, period)
    prices = list_prices(request.connection, app)
    return Page(
        "costs.html",
        {
            "period": period,
            "faults": faults,
            "today": app.today(now_ms),
            "columns": ",".join(COLUMNS),
            "form_bytes_max": FORM_BYTES_MAX - _OTHER_FIELDS_BYTES_MAX,
            "costs": Sheet(
                [f"day ({app.time_zone})", "partner or source", "campaign", "currency", "cost"],
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
                ["link", "per", "event type", f"from ({app.time_zone})", "currency", "price"],
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
    first, last = min(cost.day for cost in costs), max(cost.day for cost in costs)
    shown_first = max(first, last - timedelta(days=REPORT_DAYS_MAX - 1))
    query = urlencode({"from": shown_first, "to": last})
    flash = f"{stored:,} costs have been stored, of {first} to {last}."
    return Redirect(f"/apps/{app.id}/reports/costs?{query}", flash)


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
    since = read_day("since", form.get("since"))
    try:
        per, amount = PricedBy(form.get("per")), Decimal(form.get("amount"))
    except (ValueError, InvalidOperation):
        since = None
    if since is None:
        raise BadRequest("A price needs a kind, a number such as 1.20, and a first day.")
    return NewPrice(per, amount, form.get("currency"), since, form.get("event"))
