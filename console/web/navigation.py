"""The ways through the console: what stands in the side bar, for whom."""

from dataclasses import dataclass

from console.apps.apps import App
from console.web.page_request import PageContext

# Label and path of each page of an app, in the order of the work.
OF_APP = (
    ("Overview", "/apps/{app}"),
    ("Reports", "/apps/{app}/reports"),
    ("Events", "/apps/{app}/events"),
    ("Integration", "/apps/{app}/integration"),
    ("Links", "/apps/{app}/links"),
    ("Users", "/apps/{app}/users"),
    ("Protection", "/apps/{app}/protection"),
    ("Settings", "/apps/{app}/settings"),
)
OF_ALL = (("Apps", "/apps"), ("Operations", "/operations"))
OF_ADMINS = (("RQ", "/rq"), ("People", "/people"), ("API keys", "/keys"))


@dataclass(frozen=True)
class Item:
    label: str
    path: str
    here: bool


def general_items(request: PageContext, app: App | None) -> list[Item]:
    ways = OF_ALL + (OF_ADMINS if request.may_change else ())
    # Pages of an app light up their own items, not the list of apps.
    return _items(ways, "" if app else request.path)


def app_items(request: PageContext, app: App) -> list[Item]:
    return _items([(label, path.format(app=app.id)) for label, path in OF_APP], request.path)


def _items(ways: "list[tuple[str, str]] | tuple[tuple[str, str], ...]", path: str) -> list[Item]:
    """The longest path that the visit is below is where it is."""
    above = [way for _, way in ways if path == way or path.startswith(f"{way}/")]
    here = max(above, key=len, default=None)
    return [Item(label, way, way == here) for label, way in ways]
