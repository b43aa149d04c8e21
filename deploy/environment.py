"""Builds the environment of the children from that of the caller."""

from collections.abc import Callable, Mapping
from pathlib import Path

from shared.errors import OperatorError
from shared.setting_sources import CONFIG
from shared.settings import SETTINGS

SECRET_KEY = "WAYBILL_SECRET_KEY"  # noqa: S105 - the name of the variable
_PATHS = {CONFIG} | {setting.file_variable for setting in SETTINGS.values() if setting.is_secret}


class UnreadableUrl(OperatorError):
    """The file that should contain a store's address cannot be read."""


def external_url(variables: Mapping[str, str], variable: str) -> str | None:
    """Returns the URL of a store that replaces the embedded one, or None.

    It comes from the variable, or from the file that its `_FILE` variant names.
    """
    if url := variables.get(variable, "").strip():
        return url
    if not (path := variables.get(f"{variable}_FILE")):
        return None
    try:
        return Path(path).read_text().strip() or None
    except OSError as error:
        raise UnreadableUrl(f"{variable}_FILE cannot be read: {error.strerror}.") from error


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
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PYTHONUNBUFFERED": "1",  # so that the last output of a dying program is in its log
    }
    if not (variables.get(SECRET_KEY) or variables.get(f"{SECRET_KEY}_FILE")):
        added[SECRET_KEY] = make_key()
    return {**variables, **added}
