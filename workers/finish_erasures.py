"""Carries out every erasure that was requested, then ends: `python -m workers.finish_erasures`.

`waybill restore` runs it before anything is served. It needs no inbox, which is still empty then.
"""

import sys
import time
from pathlib import Path

from shared.clock import now_ms
from shared.database import connect
from shared.errors import OperatorError
from shared.logs import configure
from shared.privacy.erasure_log import ErasureLog
from shared.redis import connect as connect_redis
from shared.settings import Settings, environment, read_settings
from workers.privacy.erasure import Eraser

_TURN_SECONDS_MAX = 60
_PAUSE_SECONDS = 0.1


def finish(settings: Settings) -> None:
    """Carries out what was requested. Raises DatabaseError, RedisError, OperatorError."""
    log = ErasureLog(Path(settings.erasure_log)) if settings.erasure_log else None
    redis = connect_redis(settings.redis_url, settings.names)
    with connect(settings.database_url, "erasures") as connection:
        eraser = Eraser(connection, redis, settings.secret_key, now_ms, log)
        while eraser.run(_TURN_SECONDS_MAX):
            time.sleep(_PAUSE_SECONDS)  # one waits for Redis to write its log
    redis.close()


if __name__ == "__main__":
    try:
        settings = read_settings(environment())
        configure(settings.log_format, settings.log_level, "erasures")
        finish(settings)
    except OperatorError as error:
        sys.exit(error.message)
