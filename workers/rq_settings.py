"""What `rq worker --config workers.rq_settings` reads: the address of Redis, from our settings.

Read before anything else, so that faults of settings end a worker before its first job.
"""

import sys

from shared.errors import OperatorError
from shared.logs import configure
from workers.process import process_stores

try:
    _settings = process_stores().settings
except OperatorError as fault:
    sys.exit(fault.message)

REDIS_URL = _settings.redis_url
# Before RQ looks for a handler of its loggers: it then adds none of its own.
configure(_settings.log_format, _settings.log_level, "worker")
