"""Tests S2S security end to end: enforcement is immediate, a user is the same in both dialects, and
no token appears anywhere.

Imports nothing of the product.
"""

import asyncio
import json
import threading
import time
import zlib
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import psycopg
import redis

from tests.system.conftest import Running
from tests.system.servers import until
from tests.system.traffic import Log, get, requests_until, send, send_beside

APP = "4w565xzmb54d"
RECORD_SECONDS_MAX = 60


def _event(number: int, headers: str = "") -> bytes:
    return get(f"/event?s2s=1&app_token={APP}&event_token=f0ob4r&idfv=load-{number}", headers)


def _switch_under_load(running: Running, *command: str) -> tuple[Log, float]:
    """Returns the answers to senders without a token while the command ran, and when it
    returned."""
    state = {"returned": 0.0}

    def switch() -> None:
        time.sleep(1)
        running.waybill.json("s2s-security", *command, "--app", "Shop")
        state["returned"] = time.monotonic()

    def over() -> bool:
        return state["returned"] > 0 and time.monotonic() > state["returned"] + 2

    switcher = threading.Thread(target=switch)
    switcher.start()
    log = asyncio.run(send_beside(running.port, requests_until(_event, over), 64))
    switcher.join()
    return log, state["returned"]


def test_enforcement_is_on_and_off_everywhere_within_a_second_under_load(crowded: Running) -> None:
    on, returned = _switch_under_load(crowded, "enable", "--yes")
    assert set(on.statuses()) == {200, 401}
    last = max(answer.at for answer in on.answers if answer.status == 200)
    print(f"\nswitched on under load: {on.statuses()}, last 200 {last - returned:+.3f} s")
    assert last - returned < 1

    off, returned = _switch_under_load(crowded, "disable")
    assert set(off.statuses()) == {200, 401}
    last = max(answer.at for answer in off.answers if answer.status == 401)
    print(f"switched off under load: {off.statuses()}, last 401 {last - returned:+.3f} s")
    assert last - returned < 1


def _sent(running: Running, target: str, token: str) -> str:
    (answer,) = send(running.port, [get(target, f"Authorization: {token}\r\n")], 1).answers
    assert answer.status == 200, answer.body
    return answer.headers["waybill-receipt"]


def test_a_device_reported_in_both_dialects_is_one_user(running: Running) -> None:
    idfv = str(uuid4()).upper()
    clicked = f"/click?offer_id=1&pub_id=1&no_redirect=true&idfv={idfv}"
    assert send(running.port, [get(clicked)], 1).statuses() == {200: 1}
    session = get(f"/session?app_token={APP}&idfv={idfv}", f"Authorization: {running.token}\r\n")
    (answer,) = send(running.port, [session], 1).answers
    adid = json.loads(answer.body)["adid"]
    _sent(running, f"/postback?user_id={idfv}&event_id=__open", running.token)
    _sent(running, f"/event?app_token={APP}&event_token=f0ob4r&idfv={idfv.lower()}", running.token)
    last = _sent(running, f"/postback?user_id={idfv}&event_id=purchase", running.token)

    def recorded() -> bool:
        return bool(running.waybill.json("trace", last)["state"] == "recorded")

    until(recorded, RECORD_SECONDS_MAX, "the last event being recorded")

    def decided(name: str = idfv) -> dict[str, Any]:
        user = running.waybill.json("user", "Shop", name)
        assert isinstance(user, dict)
        return user

    until(lambda: len(decided()["events"]) == 4, RECORD_SECONDS_MAX, "all four events")
    until(lambda: bool(decided()["attributions"]), RECORD_SECONDS_MAX, "the attribution")
    user = decided()
    assert user["user_id"] == idfv.lower()
    assert decided(adid) == user
    assert [event["event_id"] for event in user["events"]].count("purchase") == 2
    assert len(user["attributions"]) == 1
    assert user["attributions"][0]["rule"] == "device_id"
    assert len(user["sessions"]) == 1


WAYS = ("Authorization: Bearer {}\r\n", "Authorization: {}\r\n")
NAMES = ("s2s_token", "token", "s2stoken", "web_token")


def _send_everywhere(running: Running, token: str) -> None:
    swaarm = "user_id=leak&event_id=purchase&user_ip=203.0.113.7&user_ua=x&no_redirect=true"
    adjust = f"app_token={APP}&event_token=f0ob4r&idfv=leak&revenue=1&currency=EUR"
    requests = []
    for path in ("/postback", "/s2sevent", "/click", "/event", "/session", "/ad_revenue", "/stray"):
        query = adjust if path in {"/event", "/session", "/ad_revenue"} else swaarm
        requests += [get(f"{path}?{query}", way.format(token)) for way in WAYS]
        requests += [get(f"{path}?{query}&{name}={token}") for name in NAMES]
        requests.append(get(f"{path}?{query}&token={token}&s2s_token=other"))
        requests.append(get(f"{path}?token={token}"))
    assert send(running.port, requests, 8).broken == 0


def test_no_token_is_anywhere_but_with_its_sender(running: Running) -> None:
    waybill = running.waybill
    good = waybill.json("token", "create", "--app", "Shop", "--name", "leaky")["secret"]
    bad = "wbs_" + "Z9" * 18
    brought = "brought-along-" + uuid4().hex
    waybill.json("token", "import", "--app", "Shop", "--name", "brought", given=brought)
    for token in (good, bad, brought):
        _send_everywhere(running, token)
    waybill.json("token", "deactivate", "--app", "Shop", "leaky")
    _send_everywhere(running, good)
    waybill.json("token", "revoke", "--app", "Shop", "leaky")
    waybill.wait_until_drained()
    time.sleep(1)  # the logs beside the requests are written four times a second

    addresses = json.loads((waybill.data / "addresses.json").read_text())
    texts = {
        "logs": waybill.logs(),
        "rejections": waybill.run("rejections", "--count", "500", "--json").stdout,
        "check": waybill.run("check", "Shop", "--json").stdout,
        "audit": waybill.run("audit", "--json").stdout,
        "tokens": waybill.run("token", "list", "--app", "Shop", "--json").stdout,
        "Redis": _everything_in_redis(addresses["redis_url"]),
        "PostgreSQL": _everything_in_postgres(addresses["database_url"]),
    }
    for token in (good, bad, brought):
        for where, text in texts.items():
            assert text, where
            assert token not in text, where
            assert token[8:] not in text, where


def _everything_in_redis(url: str) -> str:
    """Returns everything in Redis, with jobs and their descriptions; RQ packs their arguments."""
    with redis.Redis.from_url(url) as client:
        read: dict[bytes, Callable[[bytes], Any]] = {
            b"string": client.get,
            b"hash": client.hgetall,
            b"list": lambda key: client.lrange(key, 0, -1),
            b"set": client.smembers,
            b"zset": lambda key: client.zrange(key, 0, -1),
            b"stream": client.xrange,
            b"none": client.get,  # a key that ended after SCAN had named it
        }
        values = [(key, read[client.type(key)](key)) for key in client.scan_iter(count=1000)]
    return "".join(f"{key!r} {_unpack(value)!r}" for key, value in values)


def _unpack(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _unpack(item) for name, item in value.items()}
    if isinstance(value, bytes) and value[:1] == b"\x78":
        return zlib.decompress(value)
    return value


def _everything_in_postgres(url: str) -> str:
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        ).fetchall()
        return "".join(
            str(row)
            for (name,) in tables
            for row in connection.execute(f'SELECT t::text FROM "{name}" AS t'.encode())
        )
