"""Builds the console's WSGI application: routes to the dispatchers, static files, error pages."""

import logging
from functools import partial
from threading import Thread
from types import SimpleNamespace

import falcon
import msgspec

from console.exchange.refresh import keep_current
from console.reports.schedules.due_reports import send_forever
from console.web.api.api_call import ApiEndpoint
from console.web.api.dispatcher import ApiDispatcher
from console.web.api.document import PREFIX as API_PREFIX
from console.web.api.document import openapi
from console.web.api.endpoints import ENDPOINTS
from console.web.api.opendsr import OPENDSR_PREFIXES, add_opendsr
from console.web.assets import PREFIX, Assets
from console.web.headers import SafeHeaders
from console.web.page_dispatcher import PageDispatcher
from console.web.page_request import Services
from console.web.raw_path import RawPaths
from console.web.rendering import Templates
from console.web.routes import ROUTES
from console.web.rq_dashboard import open_dashboard
from shared.clock import now_ms
from shared.database import open_pool
from shared.http.host_names import KnownHosts, name_check
from shared.redis import connect as connect_redis
from shared.settings import environment, read_settings

THREADS = 8
_CODES = {404: "not_found", 405: "method_not_allowed", 500: "internal_error"}
_LOG = logging.getLogger(__name__)


class ConsoleLiveness:
    """`/health/live`: the process answers.

    It asks no store, so that Operations can be reached while one is away.
    """

    def on_get(self, _request: falcon.Request, response: falcon.Response) -> None:
        response.content_type = falcon.MEDIA_JSON
        response.text = '{"status":"live"}'

    on_head = on_get


def get_app() -> falcon.App[falcon.Request, falcon.Response]:
    """Creates the application; gunicorn calls this in each of its processes."""
    settings = read_settings(environment())
    # One connection more than pages need: a report may be sent for as long as its receiver takes.
    pool = open_pool(settings.database_url, "console", THREADS + 1)
    redis = connect_redis(settings.redis_url, settings.names)
    # Reading the rates takes a quarter of a second, which no first page should have to wait for.
    rates = (pool, settings.exchange_rates)
    Thread(target=keep_current, name="rates", args=rates, daemon=True).start()
    services = Services(settings, pool, redis, open_dashboard(redis), now_ms)
    reports = (pool, redis, settings, now_ms)
    Thread(target=send_forever, name="reports", args=reports, daemon=True).start()
    Thread(target=services.access.publish_forever, name="access", daemon=True).start()
    return create_app(services)


def create_app(services: Services) -> falcon.App[falcon.Request, falcon.Response]:
    assets = Assets()
    templates = Templates(assets)
    page_handlers = {route.path: route.handler for route in ROUTES if route.method == "GET"}
    dispatcher = PageDispatcher(services, templates, page_handlers)
    secure = services.settings.console_url.startswith("https://")
    app = falcon.App(middleware=[SafeHeaders(secure=secure)])
    app.add_middleware(
        KnownHosts(name_check(services.settings.hosts, services.settings.console_url))
    )
    app.add_middleware(RawPaths())
    app.req_options.strip_url_path_trailing_slash = True
    app.add_route(PREFIX + "{name}", assets)
    app.add_route("/health/live", ConsoleLiveness())
    for path in dict.fromkeys(route.path for route in ROUTES):
        # Falcon's form of a path is an object with a method for each HTTP method.
        responders = {
            f"on_{route.method.lower()}": partial(dispatcher.serve, route)
            for route in ROUTES
            if route.path == path
        }
        app.add_route(path, SimpleNamespace(**responders))
    app.add_sink(dispatcher.serve_not_found)
    _add_api(app, services)
    show_error = partial(_show_error, templates)
    for error_type in (Exception, falcon.HTTPError):  # Falcon handles the latter itself otherwise
        app.add_error_handler(error_type, show_error)
    return app


def _add_api(app: falcon.App[falcon.Request, falcon.Response], services: Services) -> None:
    dispatcher = ApiDispatcher(services)
    # Falcon asks the sink that was added last first.
    app.add_sink(dispatcher.serve_not_found, "/api/")
    document = openapi(ENDPOINTS, services.settings.console_url)
    document_endpoint = ApiEndpoint(
        "GET", "/openapi.json", "Return this document.", lambda _: document, dict, for_members=True
    )
    endpoints = (*ENDPOINTS, document_endpoint)
    for path in dict.fromkeys(endpoint.path for endpoint in endpoints):
        responders = {
            f"on_{endpoint.method.lower()}": partial(dispatcher.serve, endpoint)
            for endpoint in endpoints
            if endpoint.path == path
        }
        app.add_route(API_PREFIX + path, SimpleNamespace(**responders))
    add_opendsr(app, dispatcher)


def _show_error(
    templates: Templates,
    request: falcon.Request,
    response: falcon.Response,
    error: Exception,
    _params: dict[str, str],
) -> None:
    """Answers what Falcon itself refuses and unexpected exceptions: programs in JSON.

    People get a page.
    """
    message = "An internal error occurred. See the log of the console for details."
    status = 500
    if isinstance(error, falcon.HTTPError):
        status, message = error.status_code, error.title or "This request is not supported."
        for name, value in dict(error.headers or {}).items():  # such as Allow
            response.set_header(name, value)
    else:
        _LOG.error("a page failed", exc_info=error)
    response.status = status
    if request.path.startswith(("/api/", *OPENDSR_PREFIXES)):
        code = _CODES.get(status, "bad_request")
        response.content_type = falcon.MEDIA_JSON
        response.data = msgspec.json.encode({"error": {"code": code, "message": message}})
        return
    response.content_type = falcon.MEDIA_HTML
    response.text = templates.render_bare("bare_error.html", status=status, message=message)
