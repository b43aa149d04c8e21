"""What goes from the caller's environment to the children, and what is added to it."""

from collections.abc import Callable, Mapping
from pathlib import Path

from shared.errors import OperatorError
from shared.setting_sources import CONFIG
from shared.settings import SETTINGS

SECRET_KEY = "WAYBILL_SECRET_KEY"  # noqa: S105 - the name of the variable
_PATHS = {CONFIG} | {each.file_variable for each in SETTINGS.values() if each.is_secret}


class UnreadableUrl(OperatorError):
    """A store's address was to come from a file that cannot be read."""


def given(variables: Mapping[str, str], variable: str) -> str | None:
    """A URL that replaces an embedded store, from the variable or the file it names; else None."""
    if url := variables.get(variable, "").strip():
        return url
    if not (named := variables.get(f"{variable}_FILE")):
        return None
    try:
        return Path(named).read_text().strip() or None
    except OSError as fault:
        raise UnreadableUrl(f"{variable}_FILE cannot be read: {fault.strerror}.") from fault


def children(
    variables: Mapping[str, str],
    database_url: str,
    redis_url: str,
    make_key: Callable[[], str],
) -> dict[str, str]:
    """`make_key` gives the installation's key where `variables` bring none of their own."""
    # Children work in another folder, where a relative path would lead elsewhere.
    named = {name: value for name, value in variables.items() if value and name in _PATHS}
    added = {name: str(Path(value).absolute()) for name, value in named.items()}
    added |= {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PYTHONUNBUFFERED": "1",  # what a program says is in its log when it dies
    }
    if not (variables.get(SECRET_KEY) or variables.get(f"{SECRET_KEY}_FILE")):
        added[SECRET_KEY] = make_key()
    return {**variables, **added}
