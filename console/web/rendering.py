"""Renders templates, and formats the times, counts and amounts in them.

Everything is escaped; nothing here or in a template marks foreign text as safe.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from console.apps.apps import App
from console.reports.sheet import display_text, shown_amount
from console.web.assets import Assets
from console.web.navigation import app_items, general_items
from console.web.page_request import PageContext

NONE = "\N{EN DASH}"


def utc(moment: datetime | None) -> str:
    """Formats a time to the second, with its zone; None becomes a dash."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if moment else NONE


def count(number: int | None) -> str:
    """Formats a number with thin spaces between thousands; None becomes a dash."""
    return NONE if number is None else f"{number:,}".replace(",", "\u202f")


def money(value: Decimal) -> str:
    """Formats an amount as reports do, with thin spaces between thousands."""
    return f"{shown_amount(value):,f}".replace(",", "\u202f")


class Templates:
    """The templates of console/web/templates, compiled on first use."""

    def __init__(self, assets: Assets) -> None:
        self._environment = Environment(
            loader=PackageLoader("console.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        filters: dict[str, Callable[..., str]] = {
            "utc": utc,
            "count": count,
            "money": money,
            "cell": display_text,
        }
        self._environment.filters.update(filters)
        self._environment.globals.update(asset=assets.url)

    def render(
        self, template: str, request: PageContext, app: App | None, values: dict[str, Any]
    ) -> str:
        """Renders a page; `app` is the app that the page belongs to, if any."""
        common = {
            "request": request,
            "app": app,
            "general_items": general_items(request, app) if request.person else [],
            "app_items": app_items(request, app) if app and request.person else [],
        }
        return self._environment.get_template(template).render({**common, **values})

    def render_bare(self, template: str, **values: object) -> str:
        """Renders a page without a request, for when the person has not been identified."""
        return self._environment.get_template(template).render(values)
