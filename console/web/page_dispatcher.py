"""Answers every page request: identifies the person, checks access, calls the handler.

1. The cookie identifies who is signed in; anybody else is redirected to the sign-in page.
2. The route states the required role; what a member does not reach is not found.
3. A form has to come from this console, and from a page that was shown to this session.
4. The handler answers. An error is shown as a sentence, above the form where there is one.

While PostgreSQL is unavailable none of this can be checked. Anybody who was signed in a short while
ago gets what the route can show without it; everybody else gets a page that says so.
"""

from dataclasses import replace
from typing import Any
from urllib.parse import quote

import falcon

from console.accounts.login_sessions import find_session, new_secret
from console.accounts.people import Person
from console.apps.apps import App
from console.store_errors import StoreError, database_error, redis_error
from console.web import cookies
from console.web.csrf import csrf_tokens, read_content, read_form
from console.web.lookups import admit
from console.web.page_errors import ForgedRequest, NotFound, error_page, status_of
from console.web.page_request import PageContext, PageRequest, Services
from console.web.pages.signin import second_factor
from console.web.rendering import Templates
from console.web.responses import Answer, Departure, Download, Finished, Page, Redirect
from console.web.route import Access, Handler, Route
from console.web.sender import sender_address
from console.web.session_cache import RecentSessions
from console.web.values import NOTHING, Values
from shared.accounts.account_settings import REQUIRED
from shared.database import Connection, DatabaseError, is_unavailable
from shared.errors import NotAllowed, OperatorError, WaybillError
from shared.redis import RedisError
from shared.vocabulary import AccessEvent

_RETRY_SECONDS = "5"


