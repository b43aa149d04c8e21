"""What senders really send: placeholders, damaged links, values under other names.

Imports nothing of the product.
"""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import Running
from tests.system.servers import ANSWER_SECONDS_MAX, until
from tests.system.test_clicks import make_link
from tests.system.traffic import Answer, get, send

IDFV = "59e27f41-a86b-4560-b585-63161f87"
APP = "app_token=4w565xzmb54d"
PLAY = (
    "https://play.google.com/store/apps/details?id=com.shop"
    "&referrer=utm_source%3D{pub_sub_id}%26utm_campaign%3D{campaign}"
)
LINK = "/click?offer_id=91&pub_id=92"
ZEROED = "00000000-0000-0000-0000-000000000000"


def ask(running: Running, request: bytes) -> Answer:
    (answer,) = send(running.port, [request], connections=1).answers
    return answer


def event(running: Running, query: str, headers: str = "") -> Answer:
    return ask(running, get(f"/postback?s2s_token={running.token}&{query}", headers))


def post(running: Running, target: str, body: bytes, headers: str) -> Answer:
    head = f"POST {target} HTTP/1.1\r\nHost: w\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return ask(running, head.encode() + body)


def recorded(running: Running, answer: Answer) -> dict[str, Any]:
    assert answer.status in {200, 302}, answer.body
    return running.waybill.recorded_event(answer.headers["waybill-receipt"])


def problems(running: Running) -> dict[str, int]:
    done = running.waybill.run("check", "Shop", "--json")
    return {each["what"]: each["requests"] for each in json.loads(done.stdout)["problems"]}


def until_said(running: Running, *words: str) -> None:
    def said() -> bool:
        return any(all(word in what for word in words) for what in problems(running))

    until(said, 10, f"the check saying {words}")


@pytest.fixture(scope="module")
def linked(running: Running) -> Running:
    make_link(running.waybill, "https://shop.example/welcome?sub={pub_sub_id}", "91", "92")
    make_link(running.waybill, PLAY, "93", "92")
    return running


@pytest.mark.parametrize("key", ["undefined", "null", "%7Btransaction_id%7D", "%23tid%23", "0"])
@pytest.mark.parametrize("in_header", [True, False])
def test_a_key_that_nobody_filled_in_loses_no_second_purchase(
    running: Running, key: str, in_header: bool
) -> None:
    header = "Idempotency-Key: {transaction_id}\r\n" if in_header else ""
    parameter = "" if in_header else f"&idempotency_key={key}"
    for user in ("k-1", "k-2"):
        answer = event(running, f"user_id={user}&event_id=purchase{parameter}", header)
        row = recorded(running, answer)
        assert (row["user_id"], row["idempotency_key"]) == (user, None)


@pytest.mark.parametrize("key", ["undefined", "null", "%7Btransaction_id%7D", "%23tid%23"])
def test_a_key_that_nobody_filled_in_is_none_at_adjusts_endpoints_either(
    running: Running, key: str
) -> None:
    for user in ("k-1", "k-2"):
        query = f"/event?{APP}&event_token=f0ob4r&idfv={user}&idempotency_key={key}"
        row = recorded(running, ask(running, get(query)))
        assert (row["user_id"], row["idempotency_key"]) == (user, None)


def test_conflicts_of_keys_are_counted_apart_from_repeats(running: Running) -> None:
    for user in ("c-1", "c-1", "c-2"):
        event(running, f"user_id={user}&event_id=purchase&idempotency_key=conflict")
    running.waybill.wait_until_drained()

    until_said(running, "idempotency key that another event has")


@pytest.mark.parametrize(
    "text",
    [
        *("undefined", "null", "%7Buser_id%7D", ZEROED, "%%aff_id%%", f"%22{ZEROED}%22"),
        *(f"Optional(%22{ZEROED}%22)", "YOUR_USER_ID", ZEROED.replace("0", "X"), "%2A%2A%2A"),
    ],
)
@pytest.mark.parametrize("name", ["user_id", "click_id"])
def test_a_placeholder_is_no_user(running: Running, name: str, text: str) -> None:
    answer = event(running, f"{name}={text}&event_id=purchase")

    error = json.loads(answer.body)["error"]
    assert (answer.status, error["code"], error["field"]) == (400, "malformed_field", name)
    until_said(running, "/postback macro not filled", f"{name}=")
    adjust = ask(running, get(f"/session?{APP}&idfv={text}"))
    assert adjust.status == 404


