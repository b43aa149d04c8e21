"""A callback is identified and signed as Standard Webhooks describes it."""

import base64
import hmac

import msgspec
from msgspec.structs import replace

from shared.callbacks.conversion_facts import SAMPLE
from shared.callbacks.masking import masked_url
from shared.callbacks.requests import (
    BODY_BYTES_MAX,
    CallbackEndpoint,
    Signing,
    build_request,
    json_body,
    shown_secret,
    signature,
    signing_secret,
    wrap_signing_key,
)
from tests.support.build import NOW_MS, SECRET_KEY


def test_the_signature_is_that_of_the_specification() -> None:
    signed = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )

    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_post_carries_json_and_signs_it() -> None:
    endpoint = CallbackEndpoint(7, "POST", "https://p.example/hook")
    request = build_request(SECRET_KEY, endpoint, SAMPLE, NOW_MS)

    headers = dict(request.headers)
    content = f"{SAMPLE.id}.{NOW_MS // 1000}.".encode() + request.body
    key = base64.b64decode(signing_secret(SECRET_KEY, 7, Signing()).removeprefix("whsec_"))
    expected = base64.b64encode(hmac.digest(key, content, "sha256")).decode()
    assert headers["webhook-id"] == str(SAMPLE.id)
    assert headers["webhook-signature"] == f"v1,{expected}"
    document = msgspec.json.decode(request.body)
    assert document["type"] == "event"
    assert document["data"]["pub_click_id"] == "network-click-77"


def test_a_get_signs_its_url() -> None:
    endpoint = CallbackEndpoint(7, "GET", "https://p.example/cb?c={click_id}")
    request = build_request(SECRET_KEY, endpoint, SAMPLE, NOW_MS)

    secret = signing_secret(SECRET_KEY, 7, Signing())
    expected = signature(secret, str(SAMPLE.id), NOW_MS // 1000, request.url.encode())
    assert dict(request.headers)["webhook-signature"] == expected
    assert request.body == b""


def test_an_apps_own_url_has_the_callback_parameters_of_its_event_and_a_partners_has_not() -> None:
    facts = replace(SAMPLE, parameters={"callback_params": '{"order": "A 1&b=2", "event": "x"}'})
    url = "https://p.example/cb?event={event}"

    for is_partners, told in ((False, "&order=A%201%26b%3D2"), (True, "")):
        endpoint = CallbackEndpoint(7, "GET", url, is_partners=is_partners)
        sent = build_request(SECRET_KEY, endpoint, facts, NOW_MS)
        assert sent.url == f"https://p.example/cb?event=pur123{told}"


def test_json_has_what_was_sent_along_under_its_macros_name() -> None:
    facts = replace(
        SAMPLE,
        parameters={"os_name": "ios", "partner_params": '{"a":"b"}', "iad_keyword": ""},
        click_parameters={"os_name": "android", "iad_keyword": "shoes", "nothing": "1"},
    )
    data = msgspec.json.decode(json_body(facts))["data"]

    assert (data["os_name"], data["iad_keyword"]) == ("ios", "shoes")
    assert data["partner_parameters"] == '{"a":"b"}'
    assert "nothing" not in data


def test_for_a_while_the_former_secret_signs_as_well() -> None:
    former = b"the secret of thirty-two bytes.."
    kept = wrap_signing_key(SECRET_KEY, former)
    elsewhere = wrap_signing_key(b"another installation's key, whole", former)

    signatures = [
        dict(
            build_request(
                SECRET_KEY,
                CallbackEndpoint(7, "GET", "https://p.example/cb", Signing(2, former=each)),
                SAMPLE,
                NOW_MS,
            ).headers
        )["webhook-signature"].split(" ")
        for each in (kept, None, elsewhere)
    ]

    now = signature(
        signing_secret(SECRET_KEY, 7, Signing(2)), str(SAMPLE.id), NOW_MS // 1000,
        b"https://p.example/cb",
    )  # fmt: skip
    before = signature(
        shown_secret(former), str(SAMPLE.id), NOW_MS // 1000, b"https://p.example/cb"
    )
    assert signatures == [[now, before], [now], [now]]


def test_each_endpoint_and_each_version_has_its_secret() -> None:
    secrets = {
        signing_secret(SECRET_KEY, number, Signing(version))
        for number in (1, 2)
        for version in (1, 2)
    }

    assert len(secrets) == 4
    assert all(24 <= len(base64.b64decode(each.removeprefix("whsec_"))) <= 64 for each in secrets)


def test_a_body_stays_below_its_limit() -> None:
    facts = replace(SAMPLE, parameters={"note": "x" * 60_000}, event_value="y" * 8_000)

    assert len(json_body(facts)) <= BODY_BYTES_MAX
    assert msgspec.json.decode(json_body(facts))["data"]["event"] == "pur123"


def test_what_sounds_like_a_secret_is_masked() -> None:
    assert masked_url("https://p.example/cb?token=abc&click=1&API_KEY=x&sig={nonce}") == (
        "https://p.example/cb?token=***&click=1&API_KEY=***&sig={nonce}"
    )
    spelled = "https://p.example/cb?a=1;to%6Ben=abc&B%45ARER=x;jwt=y&pass=z&passport=1"
    assert masked_url(spelled) == (
        "https://p.example/cb?a=1;to%6Ben=***&B%45ARER=***;jwt=***&pass=***&passport=1"
    )
    hook = "https://hooks.example/services/T0/B0/a1B2c3D4e5F6g7H8i9J0k1L2"
    assert masked_url(hook) == "https://hooks.example/services/T0/B0/***"
