"""Falcon with one empty route, with the same answer as the bare application."""

import falcon
from falcon.asgi import App, Request, Response

from tests.bench.ceilings.bare import BODY


class Route:
    async def on_get(self, _request: Request, response: Response) -> None:
        response.data = BODY


app: App[Request, Response] = App(media_type=falcon.MEDIA_JSON)
app.add_route("/postback", Route())
