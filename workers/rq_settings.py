"""Configures `rq worker --config workers.rq_settings`: the address of Redis, from our settings.

RQ imports it before anything else, so that invalid settings end a worker before its first job.
"""

import sys

from shared.errors import OperatorError
from shared.logs import configure
from workers.process import process_stores

try:
    _settings = process_stores().settings
except OperatorError as error:
    sys.exit(error.message)

REDIS_URL = _settings.redis_url
# Before RQ checks whether its loggers have a handler: it then adds none of its own.
configure(_settings.log_format, _settings.log_level, "worker")
