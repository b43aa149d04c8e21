"""In which country an IP address is, by a database in MaxMind's form that an operator gives.

GeoLite2 Country and City, DB-IP Lite and IPinfo Lite are such files; the form is described at
https://maxmind.github.io/MaxMind-DB/. Nothing is bundled and nothing is fetched.
"""

import logging
import struct
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from maxminddb import MODE_MEMORY, Reader, open_database

from shared.countries import country_code
from shared.errors import OperatorError

LOOK_SECONDS = 60.0  # between looks whether the file was replaced
CACHED_ADDRESSES_MAX = 65_536  # about 10 MB

_Identity = tuple[int, int, int]
# What the reader raises for a file that is not whole, besides its own error, a RuntimeError.
_FAULTS = (
    OSError, RuntimeError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError,
    MemoryError, struct.error,
)  # fmt: skip

_log = logging.getLogger(__name__)


class CountryDatabase:
    """Held in memory, and read anew within a minute of its file being replaced.

    Read in Python, from a copy: on a broken file the reader in C ends the process, and so does one
    that is mapped into memory while somebody writes over it.

    Raises OperatorError when it cannot be read at first. Later nothing is raised: while there is no
    whole file, no country is known, and the log says so once.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._looks_at = clock() + LOOK_SECONDS
        self._identity: _Identity | None = None
        self._is_faulty = False
        try:
            self._open()
        except _FAULTS as fault:
            raise OperatorError(_what_to_do(path, fault)) from fault

    def country(self, address: str) -> str | None:
        """ISO 3166-1 alpha-2; None where the database knows none. `address` is an IP address."""
        if self._clock() >= self._looks_at:
            self._look()
        return self._cached(address)

    def _open(self) -> None:
        self._identity = _identity(self._path)
        self._reader = open_database(self._path, MODE_MEMORY)
        self._cached = lru_cache(maxsize=CACHED_ADDRESSES_MAX)(self._find)

    def _look(self) -> None:
        self._looks_at = self._clock() + LOOK_SECONDS
        try:
            if _identity(self._path) == self._identity:
                return
            self._open()
        except _FAULTS as fault:
            self._identity = None
            self._cached = lru_cache(maxsize=1)(_nowhere)
            self._tell(fault)
        else:
            self._is_faulty = False
            _log.info("The country database was replaced.")

    def _find(self, address: str) -> str | None:
        try:
            return _country_of(self._reader, address)
        except _FAULTS as fault:
            self._tell(fault)
            return None

    def _tell(self, fault: Exception) -> None:
        """Once until it is whole again; its kind alone, for its text may name an address."""
        if not self._is_faulty:
            self._is_faulty = True
            _log.error("No country is known: the country database: %s", type(fault).__name__)


def fault_of_file(path: Path) -> str | None:
    """What a worker that started now would say of the file; None when it can be read."""
    try:
        CountryDatabase(path)
    except OperatorError as fault:
        return fault.message
    return None


def _what_to_do(path: Path, fault: Exception) -> str:
    reason = fault.strerror if isinstance(fault, OSError) else "it is no whole MaxMind DB file"
    return (
        f"The country database {path} cannot be read: {reason}. Put an .mmdb file of countries "
        "there, or unset WAYBILL_COUNTRY_DATABASE."
    )


def _identity(path: Path) -> _Identity:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


def _nowhere(_: str) -> None:
    return None


def _country_of(reader: Reader, address: str) -> str | None:
    """Of the forms that publishers use: country.iso_code, country_code, or country as the code."""
    if ":" in address and reader.metadata().ip_version == 4:
        return None
    record: Any = reader.get(address)
    if not isinstance(record, dict):
        return None
    country = record.get("country")
    if isinstance(country, dict):
        country = country.get("iso_code")
    for code in (record.get("country_code"), country):
        if isinstance(code, str) and (known := country_code(code)):
            return known
    return None
