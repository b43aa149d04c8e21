"""An event is the same whether it comes in a batch, by an endpoint of its own or in an import."""

import json
from typing import Any
from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import structs

from ingest.dialects.swaarm.postback import read_postback
from ingest.parameters import Parameters
from shared import fields
from shared.errors import RequestError
from shared.events import Event
from shared.lines.line import decode_line
from shared.lines.line_format import Destination, read_line, read_sent_line
from tests.support.build import NOW_MS, RECEIPT, grant, request_context

IMPORTED = Destination(1, {"Spring": 3}, {("1", "2"): 4}, NOW_MS, read_time=fields.event_time)
SENT = Destination(
    1, {"Spring": 3}, {("1", "2"): 4}, NOW_MS, 1, "/batch", False, fields.event_time, True
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
amounts = st.decimals(-(10**6), 10**6, places=3).map(str) | st.sampled_from(["", "x", "1e3"])
times = st.integers(NOW_MS - 60 * 86_400_000, NOW_MS + 2 * 86_400_000)
details = {
    "sale_amount": amounts,
    "sale_amount_currency": st.sampled_from(["EUR", "usd", "", "EURO"]),
    "event_value": texts,
    "click_id": texts,
}
lines = st.fixed_dictionaries(
    {"type": st.sampled_from(["event", "open", "click", "impression"]), "time": times},
    optional={
        **details,
        "id": st.text("ab1", min_size=1, max_size=3),
        "user_id": st.just("u") | texts,
        "event_id": st.just("purchase") | texts,
        "link": st.sampled_from(["Spring", "Autumn"]),
        "ip": st.ip_addresses().map(str) | texts,
        "parameters": st.dictionaries(texts, texts, max_size=3),
        "device_ids": st.dictionaries(st.sampled_from(["idfa", "gaid"]), texts, max_size=2),
    },
)
calls = st.fixed_dictionaries(
    {"user_id": st.just("u") | texts.filter(bool), "event_id": st.just("e") | texts.filter(bool)},
    optional={**details, "idfa": texts, "colour": texts.filter(lambda text: "\0" not in text)},
)


def outcome(read: Any) -> Event | str:
    """The event without what differs by nature, or the field that was refused."""
    try:
        event: Event = read()
    except RequestError as error:
        return error.field or error.code
    return structs.replace(
        event,
        receipt=UUID(int=0),
        token_id=0,
        endpoint="",
        idempotency_key=None,
        click_id=event.click_id if event.user_id else None,
    )


@given(lines)
def test_a_line_that_is_sent_is_the_event_that_an_import_makes_of_it(line: Any) -> None:
    text = json.dumps(line).encode()

    assert outcome(lambda: read_sent_line(decode_line(text), SENT, RECEIPT)) == outcome(
        lambda: read_line(text, IMPORTED)
    )


@given(lines.filter(lambda line: "id" in line and line["type"] in {"click", "impression"}))
def test_a_click_with_an_id_has_the_click_id_of_an_import_however_often_it_comes(line: Any) -> None:
    text = json.dumps(line).encode()
    if isinstance(outcome(lambda: read_line(text, IMPORTED)), str):
        return

    sent = [read_sent_line(decode_line(text), SENT, UUID(int=number)).click_id for number in (1, 2)]
    assert sent == [read_line(text, IMPORTED).click_id] * 2


@given(calls, times)
@example({"user_id": "u", "event_id": "e", "click_id": "0"}, NOW_MS)
@example({"user_id": "undefined", "event_id": "e", "click_id": "c1"}, NOW_MS)
def test_a_line_is_the_event_that_a_postback_with_the_same_fields_makes(
    call: dict[str, str], time_ms: int
) -> None:
    named = {"idfa", "colour"}
    line: dict[str, Any] = {name: value for name, value in call.items() if name not in named}
    line |= {"type": "event", "time": time_ms}
    if "idfa" in call:
        line["device_ids"] = {"idfa": call["idfa"]}
    if "colour" in call:
        line["parameters"] = {"colour": call["colour"]}
    context = request_context(grant=grant())

    alone = outcome(
        lambda: read_postback(Parameters({**call, "event_time": str(time_ms)}), context).event
    )
    sent = outcome(lambda: read_sent_line(decode_line(json.dumps(line).encode()), SENT, RECEIPT))
    if isinstance(alone, str) or isinstance(sent, str):
        # Both refuse; the first field that is wrong may be another one. A NUL character, which a
        # request is refused for before its fields are read, is left to the line.
        has_nul = any("\0" in value for value in call.values())
        assert has_nul or isinstance(alone, str) == isinstance(sent, str)
        return
    kept = {name: value for name, value in alone.parameters.items() if name != "sale_amount"}
    assert structs.replace(alone, parameters=kept) == sent
