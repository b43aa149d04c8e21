"""The one way through for every page: who comes, may they, what they get.

1. The cookie says who is signed in; without one, people are sent to sign in.
2. The route says which role it needs.
3. A form has to come from this console, and from a page that this session was shown.
4. The handler answers. What it refuses is shown as a sentence, with the form where there is one.

While PostgreSQL is away none of this is known. Whoever was signed in a short while ago sees what
the route has to show without it; everybody else is told that it is away.
"""

import hmac
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

import falcon

from console.accounts.login_sessions import find_session, new_secret
from console.accounts.people import Person
from console.apps.apps import App
from console.store_errors import StoreFault, database_fault, redis_fault
from console.web import cookies
from console.web.error_status import status_of
from console.web.lookups import with_app
from console.web.page_errors import BadRequest, ForgedRequest, NotFound
from console.web.page_request import PageContext, PageRequest, Services
from console.web.rendering import Templates
from console.web.responses import Answer, Download, Finished, Page, Redirect
from console.web.route import Access, Handler, Route
from console.web.session_cache import RecentSessions
from console.web.values import FORM_BYTES_MAX, NOTHING, Values
from shared.database import Connection, DatabaseError, is_unavailable
from shared.errors import NotAllowed, OperatorError, WaybillError
from shared.redis import RedisError

_RETRY_SECONDS = "5"
_FORM_TYPE = "application/x-www-form-urlencoded"


