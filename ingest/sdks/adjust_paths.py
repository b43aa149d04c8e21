"""Lists the paths that only Adjust's SDKs call, each with what answers it."""

from collections.abc import Mapping

from falcon.asgi import Request

from ingest.authentication import AppCredential, Credentials
from ingest.dialects.adjust.event_fields import PARAMETERS_MAX, REQUEST_BYTES_MAX
from ingest.dialects.adjust_sdk.attribution import AskingDevice, asking_device, attribution_reply
from ingest.dialects.dialect import Reply
from ingest.dialects.sdk_replies import json_reply
from ingest.parameters import Parameters, RawParameters
from ingest.request_body import read_parameters_body
from ingest.request_log.journal import RequestState
from ingest.resource import EndpointServices
from ingest.sdks.lookup import AttributionLookup
from ingest.sdks.resource import Answer
from shared.fields import iso_time
from shared.names.invisible import trimmed


class AdjustSdk:
    """The calls of Adjust's SDKs that report nothing."""

    def __init__(self, services: EndpointServices, lookup: AttributionLookup) -> None:
        self._services = services
        self._lookup = lookup

    def answers(self) -> Mapping[str, Answer]:
        """Returns what answers each path."""
        return {"/attribution": self.tell_attribution, "/sdk_info": self.take_push_token}

    async def tell_attribution(self, request: Request, state: RequestState) -> Reply:
        """Tells where a device's user came from."""
        app_id, device, parameters = await self._called(request, state)
        known = await self._lookup.of_user(app_id, device.environment, device.adid)
        time_spent = parameters.get("time_spent")
        return attribution_reply(device.adid, known, self._services.now(), time_spent)

    async def take_push_token(self, request: Request, state: RequestState) -> Reply:
        """Accepts a push token and forgets it: nothing of Waybill sends messages."""
        _, device, _ = await self._called(request, state)
        timestamp = f"{iso_time(self._services.now())}+0000"
        return json_reply({"adid": device.adid, "timestamp": timestamp, "message": "Info received"})

    async def _called(
        self, request: Request, state: RequestState
    ) -> tuple[int, AskingDevice, Parameters]:
        """Reads a call of a device and finds its app.

        Raises UnknownApp, SdkTrafficOff; DeviceForgotten, by which the SDK is told to stop.
        """
        query = request.scope["query_string"]
        body = await read_parameters_body(request, len(query), REQUEST_BYTES_MAX)
        state.raw = RawParameters(query, body.form, PARAMETERS_MAX, document=body.document)
        parameters = state.raw.parameters(without=())
        app_token = trimmed(parameters.require("app_token"))
        credentials = Credentials(set(), None, AppCredential(app_token, None))
        state.principal = await self._services.authenticator.authenticate(credentials)
        size_bytes = len(query) + body.size_bytes
        self._services.limiter.admit_request(request, state.principal, size_bytes)
        app_id = state.principal.grant.app_id
        device = asking_device(parameters, app_id)
        await self._services.forgotten_devices.require_known_ids(app_id, device.ids)
        return app_id, device, parameters
