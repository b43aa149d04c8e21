"""Reads attributions for people: the source of a user, the rule, and the clicks that lost."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.database import Connection, named_rows


@dataclass(frozen=True)
class BeatenClick:
    """A click that was not credited, and the reason (`lost`)."""

    click_id: str
    rule: str
    lost: str


@dataclass(frozen=True, kw_only=True)
class AttributionRecord:
    """An attribution, in force from `event_time` on unless it was superseded by later data.

    `origin` is the source in words; None: organic.
    """

    event_time: datetime
    receipt: UUID
    rule: str
    click_id: str | None
    origin: str | None
    through: str | None
    beaten: list[BeatenClick]
    considered: int
    is_reattribution: bool
    rules_version: int
    decided_at: datetime
    superseded_at: datetime | None
    compared: str | None = None
    certainty: str | None = None


@dataclass(frozen=True)
class AttributedUser:
    """A user who is attributed to a click by an attribution in force."""

    user_id: str
    attribution: AttributionRecord


# A link has a partner; another source has only its name.
ORIGIN = """
    CASE origin_kind
        WHEN 'link' THEN coalesce(partners.name || ' / ' || links.name, 'link ' || origin)
        WHEN 'source' THEN origin
    END AS origin
"""
ORIGIN_TABLES = """
    LEFT JOIN links ON links.id = CASE origin_kind WHEN 'link' THEN origin::bigint END
    LEFT JOIN partners ON partners.id = links.partner_id
"""
_COLUMNS = f"""
    attributions.event_time, attributions.receipt, rule, attributions.click_id, {ORIGIN},
    through, beaten, considered, is_reattribution, rules_version, decided_at, superseded_at,
    compared, certainty
"""
# In two parts, because each has an index of its own.
_OF_USER = f"""
    SELECT {_COLUMNS}
    FROM (
        SELECT * FROM attributions WHERE user_ref = %(user)s AND superseded_at IS NULL
        UNION ALL
        SELECT * FROM attributions WHERE user_ref = %(user)s AND superseded_at IS NOT NULL
    ) AS attributions
    {ORIGIN_TABLES}
    ORDER BY attributions.event_time DESC, attributions.receipt DESC, superseded_at DESC NULLS FIRST
    LIMIT %(count)s
"""
_AT = f"""
    SELECT {_COLUMNS}
    FROM attributions
    {ORIGIN_TABLES}
    WHERE user_ref = %(user)s AND superseded_at IS NULL
      AND attributions.event_time <= %(time)s
    ORDER BY attributions.event_time DESC, attributions.receipt DESC
    LIMIT 1
"""
_BY_CLICK = f"""
    SELECT users.user_id, {_COLUMNS}
    FROM attributions
    JOIN users ON users.id = attributions.user_ref
    {ORIGIN_TABLES}
    WHERE attributions.click_id = %(click)s AND superseded_at IS NULL
      AND users.app_id = %(app)s AND users.environment = %(environment)s
    ORDER BY attributions.event_time, attributions.receipt
    LIMIT %(count)s
"""


def list_attributions(connection: Connection, user_ref: int, count: int) -> list[AttributionRecord]:
    """Returns the newest `count` attributions of a user in time order, superseded ones too."""
    rows = named_rows(connection, _OF_USER, {"user": user_ref, "count": count})
    return [_attribution(row) for row in reversed(rows)]


def attribution_at(
    connection: Connection, user_ref: int, time: datetime
) -> AttributionRecord | None:
    """Returns the attribution in force for an event of this time."""
    rows = named_rows(connection, _AT, {"user": user_ref, "time": time})
    return _attribution(rows[0]) if rows else None


def users_attributed_to(
    connection: Connection, app_id: int, environment: str, click_id: str, count: int
) -> list[AttributedUser]:
    """Returns the first `count` users who are now attributed to this click."""
    arguments = {"app": app_id, "environment": environment, "click": click_id, "count": count}
    rows = named_rows(connection, _BY_CLICK, arguments)
    return [AttributedUser(row.pop("user_id"), _attribution(row)) for row in rows]


def _attribution(row: dict[str, Any]) -> AttributionRecord:
    beaten = [BeatenClick(**click) for click in row["beaten"]]
    return AttributionRecord(**{**row, "beaten": beaten})
