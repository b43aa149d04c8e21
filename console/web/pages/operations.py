"""Operations: what waits, who works, how the stores are, what is refused and by whom."""

from console.operations import RedisHealth, database_health, redis_health
from console.rejections import report_rejections
from console.web.answers import Answer, Page
from console.web.visit import Visit, Visitor
from shared.queues import RedisError

SHOWN_MAX = 20


def show(visit: Visit) -> Answer:
    """While Redis is away the rest is shown."""
    values: dict[str, object] = {"database": database_health(visit.connection)}
    try:
        redis = _redis(visit)
        rejections = report_rejections(visit.connection, visit.services.redis, SHOWN_MAX)
    except RedisError:
        return Page("operations.html", {**values, "redis": None, "rejections": None})
    return Page("operations.html", {**values, "redis": redis, "rejections": rejections})


def show_redis(visitor: Visitor) -> Answer:
    """While PostgreSQL is away, and perhaps Redis too."""
    try:
        redis = _redis(visitor)
    except RedisError:
        redis = None
    return Page("operations.html", {"database": None, "redis": redis, "rejections": None})


def _redis(visitor: Visitor) -> RedisHealth:
    services = visitor.services
    return redis_health(services.redis, services.watch, services.clock())
