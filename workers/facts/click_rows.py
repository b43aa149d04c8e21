"""Stores clicks and impressions as rows, parsed once for what they prove.

That is their origin, the device and address that they saw, and the device ids by which they can be
found.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from shared.database import Connection
from shared.device_ids import identifying_of
from shared.events import Event, Kind
from workers.core.addresses import public_address
from workers.core.sources import origin_of_event
from workers.sql.copy import (
    Target,
    copy_missing,
    copy_new,
    document,
    flag,
    line,
    moment,
    number,
    text,
)
from workers.sql.json_rows import write_rows
from workers.user_agents import device_of_event

# The first click under an id stays: a second one under the same id is a different click.
_CLICKS = Target(
    "clicks",
    (
        "click_id", "app_id", "environment", "kind", "receipt", "event_time", "received_at",
        "link_id", "origin_kind", "origin", "ip_address", "address", "user_agent",
        "device_family", "device_os", "device_version", "device_is_bot", "device_ids",
        "parameters",
    ),
)  # fmt: skip
_CLICKS_KEY = "click_id, app_id, environment, receipt"
_DEVICE_IDS = Target(
    "click_device_ids", ("app_id", "environment", "device_id", "event_time", "click_id", "lends")
)

_VIEW_DEVICE_IDS = Target(
    "view_device_ids", ("app_id", "environment", "device_id", "event_time", "click_id")
)

# For the clicks that were stored.
_INSERT_DEVICE_IDS = """
INSERT INTO click_device_ids (app_id, environment, device_id, event_time, click_id, lends)
SELECT app_id, environment, device_id, event_time, click_id, origin IS NULL
FROM json_to_recordset(%s::json) AS sent (receipt uuid, identifying text[] COLLATE "C")
JOIN clicks USING (receipt)
CROSS JOIN unnest(sent.identifying) AS device_id
WHERE clicks.kind = 'click'
ORDER BY app_id, environment, device_id, event_time, click_id
ON CONFLICT DO NOTHING
"""
_INSERT_VIEW_DEVICE_IDS = """
INSERT INTO view_device_ids (app_id, environment, device_id, event_time, click_id)
SELECT app_id, environment, device_id, event_time, click_id
FROM json_to_recordset(%s::json) AS sent (receipt uuid, identifying text[] COLLATE "C")
JOIN clicks USING (receipt)
CROSS JOIN unnest(sent.identifying) AS device_id
WHERE clicks.kind = 'impression'
ORDER BY app_id, environment, device_id, event_time, click_id
ON CONFLICT DO NOTHING
"""


class DeviceId(NamedTuple):
    """A row of `click_device_ids`, or, without `lends`, of `view_device_ids`."""

    app_id: int
    environment: str
    device_id: str
    time_ms: int
    click_id: str
    lends: bool


def insert_clicks(connection: Connection, clicks: Sequence[Event]) -> None:
    """Inserts clicks with the device ids by which they can be found.

    If all clicks are new, so are the rows of their device ids, and these are copied as well.
    """
    ordered = sorted(
        clicks,
        key=lambda click: (
            click.click_id or "",
            click.app_id,
            click.environment,
            click.receipt.int,
        ),
    )
    if copy_missing(connection, _CLICKS, _CLICKS_KEY, [_click_line(click) for click in ordered]):
        device_ids = _device_ids(click for click in clicks if click.kind is Kind.CLICK)
        views = _device_ids(click for click in clicks if click.kind is Kind.IMPRESSION)
        copy_new(
            connection,
            _DEVICE_IDS,
            [
                line(str(app), environment, text(device_id), moment(ms), text(click), flag(lends))
                for app, environment, device_id, ms, click, lends in device_ids
            ],
        )
        if views:
            copy_new(
                connection,
                _VIEW_DEVICE_IDS,
                [
                    line(str(app), environment, text(device_id), moment(ms), text(view))
                    for app, environment, device_id, ms, view, _ in views
                ],
            )
        return
    rows: list[dict[str, object]] = [
        {"receipt": click.receipt, "identifying": list(identifying_of(click.device_ids))}
        for click in clicks
    ]
    write_rows(connection, _INSERT_DEVICE_IDS, rows)
    if any(click.kind is Kind.IMPRESSION for click in clicks):
        write_rows(connection, _INSERT_VIEW_DEVICE_IDS, rows)


def _click_line(click: Event) -> str:
    origin = origin_of_event(click)
    device = device_of_event(click)
    return line(
        text(click.click_id),
        str(click.app_id),
        click.environment,
        click.kind,
        click.receipt.hex,
        moment(click.happened_at_ms),
        moment(click.received_at_ms),
        number(click.link_id),
        text(origin.kind if origin else None),
        text(origin.name if origin else None),
        text(click.ip_address),
        text(public_address(click.ip_address)),
        text(click.user_agent),
        text(device.family),
        text(device.os),
        text(device.os_version),
        flag(device.is_bot),
        document(click.device_ids),
        document(click.parameters),
    )


def _device_ids(clicks: Iterable[Event]) -> list[DeviceId]:
    rows: list[DeviceId] = []
    for click in clicks:
        app, environment, click_id = click.app_id, click.environment, click.click_id or ""
        lends = click.link_id is None and origin_of_event(click) is None
        at_ms = click.happened_at_ms
        rows += [
            DeviceId(app, environment, device_id, at_ms, click_id, lends)
            for device_id in identifying_of(click.device_ids)
        ]
    return sorted(rows)
