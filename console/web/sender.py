"""Finds the address of whoever sends a request to the console, as ingest finds a sender's."""

import falcon

from shared.http.client_address import client_address


def sender_address(request: falcon.Request, hops: int) -> str:
    """Returns the address, behind `hops` trusted proxies.

    A request that passed fewer did not come the trusted way: its address is the connection's.
    """
    peer = request.remote_addr
    forwarded_for = request.get_header("X-Forwarded-For")
    return client_address(peer, forwarded_for, hops) or client_address(peer, None, 0) or peer
