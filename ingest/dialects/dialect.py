"""What an endpoint asks of a dialect: how to read a request and how to answer it.

The words of a dialect stop at its file. A dialect is pure: it is given what was received, and when.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import msgspec

from ingest.bodies import REQUEST_BYTES_MAX
from ingest.client import NOBODY, ClientInfo
from ingest.parameters import PARAMETERS_MAX, Parameters
from shared.errors import WaybillError
from shared.events import Event
from shared.scopes import Scope
from shared.seen import SeenMarker
from shared.snapshot import Grant, KnownApp, KnownLink
from shared.tokens import TokenFault


class RequestContext(msgspec.Struct, frozen=True):
    """The circumstances of a request: its receipt, its time, who may send, and the key header.

    Where links let requests in, also the link that was named and who is at the other end. Where
    apps do, the app, the fault of the token (None: it is valid), and whose adid was sent, once that
    was asked.
    """

    receipt: UUID
    received_at_ms: int
    grant: Grant
    idempotency_key: str | None
    link: KnownLink | None = None
    visitor: ClientInfo = NOBODY
    app: KnownApp | None = None
    fault: TokenFault | None = None
    known_as: str | None = None


class Reply(msgspec.Struct, frozen=True):
    """An answer: status line as Falcon wants it, body, and headers beside the content type."""

    status: int
    body: bytes
    headers: dict[str, str] = {}


class DeviceHistoryCheck(msgspec.Struct, frozen=True):
    """What an app with Adjust's stateful refusals wants asked of an event before it is taken.

    Its device has to be known, since before the event; `in_order_with` names those of its kind,
    none of which may be later.
    """

    in_order_with: str | None


class ParsedRequest(msgspec.Struct, frozen=True):
    """A request that was understood: the event to keep, and the answer once it is kept.

    `if_lost` is the answer when it cannot be kept; None: the sender is told to send it again.
    `if_marked` is the answer when `mark` stood before. An event that is known by an `adid` alone is
    read again once it is known whose that is.
    """

    event: Event
    reply: Reply
    if_lost: Reply | None = None
    mark: SeenMarker | None = None
    if_marked: Reply | None = None
    adid: str | None = None
    standing: DeviceHistoryCheck | None = None


Read = Callable[[Parameters, RequestContext], ParsedRequest]
Refused = Callable[[WaybillError, str | None], Reply]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One endpoint of one dialect. `token_names`: the parameters a token may come in.

    `link_names`: the two that name a link, through which a request needs no token. `app_scope`: the
    request names its app, and the scope that it takes; else its token does. `address_header`: the
    header that tells the device's address.
    """

    name: str
    token_names: frozenset[str]
    read: Read
    refused: Refused
    link_names: tuple[str, str] | None = None
    app_scope: Scope | None = None
    address_header: str | None = None
    request_bytes_max: int = REQUEST_BYTES_MAX
    parameters_max: int = PARAMETERS_MAX
