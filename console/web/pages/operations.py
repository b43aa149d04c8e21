"""Operations: what waits, who works, how the stores are, what is refused and by whom."""

from console.operations import database_health, redis_health
from console.rejections import report_rejections
from console.web.answers import Answer, Page
from console.web.visit import Visit
from shared.queues import RedisError

SHOWN_MAX = 20


def show(visit: Visit) -> Answer:
    """While Redis is away the rest is shown."""
    services = visit.services
    values: dict[str, object] = {"database": database_health(visit.connection)}
    try:
        redis = redis_health(services.redis, services.watch, services.clock())
        rejections = report_rejections(visit.connection, services.redis, SHOWN_MAX)
    except RedisError:
        return Page("operations.html", {**values, "redis": None, "rejections": None})
    return Page("operations.html", {**values, "redis": redis, "rejections": rejections})
