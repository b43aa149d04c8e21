"""Requests about a device's data, and what is answered afterwards, in the whole of ingest."""

from typing import Any

import pytest
from msgspec import structs

from shared.privacy.identities import IdKind, PersonId
from shared.privacy.requests import PrivacyAction, waiting_requests
from shared.privacy.tombstone_key import new_wrapped_key
from shared.snapshot import KnownApp, KnownEventType, Snapshot
from tests.support.build import NOW_MS, snapshot
from tests.support.build import settings as build_settings
from tests.unit.ingest.harness import Running, running
from tests.unit.loop import in_loop

DEVICE = "38400000-8cf0-11bd-b23e-10b96e40000d"
PARTNERS = '{"PartnerA":{"all":false,"event":true}}'
TYPES = {"tok": KnownEventType(9, "purchase")}


def _known() -> Snapshot:
    wrapped = new_wrapped_key(build_settings().secret_key)
    apps = {"app": KnownApp(1, event_types=TYPES), "other": KnownApp(2, event_types=TYPES)}
    return structs.replace(snapshot(), apps=apps, tombstone_key=wrapped)


async def _post(ingest: Running, path: str, **parameters: str) -> Any:
    return await ingest.conductor.simulate_post(
        path, params={"s2s": "1", "app_token": "app", **parameters}
    )


@in_loop
async def test_a_forgotten_device_is_refused_by_the_very_next_request_of_its_app() -> None:
    async with running(_known()) as ingest:
        forgotten = await _post(ingest, "/gdpr_forget_device", gps_adid=DEVICE)
        answers = [
            await _post(ingest, "/event", event_token="tok", gps_adid=DEVICE.upper()),
            await _post(ingest, "/session", gps_adid=DEVICE, idfv="another-id-of-it"),
            await _post(ingest, "/gdpr_forget_device", gps_adid=DEVICE),
        ]
        choice = await _post(ingest, "/third_party_sharing", gps_adid=DEVICE, sharing="enable")
        by_sdk = await ingest.conductor.simulate_post(
            "/session",
            params={"app_token": "app", "gps_adid": DEVICE},
            headers={"Client-SDK": "js5.8.3"},
        )
        others = [
            await _post(ingest, "/event", event_token="tok", gps_adid=DEVICE, app_token="other"),
            await _post(ingest, "/event", event_token="tok", gps_adid="1" + DEVICE[1:]),
        ]

    assert (forgotten.status_code, forgotten.json) == (200, {"status": "OK"})
    assert [answer.status_code for answer in answers] == [451] * 3
    assert choice.status_code == 200, "it is accepted, and changes nothing"
    assert (by_sdk.status_code, by_sdk.json["tracking_state"]) == (200, "opted_out")
    assert answers[0].json == {"error": "Event request failed (Device is opted out)"}
    assert [answer.status_code for answer in others] == [200, 200]


@in_loop
async def test_a_request_to_forget_names_every_id_that_came_with_it() -> None:
    async with running(_known()) as ingest:
        await _post(ingest, "/gdpr_forget_device", gps_adid=DEVICE.upper(), adid="a" * 31 + "1")
        ((_, request),) = waiting_requests(ingest.redis)
        assert request is not None

    assert request.action is PrivacyAction.FORGET
    assert (request.app_id, request.at_ms) == (1, NOW_MS)
    assert {PersonId(IdKind.DEVICE, DEVICE), PersonId(IdKind.DEVICE, "a" * 31 + "1")} < set(
        request.ids
    )
    assert PersonId(IdKind.USER, DEVICE) in request.ids


@pytest.mark.parametrize(
    ("path", "parameters", "expected"),
    [
        ("/third_party_sharing", {"sharing": "disable"}, (False, {}, {})),
        (
            "/third_party_sharing",
            {"sharing": "enable", "partner_sharing_settings": PARTNERS},
            (True, {"PartnerA": {"all": False, "event": True}}, {}),
        ),
        (
            "/third_party_sharing",
            {"granular_third_party_sharing_options": '{"google_dma":{"eea":"1"}}'},
            (None, {}, {"google_dma": {"eea": "1"}}),
        ),
        ("/measurement_consent", {"measurement": "disable"}, (False, {}, {})),
        ("/measurement_consent", {"measurement": "Enable"}, (True, {}, {})),
    ],
)
@in_loop
async def test_choices_are_passed_on_as_they_were_made(
    path: str, parameters: dict[str, str], expected: tuple[object, ...]
) -> None:
    async with running(_known()) as ingest:
        answer = await _post(ingest, path, idfa=DEVICE, **parameters)
        ((_, request),) = waiting_requests(ingest.redis)
        assert request is not None

    assert answer.status_code == 200
    assert (request.is_on, request.partners, request.options) == expected


@pytest.mark.parametrize("time", ["2026-01-02T15:04:05.000Z+0000", "1", "no time", "9" * 40])
@in_loop
async def test_a_request_is_not_refused_for_the_time_that_a_device_gives(time: str) -> None:
    async with running(_known()) as ingest:
        answer = await _post(ingest, "/gdpr_forget_device", idfa=DEVICE, created_at=time)
        ((_, request),) = waiting_requests(ingest.redis)
        assert request is not None

    assert answer.status_code == 200
    assert request.at_ms <= NOW_MS


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/gdpr_forget_device", {}),
        ("/gdpr_forget_device", {"idfa": "00000000-0000-0000-0000-000000000000"}),
        ("/third_party_sharing", {"idfa": DEVICE}),
        ("/third_party_sharing", {"idfa": DEVICE, "sharing": "maybe"}),
        ("/third_party_sharing", {"idfa": DEVICE, "partner_sharing_settings": '{"PartnerA":'}),
        ("/third_party_sharing", {"sharing": "disable"}),
        ("/measurement_consent", {"idfa": DEVICE}),
        ("/measurement_consent", {"idfa": DEVICE, "measurement": "off"}),
        ("/gdpr_forget_device", {"idfa": DEVICE, "app_token": ""}),
    ],
)
@in_loop
async def test_what_says_too_little_or_nonsense_is_refused_and_nothing_is_passed_on(
    path: str, parameters: dict[str, str]
) -> None:
    async with running(_known()) as ingest:
        answer = await _post(ingest, path, **parameters)
        waiting = waiting_requests(ingest.redis)

    assert answer.status_code == 400
    assert "error" in answer.json
    assert waiting == []


@in_loop
async def test_nobody_is_erased_by_following_a_link() -> None:
    async with running(_known()) as ingest:
        answer = await ingest.conductor.simulate_get(
            "/gdpr_forget_device", params={"app_token": "app", "gps_adid": DEVICE}
        )

    assert answer.status_code == 405


@in_loop
async def test_a_process_without_the_key_of_tombstones_asks_to_send_it_again() -> None:
    async with running(structs.replace(_known(), tombstone_key=b"")) as ingest:
        answer = await _post(ingest, "/gdpr_forget_device", gps_adid=DEVICE)

    assert answer.status_code == 503
