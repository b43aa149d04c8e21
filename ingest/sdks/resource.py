"""Serves a path that only SDKs call: preflight, sender, answer, and refusals that SDKs can read."""

from collections.abc import Awaitable, Callable

from falcon.asgi import Request, Response

from ingest.authentication import Credentials, Principal, credentials_of
from ingest.dialects.dialect import Reply, Sender
from ingest.dialects.sdk_replies import PREFLIGHT, refusal
from ingest.endpoint import Endpoint
from ingest.forgotten_devices import OPTED_OUT
from ingest.parameters import NO_PARAMETERS
from ingest.request_log.journal import RequestState
from ingest.resource import EndpointServices, Resource
from ingest.telemetry.counts import EndpointCounts
from shared.errors import DeviceForgotten, WaybillError
from shared.scopes import Scope

Answer = Callable[[Request, RequestState], Awaitable[Reply]]


async def answer_preflight(_request: Request, response: Response) -> None:
    """Tells a browser that pages of any origin may call."""
    response.status = PREFLIGHT.status
    response.set_headers(PREFLIGHT.headers)


def _refuse(error: WaybillError) -> Reply:
    return OPTED_OUT if isinstance(error, DeviceForgotten) else refusal(error)


class SdkEndpoint(Endpoint):
    """A path of a dialect that SDKs in browsers call as well."""

    async def on_options(self, request: Request, response: Response) -> None:
        await answer_preflight(request, response)


class SdkResource(Resource):
    """A path that only SDKs call, and that has an answer of its own."""

    def __init__(
        self, dialect: str, answer: Answer, services: EndpointServices, counts: EndpointCounts
    ) -> None:
        super().__init__(services, counts)
        self._dialect = dialect
        self._answer = answer

    async def on_options(self, request: Request, response: Response) -> None:
        await answer_preflight(request, response)

    async def on_get(self, request: Request, response: Response) -> None:
        state = RequestState(self._dialect, Scope.EVENTS)
        await self._serve(request, response, state, self._answer(request, state), _refuse)

    on_post = on_get


# A public token comes in the header only.
_HEADER_TOKEN = Sender(name="swaarm")


async def sender_of(request: Request, state: RequestState, services: EndpointServices) -> Principal:
    """Authenticates a call by its public token. Raises Unauthorized, SdkTrafficOff, NotReady."""
    shown = credentials_of(NO_PARAMETERS, request.get_header("Authorization"), _HEADER_TOKEN)
    credentials = Credentials(shown.tokens, None, by_sdk=True)
    state.principal = await services.authenticator.authenticate(credentials)
    size_bytes = len(request.scope["query_string"]) + (request.content_length or 0)
    services.limiter.admit_request(request, state.principal, size_bytes)
    return state.principal
