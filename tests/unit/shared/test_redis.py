"""Tests the connections to Redis."""

import socket
from typing import Any

import pytest

from shared.redis import AsyncRedis, Redis, connect, connect_ingest, connect_rq, stream_entries
from tests.support.redis_names import NAMES

URL = "redis://localhost:1/0"
CLUSTER = "redis+cluster://localhost:1,localhost:2"
SENTINELS = "redis+sentinel://:secret@localhost:1,localhost:2/main/3"


def test_a_stream_that_is_not_there_has_no_entries() -> None:
    assert stream_entries(None) == []
    assert stream_entries([]) == []


@pytest.mark.parametrize(
    "client",
    [
        connect(URL, NAMES), connect(SENTINELS, NAMES), connect("unix:///nowhere", NAMES),
        connect_ingest(URL, NAMES, 700), connect_ingest(SENTINELS, NAMES, 700),
        connect(CLUSTER, NAMES), connect_ingest(CLUSTER, NAMES, 700),
    ],
)  # fmt: skip
def test_no_client_sends_a_write_twice_by_itself(client: Redis | AsyncRedis) -> None:
    retry = client.connection_pool.connection_kwargs["retry"]

    assert retry.get_retries() == 0


@pytest.mark.parametrize("url", [URL, SENTINELS, CLUSTER])
def test_ingest_waits_for_redis_no_longer_than_it_is_told(url: str) -> None:
    options = connect_ingest(url, NAMES, 700).connection_pool.connection_kwargs

    assert options["socket_timeout"] == 0.7
    assert options["socket_connect_timeout"] == 0.7


@pytest.mark.parametrize(
    "client", [connect(SENTINELS, NAMES), connect_ingest(SENTINELS, NAMES, 700)]
)
def test_sentinels_are_asked_for_the_primary_and_its_password_is_not_for_them(
    client: Redis | AsyncRedis,
) -> None:
    pool: Any = client.connection_pool
    assert pool.connection_kwargs["password"] == "secret"
    assert pool.connection_kwargs["db"] == 3
    assert pool.service_name == "main"
    asked = [one.connection_pool.connection_kwargs for one in pool.sentinel_manager.sentinels]
    assert [(one["port"], one["password"], one["db"]) for one in asked] == [
        (1, None, 0),
        (2, None, 0),
    ]


@pytest.mark.parametrize("url", [URL, SENTINELS, CLUSTER])
def test_a_worker_notices_in_seconds_that_the_host_it_waits_for_is_cut_off(url: str) -> None:
    options = connect_rq(url, NAMES).connection_pool.connection_kwargs["socket_keepalive_options"]

    idle, interval, count = (
        options[number]
        for number in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
    )
    assert idle + interval * count < 15
