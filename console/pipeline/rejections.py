"""Reports requests that were recently refused, and the total by reason."""

from dataclasses import dataclass
from datetime import UTC, datetime

from console.apps.apps import app_names
from shared.database import Connection
from shared.redis import Redis
from shared.rejections import bad_token_addresses, recent_rejections, rejection_counts


@dataclass(frozen=True)
class RejectedRequest:
    """A refused request. `app` is None when the token did not identify it."""

    at: datetime
    app: str | None
    endpoint: str
    method: str
    status: int
    code: str
    field: str | None
    parameters: dict[str, str]


@dataclass(frozen=True)
class RejectionReport:
    """Refused requests: all-time `counts` by code, and the `recent` ones, newest first.

    `bad_tokens` is the number of requests with an invalid token within a day, by address, highest
    first.
    """

    counts: dict[str, int]
    recent: list[RejectedRequest]
    bad_tokens: dict[str, int]


def report_rejections(connection: Connection, redis: Redis, count: int) -> RejectionReport:
    """Reports refused requests.

    It includes the last `count` of them and the `count` addresses with the most invalid tokens.
    """
    names = app_names(connection)
    counts = sorted(rejection_counts(redis).items(), key=lambda item: (-item[1], item[0]))
    recent = [
        RejectedRequest(
            at=datetime.fromtimestamp(rejection.at_ms / 1000, UTC),
            app=None if rejection.app_id is None else names.get(rejection.app_id),
            endpoint=rejection.endpoint,
            method=rejection.method,
            status=rejection.status,
            code=rejection.code,
            field=rejection.field,
            parameters=rejection.parameters,
        )
        for rejection in recent_rejections(redis, count)
    ]
    return RejectionReport(dict(counts), recent, bad_token_addresses(redis, count))
