"""Bodies are complete or refused. Driven message by message, as a server passes them on."""

from typing import Any

import pytest

from tests.unit.ingest.harness import fed, running
from tests.unit.loop import in_loop

FORM = b"sale_amount=4200"
CHUNKED = {"Transfer-Encoding": "chunked", "Content-Type": "application/x-www-form-urlencoded"}
ANNOUNCED = {"Content-Length": "16", "Content-Type": "application/x-www-form-urlencoded"}
LEFT = {"type": "http.disconnect"}


def part(body: bytes, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


@pytest.mark.parametrize("headers", [CHUNKED, ANNOUNCED], ids=["chunked", "announced"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@in_loop
async def test_a_body_that_arrives_in_parts_is_one_form(
    headers: dict[str, str], method: str
) -> None:
    async with running() as ingest:
        parts = [part(FORM[:3], True), part(b"", True), part(FORM[3:], False)]

        sent = await fed(ingest.application, parts, method=method, headers=headers)

        assert sent.status == 200
        assert [event.sale_amount for event in ingest.stored()] == ["4200"]


@pytest.mark.parametrize("headers", [CHUNKED, ANNOUNCED], ids=["chunked", "announced"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("length", [0, 5, 14, 15])
@in_loop
async def test_a_body_that_breaks_off_is_not_stored(
    headers: dict[str, str], method: str, length: int
) -> None:
    async with running() as ingest:
        parts = [part(FORM[:length], True), LEFT]

        sent = await fed(ingest.application, parts, method=method, headers=headers)

        assert sent.status != 200
        assert ingest.stored() == []


@in_loop
async def test_a_body_shorter_than_announced_is_not_stored_though_it_seems_complete() -> None:
    async with running() as ingest:
        sent = await fed(
            ingest.application, [part(FORM[:14], False)], method="POST", headers=ANNOUNCED
        )

        assert sent.status == 400
        assert b"incomplete_body" in sent.messages[-1]["body"]
        assert ingest.stored() == []


@in_loop
async def test_a_sender_that_leaves_behind_its_whole_request_has_sent_it() -> None:
    async with running() as ingest:
        await fed(ingest.application, [part(FORM, False), LEFT], method="POST", headers=CHUNKED)

        assert [event.sale_amount for event in ingest.stored()] == ["4200"]
