"""Plays the partner of the demo: a server on loopback that is told of a conversion."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from console.actor import Actor
from console.apps.apps import find_app
from console.delivery.endpoint_form import EndpointForm
from console.delivery.endpoints import create_endpoint, find_endpoint
from console.delivery.partner_trial import (
    PartnerTrial,
    finish_partner_trial,
    start_partner_trial,
)
from console.demo import calls
from console.resources import Resources
from shared.clock import Clock

ENDPOINT = "Postback link"
MACROS = "click=#{click.publisher.clickId}&event=#{offer.eventTypeId}&status=#{status.state}"
_LINK = "https://partner.example/?pub_click_id=their-click-77"


@dataclass
class DemoPartner:
    """The partner's server. `received` are the requests that reached it, `METHOD target`."""

    port: int = 0
    received: list[str] = field(default_factory=list)

    @property
    def variables(self) -> dict[str, str]:
        """Returns the settings that let callbacks reach a server on loopback."""
        return {
            "WAYBILL_CALLBACK_NETWORKS": "127.0.0.0/8,::1/128",
            "WAYBILL_CALLBACK_PORTS": str(self.port),
        }


@contextmanager
def playing_partner() -> Iterator[DemoPartner]:
    """Runs the partner's server until the end of the block."""
    partner = DemoPartner()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            partner.received.append(f"GET {self.path}")
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"OK")

        def log_message(self, *_: object) -> None:
            """Keeps the server's own lines off the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    partner.port = server.server_address[1]
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield partner
    finally:
        server.shutdown()
        server.server_close()


def create_demo_endpoint(resources: Resources, actor: Actor, partner: DemoPartner) -> None:
    """Has the partner told of conversions by Swaarm's usual postback link."""
    url = f"http://localhost:{partner.port}/postback?{MACROS}"
    form = EndpointForm(name=ENDPOINT, partner=calls.PARTNER, level="event", url=url)
    create_endpoint(resources, actor, find_app(resources.connection, calls.APP), form)


def tell_partner(resources: Resources, actor: Actor, now: Clock, seconds: float) -> PartnerTrial:
    """Makes a click and a conversion of the partner, and waits for the callback's answer."""
    app = find_app(resources.connection, calls.APP)
    endpoint = find_endpoint(resources.connection, app, ENDPOINT)
    mark = start_partner_trial(resources, actor, app, endpoint, _LINK, now)
    return finish_partner_trial(resources, actor, app, endpoint, mark, seconds)
