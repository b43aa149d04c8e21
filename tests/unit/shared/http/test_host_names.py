"""Tests which host names are served: those that no page on the internet can have."""

from types import SimpleNamespace

import falcon
import pytest
from falcon.testing import TestClient

from shared.http.host_names import MISDIRECTED, KnownHosts, bare_name, name_check

_NAMED = name_check("waybill.example.com, Metrics.Example.com", "https://console.example.com:8443")


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1:8081", "[::1]:8081", "10.1.2.3", "localhost:8082", "metrics:8082"),
        *("waybill.internal", "waybill-metrics.waybill.svc", "console.localhost", "box.local"),
        *("console.example.com", "CONSOLE.example.com.", "console.example.com:8443"),
        *("waybill.example.com", "metrics.example.com:1", ""),
    ],
)
def test_addresses_private_names_and_named_ones_are_served(host: str) -> None:
    assert _NAMED(bare_name(host))


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "console.example.com.evil.example", "example.com", "127.0.0.1.nip.io"),
        *("localhost.evil.example:8081", "1.2.3", "xn--internal.example", "evil.example."),
    ],
)
def test_a_name_that_anybody_may_own_is_not_served(host: str) -> None:
    assert not _NAMED(bare_name(host))


def test_a_request_to_another_name_gets_421_and_no_resource_runs() -> None:
    app = falcon.App(middleware=[KnownHosts(name_check("waybill.example.com"))])
    ran = []
    app.add_route("/metrics", SimpleNamespace(on_get=lambda _request, _response: ran.append(1)))
    client = TestClient(app)

    refused = client.simulate_get("/metrics", host="evil.example")
    served = client.simulate_get("/metrics", host="waybill.example.com")

    assert refused.status_code == MISDIRECTED
    assert "WAYBILL_HOSTS" in refused.text
    assert served.status_code == 200
    assert ran == [1]
