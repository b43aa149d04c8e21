"""Answers every call of the API: checks the key and its role, calls the handler, writes JSON.

Nothing here looks at cookies: a browser that another site sends here carries no key.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import falcon
import msgspec

from console.accounts.access_log import STRANGER, AccessNote
from console.accounts.api_keys import Key, find_key
from console.actor import Actor, Role
from console.apps.apps import App
from console.resources import Resources, resources_of
from console.store_errors import database_error, redis_error
from console.web.api.api_call import ApiCall, ApiEndpoint
from console.web.api.body import read_body
from console.web.lookups import Admission, admit, visible_apps
from console.web.page_errors import BadRequest, NotFound, status_of
from console.web.page_request import Services
from console.web.raw_path import with_slashes
from console.web.route import Access
from console.web.sender import sender_address
from console.web.values import NOTHING, Values
from shared.database import Connection, DatabaseError
from shared.errors import NotAllowed, WaybillError
from shared.redis import RedisError
from shared.vocabulary import AccessEvent

_SCHEME = "Bearer "
Checked = TypeVar("Checked")


class NoKey(WaybillError):
    code = "no_key"
    status = 401

    def __init__(self) -> None:
        super().__init__("Send an active API key of the console: Authorization: Bearer wbk_...")


class KeyForOneApp(WaybillError):
    """A call that is not of the only app that the key is for."""

    code = "key_for_one_app"
    status = 403

    def __init__(self) -> None:
        super().__init__(
            "This API key is for one app. Call only paths below /apps/ and the id of this app, or "
            "use a key for all apps."
        )


@dataclass(frozen=True)
class AdmittedCall:
    """A call of another protocol, whose key may change something."""

    request: falcon.Request
    resources: Resources
    key: Key
    console_url: str

    @property
    def connection(self) -> Connection:
        return self.resources.connection

    @property
    def apps(self) -> list[App]:
        """Returns the apps that the key reaches."""
        return visible_apps(self.connection, self.key.reach)

    def actor(self, app: App) -> Actor:
        """Returns the actor that changes this app.

        Raises KeyForOneApp if the key is for another app, NotFound and NotAllowed.
        """
        if self.key.app_id not in {None, app.id}:
            raise KeyForOneApp
        admission = admit(self.connection, self.key.reach, Access.ADMIN, {"app_id": app.id})
        return admission.actor(self.key.actor)


class ApiDispatcher:
    """The single path of every API call."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def serve(
        self,
        endpoint: ApiEndpoint,
        request: falcon.Request,
        response: falcon.Response,
        **params: Any,
    ) -> None:
        """Answers a call; `params` are those that the path names."""
        try:
            with self._services.pool.connection() as connection:

                def check(key: Key) -> Admission:
                    if key.app_id is not None and key.app_id != params.get("app_id"):
                        raise KeyForOneApp
                    return admit(connection, key.reach, endpoint.access, with_slashes(params))

                key, admission = self._admit(request, connection, check)
                call = ApiCall(
                    resources=resources_of(
                        connection, self._services.redis, self._services.settings
                    ),
                    settings=self._services.settings,
                    actor=admission.actor(key.actor),
                    reach=key.reach,
                    query=_read_query(endpoint, request),
                    body=read_body(endpoint, request),
                )
                result = endpoint.handler(call, **admission.params)
            _write(response, endpoint.status, result)
        except WaybillError as error:
            self._write_error(response, error)
        except RedisError as error:
            self._write_error(response, redis_error(error))
        except DatabaseError as error:
            self._write_error(response, database_error(error))

    @contextmanager
    def admitted(self, request: falcon.Request) -> Iterator[AdmittedCall]:
        """Admits a call of another protocol. Raises WaybillError, whatever failed."""
        try:
            with self._services.pool.connection() as connection:
                key, _ = self._admit(request, connection, _require_manager)
                settings = self._services.settings
                resources = resources_of(connection, self._services.redis, settings)
                yield AdmittedCall(request, resources, key, settings.console_url)
        except RedisError as error:
            raise redis_error(error) from error
        except DatabaseError as error:
            raise database_error(error) from error

    def serve_not_found(self, req: falcon.Request, resp: falcon.Response, **_: object) -> None:
        """Answers a request for a path that no call has."""
        message = f"The API has no {req.method} endpoint at this path."
        self._write_error(resp, NotFound(message))

    def _admit(
        self,
        request: falcon.Request,
        connection: Connection,
        check: Callable[[Key], Checked],
    ) -> tuple[Key, Checked]:
        """Returns the key of a call with what `check` says of it, and records its use or refusal.

        Raises NoKey, and what `check` raises.
        """
        address = sender_address(request, self._services.settings.forwarded_hops)
        access, key = self._services.access, None
        try:
            header = request.get_header("Authorization", default="")
            if not header.startswith(_SCHEME):
                raise NoKey
            secret = header.removeprefix(_SCHEME).strip()
            key = find_key(connection, self._services.settings.secret_key, secret)
            if key is None:
                raise NoKey
            checked = check(key)
        except (NoKey, NotAllowed, NotFound, KeyForOneApp):
            actor, number = (key.actor.name, key.id) if key else (STRANGER, 0)
            note = AccessNote(AccessEvent.KEY_REFUSED, actor, address, number)
            access.note(connection, note)
            raise
        access.note(connection, AccessNote(AccessEvent.KEY_USE, key.actor.name, address, key.id))
        return key, checked

    def _write_error(self, response: falcon.Response, error: WaybillError) -> None:
        document = {"error": {"code": error.code, "message": error.message}}
        _write(response, status_of(error), document)
        if isinstance(error, NoKey):
            response.set_header("WWW-Authenticate", "Bearer")


def _require_manager(key: Key) -> None:
    """Raises NotAllowed for a key that can only read."""
    if key.role is not Role.ADMIN:
        raise NotAllowed


def _read_query(endpoint: ApiEndpoint, request: falcon.Request) -> Values:
    if not request.query_string:
        return NOTHING
    query = Values.parse(request.query_string.encode())
    if unknown := query.names - {*endpoint.query, *endpoint.repeated}:
        raise BadRequest(f"Unknown query parameter: {', '.join(sorted(unknown))}.")
    return query


def _write(response: falcon.Response, status: int, document: object) -> None:
    response.status = status
    response.content_type = falcon.MEDIA_JSON
    response.data = msgspec.json.encode(document)