class PageDispatcher:
    """`pages` are the handlers of GET by path, for forms that are shown again."""

    def __init__(self, services: Services, templates: Templates, pages: dict[str, Handler]) -> None:
        self._services = services
        self._templates = templates
        self._pages = pages
        self._recent = RecentSessions(services.clock)
        self._secure = services.settings.console_url.startswith("https://")

    def serve(self, route: Route, req: falcon.Request, resp: falcon.Response, **names: Any) -> None:
        try:
            self._serve(route, req, resp, names)
        except WaybillError as refusal:  # before it is known who asks, or while a page is made
            self._fail(resp, refusal)

    def _serve(
        self,
        route: Route,
        req: falcon.Request,
        resp: falcon.Response,
        names: dict[str, Any],
    ) -> None:
        try:
            with self._services.pool.connection() as connection:
                self._visit(route, req, resp, connection, names)
        except DatabaseError as fault:
            if not is_unavailable(fault):
                raise database_fault(fault) from fault
            self._do_without(route, req, resp)

    def nothing_here(self, req: falcon.Request, resp: falcon.Response, **_: object) -> None:
        """For paths that no route knows."""
        self.serve(Route(req.method, req.path, Access.VIEWER, _missing), req, resp)

    def _visit(
        self,
        route: Route,
        req: falcon.Request,
        resp: falcon.Response,
        connection: Connection,
        names: dict[str, Any],
    ) -> None:
        request, app = self._recognise(req, connection), None
        if request.person is None and route.access is not Access.ANYBODY:
            self._send_to_sign_in(req, resp)
            return
        try:
            _admit(route, request)
            if route.method == "POST":
                request = replace(request, form=self._read_form(req, request))
            names, app = with_app(connection, names)
            answer, request = self._answer(route, request, names)
        except WaybillError as refusal:
            answer = _refused(refusal)
        except RedisError:
            answer = _refused(redis_fault())
        self._write(answer, request, app, resp)

    def _answer(
        self, route: Route, request: PageRequest, names: dict[str, Any]
    ) -> tuple[Answer, PageRequest]:
        """With the visit to show it to: what is refused is told there."""
        try:
            return route.handler(request, **names), request
        except OperatorError as refusal:
            page = self._pages.get(route.form)
            if isinstance(refusal, StoreFault | NotAllowed) or page is None:
                raise
            request = replace(request, fault=refusal.message)
            shown = page(request, **_named(route, names))
            return (replace(shown, status=422) if isinstance(shown, Page) else shown), request

    def _recognise(self, req: falcon.Request, connection: Connection) -> PageRequest:
        held = cookies.read_secret(req, secure=self._secure)
        key = self._services.settings.secret_key
        person = find_session(connection, key, held) if held else None
        if held:
            self._recent.note(held, person)
        return PageRequest(connection=connection, **vars(self._visitor(req, held, person)))

    def _visitor(self, req: falcon.Request, held: str | None, person: Person | None) -> PageContext:
        """`held` is the secret of their cookie, with which this person is signed in."""
        return PageContext(
            services=self._services,
            path=req.path,
            query=Values.parse(req.query_string.encode()) if req.query_string else NOTHING,
            address=_address(req, self._services.settings.forwarded_hops),
            secret=held or new_secret(),
            person=person,
            said=cookies.read_flash(req, secure=self._secure),
        )

    def _do_without(self, route: Route, req: falcon.Request, resp: falcon.Response) -> None:
        """While PostgreSQL is away."""
        held = cookies.read_secret(req, secure=self._secure)
        person = self._recent.find(held) if held else None
        visitor = self._visitor(req, held, person)
        if person is not None and route.without_database is not None:
            answer = route.without_database(visitor)
        else:
            answer = Page("away.html", status=503)
            resp.set_header("Retry-After", _RETRY_SECONDS)
        self._write(answer, visitor, None, resp)

    def _read_form(self, req: falcon.Request, request: PageRequest) -> Values:
        self._require_same_origin(req)
        body = req.bounded_stream.read(FORM_BYTES_MAX + 1)
        if len(body) > FORM_BYTES_MAX:
            raise BadRequest("The form is too large.")
        if body and (req.content_type or "").partition(";")[0].strip().lower() != _FORM_TYPE:
            raise BadRequest("Forms are sent as application/x-www-form-urlencoded.")
        form = Values.parse(body)
        token = form.get("csrf") or req.get_header("X-CSRF-Token", default="")
        if not hmac.compare_digest(token.encode(), request.csrf.encode()):
            raise ForgedRequest
        return form

    def _require_same_origin(self, req: falcon.Request) -> None:
        """Every browser says where a form comes from; what is none needs the token all the same."""
        origin = req.get_header("Origin")
        own = {req.netloc, urlsplit(self._services.settings.console_url).netloc}
        if origin is not None and urlsplit(origin).netloc not in own:
            raise ForgedRequest

    def _send_to_sign_in(self, req: falcon.Request, resp: falcon.Response) -> None:
        back = req.relative_uri if req.method == "GET" else "/"
        resp.status = falcon.HTTP_303
        resp.location = "/sign-in" if back == "/" else f"/sign-in?next={quote(back)}"

    def _write(
        self, answer: Answer, request: PageContext, app: App | None, resp: falcon.Response
    ) -> None:
        match answer:
            case Page():
                resp.status = answer.status
                resp.content_type = falcon.MEDIA_HTML
                resp.text = self._templates.render(answer.template, request, app, answer.values)
                cookies.give_secret(resp, request.secret, secure=self._secure)
                if request.said:
                    cookies.give_flash(resp, "", secure=self._secure)
            case Redirect():
                resp.status = falcon.HTTP_303
                resp.location = answer.path
                if answer.session is not None:
                    self._recent.note(request.secret, None)
                    cookies.give_secret(resp, answer.session, secure=self._secure)
                if answer.said:
                    cookies.give_flash(resp, answer.said, secure=self._secure)
            case Finished():
                resp.content_type = answer.content_type
                resp.data = answer.body
                if answer.policy:
                    resp.set_header("Content-Security-Policy", answer.policy)
            case Download():
                resp.content_type = answer.content_type
                resp.downloadable_as = answer.filename
                resp.stream = answer.parts

    def _fail(self, resp: falcon.Response, fault: WaybillError) -> None:
        """Where nobody can be recognised, a page without anything of theirs."""
        resp.status = status_of(fault)
        resp.content_type = falcon.MEDIA_HTML
        resp.text = self._templates.bare("fault.html", message=fault.message)


def _missing(_: PageRequest) -> Answer:
    raise NotFound


def _admit(route: Route, request: PageRequest) -> None:
    if route.access is Access.ADMIN and not request.may_change:
        raise NotAllowed


def _named(route: Route, names: dict[str, Any]) -> dict[str, Any]:
    """What the path of its form names, of what the path of the route names."""
    return {
        name: value
        for name, value in names.items()
        if f"{{{name}" in route.form.replace("{app_id", "{app")
    }


def _refused(refusal: WaybillError) -> Page:
    return Page("error.html", {"message": refusal.message}, status_of(refusal))


def _address(req: falcon.Request, hops: int) -> str:
    """Who asks, behind so many proxies of the operator's own."""
    route = req.access_route
    return route[-1 - hops] if len(route) > hops else route[0]