class PageDispatcher:
    """The single path of every page request.

    `page_handlers` are the GET handlers by path, which show a refused form again.
    """

    def __init__(
        self, services: Services, templates: Templates, page_handlers: dict[str, Handler]
    ) -> None:
        self._services = services
        self._templates = templates
        self._page_handlers = page_handlers
        self._recent = RecentSessions(services.clock)
        self._secure = services.settings.console_url.startswith("https://")

    def serve(
        self, route: Route, req: falcon.Request, resp: falcon.Response, **params: Any
    ) -> None:
        """Answers a request; `params` are those that the path names."""
        try:
            try:
                with self._services.pool.connection() as connection:
                    self._serve(route, req, resp, connection, params)
            except DatabaseError as error:
                if not is_unavailable(error):
                    raise database_error(error) from error
                self._serve_without_database(route, req, resp)
        except WaybillError as error:  # before the person is identified, or while rendering
            resp.status = status_of(error)
            resp.content_type = falcon.MEDIA_HTML
            resp.text = self._templates.render_bare(
                "bare_error.html", status=status_of(error), message=error.message
            )

    def serve_not_found(self, req: falcon.Request, resp: falcon.Response, **_: object) -> None:
        """Answers a request for a path that no route has."""

        def not_found(_: PageRequest) -> Answer:
            raise NotFound

        self.serve(Route(req.method, req.path, Access.VIEWER, not_found), req, resp)

    def _serve(
        self,
        route: Route,
        req: falcon.Request,
        resp: falcon.Response,
        connection: Connection,
        params: dict[str, Any],
    ) -> None:
        app, secret = None, cookies.read_secret(req, secure=self._secure)
        person = None
        if secret:
            person = find_session(connection, self._services.settings.secret_key, secret)
            self._recent.note(secret, person)  # for when PostgreSQL is down
        context = self._context(req, secret, person)
        request = PageRequest(connection=connection, **vars(context))
        if request.person is None and route.access is not Access.ANYBODY:
            back = req.relative_uri if req.method == "GET" else "/"
            resp.status = falcon.HTTP_303
            resp.location = "/sign-in" if back == "/" else f"/sign-in?next={quote(back)}"
            return
        if self._must_enrol(request.person, route):
            resp.status, resp.location = falcon.HTTP_303, second_factor.PATH
            return
        try:
            if request.person is not None:
                admission = admit(connection, request.reach, route.access, params)
                params, app, actor = admission.params, admission.app, request.person.actor
                request = replace(request, role=admission.role, admitted=admission.actor(actor))
            if route.method == "POST":
                settings = self._services.settings
                tokens = csrf_tokens(settings.secret_key, request.secret)
                if route.takes_content:
                    content = read_content(req, settings.console_url, tokens)
                    request = replace(request, content=content)
                else:
                    form = read_form(req, settings.console_url, tokens)
                    request = replace(request, form=form)
            answer, request = self._answer(route, request, params)
        except WaybillError as error:
            if isinstance(error, ForgedRequest):
                who = (request.person.actor.name, request.person.id) if request.person else ()
                request.note_access(AccessEvent.FORM_REFUSED, *who)
            answer = error_page(error)
        except RedisError as error:
            answer = error_page(redis_error(error))
        self._write(answer, request, app, resp)

    def _must_enrol(self, person: Person | None, route: Route) -> bool:
        """Tells whether somebody has to set up a second step before anything else."""
        is_required = self._services.settings.second_factor == REQUIRED
        is_own = route.access is Access.ANYBODY or route.path.startswith(("/account", "/sign-out"))
        is_asked = person is not None and not (person.has_second_factor or person.by_provider)
        return is_required and is_asked and not is_own

    def _context(
        self, req: falcon.Request, secret: str | None, person: Person | None
    ) -> PageContext:
        """Builds the part that needs no PostgreSQL; `secret` and `person` are the session's."""
        return PageContext(
            services=self._services,
            path=req.path,
            query=Values.parse(req.query_string.encode()) if req.query_string else NOTHING,
            address=sender_address(req, self._services.settings.forwarded_hops),
            secret=secret or new_secret(),
            browser=cookies.read_browser(req, secure=self._secure),
            begun=cookies.read_begun(req, secure=self._secure),
            person=person,
            remembered=cookies.read_environment(req, secure=self._secure),
            flash=cookies.read_flash(req, secure=self._secure),
        )

    def _answer(
        self, route: Route, request: PageRequest, params: dict[str, Any]
    ) -> tuple[Answer, PageRequest]:
        """Calls the handler, and returns its answer with the request to render it for.

        That is another request where the answer is a refused form, shown again with the error.
        """
        try:
            return route.handler(request, **params), request
        except OperatorError as error:
            handler = self._page_handlers.get(route.form)
            if isinstance(error, StoreError | NotAllowed) or handler is None:
                raise
            request = replace(request, error=error.message)
            # The form's path may name fewer parameters than the route's.
            form_path = route.form.replace("{app_id", "{app")
            params = {name: value for name, value in params.items() if f"{{{name}" in form_path}
            page = handler(request, **params)
            return (replace(page, status=422) if isinstance(page, Page) else page), request

    def _serve_without_database(
        self, route: Route, req: falcon.Request, resp: falcon.Response
    ) -> None:
        secret = cookies.read_secret(req, secure=self._secure)
        person = self._recent.find(secret) if secret else None
        context = self._context(req, secret, person)
        if person is not None and person.reach.is_everywhere and route.without_database is not None:
            answer = route.without_database(context)
        else:
            answer = Page("database_unavailable.html", status=503)
            resp.set_header("Retry-After", _RETRY_SECONDS)
        self._write(answer, context, None, resp)

    def _write(
        self, answer: Answer, request: PageContext, app: App | None, resp: falcon.Response
    ) -> None:
        match answer:
            case Page():
                resp.status = answer.status
                resp.content_type = falcon.MEDIA_HTML
                resp.text = self._templates.render(answer.template, request, app, answer.values)
                cookies.set_secret(resp, request.secret, secure=self._secure)
                cookies.remember_environment(
                    resp, request.query.get("environment"), request.remembered, secure=self._secure
                )
                if request.flash:
                    cookies.set_flash(resp, "", secure=self._secure)
            case Redirect():
                self._redirect(answer, request, resp)
            case Departure():
                resp.status, resp.location = falcon.HTTP_303, answer.address
                cookies.set_begun(resp, answer.begun, secure=self._secure)
                cookies.set_secret(resp, request.secret, secure=self._secure)
            case Finished():
                resp.content_type = answer.content_type
                resp.data = answer.body
                if answer.policy:
                    resp.set_header("Content-Security-Policy", answer.policy)
            case Download():
                resp.content_type = answer.content_type
                resp.downloadable_as = answer.filename
                resp.stream = answer.parts

    def _redirect(self, answer: Redirect, request: PageContext, resp: falcon.Response) -> None:
        resp.status = falcon.HTTP_303
        resp.location = answer.path
        if answer.session is not None:
            self._recent.note(request.secret, None)
            cookies.set_secret(resp, answer.session, secure=self._secure)
            if request.begun:
                cookies.set_begun(resp, "", secure=self._secure)
        if answer.browser:
            cookies.set_browser(resp, answer.browser, secure=self._secure)
        if answer.flash:
            cookies.set_flash(resp, answer.flash, secure=self._secure)
