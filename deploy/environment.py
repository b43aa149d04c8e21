"""Builds the environment of the children from that of the caller."""

from collections.abc import Callable, Mapping
from pathlib import Path

from shared.access.access_urls import (
    ACCESS_KEYS,
    AccessFolder,
    AccessKey,
    Store,
    login_of,
    with_login,
)
from shared.access.grantees import Grantee
from shared.errors import OperatorError
from shared.setting_sources import CONFIG, read_secret_file
from shared.settings import SETTINGS

SECRET_KEY = "WAYBILL_SECRET_KEY"  # noqa: S105 - the name of the variable
DATABASE_URL = "DATABASE_URL"
REDIS_URL = "REDIS_URL"
_PATHS = {CONFIG} | {setting.file_variable for setting in SETTINGS.values() if setting.is_secret}


class UnreadableUrl(OperatorError):
    """The address of a store is set twice, or the file that should contain it cannot be read."""


def external_url(variables: Mapping[str, str], variable: str) -> str | None:
    """Returns the URL of a store that replaces the embedded one, or None.

    It comes from the variable, or from the file that its `_FILE` variant names.
    """
    url, path = variables.get(variable, "").strip(), variables.get(f"{variable}_FILE")
    if url and path:
        raise UnreadableUrl(
            f"{variable} is set twice, also by {variable}_FILE. Remove one of them."
        )
    if not path:
        return url or None
    try:
        return read_secret_file(path).strip() or None
    except ValueError as error:
        raise UnreadableUrl(f"{variable}_FILE cannot be read: {error}.") from error


def child_environment(
    variables: Mapping[str, str],
    database_url: str,
    redis_url: str,
    make_key: Callable[[], str],
) -> dict[str, str]:
    """Returns the caller's variables with the addresses of the stores added.

    `make_key` provides the installation's key where `variables` have none.
    """
    # Children work in another folder, where a relative path would lead somewhere else.
    paths = {name: value for name, value in variables.items() if value and name in _PATHS}
    added = {name: str(Path(value).absolute()) for name, value in paths.items()}
    added |= {
        DATABASE_URL: database_url,
        REDIS_URL: redis_url,
        "PYTHONUNBUFFERED": "1",  # so that the last output of a dying program is in its log
    }
    if not (variables.get(SECRET_KEY) or variables.get(f"{SECRET_KEY}_FILE")):
        added[SECRET_KEY] = make_key()
    # What is added is not to be read from a file a second time.
    replaced = {f"{name}_FILE" for name in (DATABASE_URL, REDIS_URL)}
    return {name: text for name, text in variables.items() if name not in replaced} | {
        name: text for name, text in added.items() if name not in replaced
    }


def with_own_logins(
    variables: Mapping[str, str], grantee: Grantee, folder: AccessFolder
) -> dict[str, str]:
    """Returns the variables with the program's own login in place of the owner's.

    A program that never opens PostgreSQL is not told its address. Where a folder has no URL for
    this server, as with one of the operator's own, the program shares the owner's login. Raises
    BadCredentials.
    """
    own = dict(variables)
    for store, name in ((Store.DATABASE, DATABASE_URL), (Store.REDIS, REDIS_URL)):
        key = AccessKey(grantee, store)
        if key not in ACCESS_KEYS:
            own.pop(name, None)
        elif (url := folder.url(key)) and url == with_login(variables[name], login_of(url)):
            own[name] = url
    return own
