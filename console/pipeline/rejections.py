"""What was refused lately, and how often each reason ever was."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from console.apps.apps import app_names
from shared.database import Connection
from shared.redis import Redis
from shared.rejections import (
    Rejection,
    bad_token_addresses,
    recent_rejections,
    rejection_counts,
)


@dataclass(frozen=True)
class Refused:
    """One refused request. `app` is None when the token did not tell it."""

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
    """`counts` by code since the beginning; `recent` newest first.

    `bad_tokens`: within a day, requests with a token that is not valid, by address, most first.
    """

    counts: dict[str, int]
    recent: list[Refused]
    bad_tokens: dict[str, int]


def report_rejections(connection: Connection, redis: Redis, count: int) -> RejectionReport:
    """With the last `count` of them, and the `count` worst addresses."""
    names = app_names(connection)
    counts = sorted(rejection_counts(redis).items(), key=lambda item: (-item[1], item[0]))
    return RejectionReport(
        dict(counts),
        [_refused(rejection, names) for rejection in recent_rejections(redis, count)],
        bad_token_addresses(redis, count),
    )


def _refused(rejection: Rejection, names: Mapping[int, str]) -> Refused:
    return Refused(
        at=datetime.fromtimestamp(rejection.at_ms / 1000, UTC),
        app=None if rejection.app_id is None else names.get(rejection.app_id),
        endpoint=rejection.endpoint,
        method=rejection.method,
        status=rejection.status,
        code=rejection.code,
        field=rejection.field,
        parameters=rejection.parameters,
    )
