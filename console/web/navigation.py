"""Lists the items of the side bar for each role, and marks the current one."""

from collections.abc import Sequence
from dataclasses import dataclass

from console.apps.apps import App
from console.web.page_request import PageContext

# Label and path of each page of an app, in the order in which people set it up.
APP_PAGES = (
    ("Overview", "/apps/{app}"),
    ("Reports", "/apps/{app}/reports"),
    ("Events", "/apps/{app}/events/log"),
    ("Event types", "/apps/{app}/events"),
    ("Integration", "/apps/{app}/integration"),
    ("Links", "/apps/{app}/links"),
    ("Callbacks", "/apps/{app}/callbacks"),
    ("Alerts", "/apps/{app}/alerts"),
    ("Users", "/apps/{app}/users"),
    ("Why organic?", "/apps/{app}/why"),
    ("Privacy", "/apps/{app}/privacy"),
    ("Authentication", "/apps/{app}/protection"),
    ("Past data", "/apps/{app}/past"),
    ("Settings", "/apps/{app}/settings"),
)
GENERAL_PAGES = (
    ("Apps", "/apps"),
    ("Partners", "/partners"),
    ("Operations", "/operations"),
    ("Audit log", "/audit"),
)
ADMIN_PAGES = (("People", "/people"), ("API keys", "/keys"))
DASHBOARD_PAGES = (("RQ", "/rq"),)  # where it is installed
MEMBER_PAGES = (("Apps", "/apps"), ("Audit log", "/audit"))


@dataclass(frozen=True)
class Item:
    label: str
    path: str
    is_current: bool


def general_items(request: PageContext, app: App | None) -> list[Item]:
    pages: tuple[tuple[str, str], ...] = GENERAL_PAGES
    if not request.reach.is_everywhere:
        pages = MEMBER_PAGES
    elif request.may_change:
        pages += (DASHBOARD_PAGES if request.services.rq else ()) + ADMIN_PAGES
    # Pages of an app highlight their own items, not the list of apps.
    return _items(pages, "" if app else request.path)


def app_items(request: PageContext, app: App) -> list[Item]:
    return _items([(label, path.format(app=app.id)) for label, path in APP_PAGES], request.path)


def _items(pages: Sequence[tuple[str, str]], path: str) -> list[Item]:
    """Builds items of which the one with the longest path above the request's is current."""
    above = [page for _, page in pages if path == page or path.startswith(f"{page}/")]
    current = max(above, key=len, default=None)
    return [Item(label, page, page == current) for label, page in pages]
