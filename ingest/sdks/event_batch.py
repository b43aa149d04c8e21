"""Reads and stores the events of one call of Swaarm's SDKs: all that can be read, in one write.

A batch is never refused for one event: some SDKs would send it again for ever, and others would
drop the rest. An event that cannot be read is in the rejection log, with the reason.
"""

import asyncio
from collections.abc import Sequence

import msgspec
from falcon.asgi import Request

from ingest.batcher import EventUnit
from ingest.batches.body import plain_body
from ingest.client import client_of
from ingest.dialects.common_fields import open_marker
from ingest.dialects.dialect import Reply
from ingest.dialects.swaarm_sdk.answers import ACCEPTED
from ingest.dialects.swaarm_sdk.device import device_of
from ingest.dialects.swaarm_sdk.sdk_event import SdkCall, read_sdk_event
from ingest.parameters import RawParameters
from ingest.request_body import read_body
from ingest.request_log.journal import RequestState
from ingest.resource import EndpointServices
from ingest.sdks.resource import sender_of
from ingest.sent_pairs import json_pairs
from shared.errors import MalformedField, RequestError, RequestTooLarge
from shared.events import Event, encode_event
from shared.ids import new_receipts
from shared.privacy.truncation import as_stored

BODY_BYTES_MAX = 1_000_000
EVENTS_MAX = 1_000
_LOGGED_MAX = 20  # of one call: each costs half a millisecond of masking
_TURN_EVENTS = 50  # read in a row, before other requests have their turn


class _Batch(msgspec.Struct):
    """The body of `/sdk`; the SDKs' own clocks write `time`."""

    events: list[msgspec.Raw] = []
    time: object = None


class EventBatches:
    """The calls that bring events, and the body that each has."""

    def __init__(self, services: EndpointServices) -> None:
        self._services = services

    async def take_batch(self, request: Request, state: RequestState) -> Reply:
        """Stores the events of `/sdk`."""
        body = await self._body(request, state)
        batch = _Batch()
        if body.strip():
            try:
                batch = msgspec.json.decode(body, type=_Batch)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                raise MalformedField("body", "must be an object with events.") from error
        sent_at = batch.time if isinstance(batch.time, str) else None
        return await self._store(request, state, [bytes(raw) for raw in batch.events], sent_at)

    async def take_event(self, request: Request, state: RequestState) -> Reply:
        """Stores the one event of `/websdk`, which has no time of its own."""
        return await self._store(request, state, [await self._body(request, state)], None)

    async def _body(self, request: Request, state: RequestState) -> bytes:
        """Authenticates a call, then reads and inflates its body."""
        await sender_of(request, state, self._services)
        self._services.batcher.require_room()
        sent = await read_body(request, BODY_BYTES_MAX, BODY_BYTES_MAX)
        body = plain_body(sent, request.get_header("Content-Encoding")) if sent else sent
        if len(body) > BODY_BYTES_MAX:
            raise RequestTooLarge(BODY_BYTES_MAX)
        return body

    async def _store(
        self, request: Request, state: RequestState, raw: Sequence[bytes], sent_at: str | None
    ) -> Reply:
        services, principal = self._services, state.principal
        assert principal is not None  # authenticated before its body was read
        if len(raw) > EVENTS_MAX:
            raise MalformedField("events", f"has more than {EVENTS_MAX} events. Send fewer.")
        client, now_ms = client_of(request, services.forwarded_hops), services.now()
        call = SdkCall(
            request.uri_template or "", principal.grant, client, device_of(client), now_ms, sent_at
        )
        events: list[Event] = []
        refused: list[tuple[bytes, RequestError]] = []
        for index, receipt in enumerate(new_receipts(now_ms, len(raw))):
            if index % _TURN_EVENTS == _TURN_EVENTS - 1:
                await asyncio.sleep(0)
            try:
                events += read_sdk_event(raw[index], call, receipt)
            except RequestError as error:
                refused.append((raw[index], error))
        if events:
            await services.batcher.add_unit(
                EventUnit(
                    keys=(principal.key,),
                    encoded=b"".join(
                        encode_event(as_stored(event, services.batcher.truncating_apps))
                        for event in events
                    ),
                    count=len(events),
                    markers=tuple(filter(None, map(open_marker, events))),
                    apps=((principal.grant.app_id, len(events)),),
                )
            )
        for event in events[-_LOGGED_MAX:]:
            services.journal.accepted(request, state, event, ACCEPTED.status)
        for text, fault in refused[:_LOGGED_MAX]:
            self._log(request, state, text, fault)
        return ACCEPTED

    def _log(self, request: Request, state: RequestState, text: bytes, error: RequestError) -> None:
        try:
            raw = RawParameters(b"", document=json_pairs(text))
        except RequestError:
            raw = state.raw
        refused = RequestState(state.dialect, state.scope, raw, principal=state.principal)
        self._services.journal.refused(request, refused, error)
