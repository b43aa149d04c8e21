"""Tests whose address the console takes a request to come from."""

import falcon
import pytest
from falcon import testing

from console.web.sender import sender_address

PEER = "198.51.100.1"
LIE = "203.0.113.66"


def request(**headers: str) -> falcon.Request:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return testing.create_req(headers=named, remote_addr=PEER)


@pytest.mark.parametrize("hops", [0, 1, 2])
def test_forwarded_is_never_believed(hops: int) -> None:
    assert sender_address(request(Forwarded=f"for={LIE}"), hops) == PEER


@pytest.mark.parametrize(
    ("forwarded_for", "hops", "address"),
    [
        (LIE, 0, PEER),
        ("203.0.113.7", 1, "203.0.113.7"),
        (f"{LIE}, 203.0.113.7", 1, "203.0.113.7"),
        (f"{LIE}, 203.0.113.7, 10.0.0.2", 2, "203.0.113.7"),
        (LIE, 2, PEER),
        ("unknown", 1, PEER),
    ],
)
def test_so_many_entries_from_the_right_are_believed_as_there_are_proxies(
    forwarded_for: str, hops: int, address: str
) -> None:
    forged = request(X_Forwarded_For=forwarded_for, Forwarded=f"for={LIE}", X_Real_IP=LIE)

    assert sender_address(forged, hops) == address
