"""The address of a cluster."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.shards.cluster_url import ClusterUrl, is_cluster_url, parse_cluster_url

FORM = "must be like redis[+]cluster://"


def test_hosts_are_enough() -> None:
    assert parse_cluster_url("redis+cluster://a:1,b:2,c") == ClusterUrl(
        nodes=(("a", 1), ("b", 2), ("c", 6_379))
    )


def test_everything_else_may_be_said_too() -> None:
    assert parse_cluster_url("rediss+cluster://u:p%40ss@[::1]:7/0") == ClusterUrl(
        nodes=(("::1", 7),), is_tls=True, username="u", password="p@ss"
    )


@pytest.mark.parametrize(
    "rest", ["", "/", "a:port", "a:99999", ",", "a,,b", "a@b@c:x", "a?password=x", "a#b"]
)
def test_what_names_no_host_or_says_more_is_refused(rest: str) -> None:
    with pytest.raises(ValueError, match=FORM):
        parse_cluster_url(f"redis+cluster://{rest}")


def test_a_cluster_has_one_database() -> None:
    with pytest.raises(ValueError, match="database 0 alone"):
        parse_cluster_url("redis+cluster://a/3")


def fault(url: str) -> str | None:
    try:
        parse_cluster_url(url)
    except ValueError as found:
        return str(found)
    return None


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_a_fault_that_does_not_repeat_it(text: str) -> None:
    found = fault(f"redis+cluster://{text}")

    assert found is None or found.startswith(("must be like", "must name no database"))


def test_no_password_is_in_what_an_address_says_of_itself() -> None:
    assert "hunter" not in repr(parse_cluster_url("redis+cluster://:hunter2@a"))


def test_other_addresses_are_not_taken_for_one_of_a_cluster() -> None:
    others = ("redis://a:6379/0", "rediss://a", "unix:///a", "redis+sentinel://a/main")
    assert not any(map(is_cluster_url, others))
