"""Operations: what waits, who works, how the stores are, what is refused and by whom."""

from console.pipeline.health import RedisHealth, database_health, redis_health
from console.pipeline.rejections import report_rejections
from console.web.page_request import PageContext, PageRequest
from console.web.responses import Answer, Page
from shared.redis import RedisError

SHOWN_MAX = 20


def show(request: PageRequest) -> Answer:
    """While Redis is away the rest is shown."""
    values: dict[str, object] = {"database": database_health(request.connection)}
    try:
        redis = _redis(request)
        rejections = report_rejections(request.connection, request.services.redis, SHOWN_MAX)
    except RedisError:
        return Page("operations.html", {**values, "redis": None, "rejections": None})
    return Page("operations.html", {**values, "redis": redis, "rejections": rejections})


def show_redis(visitor: PageContext) -> Answer:
    """While PostgreSQL is away, and perhaps Redis too."""
    try:
        redis = _redis(visitor)
    except RedisError:
        redis = None
    return Page("operations.html", {"database": None, "redis": redis, "rejections": None})


def _redis(visitor: PageContext) -> RedisHealth:
    services = visitor.services
    return redis_health(services.redis, services.watch, services.clock())
