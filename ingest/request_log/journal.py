"""Records what became of each request: in the integration check, and refusals in the rejection log.

Every request of an app leaves a line in its integration check; every refused one leaves an entry in
the rejection log too, and a token that somebody guessed counts against the sender's address.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from falcon.asgi import Request

from ingest.authentication import Principal
from ingest.bad_tokens import BadTokens
from ingest.client import request_address
from ingest.parameters import NO_PARAMETERS, Pair, RawParameters
from ingest.request_log.checks import CheckLog, RequestOutcome
from ingest.request_log.rejections import RejectionLog, without_secrets
from shared.clock import Clock
from shared.errors import RequestError, Unauthorized, WaybillError
from shared.events import Event
from shared.integration_log import UnreadValue, unread_source
from shared.privacy.truncation import truncated_address
from shared.redaction import redact
from shared.rejections import CLICK_LOST, Rejection
from shared.scopes import Scope
from shared.snapshot import NO_TOKEN
from shared.tokens import TokenFault

UNREAD_MAX = 20  # of one request
# A sender without a token, or with one for another purpose, is not guessing.
_NO_GUESS = frozenset({TokenFault.MISSING, TokenFault.SCOPE})


@dataclass(slots=True)
class RequestState:
    """A request as far as it was understood, for the answer to a refusal and for the logs."""

    dialect: str
    scope: Scope
    raw: RawParameters = NO_PARAMETERS
    app_token: str | None = None
    principal: Principal | None = None
    unread: list[UnreadValue] = field(default_factory=list)
    by_sdk: bool = False
    size_bytes: int = 0
    secret_names: frozenset[str] = frozenset()

    def shown_pairs(self) -> list[Pair]:
        """Returns what was sent without the parameters that hold a token, whatever their names."""
        return without_secrets(self.raw.pairs(), self.secret_names)

    def known_app_token(self, error: WaybillError) -> str | None:
        """Returns the app token that was sent, if an app has it: another could be anything."""
        is_known = self.principal is not None or isinstance(error, Unauthorized)
        return self.app_token if is_known else None


@dataclass(frozen=True, slots=True)
class RequestJournal:
    """The logs that requests are recorded in. Recording costs no I/O.

    `now` is the clock; senders are behind `forwarded_hops` proxies. `truncating_apps` tells which
    apps store no complete addresses.
    """

    rejections: RejectionLog
    checks: CheckLog
    bad_tokens: BadTokens
    now: Clock
    forwarded_hops: int
    truncating_apps: Callable[[], Collection[int]] = frozenset

    def accepted(self, request: Request, state: RequestState, event: Event, status: int) -> None:
        """Records a request whose event is stored, though its token may be bad."""
        principal = state.principal
        assert principal is not None  # nothing is accepted that was not authenticated
        self.accepted_plain(request.method, state.dialect, state.scope, principal, event, status)
        if state.unread:
            self._note_unread(request, state, event.app_id)
        if principal.fault is not None and principal.fault not in _NO_GUESS:
            self._note_bad_token(request)

    def accepted_plain(
        self,
        method: str,
        dialect: str,
        scope: Scope,
        principal: Principal,
        event: Event,
        status: int,
    ) -> None:
        """Records a request of which everything was used, and whose event is stored."""
        outcome = RequestOutcome(
            event.received_at_ms,
            dialect,
            event.endpoint,
            method,
            status,
            principal.shown_token_id,
            scope,
            event,
            principal.fault,
        )
        self.checks.add(event.app_id, outcome)

    def refused(self, request: Request, state: RequestState, error: WaybillError) -> float:
        """Records a refusal; returns the seconds by which its answer is to be delayed.

        The app's team sees it too, once it is known whose it is. A field may be wrong where the
        token is too, and both are to be fixed.
        """
        # The name of a field may be the sender's own, and hold anything.
        at_fault = error.field if isinstance(error, RequestError) else None
        at_fault = None if at_fault is None else redact(at_fault)
        rejection = self._rejection(request, state, error.status, error.code, at_fault)
        self.rejections.add(rejection, state.shown_pairs())
        app_id, token_id, fault = None, NO_TOKEN, None
        if state.principal is not None:
            app_id = state.principal.grant.app_id
            token_id, fault = state.principal.shown_token_id, state.principal.fault
        if isinstance(error, Unauthorized):
            app_id = app_id or error.app_id
            token_id, fault = token_id or error.token_id or NO_TOKEN, error.fault
        if app_id is not None:
            self._note_unread(request, state, app_id)
            self.checks.add(
                app_id,
                RequestOutcome(
                    at_ms=self.now(),
                    dialect=state.dialect,
                    endpoint=request.uri_template or "",
                    method=request.method,
                    status=error.status,
                    token_id=token_id,
                    scope=state.scope,
                    event=None,
                    fault=fault,
                    code=error.code,
                    field=at_fault,
                ),
            )
        if isinstance(error, Unauthorized) and error.fault not in _NO_GUESS:
            return self._note_bad_token(request)
        return 0.0

    def click_lost(self, request: Request, state: RequestState, status: int) -> None:
        """Records a person who was redirected although the click could not be stored."""
        rejection = self._rejection(request, state, status, CLICK_LOST, None)
        self.rejections.add_lost_click(rejection, state.shown_pairs())

    def _note_unread(self, request: Request, state: RequestState, app_id: int) -> None:
        principal = state.principal
        link = principal.link if principal is not None else None
        token_id = principal.shown_token_id if principal is not None else NO_TOKEN
        place = (request.uri_template or "", link.link_id if link else 0, token_id)
        for unread in state.unread[:UNREAD_MAX]:
            self.checks.add_unread(app_id, unread_source(*place, unread))

    def _note_bad_token(self, request: Request) -> float:
        """Counts a guess; returns the seconds that its sender has to wait, if it is refused.

        Whose sender it is, a bad token does not say: once one app truncates, all are truncated.
        """
        address = request_address(request, self.forwarded_hops) or ""
        noted = truncated_address(address) if self.truncating_apps() else address
        self.rejections.note_bad_token(noted)
        return self.bad_tokens.count(address)  # in memory

    def _rejection(
        self, request: Request, state: RequestState, status: int, code: str, field: str | None
    ) -> Rejection:
        principal = state.principal
        return Rejection(
            at_ms=self.now(),
            endpoint=request.uri_template or "",
            method=request.method,
            status=status,
            code=code,
            field=field,
            app_id=None if principal is None else principal.grant.app_id,
            parameters={},
        )
