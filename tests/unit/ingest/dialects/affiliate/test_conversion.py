"""Conversions of affiliate networks: recorded calls, names, statuses, repeats."""

from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from ingest.dialects.affiliate.conversion import CONVERSIONS
from ingest.dialects.affiliate.field_names import USUAL_NAMES
from shared.errors import MissingField, RequestError
from shared.events import Event, decode_events
from shared.names.postback_names import PostbackField
from shared.snapshot import NO_TOKEN
from tests.support.build import (
    TOKEN,
    batch,
    grant,
    link,
    linked,
    parameters,
    request_context,
    snapshot,
)
from tests.support.placeholders import AROUND, placeholders
from tests.unit.ingest.dialects.recorded import is_as_expected, recorded_calls, replay
from tests.unit.ingest.harness import running
from tests.unit.loop import in_loop

CLICK = "01dWTBYnLv3fPLi3y3psrs"


def read(query: str, names: dict[str, str] | None = None, **context: Any) -> Event:
    named = link(postback_names=names) if names is not None else None
    return CONVERSIONS.read(parameters(query), request_context(link=named, **context)).event


@pytest.mark.parametrize("call", recorded_calls(Path(__file__).parent), ids=lambda c: c["name"])
@in_loop
async def test_a_recorded_call_gets_the_answer_that_its_sender_expects(
    call: dict[str, Any],
) -> None:
    async with running() as ingest:
        answer = await replay(ingest, call)

        assert is_as_expected(call, answer), answer.text
        (event,) = ingest.stored()
        assert (event.user_id, event.click_id) == (CLICK, CLICK)
        assert TOKEN not in repr(event)


@pytest.mark.parametrize("name", USUAL_NAMES[PostbackField.CLICK_ID])
def test_the_click_is_found_under_each_usual_name_and_stands_for_its_user(name: str) -> None:
    event = read(f"{name}={CLICK}&payout=4.2&currency=usd")

    assert (event.user_id, event.click_id, event.event_id) == (CLICK, CLICK, "conversion")
    assert (event.sale_amount, event.sale_amount_currency) == ("4.2", "USD")
    assert event.parameters == {}


@pytest.mark.parametrize(
    ("names", "amount"),
    [
        *((name, "12.50") for name in USUAL_NAMES[PostbackField.AMOUNT]),
        ("amount", "12,50"),
        ("payout", "12,5"),
    ],
)
def test_an_amount_is_found_under_each_usual_name_also_with_a_comma(
    names: str, amount: str
) -> None:
    event = read(f"cid={CLICK}&{names}={amount}")

    assert Decimal(event.sale_amount or 0) == Decimal("12.5")
    assert event.parameters == ({names: amount} if "," in amount else {})


@pytest.mark.parametrize("amount", ["1,234", "1.234,50", "EUR 5", "12,3,4"])
def test_an_amount_that_could_mean_two_things_is_refused_by_its_name(amount: str) -> None:
    with pytest.raises(RequestError) as caught:
        read(f"cid={CLICK}&payout={quote(amount)}")

    assert caught.value.field == "payout"


def test_a_transaction_id_is_the_click_only_where_no_other_name_came() -> None:
    assert read(f"transaction_id={CLICK}").user_id == CLICK
    event = read(f"cid={CLICK}&transaction_id=order-1")
    assert (event.user_id, event.parameters["transaction_id"]) == (CLICK, "order-1")
    assert event.idempotency_key == f"{CLICK}:order-1"


def test_a_link_says_under_which_names_its_network_sends() -> None:
    names = {"click_id": "aff_sub3", "amount": "commission", "transaction_id": "ref", "status": "s"}
    event = read(f"aff_sub3={CLICK}&commission=5&ref=7&s=rejected&cid=campaign&payout=9", names)

    assert (event.user_id, event.event_id) == (CLICK, "conversion_rejected")
    assert event.sale_amount == "-5"
    assert event.idempotency_key == f"{CLICK}:7:rejected"
    assert event.parameters["cid"] == "campaign"
    assert event.parameters["payout"] == "9"
    with pytest.raises(MissingField) as caught:
        read(f"cid={CLICK}", names)
    assert caught.value.field == "aff_sub3"


