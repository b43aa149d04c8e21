"""Keeps secrets, people's addresses and query strings out of gunicorn's logs.

Its access line would show the query string and the referring page, which contain tokens; its error
log would show the messages of libraries. The loggers of all libraries write through it too.
"""

import logging
import re
from collections.abc import Mapping
from typing import Any

from gunicorn.glogging import Logger

from shared.logs import LOG_LEVELS, write_through
from shared.redaction import redact_handlers
from shared.setting_sources import read_variable
from shared.settings import SETTINGS, environment, layers_of

# uvicorn: `127.0.0.1:40000 - "GET /postback?user_id=1 HTTP/1.1" 200`
_CLIENT = re.compile(r"^\S* - ")
_QUERY = re.compile(r"\?[^\s\"]*")


class AccessLineFilter(logging.Filter):
    """A filter that reduces an access line to method, path, version and status of the request."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = _QUERY.sub("", _CLIENT.sub("- ", record.getMessage()))
        record.args = None
        return True


class RedactingLogger(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn's logger with redacting handlers."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.access_log.handlers:
            handler.addFilter(AccessLineFilter())
        log_format, level = _log_settings(environment())
        lowest = min(self.loglevel, LOG_LEVELS[level])
        root = logging.getLogger()
        root.handlers = list(self.error_log.handlers)
        root.setLevel(lowest)
        self.error_log.setLevel(lowest)
        redact_handlers(self.access_log)
        if log_format == "json":
            write_through(self.access_log, log_format, str(cfg.proc_name))
        write_through(root, log_format, str(cfg.proc_name))

    def atoms(self, *request: Any) -> dict[str, Any]:
        """Returns the values that gunicorn's own worker classes may put into an access line."""
        atoms: dict[str, Any] = super().atoms(*request)
        shown = {name: value for name, value in atoms.items() if not name.startswith("{")}
        line = f"{atoms['m']} {atoms['U']} {atoms['H']}"
        return shown | {"h": "-", "u": "-", "r": line, "q": "-", "f": "-"}


def _log_settings(variables: Mapping[str, str]) -> tuple[str, str]:
    """Reads format and level when other settings may be invalid; an invalid one is a default."""
    layers = layers_of(variables)
    readings = [read_variable(name, SETTINGS[name], layers) for name in ("log_format", "log_level")]
    log_format, level = (reading.value or str(reading.declared.default) for reading in readings)
    return log_format, level