@pytest.mark.parametrize(
    "device",
    [
        *("%23gaid%23", "%22%22", "%25idfa%25", "%25%7BIDFA%7D", "{idfa", "-1", "not_available"),
        *(
            "abc",
            "[IDFA]",
            "%257Bgaid%257D",
            "YOUR_GAID",
            "%E2%80%9Cgaid%E2%80%9D",
            "%EF%BD%9Bx%EF%BD%9D",
        ),
    ],
)
def test_no_placeholder_is_a_device(linked: Running, device: str) -> None:
    clicked = ask(linked, get(f"{LINK}&gaid={device}", "User-Agent: curl/8\r\n"))
    assert recorded(linked, clicked)["device_ids"]["gaid"]  # as it was sent

    refused = ask(linked, get(f"/session?{APP}&gps_adid={device}"))
    assert (refused.status, b"Device not found" in refused.body) == (404, True)
    opened = ask(linked, get(f"/session?{APP}&gps_adid={device}&idfv={IDFV}{len(device):04}"))
    user = recorded(linked, opened)["user_id"]
    timeline = linked.waybill.json("user", "Shop", user)
    assert timeline["device_ids"] == [user]
    assert [one["rule"] for one in timeline["attributions"]] in ([], ["organic"])


@pytest.mark.parametrize(
    "junk",
    [
        "android_id_lower_md5=9f89c84a559f573636a47ff8daed0d33",
        "android_id_lower_md5=D41D8CD98F00B204E9800998ECF8427E",
        "mac_sha1=da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "mac=020000000000",
        "android_id_lower_md5=68b329da9893e34099c7d8ad5cb9c940",  # of the end of a line
    ],
)
def test_a_hash_of_junk_is_no_device(running: Running, junk: str) -> None:
    assert ask(running, get(f"/session?{APP}&{junk}")).status == 404


def test_a_macro_of_an_agent_does_not_displace_the_browsers(linked: Running) -> None:
    answer = ask(linked, get(f"{LINK}&user_ua={{user.ua}}", "User-Agent: Mobile Safari\r\n"))

    click = recorded(linked, answer)
    assert (click["user_agent"], click["parameters"]["user_ua"]) == ("Mobile Safari", "{user.ua}")
    until_said(linked, "/click macro not filled: `user_ua={user.ua}`, link link 91")


DAMAGE = {
    "campaign=S%F8ren": ("campaign", "S%F8ren"),
    "campaign=Søren": ("campaign", "Søren"),  # the bytes, as some apps send them
    "campaign=%00": ("campaign", "%00"),
    "pub_sub_id=a&pub_sub_id=b": ("pub_sub_id", "a"),
    "=x": ("(no name)", "x"),
    "&".join(f"p{number}=1" for number in range(70)): ("p1", "1"),
    "token=abc": ("pub_id", "92"),
    "pub_sub_id=%%aff_id%%": ("pub_sub_id", "%%aff_id%%"),
}


