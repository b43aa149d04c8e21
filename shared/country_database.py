"""Looks up the country of an IP address in a MaxMind DB file that the operator provides.

GeoLite2 Country and City, DB-IP Lite and IPinfo Lite are such files; the format is described at
https://maxmind.github.io/MaxMind-DB/. Nothing is bundled and nothing is fetched.
"""

import logging
import struct
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from maxminddb import MODE_MEMORY, open_database

from shared.countries import country_code
from shared.errors import OperatorError

LOOK_SECONDS = 60.0  # between checks whether the file was replaced
CACHED_ADDRESSES_MAX = 65_536  # about 10 MB

_Identity = tuple[int, int, int]
# The reader raises these for a damaged file, besides an error of its own, which is a RuntimeError.
_READ_ERRORS = (
    OSError, RuntimeError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError,
    MemoryError, struct.error,
)  # fmt: skip

_log = logging.getLogger(__name__)


class CountryDatabase:
    """A country database in memory, reloaded within a minute after its file was replaced.

    It is read in Python, from a copy: on a damaged file the reader in C ends the process, and so
    does a file that is mapped into memory while another program overwrites it.

    The constructor raises OperatorError if the file cannot be read. Later nothing is raised: while
    the file is missing or damaged, no country is known, and the log says so once.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._looks_at = clock() + LOOK_SECONDS
        self._identity: _Identity | None = None
        self._is_faulty = False
        try:
            self._open()
        except _READ_ERRORS as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not a MaxMind DB file"
            raise OperatorError(
                f"The country database {path} cannot be read: {reason}. Put an .mmdb file of "
                "countries there, or unset WAYBILL_COUNTRY_DATABASE."
            ) from error

    def country(self, address: str) -> str | None:
        """Returns the ISO 3166-1 alpha-2 code of an IP address, None where none is known."""
        if self._clock() >= self._looks_at:
            self._reload_if_replaced()
        return self._cached(address)

    def _open(self) -> None:
        self._identity = _identity(self._path)
        self._reader = open_database(self._path, MODE_MEMORY)
        self._cached = lru_cache(maxsize=CACHED_ADDRESSES_MAX)(self._find)

    def _reload_if_replaced(self) -> None:
        self._looks_at = self._clock() + LOOK_SECONDS
        try:
            if _identity(self._path) == self._identity:
                return
            self._open()
        except _READ_ERRORS as error:
            self._identity = None
            self._cached = lru_cache(maxsize=1)(lambda _: None)
            self._log_once(error)
        else:
            self._is_faulty = False
            _log.info("The country database was reloaded.")

    def _find(self, address: str) -> str | None:
        """Reads the code from the places where publishers put it.

        They use country.iso_code, country_code, or the code itself as country.
        """
        try:
            if ":" in address and self._reader.metadata().ip_version == 4:
                return None
            record: Any = self._reader.get(address)
        except _READ_ERRORS as error:
            self._log_once(error)
            return None
        if not isinstance(record, dict):
            return None
        country = record.get("country")
        if isinstance(country, dict):
            country = country.get("iso_code")
        for code in (record.get("country_code"), country):
            if isinstance(code, str) and (known := country_code(code)):
                return known
        return None

    def _log_once(self, error: Exception) -> None:
        """Logs the error's type, once until the file is intact again.

        Its text may contain an address, so it is not logged.
        """
        if not self._is_faulty:
            self._is_faulty = True
            _log.error(
                "The country database cannot be read, so no country is known: %s",
                type(error).__name__,
            )


def fault_of_file(path: Path) -> str | None:
    """Returns the error with which a worker would refuse to start now; None for a usable file."""
    try:
        CountryDatabase(path)
    except OperatorError as error:
        return error.message
    return None


def _identity(path: Path) -> _Identity:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size
