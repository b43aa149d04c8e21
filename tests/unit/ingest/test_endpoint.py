"""The way of a request: what is sent, how it is answered and what is stored."""

import asyncio
import re

import pytest
from falcon.testing import Result
from msgspec import structs

from shared.errors import Overloaded
from shared.events import Environment, Kind
from shared.ids import receipt_time_ms
from shared.integration_log import recent_checks
from shared.limits.app_limits import AppLimits
from shared.redis import stream_entries
from shared.rejections import Rejection, recent_rejections, rejection_counts
from shared.snapshot import KnownApp, Snapshot
from shared.tokens import new_token
from tests.support.build import LINK, NOW_MS, TOKEN, grant, linked, snapshot
from tests.support.redis_names import NAMES
from tests.unit.ingest.harness import POSTBACK, Running, publish, running
from tests.unit.loop import in_loop, until

FIELDS = "user_id=0000-AAAA-BBBB-CCCC&event_id=register"
ANSWER = re.compile(rb'\{"status":"ok","id":"([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{17,})"\}')


async def log_of(ingest: Running) -> list[Rejection]:
    await ingest.parts.rejections.write()
    return recent_rejections(ingest.redis, 100)


def error(answer: Result) -> tuple[int, str, str | None]:
    """Returns status, code and field of a refusal, which must have the shape of all refusals."""
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json) == {"error"}
    assert set(answer.json["error"]) == {"code", "field", "message"}
    assert answer.json["error"]["message"].endswith(".")
    return answer.status_code, answer.json["error"]["code"], answer.json["error"]["field"]


@in_loop
async def test_an_accepted_event_is_answered_with_its_receipt_in_body_and_header() -> None:
    async with running() as ingest:
        answer = await ingest.get()

        (event,) = ingest.stored()
        match = ANSWER.fullmatch(answer.content)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert match is not None
        assert match[1].decode() == answer.headers["waybill-receipt"] == str(event.receipt)


@in_loop
async def test_an_event_is_stored_with_who_sent_it_and_when() -> None:
    held = snapshot(1, t=grant(app_id=3, token_id=4, environment=Environment.SANDBOX))
    async with running(held) as ingest:
        await ingest.get(f"s2s_token=t&{FIELDS}")

        (event,) = ingest.stored()
        assert (event.app_id, event.token_id) == (3, 4)
        assert event.environment is Environment.SANDBOX
        assert event.received_at_ms == receipt_time_ms(event.receipt) == NOW_MS


@pytest.mark.parametrize("name", ["s2s_token", "token", "s2stoken", "web_token"])
@in_loop
async def test_a_token_is_taken_as_a_parameter_and_never_kept(name: str) -> None:
    async with running() as ingest:
        assert (await ingest.get(f"{name}={TOKEN}&{FIELDS}&colour=red")).status_code == 200

        (event,) = ingest.stored()
        assert event.parameters == {"colour": "red"}
        assert TOKEN not in repr(event)


@pytest.mark.parametrize(
    "header", [TOKEN, f"Bearer {TOKEN}", f"bearer {TOKEN}", f"BEARER  {TOKEN} ", f" {TOKEN}"]
)
@in_loop
async def test_a_token_is_taken_from_the_header_with_or_without_bearer(header: str) -> None:
    async with running() as ingest:
        answer = await ingest.get(FIELDS, headers={"Authorization": header})

        assert answer.status_code == 200
        assert TOKEN not in repr(ingest.stored())


@in_loop
async def test_a_token_may_stand_anywhere_in_the_query_or_in_the_form() -> None:
    async with running() as ingest:
        assert (await ingest.get(f"{FIELDS}&s2s_token={TOKEN}")).status_code == 200
        assert (await ingest.post(FIELDS, f"s2s_token={TOKEN}")).status_code == 200
        assert (await ingest.post(f"s2s_token={TOKEN}", FIELDS)).status_code == 200


