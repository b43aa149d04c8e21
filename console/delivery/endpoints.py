"""Manages callback endpoints: whom an app tells what happened, and at which URL."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from console.actor import Actor, require_admin
from console.apps.apps import App
from console.audit import Action, Change, record_change
from console.delivery.endpoint_form import EndpointForm, read_form
from console.delivery.endpoint_signing import read_signing, wrapped_secret
from console.resources import Resources
from shared.callbacks.activities import level_and_status
from shared.callbacks.masking import masked_url
from shared.callbacks.requests import signing_secret
from shared.database import Connection, run, transaction
from shared.errors import OperatorError


@dataclass(frozen=True, kw_only=True)
class EndpointRow:
    """A callback endpoint.

    `partner` is None for one of the app's own, `url` is None if each click brings its own,
    `event_type` and `link` are None if all count.
    `waiting` are the callbacks that wait for it, also while it is paused or disabled.
    """

    id: int
    app: str
    name: str
    partner: str | None
    activities: list[str]
    method: str
    url: str | None
    hosts: list[str]
    event_type: str | None
    link: str | None
    attributed_only: bool
    revenue_only: bool
    payout_only: bool
    sandbox: bool
    answer_contains: str | None
    concurrency_max: int
    rate_max: int | None
    created_at: datetime
    paused_at: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None
    failures: int
    waiting: int

    @property
    def state(self) -> str:
        """Returns active, paused or disabled."""
        if self.disabled_at is not None:
            return "disabled"
        return "active" if self.paused_at is None else "paused"

    @property
    def level(self) -> str:
        """Returns what a partner's endpoint hears of: install, event, both or all."""
        return level_and_status(self.activities)[0]

    @property
    def status(self) -> str:
        """Returns of which installs a partner's endpoint hears: approved, rejected or both."""
        return level_and_status(self.activities)[1]


@dataclass(frozen=True)
class EndpointWithSecret:
    """An endpoint and the secret under which its callbacks are signed."""

    endpoint: EndpointRow
    secret: str


_COLUMNS = """
    callback_endpoints.id, apps.name, callback_endpoints.name, partners.name, activities, method,
    url, hosts, event_types.name, links.name, attributed_only, revenue_only, payout_only,
    sandbox, answer_contains, concurrency_max, rate_max, callback_endpoints.created_at, paused_at,
    disabled_at, disabled_reason, failures,
    (SELECT count(*) FROM callbacks WHERE endpoint_id = callback_endpoints.id AND state = 'waiting')
"""
_FIELDS = (
    *("id", "app", "name", "partner", "activities", "method", "url", "hosts", "event_type"),
    *("link", "attributed_only", "revenue_only", "payout_only", "sandbox", "answer_contains"),
    *("concurrency_max", "rate_max", "created_at", "paused_at", "disabled_at"),
    *("disabled_reason", "failures", "waiting"),
)
_SELECT = f"""
    SELECT {_COLUMNS}
    FROM callback_endpoints
    JOIN apps ON apps.id = callback_endpoints.app_id
    LEFT JOIN partners ON partners.id = callback_endpoints.partner_id
    LEFT JOIN event_types ON event_types.id = callback_endpoints.event_type_id
    LEFT JOIN links ON links.id = callback_endpoints.link_id
    WHERE deleted_at IS NULL
"""
_OF_APP = f"""
    {_SELECT} AND (%(app)s::bigint IS NULL OR callback_endpoints.app_id = %(app)s)
    ORDER BY callback_endpoints.id
"""
_ONE = f"{_SELECT} AND callback_endpoints.app_id = %s AND callback_endpoints.id = %s"
_INSERT = """
    INSERT INTO callback_endpoints (
        app_id, partner_id, name, activities, method, url, hosts, event_type_id, link_id,
        attributed_only, revenue_only, payout_only, sandbox, answer_contains, concurrency_max,
        rate_max
    )
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (app_id, name) WHERE deleted_at IS NULL DO NOTHING
    RETURNING id
"""
_UPDATE = """
    UPDATE callback_endpoints SET
        name = %s, activities = %s, method = %s, url = %s, hosts = %s, event_type_id = %s,
        link_id = %s, attributed_only = %s, revenue_only = %s, payout_only = %s, sandbox = %s,
        answer_contains = %s, concurrency_max = %s, rate_max = %s
    WHERE id = %s
"""
_PAUSE = "UPDATE callback_endpoints SET paused_at = now() WHERE id = %(id)s"
# What has waited is sent at once.
_RESUME = """
    WITH due AS (
        UPDATE callbacks SET due_at = now() WHERE endpoint_id = %(id)s AND state = 'waiting'
    )
    UPDATE callback_endpoints
    SET paused_at = NULL, disabled_at = NULL, disabled_reason = NULL, failures = 0,
        failing_since = NULL
    WHERE id = %(id)s
"""
_DELETE = "UPDATE callback_endpoints SET deleted_at = now() WHERE id = %s"
_WITHHOLD = """
    UPDATE callbacks SET state = 'withheld', reason = 'deleted'
    WHERE endpoint_id = %s AND state = 'waiting'
"""
_ROTATE = """
    UPDATE callback_endpoints SET secret_version = secret_version + 1, kept_secret = NULL
    WHERE id = %(id)s
"""
_KEEP_FORMER = """
    UPDATE callback_endpoints SET former_secret = %s, rotated_at = now() WHERE id = %s
"""
_TAKEN = """
    SELECT FROM callback_endpoints
    WHERE app_id = %s AND name = %s AND id <> %s AND deleted_at IS NULL
"""


def list_endpoints(connection: Connection, app: App | None = None) -> list[EndpointRow]:
    """Lists endpoints in the order in which they were made, of one app or of all."""
    rows = run(connection, _OF_APP, {"app": None if app is None else app.id})
    return [_endpoint(row) for row in rows]


