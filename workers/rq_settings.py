"""What `rq worker --config workers.rq_settings` reads: the address of Redis, from our settings.

Read before anything else, so that faults of settings end a worker before its first job.
"""

import sys

from shared.errors import OperatorError
from workers.stores import process_stores

try:
    REDIS_URL = process_stores().settings.redis_url
except OperatorError as fault:
    sys.exit(fault.message)
