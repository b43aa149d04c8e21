"""Defines what an endpoint needs from a dialect: how to read a request and how to answer it.

A dialect's own vocabulary stays within its folder. A dialect is pure: it is given what was
received, and when.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

import msgspec

from ingest.client import UNKNOWN_CLIENT, ClientInfo
from ingest.parameters import Parameters
from ingest.request_body import REQUEST_BYTES_MAX
from ingest.sent_pairs import PARAMETERS_MAX
from shared.errors import WaybillError
from shared.events import Event
from shared.names.invisible import trimmed
from shared.privacy.requests import PrivacyRequest
from shared.scopes import Scope
from shared.seen import SeenMarker
from shared.snapshot import Grant, KnownApp, KnownLink
from shared.tokens import TokenFault

RECEIPT = "Waybill-Receipt"  # the header with the receipt of an accepted event

_YES = frozenset({"true", "1"})


class RequestContext(msgspec.Struct, frozen=True):
    """The context of a request: its receipt, its time, its grant, and the idempotency header.

    Where links authenticate requests, also the link that was named and the client at the other end.
    Where apps do, the app, the fault of the token (None: it is valid), and the user that the adid
    belongs to, once that was looked up.
    """

    receipt: UUID
    received_at_ms: int
    grant: Grant
    idempotency_key: str | None
    link: KnownLink | None = None
    client: ClientInfo = UNKNOWN_CLIENT
    app: KnownApp | None = None
    fault: TokenFault | None = None
    adid_user_id: str | None = None


class Reply(msgspec.Struct, frozen=True):
    """A response: its status code, its body, and its headers besides the content type."""

    status: int
    body: bytes
    headers: dict[str, str] = {}


class DeviceHistoryCheck(msgspec.Struct, frozen=True):
    """The check that an app with Adjust's stateful refusals wants before an event is accepted.

    Its device has to be known, since before the event; `in_order_with` names the events of its
    kind, none of which may be later.
    """

    in_order_with: str | None


class ParsedRequest(msgspec.Struct, frozen=True):
    """A request that was understood: the event to store, and the reply once it is stored.

    `if_lost` is the reply when it cannot be stored; None: the sender is asked to send it again.
    `if_seen` is the reply when `marker` was seen before. An event that is known by an `adid` alone
    is read again once it is known whose adid that is. With `privacy` it is a request about the data
    of the device: the event says whose, and is not stored.
    """

    event: Event
    reply: Reply
    if_lost: Reply | None = None
    marker: SeenMarker | None = None
    if_seen: Reply | None = None
    adid: str | None = None
    history_check: DeviceHistoryCheck | None = None
    privacy: PrivacyRequest | None = None


def is_yes(text: str) -> bool:
    """Tells whether a switch among the parameters is on."""
    return trimmed(text).lower() in _YES


Read = Callable[[Parameters, RequestContext], ParsedRequest]
ReadPlain = Callable[[Mapping[str, str], RequestContext], ParsedRequest | None]
ErrorReply = Callable[[WaybillError, str | None], Reply]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Sender:
    """The ways in which a sender shows who it is. `token_names` are the parameters of a token.

    `link_names` are the two that name a link, which makes a token unnecessary. `app_scope` is set
    where a request names its app, and is the scope that it takes; elsewhere the token names the
    app. `no_redirect_name` is the parameter by which a program that follows a link asks for an
    answer instead of a redirect, and so to be told of its mistakes. `network_token_name` is the
    parameter of a network's own token; where it is set, an app may also let a click id stand in for
    a token. `token_header` is a header that carries the token beside `Authorization`.
    `named_link` are the two parameters by which whoever has a token may name a link besides.
    `is_sdk` is set where SDKs call, which name their app and show nothing else. `basic` is set
    where the user name of HTTP's basic authentication is the token.
    """

    name: str
    token_names: frozenset[str] = frozenset()
    link_names: tuple[str, str] | None = None
    no_redirect_name: str | None = None
    app_scope: Scope | None = None
    network_token_name: str | None = None
    token_header: str | None = None
    named_link: tuple[str, str] | None = None
    is_sdk: bool = False
    basic: bool = False

    @property
    def secret_names(self) -> frozenset[str]:
        """Returns the parameters that may hold a token, which is never stored."""
        name = self.network_token_name
        return self.token_names if name is None else self.token_names | {name}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Dialect(Sender):
    """An endpoint of a dialect: how its requests are authenticated, read and refused.

    `address_header` is the header that carries the device's address. `kept_first` ranks the
    parameters that are kept where there are too many; None: too many are refused. `sdk` is how SDKs
    call an endpoint that servers call too. `read_plain` reads usual requests in one pass, and
    returns None for others; it has to read the same event as `read`. `plain_credentials` are the
    parameters by which such a request shows who sends it, beside `Authorization`; of whatever else
    `Sender` lists, it has nothing.
    """

    read: Read
    error_reply: ErrorReply
    kept_first: Mapping[bytes, int] | None = None
    address_header: str | None = None
    request_bytes_max: int = REQUEST_BYTES_MAX
    parameters_max: int = PARAMETERS_MAX
    sdk: "Dialect | None" = None
    read_plain: ReadPlain | None = None
    plain_credentials: tuple[str, ...] = ()
