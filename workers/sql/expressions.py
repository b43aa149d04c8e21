"""Writes SQL expressions for times and days, in the forms that the pure core and indexes use."""

from workers.core.days import STRETCH_DAYS
from workers.core.device_matching import PLATFORMS


def as_ms(column: str) -> str:
    """Writes a timestamp as Unix milliseconds, the pure core's unit of time."""
    return f"(extract(epoch FROM {column}) * 1000)::bigint"


def from_ms(column: str) -> str:
    """Writes Unix milliseconds as a timestamp, exact to the millisecond."""
    return f"('epoch'::timestamptz + {column} * interval '1 millisecond')"


def until(column: str) -> str:
    """Writes the end of a range, given in Unix milliseconds; null is no end."""
    return f"coalesce({from_ms(column)}, 'infinity'::timestamptz)"


def day_of(column: str) -> str:
    """Writes the UTC day of a timestamp (`core.days.utc_day`) as indexes contain it."""
    return f"({column} AT TIME ZONE 'UTC')::date"


def platform_of(column: str) -> str:
    """Writes the platform of a system (`core.device_matching.platform`) as an index contains it."""
    cases = " ".join(f"WHEN '{os}' THEN '{platform}'" for os, platform in PLATFORMS.items())
    return f"(CASE {column} {cases} ELSE {column} END)"


def truncated(column: str) -> str:
    """Writes an address as `shared.privacy.truncation` truncates it."""
    plain = (
        f"CASE WHEN {column} <<= '::ffff:0:0/96' "
        f"THEN inet '0.0.0.0' + ({column} - inet '::ffff:0:0') ELSE {column} END"
    )
    kept = f"set_masklen({plain}, CASE family({plain}) WHEN 4 THEN 24 ELSE 48 END)"
    return f"host(network({kept}))::inet"


def stretch_of(column: str) -> str:
    """Writes the stretch of days of a timestamp (`core.days.stretches`) as an index contains it."""
    return f"(({day_of(column)} - DATE '1970-01-01') / {STRETCH_DAYS})"
