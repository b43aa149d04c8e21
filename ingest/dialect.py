"""What an endpoint asks of a dialect: how to read a request and how to answer it.

The words of a dialect stop at its file. A dialect is pure: it is given what was received, and when.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import msgspec

from ingest.parameters import Parameters
from ingest.visitor import NOBODY, Visitor
from shared.errors import WaybillError
from shared.events import Event
from shared.snapshot import Grant, Link


class Reception(msgspec.Struct, frozen=True):
    """The circumstances of a request: its receipt, its time, who may send, and the key header.

    Where links let requests in, also the link that was named and who is at the other end.
    """

    receipt: UUID
    received_at_ms: int
    grant: Grant
    idempotency_key: str | None
    link: Link | None = None
    visitor: Visitor = NOBODY


class Reply(msgspec.Struct, frozen=True):
    """An answer: status line as Falcon wants it, body, and headers beside the content type."""

    status: int
    body: bytes
    headers: dict[str, str] = {}


class Reading(msgspec.Struct, frozen=True):
    """A request that was understood: the event to keep, and the answer once it is kept.

    `if_lost` is the answer when it cannot be kept; None: the sender is told to send it again.
    """

    event: Event
    reply: Reply
    if_lost: Reply | None = None


@dataclass(frozen=True, slots=True)
class Dialect:
    """One endpoint of one dialect. `token_names`: the parameters a token may come in.

    `link_names`: the two that name a link, through which a request needs no token.
    """

    token_names: frozenset[bytes]
    read: Callable[[Parameters, Reception], Reading]
    refused: Callable[[WaybillError], Reply]
    link_names: tuple[bytes, bytes] | None = None
