"""Conversions: the meaning of an event for the partner of its user."""

import json
from io import BytesIO
from typing import Any

import pytest

from console.apps.apps import App
from console.apps.event_types import (
    EventType,
    NewEventType,
    create_event_type,
    set_multiple_postbacks,
)
from console.apps.links import NewLink, create_link
from console.importer.imports import Import
from console.lookup.event_context import find_event_context
from console.resources import Resources
from shared.clock import now_ms
from shared.imports.line_import import ImportLimits
from shared.imports.line_reader import file_lines
from tests.integration.workers.conftest import Bench
from tests.support.build import ADMIN

DAY_MS = 86_400_000
LEVEL = ("level_up", "Level up")


@pytest.fixture
def level(resources: Resources, shop: App) -> EventType:
    for name in ("Summer", "Autumn"):
        create_link(resources, ADMIN, shop, NewLink("Acme", name, "https://shop.example/"))
    create_event_type(resources, ADMIN, shop, NewEventType("purchase", "Purchase"))
    return create_event_type(resources, ADMIN, shop, NewEventType(*LEVEL))


def take_in(resources: Resources, app: App, bench: Bench, *lines: dict[str, Any]) -> None:
    run = Import(resources, ADMIN, app, ImportLimits(100, 100_000))
    run.run(file_lines(BytesIO(b"\n".join(json.dumps(line).encode() for line in lines))), now_ms())
    bench.drain()


def life(start_ms: int, origin: dict[str, Any]) -> list[dict[str, Any]]:
    """Stores an attributed open, then two levels and a purchase."""
    user = {"user_id": "u", "click_id": "c1"}
    click = {"type": "click", "time": start_ms, "click_id": "c1", **origin}
    events = [
        {"type": "event", "time": start_ms + minute * 60_000, "event_id": event_id, **user}
        for minute, event_id in ((2, "level_up"), (3, "level_up"), (4, "purchase"))
    ]
    return [click, {"type": "open", "time": start_ms + 60_000, **user}, *events]


def conversions(bench: Bench) -> list[str]:
    """Returns for each event in time order `-` for none, `yes`, or `no` if another converted."""
    found = []
    for (receipt,) in bench.connection.execute(
        "SELECT receipt FROM events ORDER BY event_time, receipt"
    ).fetchall():
        placement = find_event_context(bench.connection, receipt)
        assert placement is not None
        conversion = placement.conversion
        found.append("-" if conversion is None else "no" if conversion.first else "yes")
    return found


@pytest.mark.usefixtures("level")
def test_the_first_event_of_a_type_for_a_click_is_the_conversion(
    resources: Resources, shop: App, bench: Bench
) -> None:
    take_in(resources, shop, bench, *life(now_ms() - DAY_MS, {"link": "Summer"}))

    assert conversions(bench) == ["-", "yes", "no", "yes"]


def test_with_multiple_postbacks_each_is_one(
    resources: Resources, shop: App, bench: Bench, level: EventType
) -> None:
    take_in(resources, shop, bench, *life(now_ms() - DAY_MS, {"link": "Summer"}))

    set_multiple_postbacks(resources.connection, ADMIN, shop, level, True)

    assert conversions(bench) == ["-", "yes", "yes", "yes"]


@pytest.mark.usefixtures("level")
def test_a_user_whom_another_click_brings_back_converts_anew(
    resources: Resources, shop: App, bench: Bench
) -> None:
    start_ms = now_ms() - 20 * DAY_MS
    back_ms = start_ms + 10 * DAY_MS
    user = {"user_id": "u", "click_id": "c2"}
    again = [
        {"type": "click", "time": back_ms, "click_id": "c2", "link": "Autumn"},
        {"type": "open", "time": back_ms + 60_000, **user},
        {"type": "event", "time": back_ms + 120_000, "event_id": "level_up", **user},
        {"type": "event", "time": back_ms + 180_000, "event_id": "level_up", **user},
    ]

    take_in(resources, shop, bench, *life(start_ms, {"link": "Summer"}), *again)

    assert conversions(bench) == ["-", "yes", "no", "yes", "-", "yes", "no"]


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("origin", [{"parameters": {"site": "blog"}}, {}])
def test_who_came_by_no_partner_is_nobodys_conversion(
    resources: Resources, shop: App, bench: Bench, origin: dict[str, Any]
) -> None:
    take_in(resources, shop, bench, *life(now_ms() - DAY_MS, origin))

    assert conversions(bench) == ["-", "-", "-", "-"]
