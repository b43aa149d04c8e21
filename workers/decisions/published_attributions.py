"""Publishes attributions to Redis, where ingest answers SDKs from: of apps that accept SDK traffic.

It runs behind the decisions of a batch, for everybody whom an SDK's event or a click concerns.
An app without SDK traffic costs one look at the events, and one at the apps if there are clicks.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

from shared.clock import Clock
from shared.database import Connection, index_only, run
from shared.device_ids import adid_of
from shared.events import INSTALL, REINSTALL, Event, Kind
from shared.redis import Redis, RedisError
from shared.sdk.known_attributions import KnownAttribution, place_name, publish, user_name
from workers.decisions.affected_users import affected_users

_CHARACTERS_MAX = 256
_DEEP_LINK_CHARACTERS_MAX = 2_048
_DEEP_LINK = re.compile(r"([a-z][a-z0-9+.\-]*):[^\s<>\"\\]+", re.IGNORECASE)
_RUNNING = frozenset({"javascript", "data", "vbscript", "blob", "file"})  # no places in an app
_DEEP_LINK_NAMES = ("deep_link", "deeplink", "adjust_deeplink")
_ARRIVALS = frozenset({INSTALL, REINSTALL})

_SDK_APPS = "SELECT id FROM apps WHERE sdk_traffic AND id = ANY(%s)"

_IN_FORCE = """
SELECT users.app_id, users.environment, users.user_id, decided.is_reattribution, decided.click_id,
       coalesce(partners.name, decided.origin, ''), coalesce(links.name, ''),
       coalesce(links.offer_id, ''), coalesce(links.pub_id, ''), clicks.parameters
FROM users
CROSS JOIN LATERAL (
    SELECT is_reattribution, click_id, origin_kind, origin
    FROM attributions
    WHERE user_ref = users.id AND superseded_at IS NULL
    ORDER BY event_time DESC, receipt DESC
    LIMIT 1
) AS decided
LEFT JOIN links ON decided.origin_kind = 'link' AND links.id::text = decided.origin
LEFT JOIN partners ON partners.id = links.partner_id
LEFT JOIN clicks ON clicks.click_id = decided.click_id
    AND clicks.app_id = users.app_id AND clicks.environment = users.environment
WHERE users.id = ANY(%s)
"""

_log = logging.getLogger(__name__)


class AttributionPublisher:
    """The publisher of a drain."""

    def __init__(self, redis: Redis, now: Clock) -> None:
        self._redis = redis
        self._now = now

    def publish(self, connection: Connection, events: Sequence[Event]) -> None:
        """Publishes what these events may have decided. Raises DatabaseError."""
        asked = [event for event in events if event.sdk is not None or event.kind is Kind.CLICK]
        if not asked:
            return
        named = sorted({event.app_id for event in asked})
        apps = {app for (app,) in run(connection, _SDK_APPS, (named,))}
        concerning = [event for event in asked if event.app_id in apps]
        if not concerning:
            return
        with index_only(connection):
            users = sorted(affected_users(connection, concerning).all)
            rows = run(connection, _IN_FORCE, (users,)).fetchall()
        try:
            publish(self._redis, _entries(rows, concerning, self._now()), self._now())
        except RedisError as error:
            _log.warning("attributions were not published: %s", type(error).__name__)


def deep_link_of(parameters: Mapping[str, str]) -> str:
    """Returns where in the app a click wanted to lead; "" if nowhere, or to no place in an app."""
    sent = next((parameters[name] for name in _DEEP_LINK_NAMES if parameters.get(name)), "")
    match = _DEEP_LINK.fullmatch(sent.strip()[: _DEEP_LINK_CHARACTERS_MAX + 1])
    is_usable = match is not None and match[1].lower() not in _RUNNING
    return sent.strip() if is_usable and len(sent.strip()) <= _DEEP_LINK_CHARACTERS_MAX else ""


def _entries(
    rows: Sequence[Sequence[Any]], events: Sequence[Event], now_ms: int
) -> dict[bytes, KnownAttribution]:
    """Returns the entries of users, and of the places where some of them have just installed."""
    entries, by_user = {}, {}
    for (
        app_id,
        environment,
        user_id,
        is_again,
        click_id,
        network,
        link,
        offer,
        pub,
        clicked,
    ) in rows:
        sent = {name: text[:_CHARACTERS_MAX] for name, text in (clicked or {}).items()}
        known = KnownAttribution(
            decided_at_ms=now_ms,
            network=network[:_CHARACTERS_MAX],
            campaign=link or sent.get("campaign", ""),
            adgroup=sent.get("adset", ""),
            creative=sent.get("creative", "") or sent.get("ad", ""),
            click_label=sent.get("label", ""),
            click_id=click_id or "",
            offer_id=offer,
            pub_id=pub,
            sub_id=sent.get("pub_sub_id", ""),
            site=sent.get("site", ""),
            deep_link=deep_link_of(clicked or {}),
            is_reattribution=is_again,
            app_id=app_id,
        )
        by_user[app_id, environment, user_id] = known
        entries[user_name(app_id, environment, adid_of(app_id, user_id))] = known
    for event in events:
        known_here = by_user.get((event.app_id, event.environment, event.user_id))
        if event.event_id in _ARRIVALS and event.ip_address and known_here is not None:
            agent = event.described_device or event.user_agent or ""
            place = place_name(event.app_id, event.environment, event.ip_address, agent)
            entries[place] = known_here
    return entries
