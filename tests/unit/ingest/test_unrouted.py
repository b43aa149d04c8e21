"""Requests that find no endpoint: answered like every refusal, and seen in the log."""

import pytest

from shared.rejections import recent_rejections, rejection_counts
from shared.tokens import new_token
from tests.unit.ingest.harness import running
from tests.unit.loop import in_loop


@pytest.mark.parametrize(
    ("method", "path", "code", "status", "endpoint"),
    [
        ("GET", "/postbackk", "unknown_endpoint", 404, ""),
        ("POST", "/", "unknown_endpoint", 404, ""),
        ("PUT", "/postback", "method_not_allowed", 405, "/postback"),
    ],
)
@in_loop
async def test_an_unrouted_request_is_in_the_log_with_its_reason(
    method: str, path: str, code: str, status: int, endpoint: str
) -> None:
    async with running() as ingest:
        answer = await ingest.conductor.simulate_request(method, path)
        await ingest.parts.rejections.write()

        (entry,) = recent_rejections(ingest.redis, 10)
        assert answer.status_code == entry.status == status
        assert answer.json["error"]["code"] == entry.code == code
        assert (entry.method, entry.endpoint, entry.app_id) == (method, endpoint, None)
        assert rejection_counts(ingest.redis) == {code: 1}


@in_loop
async def test_nothing_of_an_unrouted_address_is_in_the_log() -> None:
    token = new_token()
    async with running() as ingest:
        await ingest.conductor.simulate_get(f"/{token}", query_string=f"s2s_token={token}")
        await ingest.parts.rejections.write()

        assert token not in repr(recent_rejections(ingest.redis, 10))
