"""Clicks through the whole application: authentication, redirects and lost clicks."""

import pytest
from falcon.testing import Result

from shared.events import Environment, Event, Kind
from shared.ids import click_id_of
from shared.rejections import CLICK_LOST, recent_rejections, rejection_counts
from tests.support.build import LINK, TOKEN, grant, linked, snapshot
from tests.support.redis_names import NAMES
from tests.unit.ingest.harness import Running, publish, running
from tests.unit.loop import in_loop, until

PEER = "198.51.100.1"
DESTINATION = "https://shop.example/welcome?clkid="


async def get(ingest: Running, query: str, path: str = "/click", **headers: str) -> Result:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await ingest.conductor.simulate_get(
        path, query_string=query, headers=named, remote_addr=PEER
    )


def code(answer: Result) -> tuple[int, str, str | None]:
    error = answer.json["error"]
    return answer.status_code, error["code"], error["field"]


def only(ingest: Running) -> Event:
    (event,) = ingest.stored()
    return event


@in_loop
async def test_a_click_on_a_link_is_stored_and_sent_on_with_its_id() -> None:
    async with running(linked()) as ingest:
        answer = await get(ingest, LINK, User_Agent="Mobile Safari")

        event = only(ingest)
        assert (answer.status_code, answer.content) == (302, b"")
        assert answer.headers["location"] == f"{DESTINATION}{click_id_of(event.receipt)}"
        assert answer.headers["waybill-receipt"] == str(event.receipt)
        assert (event.kind, event.link_id, event.token_id) == (Kind.CLICK, 7, 0)
        assert (event.ip_address, event.user_agent) == (PEER, "Mobile Safari")


@pytest.mark.parametrize("name", ["s2s_token", "token", "s2stoken", "web_token"])
@in_loop
async def test_a_server_gets_the_click_id_alone(name: str) -> None:
    held = snapshot(1, **{TOKEN: grant(environment=Environment.SANDBOX)})
    async with running(held) as ingest:
        query = f"no_redirect=true&user_ip=203.0.113.7&user_ua=UA&{name}={TOKEN}"
        answer = await get(ingest, query)

        event = only(ingest)
        assert answer.json == {"id": click_id_of(event.receipt)}
        assert (event.environment, event.ip_address) == (Environment.SANDBOX, "203.0.113.7")
        assert TOKEN not in repr(event)


@in_loop
async def test_a_form_is_read_as_a_query_is() -> None:
    async with running(linked()) as ingest:
        answer = await ingest.conductor.simulate_post(
            "/click", body=LINK, headers={"Content-Type": "application/x-www-form-urlencoded"}
        )

        assert answer.status_code == 302
        assert only(ingest).parameters == {"offer_id": "12", "pub_id": "34"}


@in_loop
async def test_an_impression_is_stored_and_answered_with_its_id() -> None:
    async with running(linked()) as ingest:
        answer = await get(ingest, LINK, "/impression")

        event = only(ingest)
        assert answer.json == {"id": click_id_of(event.receipt)}
        assert event.kind is Kind.IMPRESSION


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ("", (400, "missing_field", "offer_id")),
        ("no_redirect=true&user_ip=203.0.113.7", (400, "missing_field", "offer_id")),
        ("offer_id=12", (400, "missing_field", "pub_id")),
        ("offer_id=99&pub_id=34", (400, "unknown_link", None)),
        ("offer_id=%31%33%00&pub_id=34", (400, "unknown_link", None)),
        ("offer_id=%FF&pub_id=34", (400, "unknown_link", None)),
        (f"pub_id=35&{LINK}", (400, "unknown_link", None)),
        (f"{LINK}&no_redirect=true&token=wrong", (401, "unauthorized", None)),
        ("offer_id=99&pub_id=34&token=wrong", (401, "unauthorized", None)),
        (f"token={TOKEN}&user_ip=203.0.113.7", (400, "missing_field", "offer_id")),
        (f"token={TOKEN}&offer_id=99&pub_id=34", (400, "unknown_link", None)),
        (f"{LINK}&site=" + "x" * 65_536, (413, "request_too_large", None)),
    ],
)
@in_loop
async def test_a_click_that_cannot_be_taken_is_told_why(
    query: str, refusal: tuple[int, str, str | None]
) -> None:
    async with running(linked()) as ingest:
        assert code(await get(ingest, query)) == refusal
        assert ingest.stored() == []


