"""The real Adjust web SDK, unchanged, in Chromium, against a running Waybill.

Whatever happens to the network and to Waybill, each event is stored once.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.tls_front import page_server, tls_front
from tests.system.product import Waybill
from tests.system.servers import until

SDK = Path(__file__).parents[2] / ".venv/sdks/node_modules/@adjustcom/adjust-web-sdk/dist"
APP_TOKEN = "4w565xzmb54d"
SECONDS_MAX = 30
HOURS_MS = 3 * 3_600_000  # longer than the SDK waits before it tries again


class Shop:
    """A page with the SDK in it, in a browser of its own."""

    def __init__(self, waybill: Waybill, context: BrowserContext, origin: str, host: str) -> None:
        self.waybill = waybill
        self.context = context
        self.page: Page = context.new_page()
        self.origin = origin
        self.host = host
        self.answers: list[tuple[str, int]] = []
        self.page.on("response", self._note)

    def _note(self, response: Any) -> None:
        if self.host in response.url and response.request.method != "OPTIONS":
            path = response.url.partition(self.host)[2].partition("?")[0]
            self.answers.append((path, response.status))

    def open(self, query: str = "") -> None:
        self.page.goto(f"{self.origin}/{query}")
        self.page.evaluate(
            """([app, host]) => {
                window.seen = [];
                Adjust.initSdk({
                    appToken: app, environment: "production", logLevel: "verbose",
                    attributionCallback: (_, result) => window.seen.push(result),
                    urlStrategy: {domains: [host], useSubdomains: false},
                });
            }""",
            [APP_TOKEN, self.host],
        )

    def track(self, order: str, **more: Any) -> None:
        event = {"eventToken": "f0ob4r", "callbackParams": [{"key": "order", "value": order}]}
        self.page.evaluate("event => void Adjust.trackEvent(event)", {**event, **more})

    def wait_for(self, path: str, status: int = 200, count: int = 1) -> None:
        def answered() -> bool:
            self.page.wait_for_timeout(50)
            return self.answers.count((path, status)) >= count

        until(answered, SECONDS_MAX, f"{count} answers of {status} at {path}: {self.answers}")

    def go_on(self) -> None:
        """Lets the time pass that the SDK waits before it tries again."""
        self.page.clock.fast_forward(HOURS_MS)

    def web_uuid(self) -> str:
        return str(self.page.evaluate("() => Adjust.getWebUUID()"))

    def stored(self) -> list[dict[str, Any]]:
        """Returns the events of this browser, in their order."""
        self.waybill.wait_until_drained()
        exported = self.waybill.run("export", "--app", "Web shop", "--period", "7d")
        assert exported.returncode == 0, exported.stderr
        events = [json.loads(line) for line in exported.stdout.splitlines()]
        own = [event for event in events if event["user_id"] == self.web_uuid()]
        return sorted(own, key=lambda event: str(event["receipt"]))

    def orders(self) -> list[str]:
        """Returns the orders of this browser that are stored, each as often as it is."""
        parameters = [event["parameters"] for event in self.stored()]
        told = [
            json.loads(sent["callback_params"]) for sent in parameters if "callback_params" in sent
        ]
        return sorted(each["order"] for each in told)


@pytest.fixture(scope="module")
def host(waybill: Waybill, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    waybill.json("app", "create", "--name", "Web shop", "--app-token", APP_TOKEN)
    waybill.json(
        *("event-type", "create", "--app", "Web shop", "--event-token", "f0ob4r"),
        *("--mapping-id", "purchase", "--name", "Purchase"),
    )
    waybill.json("app", "set", "--app", "Web shop", "--sdk-traffic")
    with tls_front(tmp_path_factory.mktemp("tls"), waybill.port) as host:
        yield host


@pytest.fixture
def shop(waybill: Waybill, chromium: Browser, host: str) -> Iterator[Shop]:
    context = chromium.new_context(ignore_https_errors=True)
    with page_server(SDK / "adjust-latest.min.js") as origin:
        shop = Shop(waybill, context, origin, host)
        shop.page.clock.install()
        yield shop
        context.close()


def test_a_visit_is_stored_and_told_where_it_came_from(shop: Shop) -> None:
    shop.open("?adjust_referrer=" + quote("utm_source=spring-mail&utm_campaign=May"))
    shop.wait_for("/session")
    shop.track("order-1", revenue=12.5, currency="EUR", deduplicationId="order-1")
    shop.wait_for("/event")
    shop.wait_for("/sdk_click")
    shop.waybill.wait_until_drained()

    def told() -> bool:
        shop.page.clock.fast_forward(2_500)
        shop.page.wait_for_timeout(200)
        return bool(shop.page.evaluate("() => window.seen.length"))

    until(told, SECONDS_MAX, "the attribution reaching the page")
    (attribution,) = shop.page.evaluate("() => window.seen")
    opened, purchase = shop.stored()
    assert attribution["network"] == "spring-mail"
    assert attribution["campaign"] == "May"
    assert (opened["kind"], opened["sdk"]) == ("open", "js5.8.3")
    assert purchase["event_id"] == "purchase"
    assert (purchase["sale_amount"], purchase["sale_amount_currency"]) == (12.5, "EUR")


def test_an_organic_visitor_is_told_once_that_there_is_nobody_to_credit(shop: Shop) -> None:
    shop.open()
    shop.wait_for("/session")
    shop.waybill.wait_until_drained()
    shop.go_on()
    shop.wait_for("/attribution")
    until(
        lambda: bool(shop.page.evaluate("() => window.seen.length")),
        SECONDS_MAX,
        "the attribution reaching the page",
    )
    assert shop.page.evaluate("() => window.seen[0].network") == "Organic"


def test_what_happens_offline_is_stored_once_when_the_network_is_back(shop: Shop) -> None:
    shop.open()
    shop.wait_for("/session")
    shop.context.set_offline(True)
    for number in range(5):
        shop.track(f"offline-{number}")
    shop.page.wait_for_timeout(500)
    assert shop.answers.count(("/event", 200)) == 0
    shop.context.set_offline(False)
    for _ in range(10):
        shop.go_on()
        shop.page.wait_for_timeout(300)
    shop.wait_for("/event", count=5)

    assert shop.orders() == [f"offline-{number}" for number in range(5)]


def test_what_is_refused_under_overload_is_stored_once_when_that_is_over(shop: Shop) -> None:
    shop.open()
    shop.wait_for("/session")
    stores = shop.waybill.children("valkey-server")
    assert stores
    for store in stores:
        store.suspend()
    try:
        for number in range(3):
            shop.track(f"busy-{number}")
        shop.wait_for("/event", status=503)
    finally:
        for store in stores:
            store.resume()
    until(lambda: _is_ready(shop), SECONDS_MAX, "ingest accepting events again")
    for _ in range(8):
        shop.go_on()
        shop.page.wait_for_timeout(300)
    shop.wait_for("/event", count=3)

    assert shop.orders() == [f"busy-{number}" for number in range(3)]


def test_who_asks_to_be_forgotten_sends_nothing_any_more(shop: Shop) -> None:
    shop.open()
    shop.wait_for("/session")
    shop.page.evaluate("() => void Adjust.gdprForgetMe()")
    shop.wait_for("/gdpr_forget_device")
    shop.page.wait_for_timeout(300)
    answered = len(shop.answers)
    shop.track("after")
    shop.go_on()
    shop.page.wait_for_timeout(1_000)

    assert len(shop.answers) == answered
    assert shop.orders() == []


def _is_ready(shop: Shop) -> bool:
    return shop.page.request.get(f"https://{shop.host}/health/ready").status == 200
