"""Refreshes the exchange rates from the ECB's file: daily while the console runs, or at once."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from console.exchange.stored_rates import load_rates, note_fault, store_ecb_rates
from console.rate_files import FILE_BYTES_MAX, read_ecb_file
from console.rates import package_rate_day
from shared.database import Connection, DatabaseError, Pool, run
from shared.errors import OperatorError

FETCH_SECONDS_MAX = 30.0
REFRESH_HOURS = 20  # so that a daily refresh also comes when a process starts a little later
RETRY_HOURS = 1
_LOOK_SECONDS = 60.0
_LOG = logging.getLogger(__name__)

# Whoever claims it refreshes; the other processes find it claimed.
_CLAIM = """
INSERT INTO rate_sources (origin, location, tried_at) VALUES ('ecb', %(location)s, now())
ON CONFLICT (origin) DO UPDATE SET tried_at = now()
WHERE rate_sources.tried_at IS NULL OR (
    rate_sources.tried_at < now() - %(retry)s * interval '1 hour'
    AND coalesce(rate_sources.read_at, '-infinity') < now() - %(refresh)s * interval '1 hour'
)
RETURNING origin
"""

Fetch = Callable[[str], bytes]


def refresh_rates(connection: Connection, location: str, fetch: Fetch | None = None) -> int:
    """Stores the rates of the ECB's file that are newer than the package's; returns their number.

    `location` is a path or an address. Raises OperatorError when it cannot be read, and remembers
    why.
    """
    try:
        rates = read_ecb_file((fetch or read_location)(location))
    except OperatorError as error:
        note_fault(connection, location, error.message)
        raise
    newer = [rate for rate in rates if rate.day > package_rate_day()]
    store_ecb_rates(connection, location, newer)
    return len(newer)


def read_location(location: str) -> bytes:
    """Returns the content of a file or of an address. Raises OperatorError."""
    try:
        if location.startswith(("https://", "http://")):
            with urlopen(location, timeout=FETCH_SECONDS_MAX) as answer:  # noqa: S310 - just checked
                content: bytes = answer.read(FILE_BYTES_MAX + 1)
        else:
            with Path(location).open("rb") as file:
                content = file.read(FILE_BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise OperatorError(f"The file of exchange rates cannot be read: {reason}.") from None
    if len(content) > FILE_BYTES_MAX:
        raise OperatorError(f"The file of exchange rates is larger than {FILE_BYTES_MAX:,} bytes.")
    return content


def refresh_if_due(connection: Connection, location: str, fetch: Fetch | None = None) -> bool:
    """Refreshes the rates if nobody has done so for a day; tells whether it did."""
    arguments = {"location": location, "retry": RETRY_HOURS, "refresh": REFRESH_HOURS}
    if run(connection, _CLAIM, arguments).fetchone() is None:
        return False
    try:
        refresh_rates(connection, location, fetch)
    except OperatorError as error:
        _LOG.warning("the exchange rates were not refreshed: %s", error.message)
    return True


def keep_current(pool: Pool, location: str) -> None:
    """Loads stored rates within a minute of a change, and refreshes them daily, for ever."""
    while True:
        try:
            with pool.connection() as connection:
                if location:
                    refresh_if_due(connection, location)
                load_rates(connection)
        except DatabaseError as error:
            _LOG.warning("the exchange rates were not loaded: %s", type(error).__name__)
        time.sleep(_LOOK_SECONDS)
