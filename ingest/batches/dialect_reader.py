"""Reads events of a batch that are given in a dialect, as the endpoint of that dialect would."""

from uuid import UUID

import msgspec

from ingest.archived_links import require_link_in_use
from ingest.authentication import Authenticator, Principal, credentials_of
from ingest.batches.batched_event import BatchedEvent
from ingest.batches.dialect_events import (
    decode_dialect_line,
    endpoint_of,
    raw_parameters,
)
from ingest.dialects.dialect import Dialect, ParsedRequest, RequestContext
from ingest.forgotten_devices import ForgottenDevices
from ingest.known_devices import KnownDevices
from ingest.parameters import RawParameters
from shared import fields
from shared.device_ids import is_unfilled
from shared.events import CLICK_KINDS, Event, encode_event_sorted
from shared.ids import click_id_of, derived_receipt
from shared.integration_log import UnreadValue
from shared.lines.recent_ids import recent_id
from shared.scopes import scope_of


class DialectReader:
    """A reader of the events of one batch. `authorization` is the header that the batch came with.

    Without `known_devices`, checks that depend on earlier events are left out, and without
    `forgotten_devices` those that depend on erasures. What is not used of an event is added to
    `unread`.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        authorization: str | None,
        known_devices: KnownDevices | None,
        now_ms: int,
        forgotten_devices: ForgottenDevices | None = None,
    ) -> None:
        self._authenticator = authenticator
        self._authorization = authorization
        self._known_devices = known_devices
        self._now_ms = now_ms
        self._forgotten_devices = forgotten_devices
        self._earlier: dict[bytes, bytes] = {}
        self.unread: list[UnreadValue] = []

    async def read(self, index: int, text: bytes, receipt: UUID) -> BatchedEvent:
        """Reads an event. Raises RequestError, Unavailable."""
        line = decode_dialect_line(text)
        dialect = endpoint_of(line)
        raw = raw_parameters(line, dialect)
        credentials = credentials_of(raw, self._authorization, dialect)
        principal = await self._authenticator.authenticate(credentials)
        return await self.read_parameters(index, dialect, raw, principal, receipt, line.id)

    async def read_parameters(
        self,
        index: int,
        dialect: Dialect,
        raw: RawParameters,
        principal: Principal,
        receipt: UUID,
        line_id: str | None = None,
    ) -> BatchedEvent:
        """Reads an event of a sender who is known. Raises RequestError, Unavailable."""
        context = RequestContext(
            receipt=receipt,
            received_at_ms=self._now_ms,
            grant=principal.grant,
            idempotency_key=line_id or None,
            link=principal.link,
            app=principal.app,
            fault=principal.fault,
        )
        parsed = await self._parse(dialect, raw, context)
        event = _with_id(parsed.event, line_id)
        require_link_in_use(principal.link, event.kind)
        scope = scope_of(event.kind)
        key = principal.key_for(scope)
        encoded = encode_event_sorted(event)
        if parsed.marker is not None:
            self._earlier[parsed.marker.name] = parsed.marker.value
        return BatchedEvent(
            index=index,
            event=event,
            encoded=encoded,
            key=key,
            scope=scope,
            dialect=dialect.name,
            marker=parsed.marker,
            recent=recent_id(event, encoded),
            fault=principal.fault,
        )

    async def _parse(
        self, dialect: Dialect, raw: RawParameters, context: RequestContext
    ) -> ParsedRequest:
        parsed = self._read(dialect, raw, context)
        known_devices, event = self._known_devices, parsed.event
        if self._forgotten_devices is not None and context.app is not None:
            await self._forgotten_devices.require_known(event)
        if known_devices is None:
            return parsed
        if parsed.adid is not None:
            user_id = await known_devices.user_of(
                event.app_id, event.environment, parsed.adid, self._earlier
            )
            if user_id is not None:
                context = msgspec.structs.replace(context, adid_user_id=user_id)
                self.unread.clear()
                parsed = self._read(dialect, raw, context)
        if parsed.history_check is not None:
            await known_devices.require(parsed.event, parsed.history_check, self._earlier)
        return parsed

    def _read(self, dialect: Dialect, raw: RawParameters, context: RequestContext) -> ParsedRequest:
        parameters = raw.parameters(without=dialect.secret_names)
        try:
            return dialect.read(parameters, context)
        finally:
            self.unread += parameters.unread


def _with_id(event: Event, line_id: str | None) -> Event:
    """Returns a click with its ID, which no endpoint reads for clicks.

    A repeat is the same click: so its click ID is derived from the ID.
    """
    if not line_id or event.kind not in CLICK_KINDS or is_unfilled(line_id):
        return event
    key = fields.identifier("id", line_id)
    identity = f"{event.app_id}:{event.environment}:{event.kind}:{key}".encode()
    click_id = click_id_of(derived_receipt(event.event_time_ms or 0, identity))
    return msgspec.structs.replace(event, idempotency_key=key, click_id=click_id)
