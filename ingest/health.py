"""Answers liveness and readiness probes, each naming the part that fails.

Live: the process answers, and its background tasks go on; otherwise it has to be restarted. Ready:
it would accept an event now. Shedding does not make it unready: all processes share one Redis, and
without any of them senders would get no Retry-After.
"""

from collections.abc import Callable

import msgspec
from falcon.asgi import Request, Response

from ingest.credential_store import CredentialStore
from ingest.gate import Gate
from ingest.watch import Watch

LOOK_SECONDS_MAX = 10.0  # five looks a second; each may wait for Redis a few times


class LivenessProbe:
    """`/health/live`. `ended_tasks` names the background tasks that have ended."""

    def __init__(self, ended_tasks: Callable[[], list[str]]) -> None:
        self._ended_tasks = ended_tasks

    async def on_get(self, _request: Request, response: Response) -> None:
        ended = self._ended_tasks()
        response.status = 503 if ended else 200
        response.data = (
            msgspec.json.encode({"status": "ended", "failing": ended})
            if ended
            else b'{"status":"live"}'
        )

    on_head = on_get  # Falcon leaves the body out


class ReadinessProbe:
    """`/health/ready`."""

    def __init__(self, credential_store: CredentialStore, gate: Gate, watch: Watch) -> None:
        self._credential_store = credential_store
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
                "snapshot": self._credential_store.version,
            }
        )

    on_head = on_get

    def parts(self) -> dict[str, bool]:
        """Tells for each part whether it is well."""
        return {
            "redis": self._gate.reachable,
            "redis_durability": self._gate.durable,
            "snapshot": self._credential_store.version is not None,
            "secret_key": not self._credential_store.holds_other_key,
            "watch": self._watch.looked_seconds_ago <= LOOK_SECONDS_MAX,
        }