@pytest.mark.parametrize("path", ["/click", "/impression"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_nothing_on_a_link_keeps_a_person_from_the_destination(
    linked: Running, path: str, damage: str
) -> None:
    name, value = DAMAGE[damage]
    answer = ask(linked, get(f"{LINK}&{damage}".replace("/click", path)))

    assert answer.status == (302 if path == "/click" else 200), answer.body
    assert recorded(linked, answer)["parameters"][name] == value


@pytest.mark.parametrize(
    "query",
    [
        *(
            "&amp;pub_id=92&amp;pub_sub_id=s",
            "&pub_id=92?pub_sub_id=s",
            "&pub_id=92%3Fpub_sub_id=s",
        ),
        *("%26pub_id=92&pub_sub_id=s", ";pub_id=92;pub_sub_id=s", "&PUB_ID=92&pub_sub_id=s"),
        *("&pub_sub_id=s&pub_id=92).", "%26pub_id%3D92%26pub_sub_id%3Ds"),
    ],
)
def test_a_link_that_was_pasted_or_added_to_redirects(linked: Running, query: str) -> None:
    answer = ask(linked, get(f"/click?offer_id=91{query}"))
    seen = ask(linked, get(f"/impression?offer_id=91{query}"))

    assert answer.headers["location"].startswith("https://shop.example/welcome?sub=s&clkid=")
    for each in (answer, seen):
        assert recorded(linked, each)["parameters"]["pub_sub_id"] == "s"


def test_a_macro_in_the_play_referrer_forges_no_click_id(linked: Running) -> None:
    target = "/click?offer_id=93&pub_id=92&pub_sub_id=x%26clkid%3DFAKE&campaign=Summer+%26+Sale"
    answer = ask(linked, get(target))

    assert "utm_source%3Dx%2526clkid%253DFAKE%26" in answer.headers["location"]
    assert "utm_campaign%3DSummer%2520%2526%2520Sale%26clkid%3D" in answer.headers["location"]


def test_a_parameter_that_nobody_reads_refuses_no_purchase(running: Running) -> None:
    answer = event(running, "user_id=p&event_id=purchase&sub=%%aff_id%%&amp;sale_amount=42")

    row = recorded(running, answer)
    assert (row["sale_amount"], row["parameters"]) == ("42", {"sub": "%%aff_id%%"})


JSON = json.dumps({"user_id": "j", "event_id": "purchase", "sale_amount": 42}).encode()


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/x-www-form-urlencoded", None]
)
def test_a_json_document_is_read_in_every_dialect(running: Running, media_type: str | None) -> None:
    headers = "" if media_type is None else f"Content-Type: {media_type}\r\n"
    answer = post(running, f"/postback?s2s_token={running.token}", JSON, headers)
    assert recorded(running, answer)["sale_amount"] == "42"

    adjust = b'{"app_token":"4w565xzmb54d","event_token":"f0ob4r","idfv":"j-1","revenue":4.2,'
    adjust += b'"currency":"EUR","callback_params":{"a":"b"}}'
    row = recorded(running, post(running, "/event", adjust, headers))
    assert (row["sale_amount"], row["parameters"]["callback_params"]) == ("4.2", '{"a":"b"}')


def test_the_other_dialects_names_are_understood(running: Running) -> None:
    at = (datetime.now(UTC) - timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    query = f"user_id=o&event_id=purchase&revenue=42&currency=hrk&created_at={at}"
    row = recorded(running, event(running, query))
    assert (row["sale_amount"], row["sale_amount_currency"]) == ("42", "HRK")
    assert row["event_time"] == at

    told = f"/event?{APP}&event_token=f0ob4r&idfv=o-1&sale_amount=42&sale_amount_currency=EUR"
    row = recorded(running, ask(running, get(told)))
    assert (row["sale_amount"], row["sale_amount_currency"]) == ("42", "EUR")


@pytest.mark.parametrize("path", ["/postback", "/s2sevent"])
@pytest.mark.parametrize("said", ["sandbox", "Sandbox%20"])
def test_the_sandbox_of_adjusts_senders_is_one_everywhere(
    running: Running, path: str, said: str
) -> None:
    query = f"user_id=box&event_id=purchase&user_ip=8.8.8.8&user_ua=x&environment={said}"
    row = recorded(running, ask(running, get(f"{path}?s2s_token={running.token}&{query}")))

    assert row["environment"] == "sandbox"
    told = running.waybill.run("user", "Shop", "box", "--environment", "production")
    assert told.returncode != 0


def test_an_event_that_nobody_named_is_kept_and_told(running: Running) -> None:
    row = recorded(running, event(running, "user_id=e&event_id=%7Bevent.name%7D"))

    assert row["event_id"] == "{event.name}"
    until_said(running, "/postback macro not filled", "event_id={event.name}")


@pytest.mark.parametrize("around", ["%20", "%E2%80%8B", "%0A"])
def test_white_space_around_a_token_is_no_part_of_it(running: Running, around: str) -> None:
    token = f"s2s_token={around}{running.token}{around}"
    row = recorded(running, ask(running, get(f"/postback?{token}&user_id=t&event_id=e")))

    assert (row["user_id"], running.token in json.dumps(row)) == ("t", False)


def test_white_space_around_an_id_is_no_part_of_it_anywhere(running: Running) -> None:
    row = recorded(running, event(running, "user_id=%20x%20&event_id=purchase%20"))

    assert (row["user_id"], row["event_id"], row["unmapped"]) == ("x", "purchase", False)
    for spelling in ("x", " x ", "x\t"):
        assert running.waybill.json("user", "Shop", spelling)["user_id"] == "x"


@pytest.mark.parametrize("unseen", ["%E2%80%8B", "%EF%BB%BF", "%E2%80%AC"])
def test_what_nobody_sees_around_an_id_makes_no_other_user(running: Running, unseen: str) -> None:
    query = f"user_id={unseen}seen{unseen}&event_id=purchase{unseen}"
    row = recorded(running, event(running, query))

    assert (row["user_id"], row["event_id"], row["unmapped"]) == ("seen", "purchase", False)
    refused = event(running, f"user_id={unseen}&event_id=purchase")
    assert (refused.status, b"user_id" in refused.body) == (400, True)


def test_a_link_checker_is_redirected_and_makes_no_click(linked: Running) -> None:
    waiting = HTTPConnection("127.0.0.1", linked.port, timeout=ANSWER_SECONDS_MAX)
    with closing(waiting) as connection:
        connection.request("HEAD", f"{LINK}&pub_sub_id=checked")
        answer = connection.getresponse()

        assert (answer.status, answer.read()) == (302, b"")
        assert (answer.headers["Location"] or "").startswith("https://shop.example/welcome?")
        assert "Waybill-Receipt" not in answer.headers


@pytest.mark.parametrize(
    ("sent", "address"),
    [
        ("203.0.113.56, 10.0.0.1", "203.0.113.56"),
        ("203.0.113.56:443", "203.0.113.56"),
        ("unknown", None),
        ("-", None),
    ],
)
def test_no_address_loses_its_event(running: Running, sent: str, address: str | None) -> None:
    escaped = sent.replace(" ", "%20")
    row = recorded(running, event(running, f"user_id=a&event_id=purchase&ip_address={escaped}"))
    assert row["ip_address"] == address

    header = get(f"/session?{APP}&idfv=a-1", f"X-Adjust-Forwarded-For: {sent}\r\n")
    row = recorded(running, ask(running, header))
    assert row["ip_address"] == address
    assert ("X-Adjust-Forwarded-For" in row["parameters"]) is (address is None)


def test_an_agent_that_was_encoded_twice_is_decoded_everywhere(linked: Running) -> None:
    agent = "user_agent=Mozilla%252F5.0%2520(X)"
    for answer in (
        event(linked, f"user_id=a&event_id=purchase&{agent}"),
        ask(linked, get(f"{LINK}&{agent}")),
        ask(linked, get(f"/session?{APP}&idfv=a-2&{agent}")),
    ):
        assert recorded(linked, answer)["user_agent"] == "Mozilla/5.0 (X)"


@pytest.mark.parametrize("code", ["HRK", "BGN", "EEK", "LTL"])
def test_a_currency_that_was_withdrawn_is_imported_and_reported(
    running: Running, tmp_path: Path, code: str
) -> None:
    user = f"old {code}"
    line = {
        "type": "event",
        "time": "2015-06-01T10:00:00Z",
        "user_id": user,
        "event_id": "purchase",
        "sale_amount": 10,
        "sale_amount_currency": code,
    }
    file = tmp_path / "old.ndjson"
    file.write_text(json.dumps(line) + "\n")

    running.waybill.json("import", str(file), "--app", "Shop")
    running.waybill.wait_until_drained()

    (told,) = running.waybill.json("user", "Shop", user)["events"]
    assert (told["sale_amount"], told["sale_amount_currency"]) == ("10", code)


@pytest.mark.parametrize("code", ["HRK", "BGN", "EEK", "LTL"])
def test_a_currency_that_was_withdrawn_is_taken_live_too(running: Running, code: str) -> None:
    swaarm = f"user_id=w&event_id=purchase&sale_amount=10&sale_amount_currency={code}"
    adjust = f"/event?{APP}&event_token=f0ob4r&idfv=w-1&revenue=10&currency={code.lower()}"
    for answer in (event(running, swaarm), ask(running, get(adjust))):
        assert recorded(running, answer)["sale_amount_currency"] == code


@pytest.mark.parametrize("code", ["XXX", "XTS"])
def test_what_is_no_money_is_refused(running: Running, code: str) -> None:
    query = f"user_id=x&event_id=purchase&sale_amount=1&sale_amount_currency={code}"

    assert event(running, query).status == 400


def test_a_probe_with_head_is_answered_and_is_no_rejection(running: Running) -> None:
    before = running.waybill.json("rejections")["counts"].get("method_not_allowed", 0)

    for path in ("/health/live", "/health/ready", "/metrics"):
        waiting = HTTPConnection("127.0.0.1", running.port, timeout=ANSWER_SECONDS_MAX)
        with closing(waiting) as connection:
            connection.request("HEAD", path)
            assert connection.getresponse().status == 200
    assert running.waybill.json("rejections")["counts"].get("method_not_allowed", 0) == before
