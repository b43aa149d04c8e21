"""White space and invisible characters around a token are no part of it, wherever it is sent."""

import json
from base64 import b64encode
from urllib.parse import quote

import pytest
from falcon.testing import Result
from msgspec import structs

from shared.snapshot import KnownApp, KnownEventType, Snapshot
from tests.support.build import TOKEN, grant, linked, snapshot
from tests.unit.ingest.harness import Running, running
from tests.unit.loop import in_loop

GAID = "38400000-8cf0-11bd-b23e-10b96e40000d"
POSTBACK = "/postback?user_id=u&event_id=e"
SINGULAR = f"/api/v1/evt?p=Android&i=com.shop&aifa={GAID}&n=purchase"
APP = "/event?app_token=app&event_token=tok&idfv=x-1"
AROUND = ("", " ", "\t", "\n", "\u200b", "\ufeff \u2060")


def published() -> Snapshot:
    known = KnownApp(1, event_types={"tok": KnownEventType(9, "purchase")})
    known = structs.replace(known, security_token_postbacks=True)
    return structs.replace(linked(snapshot(1, **{TOKEN: grant()})), apps={"app": known})


async def ask(
    ingest: Running, target: str, body: object = None, headers: dict[str, str] | None = None
) -> Result:
    path, _, query = target.partition("?")
    sent = None if body is None else json.dumps(body).encode()
    return await ingest.conductor.simulate_request(
        "GET" if body is None else "POST",
        path,
        query_string=query,
        body=sent,
        headers={**(headers or {}), **({"Content-Type": "application/json"} if body else {})},
    )


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize(
    "target",
    [
        f"{POSTBACK}&s2s_token=@",
        f"{POSTBACK}&s2stoken=@",
        f"{POSTBACK}&token=@",
        f"{POSTBACK}&security_token=@",
        "/s2sevent?user_id=u&user_ip=8.8.8.8&user_ua=x&s2s_token=@",
        "/conversion?click_id=c-1&s2s_token=@",
        "/click?no_redirect=true&site=x&token=@",
        f"{APP}&s2s_token=@",
        f"{SINGULAR}&a=@",
        "/@/postback?subid=c-1",
    ],
)
@in_loop
async def test_of_an_address_the_token_is_taken_without_what_is_around_it(
    target: str, around: str
) -> None:
    if target.startswith("/@") and around:
        return  # a path has none
    shown = quote(f"{around}{TOKEN}{around}", safe="")
    async with running(published()) as ingest:
        answer = await ask(ingest, target.replace("@", shown))

        assert answer.status_code == 200, answer.text
        (event,) = ingest.stored()
        assert (event.token_id, TOKEN in repr(event)) == (1, False)


@pytest.mark.parametrize("around", ["", " ", "\t", "\u200b"])
@pytest.mark.parametrize("scheme", ["", "Bearer ", "bearer  "])
@in_loop
async def test_of_a_header_too(scheme: str, around: str) -> None:
    shown = f"{around}{TOKEN}{around}".encode().decode("latin-1")
    async with running(published()) as ingest:
        for target in (POSTBACK, APP):
            answer = await ask(ingest, target, headers={"Authorization": f"{scheme}{shown}"})
            assert answer.status_code == 200, answer.text
        headers = {"authentication": shown}
        body = {"appsflyer_id": "1-1", "customer_user_id": "u", "eventName": "login"}
        answer = await ask(ingest, "/inappevent/com.shop", body, headers)
        assert answer.status_code == 200, answer.text

        assert [event.token_id for event in ingest.stored()] == [1, 1, 1]


@pytest.mark.parametrize("around", AROUND)
@in_loop
async def test_of_a_write_key_too(around: str) -> None:
    shown, message = f"{around}{TOKEN}{around}", {"userId": "u", "event": "e"}
    basic = b64encode(f"{shown}:".encode()).decode()
    async with running(published()) as ingest:
        answers = [
            await ask(ingest, "/v1/track", message | {"writeKey": shown}),
            await ask(ingest, "/v1/track", message, {"Authorization": f"Basic {basic}"}),
            await ask(
                ingest, "/v1/batch", {"batch": [message | {"type": "track"}], "writeKey": shown}
            ),
        ]

        assert [answer.status_code for answer in answers] == [200, 200, 200]
        assert [event.token_id for event in ingest.stored()] == [1, 1, 1]


@pytest.mark.parametrize("around", AROUND[1:])
@in_loop
async def test_nothing_but_white_space_is_no_token_and_two_spellings_are_one(around: str) -> None:
    async with running(published()) as ingest:
        nothing = await ask(ingest, f"{POSTBACK}&s2s_token={quote(around)}")
        twice = f"{POSTBACK}&s2s_token={TOKEN}&token={quote(around + TOKEN)}"
        both = await ask(ingest, twice, headers={"Authorization": f"Bearer {TOKEN}"})

        assert (nothing.status_code, both.status_code) == (401, 200)
