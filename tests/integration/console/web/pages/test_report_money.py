"""Tests that an amount is the same on the page, in files, for commands and for programs."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from falcon import testing

from console.accounts.api_keys import create_key
from console.actor import Role
from console.apps.apps import App
from console.main import run_command
from console.rates import Rates
from console.reports.costs.cost_file import NewCost
from console.reports.costs.uploads import upload_costs
from shared.clock import now_ms
from shared.database import Connection
from shared.events import Kind
from tests.integration.conftest import SECRET_KEY
from tests.integration.console.conftest import Ask
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import App as Console
from tests.integration.counted import count_all, store
from tests.integration.fresh import fresh
from tests.support.build import ADMIN

DAY_MS = 86_400_000
SIX_PLACES = re.compile(r"-?\d+\.\d{6}")
OF_MONEY = {
    "revenue", "ad_revenue", "cost", "cost_per_install", "revenue_per_user", "value",
    "originals", "unconverted", "cost_originals", "cost_unconverted",
}  # fmt: skip


@pytest.fixture
def converted(connection: Connection, shop: App) -> Decimal:
    """Stores a purchase in dollars, an advertisement's fraction of a cent, gold and a cost.

    All are of yesterday. Provides what the purchase is in euros, as worked out here.
    """
    at_ms = now_ms() - DAY_MS
    yesterday = datetime.fromtimestamp(at_ms / 1000, UTC).date()
    amounts = (
        (Kind.EVENT, "buy", "1234.567891", "USD"),
        (Kind.AD_REVENUE, "__ad_revenue", "0.000123", "EUR"),
        (Kind.EVENT, "buy", "3", "XAU"),
    )
    for number, (kind, event_id, amount, currency) in enumerate(amounts):
        money = {"sale_amount": amount, "sale_amount_currency": currency}
        store(
            connection,
            fresh(app_id=shop.id, user_id="ann", kind=kind, event_id=event_id,
                  event_time_ms=at_ms + number, **money),
        )  # fmt: skip
    upload_costs(connection, ADMIN, shop, [NewCost(yesterday, "(organic)", "USD", Decimal("7.1"))])
    count_all(connection)
    rate = Rates("EUR").rate("USD", yesterday)
    assert rate
    return round(Decimal("1234.567891") * rate.value, 6)


def _money(value: Any, name: str = "") -> Iterator[str]:
    """Yields each amount of a report as it is written in JSON."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _money(each, key if key in OF_MONEY else name)
    elif isinstance(value, list):
        for each in value:
            yield from _money(each, name)
    elif name and value is not None:
        yield value


@pytest.mark.parametrize("split", ["none", "partner", "country"])
def test_programs_get_every_amount_with_six_decimal_places_however_they_ask(
    console: Console, connection: Connection, ask: Ask, shop: App, converted: Decimal, split: str
) -> None:
    key = create_key(connection, SECRET_KEY, ADMIN, "reports", Role.VIEWER).secret
    query = f"period=7d&compare=previous&split={split}"
    answered = testing.TestClient(console).simulate_get(
        f"/api/v1/apps/{shop.id}/report",
        query_string=query,
        headers={"Authorization": f"Bearer {key}"},
    )
    options = ("--period", "7d", "--compare", "previous", "--split", split)
    printed = ask("report", "--app", "Shop", *options)["report"]

    for report in (answered.json, printed):
        amounts = list(_money([report["rows"], report["total"], report["comparison"]]))
        assert [text for text in amounts if not SIX_PLACES.fullmatch(text)] == []
        assert report["total"]["revenue"] == str(converted)
        assert report["total"]["ad_revenue"] == "0.000123"
        assert report["total"]["originals"]["USD"] == ["1234.567891", "0.000000"]
        assert report["total"]["unconverted"] == {"XAU": ["3.000000", "0.000000"]}
    assert answered.json["rows"] == printed["rows"]
    assert answered.json["total"] == printed["total"]


def test_people_get_the_same_amounts_to_the_cent_on_the_page_in_files_and_in_the_terminal(
    viewer: Browser,
    shop: App,
    converted: Decimal,
    variables: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    columns = ("revenue", "ad_revenue")
    query = "&".join(("period=7d", "by=total", *(f"column={column}" for column in columns)))
    options = [part for column in columns for part in ("--column", column)]
    command = ["report", "--app", "Shop", "--period", "7d", "--by", "total", *options]
    page = viewer.get(f"/apps/{shop.id}/reports?{query}")
    file = viewer.get(f"/apps/{shop.id}/reports.csv?{query}").text
    capsys.readouterr()
    assert run_command([*command, "--csv"], variables) == 0
    printed_file = capsys.readouterr().out
    assert run_command(command, variables) == 0
    printed = capsys.readouterr().out

    cents = converted.quantize(Decimal("0.01"))
    (_, line, _) = csv.reader(io.StringIO(file, newline=""))
    assert line[:2] == [f"{cents}", "0.00012"]
    assert printed_file.splitlines() == file.splitlines()
    for text in (page.text, printed):
        assert (f"{cents:,}" in text, "0.00012" in text) == (True, True)
        assert f"{converted}" not in text.replace(",", "")
