"""Takes the pictures of docs/console.md: `make pictures`, then look at them.

A made-up week (`waybill demo --keep`), each page wide and light, and on a phone in the dark.
pngquant, where it is installed, makes them a third as large.
"""

import json
import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from console.demo_week import week
from shared.clock import now_ms
from tests.browser.conftest import ARGUMENTS, CHROMIUM, PASSWORD
from tests.system.product import WAYBILL

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
# Whoever did most of those whom a click brought.
LINES = list(week(now_ms()))
BROUGHT = {line["ip"] for line in LINES if line["type"] == "click" and "link" in line}
BUSIEST, _ = Counter(
    line["user_id"] for line in LINES if "user_id" in line and line["ip"] in BROUGHT
).most_common(1)[0]
PAGES = {
    "apps": "/apps",
    "app": "/apps/1",
    "reports": "/apps/1/reports",
    "activity": "/apps/1/reports/activity",
    "retention": "/apps/1/reports/retention",
    "events": "/apps/1/events",
    "integration": "/apps/1/integration",
    "links": "/apps/1/links",
    "link": "/apps/1/links/1",
    "users": "/apps/1/users",
    "user": f"/apps/1/users/timeline?user_id={BUSIEST}",
    "protection": "/apps/1/protection",
    "enforcement": "/apps/1/protection/enforcement",
    "audit-log": "/apps/1/protection/log",
    "settings": "/apps/1/settings",
    "operations": "/operations",
    "quarantine": "/operations/quarantine",
    "people": "/people",
    "keys": "/keys",
}
COUNTED_MS = 80_000  # until workers have counted the hours and days of a week


def main() -> None:
    with subprocess.Popen(
        [WAYBILL, "demo", "--keep", "--json"], stdout=subprocess.PIPE, text=True, env=os.environ
    ) as demo:
        try:
            link = json.loads(_document(demo))["console_url"]
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
                _take(browser, link)
                browser.close()
        finally:
            demo.terminate()


def _document(demo: subprocess.Popen[str]) -> str:
    assert demo.stdout is not None
    text = ""
    for line in demo.stdout:
        text += line
        if line == "}\n":
            break
    return text


def _take(browser: Browser, link: str) -> None:
    base = link.partition("/welcome/")[0]
    first = browser.new_page()
    first.goto(link)
    first.get_by_label("Password", exact=True).fill(PASSWORD)
    first.get_by_label("The same again").fill(PASSWORD)
    first.get_by_role("button", name="Set password and sign in").click()
    first.wait_for_timeout(COUNTED_MS)
    state = first.context.storage_state()
    PICTURES.mkdir(exist_ok=True)
    shrink = shutil.which("pngquant")
    for size, scheme in (((1280, 800), "light"), ((360, 740), "dark")):
        context = browser.new_context(
            base_url=base,
            storage_state=state,
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        page = context.new_page()
        for name, path in PAGES.items():
            page.goto(path)
            picture = PICTURES / f"{name}-{scheme}.png"
            page.screenshot(path=picture)
            if shrink:
                subprocess.run([shrink, "--force", "--output", picture, "64", picture], check=True)
        context.close()


if __name__ == "__main__":
    main()
