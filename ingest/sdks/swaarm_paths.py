"""Lists the paths of Swaarm's SDKs, each with what answers it."""

from collections.abc import Mapping
from urllib.parse import urlencode

from falcon.asgi import Request
from msgspec.structs import replace

from ingest.authentication import Credentials
from ingest.client import client_of
from ingest.dialects.dialect import Reply, RequestContext
from ingest.dialects.sdk_replies import json_reply, text_reply
from ingest.dialects.swaarm.click import build_click
from ingest.dialects.swaarm_sdk.answers import (
    ACCEPTED,
    NO_BREAKPOINTS,
    NO_COLLECTORS,
    attribution_data,
)
from ingest.dialects.swaarm_sdk.device import device_of
from ingest.dialects.swaarm_sdk.sdk_event import user_of_device
from ingest.parameters import Parameters, RawParameters
from ingest.request_log.journal import RequestState
from ingest.resource import EndpointServices
from ingest.sdks.event_batch import EventBatches
from ingest.sdks.lookup import AttributionLookup
from ingest.sdks.resource import Answer, sender_of
from shared import fields
from shared.device_ids import adid_of
from shared.errors import RequestTooLarge
from shared.events import ASSOCIATED_USER, Event, Kind
from shared.ids import new_receipt, unescaped_click_id_of
from shared.names.invisible import trimmed
from shared.privacy.truncation import truncated_address
from shared.snapshot import LinkKey

QUERY_BYTES_MAX = 16_384


class SwaarmSdk:
    """The calls of Swaarm's SDKs that are no batches of events."""

    def __init__(self, services: EndpointServices, lookup: AttributionLookup) -> None:
        self._services = services
        self._lookup = lookup

    def answers(self) -> Mapping[str, Answer]:
        """Returns what answers each path."""
        batches = EventBatches(self._services)
        return {
            "/sdk": batches.take_batch,
            "/websdk": batches.take_event,
            "/utm_click": self.take_click,
            "/attribution-data": self.tell_attribution,
            "/deeplink": self.tell_deep_link,
            "/associate-user": self.associate,
            "/sdk-tracked-breakpoints": self._constant(NO_BREAKPOINTS),
            "/sdk-allowed-breakpoint-collectors": self._constant(NO_COLLECTORS),
            "/sdk-breakpoints": self._constant(ACCEPTED),
            "/ad": self.tell_addresses,
        }

    async def take_click(self, request: Request, state: RequestState) -> Reply:
        """Stores the click that led to a page, and answers with its id as a bare text."""
        context, parameters = await self._called(request, state)
        click_id = unescaped_click_id_of(context.receipt)
        event = replace(build_click(parameters, context), click_id=click_id)
        assert state.principal is not None
        await self._services.batcher.add(event, state.principal.key)
        self._services.journal.accepted(request, state, event, 200)
        return text_reply(click_id, event)

    async def tell_attribution(self, request: Request, state: RequestState) -> Reply:
        """Tells where a user came from."""
        context, parameters = await self._called(request, state)
        user_id = fields.user_id("vendorId", parameters.require("vendorId"))
        grant = context.grant
        adid = adid_of(grant.app_id, user_id)
        known = await self._lookup.of_user(grant.app_id, grant.environment, adid)
        return attribution_data(user_id, known)

    async def tell_deep_link(self, request: Request, state: RequestState) -> Reply:
        """Tells where in the app the click of the install wanted to lead, to who installed here."""
        grant = (await sender_of(request, state, self._services)).grant
        client = client_of(request, self._services.forwarded_hops)
        device = device_of(client)
        agent = device.described or device.user_agent or ""
        place = client.address or ""
        if grant.app_id in self._services.batcher.truncating_apps:  # where workers published it
            place = truncated_address(place)
        link = await self._lookup.deep_link_at(grant.app_id, grant.environment, place, agent)
        return text_reply(link)

    async def associate(self, request: Request, state: RequestState) -> Reply:
        """Stores that a device's user is known to the app by an id of its own."""
        context, parameters = await self._called(request, state)
        vendor_id = user_of_device("idfv", parameters.take("idfv"))
        device = device_of(context.client)
        event = Event(
            receipt=context.receipt,
            received_at_ms=context.received_at_ms,
            app_id=context.grant.app_id,
            token_id=context.grant.token_id,
            environment=context.grant.environment,
            kind=Kind.EVENT,
            endpoint="/associate-user",
            user_id=vendor_id,
            event_id=ASSOCIATED_USER,
            ip_address=context.client.address,
            user_agent=device.user_agent,
            described_device=device.described,
            parameters=parameters.rest(),
            sdk=context.client.sdk or device.platform.sdk,
        )
        assert state.principal is not None
        await self._services.batcher.add(event, state.principal.key)
        self._services.journal.accepted(request, state, event, ACCEPTED.status)
        return ACCEPTED

    async def tell_addresses(self, request: Request, state: RequestState) -> Reply:
        """Tells the addresses of a link, by which a page replaces its own; a link needs no token.

        Raises MissingField, UnknownLink, SdkTrafficOff.
        """
        parameters = self._query(request, state)
        key = LinkKey(
            trimmed(parameters.require("offer_id")), trimmed(parameters.require("pub_id"))
        )
        state.principal = await self._services.authenticator.authenticate(
            Credentials(set(), key, by_sdk=True)
        )
        query = urlencode(key._asdict())
        click = f"{request.scheme}://{request.netloc}/click?{query}"
        return json_reply(
            {
                # By way of the click: without one nobody would be credited.
                "advertiserTrackingUrl": click,
                "clickTrackingUrl": click,
                "impressionTrackingUrl": click.replace("/click?", "/impression?"),
            }
        )

    def _constant(self, reply: Reply) -> Answer:
        async def answer(request: Request, state: RequestState) -> Reply:
            await sender_of(request, state, self._services)
            return reply

        return answer

    def _query(self, request: Request, state: RequestState) -> Parameters:
        query = request.scope["query_string"]
        if len(query) > QUERY_BYTES_MAX:
            raise RequestTooLarge(QUERY_BYTES_MAX)
        state.raw = RawParameters(query)
        parameters = state.raw.parameters(without=())
        state.unread = parameters.unread
        return parameters

    async def _called(
        self, request: Request, state: RequestState
    ) -> tuple[RequestContext, Parameters]:
        """Authenticates a call and reads its query; some SDKs send an empty body with it."""
        principal = await sender_of(request, state, self._services)
        parameters = self._query(request, state)
        now_ms = self._services.now()
        context = RequestContext(
            self._services.authenticator.seal_click(new_receipt(now_ms), principal.grant),
            now_ms,
            principal.grant,
            None,
            client=client_of(request, self._services.forwarded_hops),
        )
        return context, parameters
