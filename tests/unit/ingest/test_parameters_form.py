"""Forms: within the limit and of the right type. Driven as a server passes messages on."""

from typing import Any

import pytest

from shared.errors import RequestTooLarge
from tests.unit.ingest.harness import POSTBACK, fed, running
from tests.unit.loop import in_loop

FORM = b"sale_amount=4200"
CHUNKED = {"Transfer-Encoding": "chunked", "Content-Type": "application/x-www-form-urlencoded"}
ANNOUNCED = {"Content-Length": "16", "Content-Type": "application/x-www-form-urlencoded"}


def part(body: bytes, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


@in_loop
async def test_a_chunked_body_without_end_is_refused_at_the_limit() -> None:
    async with running() as ingest:
        endless = (part(b"x" * 10_000, True) for _ in range(1000))

        sent = await fed(ingest.application, endless, method="POST", headers=CHUNKED)

        assert sent.status == 413
        assert sum(1 for _ in endless) > 900  # most of it was never asked for


@in_loop
async def test_query_and_form_share_one_limit() -> None:
    async with running() as ingest:
        room = 65_536 - len(POSTBACK)
        for length, status in ((room, 200), (room + 1, 413)):
            form = "a=" + "x" * (length - 2)

            answer = await ingest.post(POSTBACK, form)

            assert answer.status_code == status, length


@in_loop
async def test_an_announced_length_beyond_the_limit_is_refused_before_it_is_read() -> None:
    async with running() as ingest:
        headers = {**ANNOUNCED, "Content-Length": "65537"}
        unread = iter([part(b"", True), part(b"x" * 65_537, False)])

        sent = await fed(ingest.application, unread, method="POST", headers=headers)

        assert sent.status == RequestTooLarge.status
        assert next(unread)["body"]


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data; boundary=x",
        "text/plain",
        "application/octet-stream",
    ],
)
@in_loop
async def test_a_body_that_is_no_form_is_refused_by_its_content_type(content_type: str) -> None:
    async with running() as ingest:
        answer = await ingest.post(POSTBACK, b'{"a":1}', headers={"Content-Type": content_type})

        assert answer.status_code == 415
        assert answer.json["error"]["code"] == "unsupported_body"
        assert answer.json["error"]["field"] == "Content-Type"
        assert ingest.stored() == []


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=UTF-8",
        "Application/X-WWW-Form-Urlencoded;charset=utf-8",
    ],
)
@in_loop
async def test_a_form_is_one_however_its_type_is_written(content_type: str) -> None:
    async with running() as ingest:
        answer = await ingest.post(POSTBACK, FORM, headers={"Content-Type": content_type})

        assert answer.status_code == 200
        assert ingest.stored()[0].sale_amount == "4200"


@in_loop
async def test_a_body_without_a_type_is_a_form() -> None:
    async with running() as ingest:
        sent = await fed(
            ingest.application, [part(FORM, False)], method="POST", headers={"Content-Length": "16"}
        )

        assert sent.status == 200
        assert ingest.stored()[0].sale_amount == "4200"


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "application/json"}])
@in_loop
async def test_a_post_without_a_body_needs_no_type(headers: dict[str, str]) -> None:
    async with running() as ingest:
        answer = await ingest.post(POSTBACK, headers=headers)

        assert answer.status_code == 200
