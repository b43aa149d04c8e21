"""Liveness and readiness, each naming the part that fails.

Live: the process answers. Ready: it would take an event now. Shedding does not make it unready: all
processes share one Redis, and without any of them senders would get no Retry-After.
"""

import msgspec
from falcon.asgi import Request, Response

from ingest.gate import Gate
from ingest.grants import Grants


class Live:
    async def on_get(self, _request: Request, response: Response) -> None:
        response.data = b'{"status":"live"}'


class Ready:
    def __init__(self, grants: Grants, gate: Gate) -> None:
        self._grants = grants
        self._gate = gate

    async def on_get(self, _request: Request, response: Response) -> None:
        failing = self._failing()
        response.status = 503 if failing else 200
        response.data = msgspec.json.encode(
            {
                "status": "unready" if failing else "ready",
                "failing": failing,
                "shedding": self._gate.shedding,
                "snapshot": self._grants.version,
            }
        )

    def _failing(self) -> list[str]:
        parts = {
            "redis": self._gate.reachable,
            "redis_durability": self._gate.durable,
            "snapshot": self._grants.version is not None,
            "secret_key": not self._grants.holds_other_key,
        }
        return [name for name, holds in parts.items() if not holds]
