"""Who may send as an SDK: nobody unless the app allows it, and then for nothing but SDK traffic."""

import pytest
from msgspec import structs

from shared.scopes import Scope
from tests.support.build import TOKEN
from tests.unit.ingest.harness import publish
from tests.unit.ingest.sdks.sdk_app import (
    APP_TOKEN,
    SDK_TOKEN,
    TEST_TOKEN,
    sdk_ingest,
    sdk_snapshot,
    send_batch,
    send_form,
)
from tests.unit.loop import in_loop, until

ALL = tuple(Scope)
EVENT = f"app_token={APP_TOKEN}&event_token=f0ob4r&web_uuid=29e1aeef-22dc-4a45-19d2-64f736b4616b"
DECLARED = "queue_size=1&attempts=1&platform=web"
SDK_PATHS = ("/sdk_click", "/attribution", "/sdk_info")
SHARED_PATHS = (
    *("/event", "/session", "/ad_revenue", "/gdpr_forget_device", "/third_party_sharing"),
    "/measurement_consent",
)
SWAARM_PATHS = (
    *("/sdk", "/websdk", "/utm_click", "/attribution-data", "/deeplink", "/associate-user"),
    *("/sdk-tracked-breakpoints", "/sdk-allowed-breakpoint-collectors", "/sdk-breakpoints"),
)


@pytest.mark.parametrize("path", SHARED_PATHS)
@in_loop
async def test_who_only_declares_to_be_an_sdk_needs_a_token_like_every_server(path: str) -> None:
    async with sdk_ingest(is_on=False, enforced=ALL) as ingest:
        answer = await send_form(ingest, path, f"{EVENT}&{DECLARED}&revenue=1&currency=EUR")
        assert answer.status_code == 401
        assert ingest.stored() == []


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        (f"{EVENT}&s2s=1", {}),
        (f"{EVENT}&s2s=1&{DECLARED}", {}),
        (EVENT, {"Authorization": "Bearer wrong"}),
        (f"{EVENT}&s2s_token=wrong", {}),
    ],
)
@in_loop
async def test_a_servers_call_stays_one_where_sdk_traffic_is_on(
    form: str, headers: dict[str, str]
) -> None:
    async with sdk_ingest(enforced=ALL) as ingest:
        answer = await send_form(ingest, "/event", form, **headers)
        assert answer.status_code == 401
        assert ingest.stored() == []


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        (EVENT, {}),
        (EVENT, {"Authorization": 'Signature signature="3B54",secret_id="1",algorithm="adj7"'}),
        (f"{EVENT}&platform=web", {"Client-SDK": ""}),
        (f"{EVENT}&queue_size=0", {"Client-SDK": ""}),
        (f"{EVENT}&attempts=3", {"Client-SDK": ""}),
    ],
)
@in_loop
async def test_an_sdk_needs_no_token_where_its_traffic_is_on(
    form: str, headers: dict[str, str]
) -> None:
    async with sdk_ingest(enforced=ALL) as ingest:
        sent = {name: text for name, text in headers.items() if text}
        if "Client-SDK" in headers:
            answer = await ingest.conductor.simulate_post(
                "/event",
                body=form.encode(),
                headers={"Content-Type": "application/x-www-form-urlencoded", **sent},
            )
        else:
            answer = await send_form(ingest, "/event", form, **sent)
        assert answer.status_code == 200
        (event,) = ingest.stored()
        assert (event.app_id, event.token_id, event.would_refuse) == (1, 0, None)
        assert event.sdk in {"js5.8.3", "adjust"}


@pytest.mark.parametrize("path", SDK_PATHS)
@in_loop
async def test_adjusts_sdks_are_refused_where_their_traffic_is_off(path: str) -> None:
    async with sdk_ingest(is_on=False) as ingest:
        answer = await send_form(ingest, path, EVENT)
        assert (answer.status_code, ingest.stored()) == (403, [])
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", SWAARM_PATHS)
@pytest.mark.parametrize(
    ("token", "is_on", "status"),
    [(SDK_TOKEN, False, 403), (TOKEN, True, 401), ("wrong", True, 401), ("", True, 401)],
)
@in_loop
async def test_swaarms_sdks_need_a_public_token_and_their_traffic_on(
    path: str, token: str, is_on: bool, status: int
) -> None:
    async with sdk_ingest(is_on=is_on) as ingest:
        answer = await ingest.conductor.simulate_get(
            path, headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/postback", "user_id=u1&event_id=sale"),
        ("/s2sevent", "user_id=u1&event_id=sale&user_ip=198.51.100.7&user_ua=Safari"),
        ("/event", f"{EVENT}&s2s=1"),
        ("/impression", "no_redirect=true&site=x"),
    ],
)
@in_loop
async def test_a_public_token_opens_no_endpoint_of_servers(path: str, query: str) -> None:
    async with sdk_ingest(enforced=ALL) as ingest:
        answer = await ingest.conductor.simulate_get(
            path, query_string=query, headers={"Authorization": f"Bearer {SDK_TOKEN}"}
        )
        # An impression, like a click, is a visitor's own.
        assert answer.status_code == (200 if path == "/impression" else 401)
        batch = await ingest.batch([{"type": "event", "user_id": "u"}], token=SDK_TOKEN)
        assert batch.json["rejected"] == 1 or batch.status_code == 401


@in_loop
async def test_what_a_public_token_says_of_its_visitors_click_is_not_believed() -> None:
    async with sdk_ingest() as ingest:
        answer = await ingest.conductor.simulate_get(
            "/click",
            query_string=f"no_redirect=true&web_token={SDK_TOKEN}&event_time=1767000000&site=x",
            headers={"User-Agent": "Safari"},
        )
        (click,) = ingest.stored()
        assert answer.json == {"id": click.click_id}
        assert click.event_time_ms is None
        assert click.user_agent == "Safari"


@in_loop
async def test_the_events_of_a_test_token_are_in_the_sandbox() -> None:
    async with sdk_ingest() as ingest:
        await send_batch(ingest, {"vendorId": "v1"}, token=TEST_TOKEN)
        assert [event.environment for event in ingest.stored()] == ["sandbox"]


@in_loop
async def test_switching_off_takes_effect_with_the_next_snapshot() -> None:
    async with sdk_ingest() as ingest:
        publish(ingest.redis, structs.replace(sdk_snapshot(is_on=False), version=2))
        await until(lambda: ingest.parts.credential_store.version == 2)
        answers = [
            await send_batch(ingest, {"vendorId": "v1"}),
            await send_form(ingest, "/sdk_click", EVENT),
        ]
        assert [answer.status_code for answer in answers] == [403, 403]
        assert ingest.stored() == []
