"""The one way through for every call of the API: whose key, may they, what they get.

Nothing here looks at cookies: a browser that another site leads here brings no key along.
"""

from typing import Any

import falcon
import msgspec

from console.accounts.api_keys import Key, find_key
from console.actor import Role
from console.resources import Resources
from console.store_errors import database_fault, redis_fault
from console.web.api.api_call import ApiCall, ApiEndpoint
from console.web.error_status import status_of
from console.web.lookups import with_app
from console.web.page_errors import BadRequest, NotFound
from console.web.page_request import Services
from console.web.values import NOTHING, Values
from shared.database import Connection, DatabaseError
from shared.errors import NotAllowed, WaybillError
from shared.redis import RedisError

BODY_BYTES_MAX = 65_536
_SCHEME = "Bearer "


class NoKey(WaybillError):
    code = "no_key"
    status = 401

    def __init__(self) -> None:
        super().__init__("Send an active key of the console: Authorization: Bearer wbk_...")


class ApiDispatcher:
    def __init__(self, services: Services) -> None:
        self._services = services

    def serve(
        self,
        endpoint: ApiEndpoint,
        request: falcon.Request,
        response: falcon.Response,
        **names: Any,
    ) -> None:
        try:
            with self._services.pool.connection() as connection:
                given = self._answer(endpoint, request, connection, names)
            _write(response, endpoint.status, given)
        except WaybillError as refusal:
            self._refuse(response, refusal)
        except RedisError:
            self._refuse(response, redis_fault())
        except DatabaseError as fault:
            self._refuse(response, database_fault(fault))

    def nothing_here(self, req: falcon.Request, resp: falcon.Response, **_: object) -> None:
        """For paths that no call has."""
        self._refuse(resp, NotFound(f"The API has no {req.method} here."))

    def _answer(
        self,
        endpoint: ApiEndpoint,
        request: falcon.Request,
        connection: Connection,
        names: dict[str, Any],
    ) -> object:
        settings = self._services.settings
        key = self._key(request, connection)
        if endpoint.method != "GET" and key.role is not Role.ADMIN:
            raise NotAllowed
        found, _ = with_app(connection, names)
        call = ApiCall(
            resources=Resources(connection, self._services.redis, settings.secret_key),
            settings=settings,
            actor=key.actor,
            query=_query(endpoint, request),
            body=_body(endpoint, request),
        )
        return endpoint.handler(call, **found)

    def _key(self, request: falcon.Request, connection: Connection) -> Key:
        header = request.get_header("Authorization", default="")
        if not header.startswith(_SCHEME):
            raise NoKey
        secret = header.removeprefix(_SCHEME).strip()
        key = find_key(connection, self._services.settings.secret_key, secret)
        if key is None:
            raise NoKey
        return key

    def _refuse(self, response: falcon.Response, refusal: WaybillError) -> None:
        error = {"code": refusal.code, "message": refusal.message}
        _write(response, status_of(refusal), {"error": error})
        if isinstance(refusal, NoKey):
            response.set_header("WWW-Authenticate", "Bearer")


def _query(endpoint: ApiEndpoint, request: falcon.Request) -> Values:
    if not request.query_string:
        return NOTHING
    query = Values.parse(request.query_string.encode())
    if unknown := query.names - set(endpoint.query):
        raise BadRequest(f"This call knows no parameter {', '.join(sorted(unknown))}.")
    return query


def _body(endpoint: ApiEndpoint, request: falcon.Request) -> Any:
    body = request.bounded_stream.read(BODY_BYTES_MAX + 1)
    if len(body) > BODY_BYTES_MAX:
        raise BadRequest("The body is too large.")
    if endpoint.takes is None:
        return None
    if (request.content_type or "").partition(";")[0].strip().lower() != falcon.MEDIA_JSON:
        raise BadRequest("Send the body as application/json.")
    try:
        return msgspec.json.decode(body, type=endpoint.takes)
    except msgspec.ValidationError as fault:
        raise BadRequest(f"The body is not what this call takes: {fault}.") from None
    except msgspec.DecodeError:
        raise BadRequest("The body is no JSON.") from None


def _write(response: falcon.Response, status: int, given: object) -> None:
    response.status = status
    response.content_type = falcon.MEDIA_JSON
    response.data = msgspec.json.encode(given)
