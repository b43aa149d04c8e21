"""Liveness and readiness, each naming the part that fails.

Live: the process answers, and its work beside the requests goes on; else it has to be started
again. Ready: it would take an event now. Shedding does not make it unready: all processes share one
Redis, and without any of them senders would get no Retry-After.
"""

from collections.abc import Callable

import msgspec
from falcon.asgi import Request, Response

from ingest.credentials import CredentialStore
from ingest.gate import Gate
from ingest.watch import Watch

LOOK_SECONDS_MAX = 10.0  # five looks a second; each may wait for Redis a few times


class LivenessProbe:
    """`ended` names the work that has come to an end while the process serves."""

    def __init__(self, ended: Callable[[], list[str]]) -> None:
        self._ended = ended

    async def on_get(self, _request: Request, response: Response) -> None:
        ended = self._ended()
        response.status = 503 if ended else 200
        response.data = (
            msgspec.json.encode({"status": "ended", "failing": ended})
            if ended
            else b'{"status":"live"}'
        )


class ReadinessProbe:
    def __init__(self, grants: CredentialStore, gate: Gate, watch: Watch) -> None:
        self._grants = grants
        self._gate = gate
        self._watch = watch

    async def on_get(self, _request: Request, response: Response) -> None:
        failing = [name for name, is_well in self.parts().items() if not is_well]
        response.status = 503 if failing else 200
        response.data = msgspec.json.encode(
            {
                "status": "unready" if failing else "ready",
                "failing": failing,
                "shedding": self._gate.shedding,
                "snapshot": self._grants.version,
            }
        )

    def parts(self) -> dict[str, bool]:
        """Whether each is well."""
        return {
            "redis": self._gate.reachable,
            "redis_durability": self._gate.durable,
            "snapshot": self._grants.version is not None,
            "secret_key": not self._grants.holds_other_key,
            "watch": self._watch.looked_seconds_ago <= LOOK_SECONDS_MAX,
        }
