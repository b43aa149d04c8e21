"""The address of a Redis behind Sentinel."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sentinel_url import SentinelUrl, is_sentinel_url, parse_sentinel_url

FORM = "must be like redis[+]sentinel://"


def test_three_hosts_and_a_name_are_enough() -> None:
    assert parse_sentinel_url("redis+sentinel://a:1,b:2,c/main") == SentinelUrl(
        sentinels=(("a", 1), ("b", 2), ("c", 26_379)), name="main"
    )


def test_everything_else_may_be_said_too() -> None:
    url = "rediss+sentinel://u:p%40ss@[::1]:7/main/3?sentinel_username=s&sentinel_password=q%26"
    assert parse_sentinel_url(url) == SentinelUrl(
        sentinels=(("::1", 7),),
        name="main",
        database=3,
        is_tls=True,
        username="u",
        password="p@ss",
        sentinel_username="s",
        sentinel_password="q&",
    )


@pytest.mark.parametrize(
    "rest",
    [
        "", "main", "/main", "a:26379", "a:26379/", "a:port/main", "a:99999/main", ",/main",
        "a,,b/main", "a/main/x", "a/main/1/2", "a@b@c:x/main",
    ],
)  # fmt: skip
def test_what_names_no_host_or_no_primary_is_refused(rest: str) -> None:
    with pytest.raises(ValueError, match=FORM):
        parse_sentinel_url(f"redis+sentinel://{rest}")


def test_an_option_that_nobody_reads_is_refused_and_not_passed_over() -> None:
    with pytest.raises(ValueError, match="sentinel_password"):
        parse_sentinel_url("redis+sentinel://a/main?password=hunter2")


def fault(url: str) -> str | None:
    try:
        parse_sentinel_url(url)
    except ValueError as found:
        return str(found)
    return None


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_a_fault_that_does_not_repeat_it(text: str) -> None:
    found = fault(f"redis+sentinel://{text}")

    assert found is None or found.startswith(("must be like", "may have"))


def test_no_password_is_in_what_an_address_says_of_itself() -> None:
    url = "redis+sentinel://:hunter2@a/main?sentinel_password=hunter3"
    assert "hunter" not in repr(parse_sentinel_url(url))


def test_other_addresses_are_not_taken_for_one_of_sentinels() -> None:
    assert not any(map(is_sentinel_url, ("redis://a:6379/0", "rediss://a", "unix:///a")))
