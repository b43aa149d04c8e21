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
from console.web.page_request import Services, Visit, Visitor
from console.web.rendering import Templates
from console.web.responses import Answer, Download, Finished, Page, Redirect
from console.web.route import Access, Handler, Route
from console.web.session_cache import RecentSessions
from console.web.values import FORM_BYTES_MAX, NOTHING, Values
from shared.database import Connection, DatabaseError, is_away
from shared.errors import NotAllowed, OperatorError, WaybillError
from shared.queues import RedisError

_RETRY_SECONDS = "5"
_FORM_TYPE = "application/x-www-form-urlencoded"


class Door:
    """`pages` are the handlers of GET by path, for forms that are shown again."""

    def __init__(self, services: Services, templates: Templates, pages: dict[str, Handler]) -> None:
        self._services = services
        self._templates = templates
        self._pages = pages
        self._recent = RecentSessions(services.clock)
        self._secure = services.settings.console_url.startswith("https://")

    def serve(
        self, route: Route, request: falcon.Request, response: falcon.Response, **names: Any
    ) -> None:
        try:
            self._serve(route, request, response, names)
        except WaybillError as refusal:  # before it is known who asks, or while a page is made
            self._fail(response, refusal)

    def _serve(
        self,
        route: Route,
        request: falcon.Request,
        response: falcon.Response,
        names: dict[str, Any],
    ) -> None:
        try:
            with self._services.pool.connection() as connection:
                self._visit(route, request, response, connection, names)
        except DatabaseError as fault:
            if not is_away(fault):
                raise database_fault(fault) from fault
            self._do_without(route, request, response)

    def nothing_here(self, req: falcon.Request, resp: falcon.Response, **_: object) -> None:
        """For paths that no route knows."""
        self.serve(Route(req.method, req.path, Access.VIEWER, _missing), req, resp)

    def _visit(
        self,
        route: Route,
        request: falcon.Request,
        response: falcon.Response,
        connection: Connection,
        names: dict[str, Any],
    ) -> None:
        visit, app = self._recognise(request, connection), None
        if visit.person is None and route.access is not Access.ANYBODY:
            self._send_to_sign_in(request, response)
            return
        try:
            _admit(route, visit)
            if route.method == "POST":
                visit = replace(visit, form=self._read_form(request, visit))
            names, app = with_app(connection, names)
            answer, visit = self._answer(route, visit, names)
        except WaybillError as refusal:
            answer = _refused(refusal)
        except RedisError:
            answer = _refused(redis_fault())
        self._write(answer, visit, app, response)

    def _answer(self, route: Route, visit: Visit, names: dict[str, Any]) -> tuple[Answer, Visit]:
        """With the visit to show it to: what is refused is told there."""
        try:
            return route.handler(visit, **names), visit
        except OperatorError as refusal:
            page = self._pages.get(route.form)
            if isinstance(refusal, StoreFault | NotAllowed) or page is None:
                raise
            visit = replace(visit, fault=refusal.message)
            shown = page(visit, **_named(route, names))
            return (replace(shown, status=422) if isinstance(shown, Page) else shown), visit

    def _recognise(self, request: falcon.Request, connection: Connection) -> Visit:
        held = cookies.read_secret(request, secure=self._secure)
        key = self._services.settings.secret_key
        person = find_session(connection, key, held) if held else None
        if held:
            self._recent.note(held, person)
        return Visit(connection=connection, **vars(self._visitor(request, held, person)))

    def _visitor(self, request: falcon.Request, held: str | None, person: Person | None) -> Visitor:
        """`held` is the secret of their cookie, with which this person is signed in."""
        return Visitor(
            services=self._services,
            path=request.path,
            query=Values.parse(request.query_string.encode()) if request.query_string else NOTHING,
            address=_address(request, self._services.settings.forwarded_hops),
            secret=held or new_secret(),
            person=person,
            said=cookies.read_said(request, secure=self._secure),
        )

    def _do_without(self, route: Route, request: falcon.Request, response: falcon.Response) -> None:
        """While PostgreSQL is away."""
        held = cookies.read_secret(request, secure=self._secure)
        person = self._recent.find(held) if held else None
        visitor = self._visitor(request, held, person)
        if person is not None and route.without_database is not None:
            answer = route.without_database(visitor)
        else:
            answer = Page("away.html", status=503)
            response.set_header("Retry-After", _RETRY_SECONDS)
        self._write(answer, visitor, None, response)

    def _read_form(self, request: falcon.Request, visit: Visit) -> Values:
        self._require_same_origin(request)
        body = request.bounded_stream.read(FORM_BYTES_MAX + 1)
        if len(body) > FORM_BYTES_MAX:
            raise BadRequest("The form is too large.")
        if body and (request.content_type or "").partition(";")[0].strip().lower() != _FORM_TYPE:
            raise BadRequest("Forms are sent as application/x-www-form-urlencoded.")
        form = Values.parse(body)
        token = form.get("csrf") or request.get_header("X-CSRF-Token", default="")
        if not hmac.compare_digest(token.encode(), visit.csrf.encode()):
            raise ForgedRequest
        return form

    def _require_same_origin(self, request: falcon.Request) -> None:
        """Every browser says where a form comes from; what is none needs the token all the same."""
        origin = request.get_header("Origin")
        own = {request.netloc, urlsplit(self._services.settings.console_url).netloc}
        if origin is not None and urlsplit(origin).netloc not in own:
            raise ForgedRequest

    def _send_to_sign_in(self, request: falcon.Request, response: falcon.Response) -> None:
        back = request.relative_uri if request.method == "GET" else "/"
        response.status = falcon.HTTP_303
        response.location = "/sign-in" if back == "/" else f"/sign-in?next={quote(back)}"

    def _write(
        self, answer: Answer, visit: Visitor, app: App | None, response: falcon.Response
    ) -> None:
        match answer:
            case Page():
                response.status = answer.status
                response.content_type = falcon.MEDIA_HTML
                response.text = self._templates.render(answer.template, visit, app, answer.values)
                cookies.give_secret(response, visit.secret, secure=self._secure)
                if visit.said:
                    cookies.give_said(response, "", secure=self._secure)
            case Redirect():
                response.status = falcon.HTTP_303
                response.location = answer.path
                if answer.session is not None:
                    self._recent.note(visit.secret, None)
                    cookies.give_secret(response, answer.session, secure=self._secure)
                if answer.said:
                    cookies.give_said(response, answer.said, secure=self._secure)
            case Finished():
                response.content_type = answer.content_type
                response.data = answer.body
                if answer.policy:
                    response.set_header("Content-Security-Policy", answer.policy)
            case Download():
                response.content_type = answer.content_type
                response.downloadable_as = answer.filename
                response.stream = answer.parts

    def _fail(self, response: falcon.Response, fault: WaybillError) -> None:
        """Where nobody can be recognised, a page without anything of theirs."""
        response.status = status_of(fault)
        response.content_type = falcon.MEDIA_HTML
        response.text = self._templates.bare("fault.html", message=fault.message)


def _missing(_: Visit) -> Answer:
    raise NotFound


def _admit(route: Route, visit: Visit) -> None:
    if route.access is Access.ADMIN and not visit.may_change:
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


def _address(request: falcon.Request, hops: int) -> str:
    """Who asks, behind so many proxies of the operator's own."""
    route = request.access_route
    return route[-1 - hops] if len(route) > hops else route[0]