@in_loop
async def test_a_refused_click_is_logged_with_the_app_of_its_link() -> None:
    async with running(linked()) as ingest:
        await get(ingest, f"token={TOKEN}&{LINK}&no_redirect=1&event_time=soon")
        await ingest.parts.rejections.write()

        (entry,) = recent_rejections(ingest.redis, 9)
        assert (entry.endpoint, entry.app_id, entry.code) == ("/click", 1, "malformed_field")


@in_loop
async def test_a_new_link_works_from_its_very_first_click() -> None:
    async with running(snapshot(1)) as ingest:
        publish(ingest.redis, linked(snapshot(2)))

        assert (await get(ingest, LINK)).status_code == 302


@in_loop
async def test_a_link_that_is_gone_takes_no_further_click() -> None:
    async with running(linked(snapshot(1))) as ingest:
        publish(ingest.redis, snapshot(2))

        assert code(await get(ingest, LINK)) == (400, "unknown_link", None)
        assert ingest.stored() == []


@in_loop
async def test_without_redis_a_person_is_still_sent_on_and_counted_as_lost(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running(linked()) as ingest:
        await ingest.lose_redis()

        answers = [await get(ingest, LINK) for _ in range(3)]
        await ingest.parts.rejections.write()

        assert [answer.status_code for answer in answers] == [302] * 3
        for answer in answers:
            assert answer.headers["location"].startswith(DESTINATION)
            assert answer.headers["cache-control"] == "no-store"
            assert "waybill-receipt" not in answer.headers
        assert "3 clicks were redirected but could not be stored" in caplog.text

        ingest.find_redis()
        await until(lambda: ingest.parts.gate.reachable)
        await ingest.parts.rejections.write()
        assert rejection_counts(ingest.redis)[CLICK_LOST] == 3
        assert ingest.stored() == []


@in_loop
async def test_a_full_inbox_does_not_stop_a_person_either() -> None:
    async with running(linked()) as ingest:
        ingest.parts.gate.note_backlog(10**9)

        assert (await get(ingest, LINK)).status_code == 302
        await ingest.parts.rejections.write()

        (entry,) = recent_rejections(ingest.redis, 9)
        assert (entry.code, entry.status, entry.endpoint) == (CLICK_LOST, 302, "/click")
        assert entry.parameters == {"offer_id": "12", "pub_id": "34"}


@pytest.mark.parametrize("path", ["/click", "/impression"])
@in_loop
async def test_whoever_is_not_sent_on_is_told_to_come_back(path: str) -> None:
    async with running(linked()) as ingest:
        await ingest.lose_redis()

        answer = await get(ingest, f"{LINK}&no_redirect=true", path)

        assert code(answer) == (503, "inbox_unreachable", None)
        assert int(answer.headers["retry-after"]) >= 1


@in_loop
async def test_without_redis_a_link_nobody_knows_may_be_new_and_is_not_refused() -> None:
    async with running(linked()) as ingest:
        await ingest.lose_redis()

        answer = await get(ingest, "offer_id=99&pub_id=34")

        assert code(answer) == (503, "inbox_unreachable", None)


@in_loop
async def test_a_process_that_has_lost_its_snapshot_sends_on_by_the_links_it_knew() -> None:
    async with running(linked()) as ingest:
        ingest.redis.delete(NAMES.snapshot, NAMES.snapshot_version)
        ingest.parts.credential_store.use(None)
        known, unknown = await get(ingest, LINK), await get(ingest, "offer_id=99&pub_id=34")

        assert known.status_code == 302
        assert known.headers["location"].startswith(DESTINATION)
        assert ingest.stored() == []
        assert code(unknown) == (503, "not_ready", None)
        assert "location" not in unknown.headers


@pytest.mark.parametrize("header", ["Sec-Purpose", "Purpose", "X-Moz"])
@in_loop
async def test_a_prefetch_is_no_click(header: str) -> None:
    async with running(linked()) as ingest:
        answer = await get(ingest, LINK, **{header: "prefetch;prerender"})

        assert code(answer) == (503, "prefetch", None)
        assert "location" not in answer.headers
        assert ingest.stored() == []


@pytest.mark.parametrize(
    ("hops", "address"), [("0", PEER), ("1", "203.0.113.7"), ("2", "203.0.113.66")]
)
@in_loop
async def test_the_address_of_a_person_is_the_one_that_trusted_proxies_saw(
    hops: str, address: str
) -> None:
    async with running(linked(), WAYBILL_FORWARDED_HOPS=hops) as ingest:
        await get(ingest, LINK, X_Forwarded_For="203.0.113.66, 203.0.113.7")

        assert only(ingest).ip_address == address


@pytest.mark.parametrize("path", ["/click", "/impression"])
@in_loop
async def test_a_link_checker_gets_the_answer_of_a_click_and_makes_none(path: str) -> None:
    async with running(linked()) as ingest:
        for query in (LINK, f"{LINK}&campaign=S%F8ren&gaid={{gaid}}&x=a&x=b"):
            answer = await ingest.conductor.simulate_head(path, query_string=query)
            assert (answer.status_code, answer.content) == (302 if path == "/click" else 200, b"")
            assert "waybill-receipt" not in answer.headers
            assert ingest.stored() == []
            clicked = await get(ingest, query, path)
            assert clicked.status_code == answer.status_code
            if path == "/click":
                assert answer.headers["location"].startswith(DESTINATION)
            ingest.redis.delete(NAMES.inbox)


@in_loop
async def test_a_link_checker_is_answered_while_no_click_can_be_stored() -> None:
    async with running(linked()) as ingest:
        await ingest.lose_redis()
        answer = await ingest.conductor.simulate_head("/click", query_string=LINK)
        assert answer.status_code == 302
        ingest.find_redis()
        assert CLICK_LOST not in rejection_counts(ingest.redis)


@pytest.mark.parametrize("path", ["/click", "/impression"])
@in_loop
async def test_what_a_link_checker_asks_of_no_link_is_refused(path: str) -> None:
    async with running(linked()) as ingest:
        answer = await ingest.conductor.simulate_head(path, query_string="offer_id=0&pub_id=0")
        asked = await get(ingest, "offer_id=0&pub_id=0", path)

        assert answer.status_code == asked.status_code >= 400
        assert answer.content == b""


@pytest.mark.parametrize("path", ["/conversion", "/postback", "/s2sevent", "/event"])
@in_loop
async def test_head_where_servers_call_is_refused_and_stores_nothing(path: str) -> None:
    async with running(linked()) as ingest:
        answer = await ingest.conductor.simulate_head(path, query_string="click_id=c&event_id=e")

        assert answer.status_code == 405
        assert ingest.stored() == []


@pytest.mark.parametrize("path", ["/clickoffer_id=12&pub_id=34", "/click/", "//shop.example/click"])
@in_loop
async def test_no_other_path_sends_anybody_anywhere(path: str) -> None:
    async with running(linked()) as ingest:
        answer = await get(ingest, LINK, path)

        assert answer.status_code == 404
        assert "location" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"X_Forwarded_Host": "evil.example"},
        {"Forwarded": "host=evil.example"},
        {"X_Original_URL": "https://evil.example"},
        {"Referer": "https://evil.example"},
    ],
)
@in_loop
async def test_no_header_says_where_to_go(headers: dict[str, str]) -> None:
    async with running(linked()) as ingest:
        answer = await get(ingest, LINK, **headers)

        assert answer.headers["location"].startswith(DESTINATION)