@pytest.mark.parametrize(
    ("query", "event_id", "amount"),
    [
        ("status=approved", "conversion", "3.5"),
        ("status=APPROVED&et=purchase", "purchase", "3.5"),
        ("status=sale", "sale", "3.5"),
        ("status=lead", "lead", "3.5"),
        ("status=rejected", "conversion_rejected", "-3.5"),
        ("status=trash&rejected_status=trash,dup", "conversion_rejected", "-3.5"),
        ("status=dup&rejected_status=trash, dup&event=sale", "sale_rejected", "-3.5"),
        ("status=approved&ignore_status=approved", "conversion_ignored", None),
        ("status=x&sale_status=x,y", "sale", "3.5"),
        ("status=y&lead_status=y", "lead", "3.5"),
        ("status=pending", "conversion_pending", None),
        ("status=hold&goal=deposit", "deposit_pending", None),
        ("status={status}", "conversion", "3.5"),
        ("status=", "conversion", "3.5"),
    ],
)
def test_a_status_tells_what_counts_what_is_undone_and_what_waits(
    query: str, event_id: str, amount: str | None
) -> None:
    event = read(f"subid={CLICK}&payout=3.5&{query.replace(' ', '%20')}")

    assert (event.event_id, event.sale_amount) == (event_id, amount)
    if "{" not in query and not query.endswith("="):
        assert event.parameters["status"]
    if event_id.endswith(("_rejected", "_ignored", "_pending")):
        assert event.parameters["amount"] == "3.5"


def test_one_conversion_has_one_key_and_others_have_others() -> None:
    queries = [
        "cid=a&txid=1", "cid=a&txid=2", "cid=b&txid=1", "cid=a", "cid=a&et=sale",
        "cid=a&txid=1&status=rejected", "cid=a&txid=1&status=pending",
    ]  # fmt: skip
    keys = [read(query).idempotency_key for query in queries]

    assert len(set(keys)) == len(queries)
    assert keys == [read(query).idempotency_key for query in queries]
    assert read("cid=a&txid=1&idempotency_key=own").idempotency_key == "own"
    long = read(f"cid={'a' * 200}&txid={'1' * 200}").idempotency_key
    assert long is not None
    assert len(long) == 64
    assert read("cid=a&txid={txid}").idempotency_key == "a:conversion"


def test_without_a_token_a_call_reserves_no_key_and_chooses_no_time() -> None:
    stranger = grant(token_id=NO_TOKEN)
    event = read(f"click_id={CLICK}&txid=1&created_at_unix=1767323000", grant=stranger)

    assert (event.idempotency_key, event.event_time_ms) == (None, None)


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("", "Success"), ("return=OK", "OK"), ("return=%3Cb%3E", "Success"),
        (f"return={'a' * 33}", "Success"),
    ],
)  # fmt: skip
@in_loop
async def test_keitaros_answer_is_the_text_that_was_asked_for_and_never_markup(
    asked: str, answered: str
) -> None:
    async with running() as ingest:
        answer = await ingest.conductor.simulate_get(
            f"/{TOKEN}/postback", query_string=f"subid={CLICK}&{asked}"
        )

        assert (answer.status_code, answer.text) == (200, answered)
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/conversion", f"cid={CLICK}", 401),
        ("/conversion", f"cid={CLICK}&s2s_token=wrong", 401),
        ("/conversion", f"cid={CLICK}&s2s_token={TOKEN}", 200),
        ("/conversion", f"s2s_token={TOKEN}", 400),
        ("/conversion", f"cid=%7Bcid%7D&s2s_token={TOKEN}", 400),
        ("/conversion", f"cid={CLICK}&offer_id=12&pub_id=34", 401),
        ("/conversion", f"sum3={CLICK}&offer_id=12&pub_id=34&s2s_token={TOKEN}", 200),
        ("/conversion", f"cid={CLICK}&offer_id=12&pub_id=35&s2s_token={TOKEN}", 400),
        ("/conversion", f"cid={CLICK}&offer_id=12&s2s_token={TOKEN}", 400),
        ("/postback", f"cid={CLICK}", 401),
        ("/postback", f"cid={CLICK}&s2s_token={TOKEN}", 200),
        ("/wrong/postback", f"cid={CLICK}", 401),
        ("/conversion", f"cid={CLICK}&payout=x&s2s_token={TOKEN}", 400),
    ],
)
@in_loop
async def test_a_conversion_needs_a_token_and_a_click_and_a_link_that_is_named_has_to_exist(
    path: str, query: str, status: int
) -> None:
    held = linked(snapshot(), postback_names={"click_id": "sum3"})
    async with running(held) as ingest:
        answer = await ingest.conductor.simulate_get(path, query_string=query)

        assert answer.status_code == status, answer.text
        assert len(ingest.stored()) == (status == 200)