@in_loop
async def test_the_same_token_in_several_places_is_one_token() -> None:
    async with running() as ingest:
        query = f"s2s_token={TOKEN}&token={TOKEN}&web_token=&{FIELDS}"

        answer = await ingest.get(query, headers={"Authorization": f"Bearer {TOKEN}"})

        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        (FIELDS, {}),
        (f"s2s_token=&{FIELDS}", {}),
        (f"s2s_token=wrong&{FIELDS}", {}),
        (f"S2S_TOKEN={TOKEN}&{FIELDS}", {}),
        (f"s2s_token={TOKEN.lower()}&{FIELDS}", {}),
        (f"s2s_token={TOKEN}%00&{FIELDS}", {}),
        (f"s2s_token=%FF%FE&{FIELDS}", {}),
        (f"s2s_token={'x' * 10_000}&{FIELDS}", {}),
        (FIELDS, {"Authorization": "wrong"}),
        (FIELDS, {"Authorization": f"Basic {TOKEN}"}),
        (FIELDS, {"Authorization": "Bearer"}),
        (POSTBACK, {"Authorization": "Bearer another"}),
        (f"{POSTBACK}&token=another", {}),
    ],
)
@in_loop
async def test_without_one_active_token_nobody_is_let_in(
    query: str, headers: dict[str, str]
) -> None:
    async with running() as ingest:
        answer = await ingest.get(query, headers=headers)

        assert error(answer) == (401, "unauthorized", None)
        assert ingest.stored() == []


@in_loop
async def test_the_token_comes_first_so_that_a_stranger_learns_nothing_of_the_fields() -> None:
    async with running() as ingest:
        for query in ("", "user_id=%FF", "user_id=a&user_id=b", "sale_amount=NaN"):
            assert error(await ingest.get(query)) == (401, "unauthorized", None)
        for query in ("", "user_id=%FF", "user_id=a&user_id=b"):
            assert (await ingest.get(f"{query}&s2s_token={TOKEN}")).status_code == 400


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ("", (400, "missing_field", "user_id")),
        ("user_id=u", (400, "missing_field", "event_id")),
        ("user_id=%FF&event_id=e", (400, "malformed_field", "user_id")),
        ("user_id=a%00b&event_id=e", (400, "malformed_field", "user_id")),
        ("user_id=u&event_id=e&sale_amount=NaN", (400, "malformed_field", "sale_amount")),
        ("user_id=u&event_id=e&sale_amount=1e400", (400, "malformed_field", "sale_amount")),
        ("user_id=u&event_id=a&event_id=b", (400, "conflicting_values", "event_id")),
        ("&".join(f"p{n}=1" for n in range(64)), (400, "too_many_parameters", None)),
        ("event_value=" + "x" * 65_536, (413, "request_too_large", None)),
    ],
)
@in_loop
async def test_bad_input_is_told_its_code_and_its_field(
    query: str, refusal: tuple[int, str, str | None]
) -> None:
    async with running() as ingest:
        assert error(await ingest.get(f"{query}&s2s_token={TOKEN}")) == refusal
        assert ingest.stored() == []
        assert [(entry.code, entry.field) for entry in await log_of(ingest)] == [refusal[1:]]


@in_loop
async def test_query_and_form_are_one_set_of_parameters() -> None:
    async with running() as ingest:
        await ingest.post(f"s2s_token={TOKEN}&user_id=u&event_id=", "event_id=__open&event_value=v")

        (event,) = ingest.stored()
        assert (event.user_id, event.event_id, event.event_value) == ("u", "__open", "v")
        assert event.kind is Kind.OPEN


@in_loop
async def test_a_key_in_the_header_is_kept_with_the_event() -> None:
    async with running() as ingest:
        await ingest.get(headers={"Idempotency-Key": "k-1"})

        assert ingest.stored()[0].idempotency_key == "k-1"


@in_loop
async def test_a_repeat_gets_a_receipt_of_its_own() -> None:
    async with running() as ingest:
        answers = [await ingest.get(headers={"Idempotency-Key": "k-1"}) for _ in range(2)]

        assert len({answer.json["id"] for answer in answers}) == 2


@in_loop
async def test_requests_at_the_same_moment_each_get_their_own_receipt() -> None:
    async with running() as ingest:
        answers = await asyncio.gather(*[ingest.get() for _ in range(50)])

        assert {answer.status_code for answer in answers} == {200}
        assert {answer.json["id"] for answer in answers} == {
            str(event.receipt) for event in ingest.stored()
        }
        assert len(ingest.stored()) == 50