def find_endpoint(connection: Connection, app: App, named: str) -> EndpointRow:
    """Finds an endpoint by its name or number. Raises OperatorError."""
    found = [each for each in list_endpoints(connection, app) if named in {each.name, str(each.id)}]
    if not found:
        raise OperatorError(
            "The app has no such callback endpoint.", "See `waybill callback list`."
        )
    return found[0]


def endpoint_with_id(connection: Connection, app: App, endpoint_id: int) -> EndpointRow | None:
    """Finds an endpoint of an app by its number."""
    row = run(connection, _ONE, (app.id, endpoint_id)).fetchone()
    return None if row is None else _endpoint(row)


def create_endpoint(
    resources: Resources, actor: Actor, app: App, form: EndpointForm
) -> EndpointWithSecret:
    """Makes an endpoint, and its partner when new. Raises OperatorError, NotAllowed."""
    require_admin(actor)
    connection = resources.connection
    with transaction(connection):
        read = read_form(connection, app, form)
        arguments = (app.id, read.partner_id, *read.values())
        row = run(connection, _INSERT, arguments).fetchone()
        if row is None:
            raise _name_taken()
        made = _known(connection, app, row[0])
        record_change(
            connection, actor, app.id, Change(Action.CALLBACK_CREATE, made.name, None, _told(made))
        )
    return EndpointWithSecret(made, secret_of(resources, made))


def edit_endpoint(
    resources: Resources, actor: Actor, app: App, endpoint: EndpointRow, form: EndpointForm
) -> EndpointRow:
    """Changes an endpoint; its partner stays. Raises OperatorError, NotAllowed."""
    require_admin(actor)
    connection = resources.connection
    with transaction(connection):
        read = read_form(connection, app, replace(form, partner=endpoint.partner))
        if run(connection, _TAKEN, (app.id, read.name, endpoint.id)).fetchone() is not None:
            raise _name_taken()
        run(connection, _UPDATE, (*read.values(), endpoint.id))
        changed = _known(connection, app, endpoint.id)
        change = Change(Action.CALLBACK_EDIT, changed.name, _told(endpoint), _told(changed))
        record_change(connection, actor, app.id, change)
    return changed


def pause_endpoint(
    resources: Resources, actor: Actor, app: App, endpoint: EndpointRow
) -> EndpointRow:
    """Stops sending; what is due waits. Raises NotAllowed."""
    return _changed(resources, actor, app, endpoint, Action.CALLBACK_PAUSE, _PAUSE)


def resume_endpoint(
    resources: Resources, actor: Actor, app: App, endpoint: EndpointRow
) -> EndpointRow:
    """Sends again, beginning with everything that has waited. Raises NotAllowed."""
    return _changed(resources, actor, app, endpoint, Action.CALLBACK_RESUME, _RESUME)


def delete_endpoint(resources: Resources, actor: Actor, app: App, endpoint: EndpointRow) -> None:
    """Removes an endpoint; the log of what it was told stays. Raises NotAllowed."""
    require_admin(actor)
    connection = resources.connection
    with transaction(connection):
        run(connection, _DELETE, (endpoint.id,))
        run(connection, _WITHHOLD, (endpoint.id,))
        change = Change(Action.CALLBACK_DELETE, endpoint.name, _told(endpoint), None)
        record_change(connection, actor, app.id, change)


def rotate_secret(
    resources: Resources, actor: Actor, app: App, endpoint: EndpointRow
) -> EndpointWithSecret:
    """Gives an endpoint a new signing secret; both sign for a day. Raises NotAllowed."""
    connection = resources.connection
    former = wrapped_secret(
        resources.secret_key, endpoint.id, read_signing(connection, endpoint.id)
    )
    with transaction(connection):
        run(connection, _KEEP_FORMER, (former, endpoint.id))
        changed = _changed(resources, actor, app, endpoint, Action.CALLBACK_ROTATE, _ROTATE)
    return EndpointWithSecret(changed, secret_of(resources, changed))


def secret_of(resources: Resources, endpoint: EndpointRow) -> str:
    """Returns the secret under which an endpoint's callbacks are signed."""
    signing = read_signing(resources.connection, endpoint.id)
    return signing_secret(resources.secret_key, endpoint.id, signing)


def _changed(
    resources: Resources,
    actor: Actor,
    app: App,
    endpoint: EndpointRow,
    action: Action,
    statement: str,
) -> EndpointRow:
    require_admin(actor)
    connection = resources.connection
    with transaction(connection):
        run(connection, statement, {"id": endpoint.id})
        changed = _known(connection, app, endpoint.id)
        before, after = {"state": endpoint.state}, {"state": changed.state}
        record_change(connection, actor, app.id, Change(action, endpoint.name, before, after))
    return changed


def _endpoint(row: Sequence[object]) -> EndpointRow:
    return EndpointRow(**dict(zip(_FIELDS, row, strict=True)))  # type: ignore[arg-type]


def _known(connection: Connection, app: App, endpoint_id: int) -> EndpointRow:
    found = endpoint_with_id(connection, app, endpoint_id)
    if found is None:
        raise OperatorError("The endpoint was deleted meanwhile.")
    return found


def _told(endpoint: EndpointRow) -> dict[str, object]:
    """Returns what the audit log keeps: of a URL the part in which nobody keeps a secret."""
    url = None if endpoint.url is None else masked_url(endpoint.url).partition("?")[0]
    return {
        "partner": endpoint.partner,
        "activities": endpoint.activities,
        "method": endpoint.method,
        "url": url,
        "hosts": endpoint.hosts,
    }


def _name_taken() -> OperatorError:
    return OperatorError("The app has a callback endpoint of this name. Choose another name.")
