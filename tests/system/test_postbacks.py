"""Tests Swaarm's documented calls over HTTP, and their results."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.system.conftest import Running
from tests.system.traffic import Answer, get, send


def _one(running: Running, request: bytes) -> Answer:
    (answer,) = send(running.port, [request], connections=1).answers
    return answer


def _receipt(answer: Answer) -> str:
    assert answer.status == 200, answer.body
    receipt = answer.headers["waybill-receipt"]
    assert json.loads(answer.body) == {"status": "ok", "id": receipt}
    return receipt


def _recorded_event(running: Running, answer: Answer) -> dict[str, Any]:
    return running.waybill.recorded_event(_receipt(answer))


def _post(target: str, body: bytes, headers: str) -> bytes:
    head = (
        f"POST {target} HTTP/1.1\r\nHost: waybill\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    )
    return head.encode() + body


FORM = "Content-Type: application/x-www-form-urlencoded\r\n"


def test_the_documented_get_with_the_token_in_the_query_becomes_a_row(running: Running) -> None:
    target = f"/postback?s2s_token={running.token}&user_id=0000-AAAA-BBBB-CCCC&event_id=register"

    event = _recorded_event(running, _one(running, get(target)))

    assert (event["user_id"], event["event_id"]) == ("0000-AAAA-BBBB-CCCC", "register")
    assert event["unmapped"] is True


def test_the_documented_post_with_a_bare_header_and_sale_amout_becomes_a_row_of_42(
    running: Running,
) -> None:
    target = "/postback?user_id=0000-AAAA-BBBB-CCCC&event_id=purchase&sale_amout=42"

    event = _recorded_event(
        running, _one(running, _post(target, b"", f"Authorization: {running.token}\r\n"))
    )

    assert float(str(event["sale_amount"])) == 42
    assert event["unmapped"] is False


@pytest.mark.parametrize("scheme", ["", "Bearer ", "bearer "])
def test_a_form_and_a_query_are_read_together(running: Running, scheme: str) -> None:
    form = urlencode({"event_id": "purchase", "sale_amount": "9.99", "sale_amount_currency": "eur"})
    headers = f"{FORM}Authorization: {scheme}{running.token}\r\n"

    event = _recorded_event(
        running, _one(running, _post("/postback?user_id=u&ip_address=::1", form.encode(), headers))
    )

    assert float(str(event["sale_amount"])) == 9.99
    assert event["sale_amount_currency"] == "EUR"
    assert event["ip_address"] == "::1"


def test_a_chunked_form_is_read_whole(running: Running) -> None:
    headers = f"{FORM}Transfer-Encoding: chunked\r\nAuthorization: {running.token}\r\n"
    head = f"POST /postback HTTP/1.1\r\nHost: waybill\r\n{headers}\r\n".encode()
    body = b"9\r\nuser_id=a\r\n12\r\n&event_id=purchase\r\n0\r\n\r\n"

    event = _recorded_event(running, _one(running, head + body))

    assert (event["user_id"], event["event_id"]) == ("a", "purchase")


def test_a_repeat_has_a_receipt_of_its_own_that_traces_to_the_first(running: Running) -> None:
    def send_order(amount: int) -> Answer:
        query = f"user_id=u&event_id=purchase&sale_amount={amount}&s2s_token={running.token}"
        return _one(running, get(f"/postback?{query}", "Idempotency-Key: order-7\r\n"))

    first, repeat, other = send_order(5), send_order(5), send_order(6)
    _recorded_event(running, first)

    for answer, conflict in ((repeat, False), (other, True)):
        trace = running.waybill.final_trace(_receipt(answer))
        assert trace["state"] == "duplicate"
        assert trace["first"]["receipt"] == first.headers["waybill-receipt"]
        assert trace["conflict"] is conflict