@in_loop
async def test_without_redis_a_sender_is_told_to_come_back() -> None:
    async with running() as ingest:
        await ingest.lose_redis()

        answer = await ingest.get()

        assert error(answer) == (503, "inbox_unreachable", None)
        assert int(answer.headers["retry-after"]) >= 1


@in_loop
async def test_service_resumes_when_redis_does() -> None:
    async with running() as ingest:
        await ingest.lose_redis()
        await ingest.get()
        ingest.find_redis()
        await until(lambda: ingest.parts.gate.reachable)

        assert (await ingest.get()).status_code == 200


@in_loop
async def test_a_full_inbox_tells_senders_to_come_back() -> None:
    async with running() as ingest:
        ingest.parts.gate.note_backlog(10**9)

        answer = await ingest.get()

        assert error(answer) == (503, Overloaded.code, None)
        assert int(answer.headers["retry-after"]) >= 1
        assert ingest.stored() == []


@in_loop
async def test_a_process_that_lost_its_snapshot_makes_nobody_a_stranger() -> None:
    async with running() as ingest:
        ingest.redis.delete(NAMES.snapshot, NAMES.snapshot_version)

        answer = await ingest.get()

        assert error(answer) == (503, "not_ready", None)
        assert answer.headers["retry-after"]
        assert ingest.stored() == []


@in_loop
async def test_a_redis_that_may_lose_what_it_confirms_is_given_no_event() -> None:
    async with running() as ingest:
        ingest.telling.configuration["appendfsync"] = "everysec"
        ingest.parts.gate.durable = False

        answer = await ingest.get()

        assert error(answer) == (503, "inbox_not_durable", None)
        assert answer.headers["retry-after"]
        assert ingest.stored() == []


@in_loop
async def test_a_revoked_token_is_refused_by_the_very_next_request() -> None:
    async with running() as ingest:
        assert (await ingest.get()).status_code == 200

        publish(ingest.redis, snapshot(2, another=grant()))

        assert error(await ingest.get()) == (401, "unauthorized", None)
        assert len(ingest.stored()) == 1


@in_loop
async def test_a_new_token_is_let_in_by_the_very_next_request() -> None:
    async with running() as ingest:
        publish(ingest.redis, snapshot(2, new=grant()))

        assert (await ingest.get(f"s2s_token=new&{FIELDS}")).status_code == 200


@in_loop
async def test_a_refusal_is_logged_with_what_was_understood_so_far() -> None:
    async with running() as ingest:
        await ingest.post(f"s2s_token={TOKEN}&user_id=u", "sale_amount=1")

        assert await log_of(ingest) == [
            Rejection(
                at_ms=NOW_MS,
                endpoint="/postback",
                method="POST",
                status=400,
                code="missing_field",
                field="event_id",
                app_id=1,
                parameters={"s2s_token": "***", "user_id": "u", "sale_amount": "1"},
            )
        ]


@in_loop
async def test_a_stranger_is_logged_without_an_app_and_without_the_token() -> None:
    async with running() as ingest:
        await ingest.get(f"s2s_token=wrongwrong&{FIELDS}", headers={"Authorization": "otherother"})

        (entry,) = await log_of(ingest)
        assert (entry.code, entry.app_id) == ("unauthorized", None)
        assert "wrongwrong" not in repr(entry)
        assert "otherother" not in repr(entry)


@in_loop
async def test_a_token_sent_as_a_name_is_in_no_part_of_the_log() -> None:
    token = new_token()
    async with running() as ingest:
        await ingest.get(f"{POSTBACK}&{token}=%FF&event_time=soon")

        (entry,) = await log_of(ingest)
        assert entry.code == "malformed_field"
        assert token not in repr(entry)


@in_loop
async def test_every_refusal_is_counted_by_its_code() -> None:
    async with running() as ingest:
        await ingest.get("")
        await ingest.get("")
        await ingest.get(f"s2s_token={TOKEN}")
        await log_of(ingest)

        assert rejection_counts(ingest.redis) == {"unauthorized": 2, "missing_field": 1}


