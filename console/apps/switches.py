"""Reads and changes what an app takes from senders: switches, which ingest obeys."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby

from console.actor import Actor, require_admin
from console.apps.apps import App, lock_app
from console.audit import Action, Change, record_change
from console.publication import publishing_transaction
from console.resources import Resources
from shared.database import Connection, run
from shared.redis import RedisError
from shared.rq_queue import enqueue


@dataclass(frozen=True)
class Switch:
    """A setting that is on or off, by its column; `risk` says what it costs to have it on.

    `section` is the part of the settings page that has it.
    """

    name: str
    label: str
    help: str
    action: Action
    risk: str = ""
    section: str = "Senders"

    @property
    def option(self) -> str:
        """Returns the option of the command line, and the name of the field of the form."""
        return self.name.replace("_", "-")


SWITCHES = (
    Switch(
        "adjust_refusals",
        "Adjust's refusals",
        "In the Adjust dialect, also refuse what Adjust refuses because of earlier events.",
        Action.APP_REFUSALS,
    ),
    Switch(
        "click_id_postbacks",
        "Postbacks by click ID",
        "At /postback, accept a click ID of this app in place of a token, as Swaarm does.",
        Action.APP_POSTBACKS,
        risk=(
            "Whoever has followed a link knows the ID of their click, and can report events and "
            "revenue for it: they count, and partners are told. Leave it off if every sender can "
            "send a token."
        ),
    ),
    Switch(
        "security_token_postbacks",
        "Security tokens",
        "At /postback, accept one of this app's tokens as security_token, as Swaarm's networks "
        "send it.",
        Action.APP_POSTBACKS,
        risk=(
            "The token is part of an address that passes through the systems of networks and "
            "their logs, and who reads it can send events of this app. Use a token of its own, "
            "with the scope events alone."
        ),
    ),
    Switch(
        "sdk_traffic",
        "SDK traffic",
        "Accept what the SDKs of Adjust and Swaarm send from browsers and devices.",
        Action.APP_SDK_TRAFFIC,
        risk=(
            "Whoever has the app has its tokens, and can send the same with other values. Such "
            "events are marked as those of unverified senders."
        ),
    ),
    Switch(
        "truncate_addresses",
        "Truncated IP addresses",
        "Store IP addresses without what leads to one line: IPv4 without the last byte, IPv6 as "
        "the first 48 bits. Stored ones are truncated too.",
        Action.APP_ADDRESSES,
        risk=(
            "Matches by address and device compare networks then, which more people share: more "
            "installs stay organic or are credited wrongly. What was truncated stays so."
        ),
        section="Privacy",
    ),
)

_SELECT = """
    SELECT adjust_refusals, click_id_postbacks, security_token_postbacks, sdk_traffic,
           truncate_addresses
    FROM apps WHERE id = %s
"""
_UPDATE = """
    UPDATE apps SET
        adjust_refusals = %(adjust_refusals)s,
        click_id_postbacks = %(click_id_postbacks)s,
        security_token_postbacks = %(security_token_postbacks)s,
        sdk_traffic = %(sdk_traffic)s,
        truncate_addresses = %(truncate_addresses)s
    WHERE id = %(app_id)s
"""

# A worker goes from the newest row down: from behind every receipt and user there can be.
_TRUNCATE = """
    INSERT INTO address_truncations (app_id, clicks_before, users_before, events_before)
    SELECT %s, last, 9223372036854775807, last
    FROM (VALUES ('ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)) AS receipts (last)
    ON CONFLICT (app_id) DO NOTHING
"""
_TRUNCATE_NO_MORE = "DELETE FROM address_truncations WHERE app_id = %s"


def read_switches(connection: Connection, app: App) -> dict[str, bool]:
    """Tells which of an app's switches are on, by their names."""
    row = run(connection, _SELECT, (app.id,)).fetchone()
    assert row is not None  # apps are never deleted
    return {switch.name: is_on for switch, is_on in zip(SWITCHES, row, strict=True)}


def change_switches(
    resources: Resources, actor: Actor, app: App, wanted: Mapping[str, bool]
) -> None:
    """Turns switches on or off, by their names; the others stay as they are.

    The same values again change nothing. Raises OperatorError when the change cannot be published,
    and NotAllowed for a viewer.
    """
    require_admin(actor)
    connection = resources.connection
    with publishing_transaction(resources):
        lock_app(connection, app)
        before = read_switches(connection, app)
        after = {**before, **wanted}
        if before == after:
            return
        run(connection, _UPDATE, {**after, "app_id": app.id})
        if before["truncate_addresses"] != after["truncate_addresses"]:
            is_on = after["truncate_addresses"]
            run(connection, _TRUNCATE if is_on else _TRUNCATE_NO_MORE, (app.id,))
        for action, switches in groupby(SWITCHES, key=lambda switch: switch.action):
            names = [switch.name for switch in switches]
            old, new = ({name: side[name] for name in names} for side in (before, after))
            if old != new:
                record_change(connection, actor, app.id, Change(action, app.name, old, new))
    if after["truncate_addresses"]:
        with suppress(RedisError):  # the job comes round by itself
            enqueue(resources.redis, "expire")
