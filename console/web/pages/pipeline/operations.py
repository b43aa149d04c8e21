"""The page of operations: the inbox, the workers, the stores' health, rejected requests."""

from console.pipeline.health import RedisHealth, read_database_health, read_redis_health
from console.pipeline.rejections import report_rejections
from console.web.page_request import PageContext, PageRequest
from console.web.responses import Answer, Page
from shared.redis import RedisError

SHOWN_MAX = 20


def show(request: PageRequest) -> Answer:
    """Shows the page, without the parts that need Redis if that is unavailable."""
    values: dict[str, object] = {"database": read_database_health(request.connection)}
    try:
        redis = _redis_health(request)
        rejections = report_rejections(request.connection, request.services.redis, SHOWN_MAX)
    except RedisError:
        return Page("operations.html", {**values, "redis": None, "rejections": None})
    return Page("operations.html", {**values, "redis": redis, "rejections": rejections})


def show_redis(context: PageContext) -> Answer:
    """Shows the page while PostgreSQL is unavailable, and possibly Redis too."""
    try:
        redis = _redis_health(context)
    except RedisError:
        redis = None
    return Page("operations.html", {"database": None, "redis": redis, "rejections": None})


def _redis_health(context: PageContext) -> RedisHealth:
    services = context.services
    return read_redis_health(services.redis, services.watch, services.clock())
