"""Handles calls about costs: uploaded amounts, and the prices of links."""

from dataclasses import dataclass

import msgspec

from console.apps.apps import App
from console.reports.costs.cost_file import NewCost
from console.reports.costs.prices import NewPrice, Price, list_prices, set_price
from console.reports.costs.uploads import Cost, list_costs, upload_costs
from console.reports.views.view_query import read_period
from console.web.api.api_call import APP, ApiCall, ApiEndpoint
from console.web.lookups import link_of
from shared.clock import now_ms


class UploadedCosts(msgspec.Struct, forbid_unknown_fields=True):
    """Costs, each in place of that of its day, partner and campaign; an amount of 0 removes it."""

    costs: list[NewCost]


@dataclass(frozen=True)
class StoredCosts:
    """The number of costs that were stored."""

    stored: int


def show(call: ApiCall, app: App) -> list[Cost]:
    return list_costs(call.connection, app, read_period(call.query, app, now_ms()))


def upload(call: ApiCall, app: App) -> StoredCosts:
    return StoredCosts(upload_costs(call.connection, call.actor, app, call.body.costs))


def prices(call: ApiCall, app: App, link_id: int) -> list[Price]:
    link = link_of(call.connection, app, link_id)
    return list_prices(call.connection, app, link.id)


def change_price(call: ApiCall, app: App, link_id: int) -> Price:
    link = link_of(call.connection, app, link_id)
    return set_price(call.connection, call.actor, app, link, call.body)


COST_ENDPOINTS = (
    ApiEndpoint(
        "GET",
        f"{APP}/costs",
        "List uploaded costs by day, partner and campaign, by default of 28 days.",
        show,
        list[Cost],
        query=("period", "from", "to"),
    ),
    ApiEndpoint(
        "POST",
        f"{APP}/costs",
        "Upload costs; each replaces that of its day, partner and campaign.",
        upload,
        StoredCosts,
        UploadedCosts,
    ),
    ApiEndpoint(
        "GET",
        f"{APP}/links/{{link_id:int}}/prices",
        "List the prices of a link.",
        prices,
        list[Price],
    ),
    ApiEndpoint(
        "PUT",
        f"{APP}/links/{{link_id:int}}/prices",
        "Set what a click, impression, install or event of a link costs from a day on.",
        change_price,
        Price,
        NewPrice,
    ),
)
