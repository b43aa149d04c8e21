"""Takes the pictures of docs/console.md: `make pictures`, then look at them.

Shows a sample week (`waybill demo --keep`) with something of everything; each page wide and on a
phone, light and dark. With a folder given, whole pages go there instead. pngquant, where it is
installed, makes them a third as large.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from playwright.sync_api import Browser, Page, sync_playwright

from console.accounts.api_keys import create_key
from console.accounts.people import create_person
from console.actor import Role
from console.apps.apps import App, find_app
from console.connections import CommandContext, load_settings, open_resources
from console.demo.sample_week import APP, sample_lines
from console.resources import Resources
from console.security.new_tokens import NewToken, create_token
from shared.clock import now_ms
from shared.partitions import day_of
from shared.scopes import Scope
from tests.browser.conftest import ARGUMENTS, CHROMIUM, PASSWORD
from tests.integration.console.pipeline.test_quarantine import put_aside
from tests.support.build import ADMIN, event
from tests.system.product import WAYBILL, first_document

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
SIZES = {"wide": (1280, 800), "phone": (360, 740)}
COLOURS = 48
# The most active of the users who are attributed to a click.
LINES = list(sample_lines(now_ms()))
BROUGHT = {line["ip"] for line in LINES if line["type"] == "click" and "link" in line}
BUSIEST, _ = Counter(
    line["user_id"] for line in LINES if "user_id" in line and line["ip"] in BROUGHT
).most_common(1)[0]
WEEK = [day_of(now_ms()) - timedelta(days=days) for days in (7, 1)]
PAGES = {
    "apps": "/apps",
    "app": "/apps/1",
    "app-new": "/apps/new",
    "settings": "/apps/1/settings",
    "reports": "/apps/1/reports",
    "activity": f"/apps/1/reports/activity?from={WEEK[0]}&to={WEEK[1]}",
    "retention": "/apps/1/reports/retention",
    "events": "/apps/1/events",
    "event-type-new": "/apps/1/events/new?mapping_id=share_photo",
    "integration": "/apps/1/integration",
    "links": "/apps/1/links",
    "link": "/apps/1/links/1",
    "link-new": "/apps/1/links/new",
    "link-test": "TEST",
    "users": "/apps/1/users",
    "user": f"/apps/1/users/timeline?user_id={BUSIEST}",
    "receipt": "RECEIPT",
    "protection": "/apps/1/protection",
    "token": "/apps/1/protection/tokens/1",
    "token-new": "/apps/1/protection/tokens/new",
    "enforcement": "/apps/1/protection/enforcement",
    "audit-log": "/apps/1/protection/log",
    "operations": "/operations",
    "quarantine": "/operations/quarantine",
    "quarantined": "QUARANTINED",
    "rq-queues": "/rq",
    "rq-jobs": "/rq/0/view/jobs/pipeline/finished/8/dsc/1",
    "rq-workers": "/rq/0/view/workers",
    "people": "/people",
    "keys": "/keys",
    "account": "/account",
}
COUNTED_MS = 80_000  # until workers have rolled up the hours and days of a week


@dataclass(frozen=True)
class Demo:
    """The running demo, and the paths of pages whose names change each time."""

    base: str
    way_in: str
    paths: dict[str, str]


def main(folder: Path | None) -> None:
    with subprocess.Popen(
        [WAYBILL, "demo", "--keep", "--json"], stdout=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        try:
            demo = _furnish(first_document(process))
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
                _take(browser, demo, folder)
                browser.close()
        finally:
            process.terminate()


def _furnish(document: dict[str, Any]) -> Demo:
    """Adds an account, a key, good and bad requests, and an event that could not be stored."""
    base, _, way_in = document["console_url"].partition("/welcome/")
    with open_resources(load_settings(CommandContext(Path(document["data"]), {}))) as resources:
        app = find_app(resources.connection, APP)
        create_person(resources.connection, ADMIN, "Vera", Role.VIEWER)
        create_key(resources.connection, resources.secret_key, ADMIN, "nightly export", Role.VIEWER)
        receipt = _send_some(resources, app, document["url"])
        aside = event(app_id=app.id, event_id="purchase", sale_amount="-1")
        put_aside(resources.connection, aside)
    paths = {
        "RECEIPT": f"/receipts/{receipt}",
        "QUARANTINED": f"/operations/quarantine/{aside.receipt}",
    }
    return Demo(base, f"/welcome/{way_in}", paths)


def _send_some(resources: Resources, app: App, url: str) -> str:
    """Sends events and returns the receipt of a purchase of the most active user."""
    new = NewToken("checkout", (Scope.EVENTS, Scope.SESSIONS))
    secret = create_token(resources, ADMIN, app, new).secret
    good = {"user_id": BUSIEST, "event_id": "purchase", "sale_amount": "9.99"}
    money = {**good, "sale_amount_currency": "EUR"}
    seen = {"ip_address": "198.51.100.7", "user_agent": "Mozilla/5.0 (iPhone)"}
    for query in (
        {"user_id": "1", "event_id": "__open", **seen},
        {"user_id": "1", "event_id": "spin_wheel", **seen},
        {"event_id": "purchase"},
        {"user_id": "1", "event_id": "purchase", "sale_amount": "a lot"},
    ):
        _send(url, secret, query)
    _send(url, "no-such-token", {"user_id": "1", "event_id": "purchase"})
    return str(_send(url, secret, {**money, **seen})["id"])


def _send(url: str, token: str, query: dict[str, str]) -> dict[str, Any]:
    address = f"{url}/postback?{urlencode(query)}"
    with (
        suppress(HTTPError),
        urlopen(Request(address, headers={"Authorization": token}), timeout=10) as answer,
    ):
        found: dict[str, Any] = json.load(answer)
        return found
    return {}


def _take(browser: Browser, demo: Demo, folder: Path | None) -> None:
    camera = _Camera(folder or PICTURES, whole=folder is not None)
    strangers = browser.new_page(base_url=demo.base)
    camera.take(strangers, {"sign-in": "/sign-in", "welcome": demo.way_in})
    strangers.goto(demo.way_in)
    strangers.get_by_label("Password", exact=True).fill(PASSWORD)
    strangers.get_by_label("Confirm password").fill(PASSWORD)
    strangers.get_by_role("button", name="Set password and sign in").click()
    strangers.wait_for_timeout(COUNTED_MS)
    strangers.goto("/apps/1/links/1")
    mark = strangers.locator("form[action$='/test'] input[name=mark]").get_attribute("value")
    paths = {**demo.paths, "TEST": f"/apps/1/links/1/test?mark={mark}"}
    camera.take(strangers, {name: paths.get(path, path) for name, path in PAGES.items()})
    _make_token(strangers)
    camera.shoot(strangers, "token-made")


def _make_token(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto("/apps/1/protection/tokens/new")
    page.get_by_label("Name").fill("web checkout")
    page.get_by_label("Events event data").check()
    page.get_by_role("button", name=re.compile("token")).click()
    page.wait_for_load_state()


class _Camera:
    def __init__(self, folder: Path, *, whole: bool) -> None:
        folder.mkdir(exist_ok=True, parents=True)
        self._folder = folder
        self._whole = whole
        self._shrink = shutil.which("pngquant")

    def take(self, page: Page, paths: dict[str, str]) -> None:
        for width, height in SIZES.values():
            page.set_viewport_size({"width": width, "height": height})
            for name, path in paths.items():
                page.goto(path)
                if path.startswith("/rq"):
                    page.locator("tbody tr:not([data-role=loading-placeholder])").first.wait_for()
                self.shoot(page, name, (width, height))

    def shoot(self, page: Page, name: str, only: tuple[int, int] | None = None) -> None:
        """Takes the page as it is, in all sizes or in this one, light and dark."""
        for size, (width, height) in SIZES.items():
            if only not in {None, (width, height)}:
                continue
            page.set_viewport_size({"width": width, "height": height})
            if size == "phone":
                page.evaluate("document.querySelector('details.menu')?.removeAttribute('open')")
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
                self._keep(page, f"{name}-{size}-{scheme}.png")

    def _keep(self, page: Page, name: str) -> None:
        picture = self._folder / name
        page.screenshot(path=picture, full_page=self._whole, animations="disabled")
        if self._shrink:
            options = ["--force", "--output", str(picture), str(COLOURS)]
            subprocess.run([self._shrink, *options, str(picture)], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
