"""Holds the URLs of the stores with each program's own user and password, a file for each.

The files are named `ingest_redis_url`, `workers_database_url` and so on, so that they serve as
secrets of Docker, of Kubernetes and of systemd as they are. What is there is kept: whoever manages
secrets elsewhere provides the files, and Waybill creates users that match them.
"""

import os
import re
import secrets
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from shared.access.grantees import DATABASE_GRANTEES, Grantee
from shared.errors import OperatorError
from shared.setting_sources import read_secret_file

PASSWORD_BYTES = 32
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_IN_QUERY = frozenset({"user", "username", "password"})


class BadCredentials(OperatorError):
    """A file of credentials cannot be read or written, or does not name a user and a password."""


class Store(StrEnum):
    """A store that programs have credentials for."""

    REDIS = "redis"
    DATABASE = "database"


class Login(NamedTuple):
    """A user or role, and its password."""

    name: str
    password: str


class AccessKey(NamedTuple):
    """A program and a store that it opens."""

    grantee: Grantee
    store: Store

    @property
    def file_name(self) -> str:
        return f"{self.grantee}_{self.store}_url"


ACCESS_KEYS = (
    *(AccessKey(grantee, Store.REDIS) for grantee in Grantee),
    *(AccessKey(grantee, Store.DATABASE) for grantee in DATABASE_GRANTEES),
)


@dataclass(frozen=True)
class AccessFolder:
    """A folder with the URLs of each program."""

    path: Path

    def url(self, key: AccessKey) -> str | None:
        """Returns the URL of a program, None if there is no file. Raises BadCredentials."""
        path = self.path / key.file_name
        try:
            if not path.exists():
                return None
            return read_secret_file(str(path)).strip()
        except (OSError, ValueError) as error:
            raise BadCredentials(f"{path} cannot be read: {error}.") from error

    def make(
        self, owner: Mapping[Store, str], prefix: str = "waybill", *, move: bool = False
    ) -> None:
        """Makes the files that are missing, with new passwords, for the owner's stores.

        With `move` the others follow the address of the owner's URL, and keep user and password.
        Raises BadCredentials.
        """
        for key in ACCESS_KEYS:
            known = self.url(key)
            if key.store not in owner or (known is not None and not move):
                continue
            login = login_of(known) if known else new_login(prefix, key.grantee)
            url = with_login(owner[key.store], login)
            if url != known:
                _write(self.path / key.file_name, url)

    def logins(self, stores: Collection[Store] = tuple(Store)) -> list[tuple[AccessKey, Login]]:
        """Returns the user of each program in each of the stores that has a file.

        Raises BadCredentials.
        """
        logins = []
        for key in ACCESS_KEYS:
            if key.store in stores and (url := self.url(key)) is not None:
                login = login_of(url)
                if not _NAME.fullmatch(login.name) or not login.password.isascii():
                    raise BadCredentials(
                        f"{self.path / key.file_name} must name a user, in lower-case letters, "
                        "digits and _, and a password in ASCII."
                    )
                logins.append((key, login))
        return logins


def new_login(prefix: str, grantee: Grantee) -> Login:
    """Makes the user of a program, with a password that nobody can guess."""
    return Login(f"{prefix}_{grantee}", secrets.token_hex(PASSWORD_BYTES))


def login_of(url: str) -> Login:
    """Returns the user and password of a URL, each empty if it names none."""
    parts = urlsplit(url)
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    named = dict(parse_qsl(parts.query))
    return Login(
        unquote(user) or named.get("user", named.get("username", "")),
        unquote(password) or named.get("password", ""),
    )


def with_login(url: str, login: Login) -> str:
    """Returns a URL with this user and password in place of others; Sentinel's stay."""
    parts = urlsplit(url)
    hosts = parts.netloc.rpartition("@")[2]
    netloc = f"{quote(login.name, safe='')}:{quote(login.password, safe='')}@{hosts}"
    kept = [(name, value) for name, value in parse_qsl(parts.query) if name not in _IN_QUERY]
    return urlunsplit(parts._replace(netloc=netloc, query=urlencode(kept)))


def _write(path: Path, url: str) -> None:
    """Writes a file that only its owner can read, in one step."""
    new_path = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            new_path.unlink()
        descriptor = os.open(new_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{url}\n")
            file.flush()
            os.fsync(descriptor)
        new_path.replace(path)
    except OSError as error:
        raise BadCredentials(f"{path} cannot be written: {error.strerror}.") from error
