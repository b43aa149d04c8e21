"""Recorded calls of systems that are not served get a clear 404, and the page says so."""

import re
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from shared.rejections import recent_rejections
from shared.snapshot import KnownApp
from tests.support.build import TOKEN, snapshot
from tests.unit.ingest.dialects.recorded import recorded_calls
from tests.unit.ingest.harness import running
from tests.unit.loop import in_loop

PAGE = Path(__file__).parents[4] / "docs" / "dialects.md"
CALLS = recorded_calls(Path(__file__).parent, "not_served.json")


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call["name"])
@in_loop
async def test_a_call_of_a_system_that_is_not_served_is_a_404_that_the_page_names(
    call: dict[str, Any],
) -> None:
    async with running() as ingest:
        answer = await ingest.conductor.simulate_request(
            call["method"],
            call["path"],
            query_string=call["query"],
            headers={**call["headers"], "Authorization": TOKEN},
            body=call["body"],
        )
        await ingest.parts.rejections.write()

        assert (answer.status_code, answer.json["error"]["code"]) == (404, "unknown_endpoint")
        assert ingest.stored() == []
        assert len(recent_rejections(ingest.redis, 10)) == 1
    section = PAGE.read_text().partition("### What is not served")[2].partition("\n### ")[0]
    named = re.findall(r"`(/[^`]*)`", section)
    patterns = [re.sub(r"\\{\w+\\}|…", ".+", re.escape(path.partition("?")[0])) for path in named]
    assert any(re.fullmatch(pattern, call["path"]) for pattern in patterns)


@in_loop
async def test_swaarms_postback_with_a_security_token_is_read_where_the_app_accepts_it() -> None:
    query = (
        f"click_id=AsEyCIAAAAF60mPGIgAAABMAAAAOAAAAAA&event_id=Purchase&security_token={TOKEN}"
        "&uq=order-1&status=approved"
    )
    for is_accepted in (False, True):
        app = KnownApp(1, security_token_postbacks=is_accepted)
        async with running(structs.replace(snapshot(), apps={"shop": app})) as ingest:
            answer = await ingest.get(query)
            assert answer.status_code == (200 if is_accepted else 401)