@in_loop
async def test_another_apps_link_is_none() -> None:
    held = structs.replace(linked(snapshot()), links=linked(app_id=2).links)
    async with running(held) as ingest:
        query = f"cid={CLICK}&offer_id=12&pub_id=34&s2s_token={TOKEN}"
        answer = await ingest.conductor.simulate_get("/conversion", query_string=query)

        assert (answer.status_code, answer.json["error"]["code"]) == (400, "unknown_link")


@in_loop
async def test_a_conversion_in_a_batch_is_the_one_of_its_endpoint_and_counts_once() -> None:
    params = {"cid": CLICK, "payout": 1.5, "txid": 2, "currency": "EUR"}
    async with running() as ingest:
        await ingest.conductor.simulate_get("/conversion", params={**params, "s2s_token": TOKEN})
        answer = await ingest.batch([{"dialect": "affiliate", "params": params}] * 2)

        assert [one["status"] for one in answer.json["results"]] == ["accepted", "duplicate"]
        alone, batched, *_ = ingest.stored()
        assert (alone.user_id, alone.sale_amount, alone.idempotency_key, alone.parameters) == (
            batched.user_id,
            batched.sale_amount,
            batched.idempotency_key,
            batched.parameters,
        )


ALL_NAMES = sorted({name for names in USUAL_NAMES.values() for name in names})
values = st.text(max_size=12) | st.sampled_from(["", "1", "1,5", "EUR", "sale"]) | placeholders()


@given(st.dictionaries(st.sampled_from([*ALL_NAMES, "user_ip", "gaid", "x"]), values, max_size=7))
def test_whatever_is_sent_is_read_or_refused_by_name_and_what_is_read_can_be_stored(
    sent: dict[str, str],
) -> None:
    pairs = (f"{name}={quote(value, safe='')}" for name, value in sent.items())
    try:
        event = read("&".join([*pairs, f"click_id={CLICK}"] if "click_id" not in sent else pairs))
    except RequestError as error:
        event = None
        refused = error
    if event is None:
        assert refused.field is not None
        return
    (stored,) = decode_events(batch(event))
    assert stored == event


@given(placeholders(), st.sampled_from(ALL_NAMES))
def test_no_placeholder_makes_a_click_an_amount_or_a_key(text: str, name: str) -> None:
    sent = f"{name}={quote(text, safe='')}"
    if name in USUAL_NAMES[PostbackField.CLICK_ID]:
        with pytest.raises(MissingField):
            read(sent)
        return
    event, good = read(f"cid={CLICK}&{sent}"), read(f"cid={CLICK}")

    assert event.idempotency_key == good.idempotency_key or name == "status"
    assert event.sale_amount is None
    assert event.sale_amount_currency is None
    assert text.strip(AROUND) in {value.strip(AROUND) for value in event.parameters.values()}


def test_every_name_is_read_for_one_field_but_the_transaction_id() -> None:
    pairs = product(USUAL_NAMES.items(), repeat=2)
    shared = {
        name
        for (one, names), (other, others) in pairs
        if one < other
        for name in set(names) & set(others)
    }
    assert shared == {"transaction_id"}
