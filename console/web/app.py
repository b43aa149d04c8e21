"""The console's WSGI application: routes to the door, static files, faults as pages."""

import logging
from functools import partial
from threading import Thread
from types import SimpleNamespace

import falcon

from console.reports.rates import currencies
from console.web.api.api_call import ApiEndpoint
from console.web.api.dispatcher import ApiDispatcher
from console.web.api.document import PREFIX as PREFIX_OF_API
from console.web.api.document import openapi
from console.web.api.endpoints import ENDPOINTS
from console.web.assets import PREFIX, Assets
from console.web.headers import SafeHeaders
from console.web.page_dispatcher import PageDispatcher
from console.web.page_request import Services
from console.web.rendering import Templates
from console.web.route import Route
from console.web.routes import ROUTES
from console.web.rq import RqDashboard
from shared.clock import now_ms
from shared.database import open_pool
from shared.redis import connect as connect_redis
from shared.settings import environment, read_settings

THREADS = 8
_LOG = logging.getLogger(__name__)


def get_app() -> falcon.App[falcon.Request, falcon.Response]:
    """What gunicorn calls, in each of its processes."""
    settings = read_settings(environment())
    pool = open_pool(settings.database_url, "console", THREADS)
    redis = connect_redis(settings.redis_url)
    # They take a quarter of a second to read, for which nobody's first page should wait.
    Thread(target=currencies, name="rates", daemon=True).start()
    return create_app(Services(settings, pool, redis, RqDashboard(redis), now_ms))


def create_app(services: Services) -> falcon.App[falcon.Request, falcon.Response]:
    assets = Assets()
    templates = Templates(assets)
    pages = {route.path: route.handler for route in ROUTES if route.method == "GET"}
    door = PageDispatcher(services, templates, pages)
    secure = services.settings.console_url.startswith("https://")
    app = falcon.App(middleware=[SafeHeaders(secure=secure)])
    app.req_options.strip_url_path_trailing_slash = True
    app.add_route(PREFIX + "{name}", assets)
    for path in dict.fromkeys(route.path for route in ROUTES):
        app.add_route(path, _resource(door, path))
    app.add_sink(door.nothing_here)
    _add_api(app, services)
    show_fault = partial(_show_fault, templates)
    for kind in (Exception, falcon.HTTPError):  # Falcon has a handler of its own for the latter
        app.add_error_handler(kind, show_fault)
    return app


def _add_api(app: falcon.App[falcon.Request, falcon.Response], services: Services) -> None:
    api = ApiDispatcher(services)
    app.add_sink(api.nothing_here, "/api/")  # the sink that was added last is asked first
    described = openapi(ENDPOINTS, services.settings.console_url)
    of_itself = ApiEndpoint("GET", "/openapi.json", "This.", lambda _: described, dict)
    for path in dict.fromkeys(each.path for each in (*ENDPOINTS, of_itself)):
        here = [each for each in (*ENDPOINTS, of_itself) if each.path == path]
        responders = {f"on_{each.method.lower()}": partial(api.serve, each) for each in here}
        app.add_route(PREFIX_OF_API + path, SimpleNamespace(**responders))


def _resource(door: PageDispatcher, path: str) -> SimpleNamespace:
    """Falcon's form of a path: an object with a method for each HTTP method."""
    return SimpleNamespace(
        **{
            f"on_{route.method.lower()}": _responder(door, route)
            for route in ROUTES
            if route.path == path
        }
    )


def _responder(door: PageDispatcher, route: Route) -> partial[None]:
    return partial(door.serve, route)


def _show_fault(
    templates: Templates,
    _request: falcon.Request,
    response: falcon.Response,
    fault: Exception,
    _names: dict[str, str],
) -> None:
    """What Falcon refuses by itself, and what nobody has foreseen."""
    message = "This went wrong on our side. The log of the console says what."
    status = 500
    if isinstance(fault, falcon.HTTPError):
        status, message = fault.status_code, fault.title or "This request is not served."
        for name, value in dict(fault.headers or {}).items():  # such as Allow
            response.set_header(name, value)
    else:
        _LOG.error("a page failed", exc_info=fault)
    response.status = status
    response.content_type = falcon.MEDIA_HTML
    response.text = templates.bare("fault.html", message=message)
