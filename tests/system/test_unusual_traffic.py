"""Traffic that looks wrong and is not: it is stored as it was sent, and reported.

Imports nothing of the product.
"""

import csv
import json
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.system.conftest import Running
from tests.system.servers import ANSWER_SECONDS_MAX, until
from tests.system.test_real_traffic import APP, ask, event, recorded
from tests.system.traffic import get

WEB_UUID = "29e1aeef-22dc-4a45-19d2-64f736b4616b"
IDLE_SECONDS = 66  # load balancers keep connections for 60 s, and some senders for 64 s
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def utf8(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def test_a_web_uuid_alone_is_a_user(running: Running) -> None:
    row = recorded(running, ask(running, get(f"/session?{APP}&web_uuid={WEB_UUID}")))

    assert (row["user_id"], row["device_ids"]) == (WEB_UUID, {"web_uuid": WEB_UUID})
    assert running.waybill.json("user", "Shop", WEB_UUID)["user_id"] == WEB_UUID


@pytest.mark.parametrize("sent", ['{"a":1}', '{"a":null,"b":[1,{"c":true}]}', '{"a":1.50}', "{}"])
def test_callback_parameters_that_are_no_strings_are_kept_as_they_were_sent(
    running: Running, sent: str
) -> None:
    query = f"/event?{APP}&event_token=f0ob4r&idfv=cb-1&callback_params={utf8(sent)}"
    row = recorded(running, ask(running, get(query)))

    assert row["parameters"]["callback_params"] == sent


@pytest.mark.parametrize("agent", [GOOGLEBOT, "\U0001f389 Shop/1.0", "x", "curl/8.5.0"])
def test_the_agent_of_a_bot_or_of_emoji_is_stored(running: Running, agent: str) -> None:
    row = recorded(running, event(running, f"user_id=b&event_id=e&user_agent={utf8(agent)}"))
    assert row["user_agent"] == agent

    in_header = f"User-Agent: {agent}\r\n".encode()
    link = get("/click?offer_id=1&pub_id=1").removesuffix(b"\r\n") + in_header + b"\r\n"
    assert recorded(running, ask(running, link))["user_agent"] == agent


@pytest.mark.parametrize(
    ("offset", "hours"), [("Z", 0), ("", 0), ("%2B02:00", -2), ("+02:00", -2), ("-0730", 7.5)]
)
def test_the_last_second_of_a_day_is_of_that_day_in_its_own_time_zone(
    running: Running, offset: str, hours: float
) -> None:
    local = (datetime.now(UTC) - timedelta(days=3)).replace(hour=23, minute=59, second=59)
    told = local.strftime("%Y-%m-%dT%H:%M:%S")
    row = recorded(running, event(running, f"user_id=m&event_id=e&event_time={told}{offset}"))

    assert row["event_time"] == (local + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("value", ["%", "%zz", "100%", "a%2"])
def test_a_percent_sign_that_escapes_nothing_is_one(running: Running, value: str) -> None:
    row = recorded(running, event(running, f"user_id=p&event_id=e&x={value}"))

    assert row["parameters"]["x"] == value


def test_a_target_in_absolute_form_is_the_same_request(running: Running) -> None:
    target = f"http://waybill/postback?s2s_token={running.token}&user_id=absolute&event_id=e"

    assert recorded(running, ask(running, get(target)))["user_id"] == "absolute"


def test_a_connection_that_was_idle_for_longer_than_a_minute_takes_the_next_event(
    running: Running,
) -> None:
    target = f"/postback?s2s_token={running.token}&event_id=e&user_id="
    receipts = []
    with closing(HTTPConnection("127.0.0.1", running.port, timeout=ANSWER_SECONDS_MAX)) as kept:
        kept.connect()
        socket = kept.sock
        for user, idle_seconds in (("idle 1", IDLE_SECONDS), ("idle 2", 0)):
            kept.request("GET", target + user.replace(" ", "%20"))
            answer = kept.getresponse()
            receipts.append((user, json.loads(answer.read())["id"]))
            assert kept.sock is socket, "the server did not close it"
            time.sleep(idle_seconds)

    for user, receipt in receipts:
        assert running.waybill.recorded_event(receipt)["user_id"] == user


def test_a_page_in_a_browser_cannot_read_the_answer_to_an_event_that_is_stored(
    running: Running,
) -> None:
    target = f"/postback?s2s_token={running.token}&user_id=page&event_id=e"
    answer = ask(running, get(target, "Origin: https://shop.example\r\n"))

    assert "access-control-allow-origin" not in answer.headers
    assert recorded(running, answer)["user_id"] == "page"


def test_an_address_of_a_dual_stack_matches_the_same_one_of_ipv4(running: Running) -> None:
    agent = "Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/109.0.0.0 Mobile Safari/537.36"
    click = f"/click?offer_id=1&pub_id=1&user_ip=::ffff:9.8.7.6&user_ua={utf8(agent)}"
    recorded(running, ask(running, get(click)))
    recorded(
        running,
        event(
            running, f"user_id=stack&event_id=__open&ip_address=9.8.7.6&user_agent={utf8(agent)}"
        ),
    )

    def rules() -> list[str]:
        timeline = running.waybill.json("user", "Shop", "stack")
        return [one["rule"] for one in timeline["attributions"]]

    until(lambda: rules() == ["address_and_device"], 20, "the click being credited")


def test_a_name_of_thirty_thousand_characters_is_reported(running: Running) -> None:
    name = "n" * 30_000
    answer = ask(running, get(f"/click?offer_id=1&pub_id=1&campaign={name}"))
    click_id = recorded(running, answer)["click_id"]
    recorded(running, event(running, f"click_id={click_id}"))
    today = datetime.now(UTC).date().isoformat()
    asked = ("report", "--app", "Shop", "--from", today, "--to", today, "--by", "total")

    def reported() -> bool:
        done = running.waybill.run(*asked, "--split", "campaign", "--csv")
        rows = list(csv.DictReader(done.stdout.splitlines()))
        return any(
            row["campaign"].endswith("n" * 100) and row["attributed installs"] == "1"
            for row in rows
        )

    until(reported, 30, "the campaign in the report")


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("mark", ["\ufeff", ""])
def test_a_file_with_a_byte_order_mark_and_the_line_ends_of_windows_is_imported(
    running: Running, tmp_path: Path, mark: str, end: str
) -> None:
    user = f"file {len(mark)} {len(end)}"
    lines = [
        json.dumps(
            {"type": "event", "time": f"2015-06-0{day}T10:00:00Z", "user_id": user, "event_id": "e"}
        )
        for day in (1, 2)
    ]
    file = tmp_path / "windows.ndjson"
    file.write_bytes((mark + end.join(lines) + end).encode())

    done = running.waybill.json("import", str(file), "--app", "Shop")

    running.waybill.wait_until_drained()
    assert (done["events"], done["bad"]) == (2, 0)
    assert len(running.waybill.json("user", "Shop", user)["events"]) == 2


def test_no_job_of_this_traffic_was_abandoned(running: Running) -> None:
    running.waybill.wait_until_drained()

    assert running.waybill.json("jobs", "list")["failed"] == []