@in_loop
async def test_a_token_is_in_no_log_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with running() as ingest:
        await ingest.get()
        await ingest.get(f"s2s_token={TOKEN}x&{FIELDS}")
        await ingest.lose_redis()
        await ingest.get()

        assert TOKEN not in caplog.text


def limited(**limits: int) -> Snapshot:
    """Limits the app of TOKEN and of LINK."""
    held = linked(snapshot())
    app = KnownApp(1, limits=AppLimits(**limits))
    return structs.replace(held, apps={"4w565xzmb54d": app})


async def click(ingest: Running, query: str) -> Result:
    return await ingest.conductor.simulate_get("/click", query_string=query)


@in_loop
async def test_beyond_a_limit_a_sender_is_told_when_to_come_again_and_its_team_sees_it() -> None:
    async with running(limited(token_requests_per_second_max=5)) as ingest:
        answers = [await ingest.get() for _ in range(30)]
        log = await log_of(ingest)
        await ingest.parts.checks.write()
        (checks,) = recent_checks(ingest.redis, 1, [1], 50).values()

    refused = [answer for answer in answers if answer.status_code != 200]
    assert len(refused) >= 15
    assert {error(answer) for answer in refused} == {(429, "rate_limited", None)}
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert len(ingest.stored()) == 30 - len(refused)
    assert {entry.code for entry in log} == {"rate_limited"}
    assert {entry.status for entry in checks} == {200, 429}


@in_loop
async def test_beyond_a_limit_people_who_click_are_sent_on_and_counted_as_not_stored() -> None:
    async with running(limited(address_requests_per_second_max=5)) as ingest:
        clicks = [await click(ingest, LINK) for _ in range(30)]
        program = await click(ingest, f"{LINK}&no_redirect=true")
        await ingest.parts.rejections.write()
        counts = rejection_counts(ingest.redis)

    assert {answer.status_code for answer in clicks} == {302}
    assert len({answer.headers["location"].split("?")[0] for answer in clicks}) == 1
    assert program.status_code == 429
    assert len(ingest.stored()) < 25
    assert counts == {"click_lost": 30 - len(ingest.stored()), "rate_limited": 1}


@in_loop
async def test_an_archived_link_sends_people_on_and_stores_none_of_their_clicks() -> None:
    held = linked(snapshot(), is_archived=True)
    async with running(held) as ingest:
        person = await click(ingest, f"{LINK}&pub_click_id=1")
        program = await click(ingest, f"{LINK}&no_redirect=true")
        impression = await ingest.conductor.simulate_get("/impression", query_string=LINK)
        event = await ingest.get()

    assert person.status_code == 302
    assert person.headers["location"].startswith("https://shop.example/welcome")
    assert "waybill-receipt" not in person.headers
    assert error(program) == (400, "archived_link", None)
    assert error(impression) == (400, "archived_link", None)
    assert event.status_code == 200
    assert [stored.kind for stored in ingest.stored()] == [Kind.EVENT]


@in_loop
async def test_without_limits_of_its_own_a_sender_with_a_token_is_never_limited() -> None:
    async with running(limited()) as ingest:
        answers = [await ingest.get() for _ in range(30)]

    assert {answer.status_code for answer in answers} == {200}
    assert not ingest.parts.limiter.rates


@in_loop
async def test_with_its_queue_full_an_app_is_refused_its_clicks_redirect_and_others_pass() -> None:
    async with running(limited(queued_events_max=3)) as ingest:
        stored = [await ingest.get() for _ in range(3)]
        await ingest.parts.queues.read()
        refused = await ingest.get()
        redirected = await click(ingest, LINK)
        for entry_id, _ in stream_entries(ingest.redis.xrange(NAMES.inbox)):
            ingest.redis.xdel(NAMES.inbox, entry_id)
        ingest.redis.delete(NAMES.inbox_apps)
        await ingest.parts.queues.read()
        later = await ingest.get()
        await ingest.parts.rejections.write()
        counts = rejection_counts(ingest.redis)

    assert {answer.status_code for answer in stored} == {200}
    assert error(refused) == (429, "rate_limited", None)
    assert refused.headers["retry-after"] == "5"
    assert redirected.status_code == 302
    assert later.status_code == 200
    assert counts == {"click_lost": 1, "rate_limited": 1}
