"""Manages alert destinations: where people hear what is wrong with an app, and of what."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, NamedTuple

from console.actor import Actor, require_admin
from console.apps.apps import App
from console.audit import Action, Change, record_change
from console.resources import Resources
from console.targets import TargetRules, check_target, shown_target
from shared.alerts.kinds import (
    SILENCE_MINUTES,
    SILENCE_MINUTES_MAX,
    SILENCE_MINUTES_MIN,
    AlertChannel,
    AlertKind,
)
from shared.alerts.requests import AlertTarget, alert_secret
from shared.callbacks.requests import Signing
from shared.database import Connection, named_rows, run, transaction
from shared.errors import BadValue, OperatorError

DESTINATIONS_MAX = 50  # of an app
_RULES = TargetRules(AlertChannel, "an alert destination", "the message says everything")


@dataclass(frozen=True, kw_only=True)
class AlertForm:
    """A destination as a person describes it; `target` is a URL, or an address of mail."""

    name: str
    channel: AlertChannel
    target: str
    kinds: Sequence[AlertKind] = tuple(AlertKind)
    silence_minutes: int = SILENCE_MINUTES


@dataclass(frozen=True, kw_only=True)
class AlertDestination:
    """A place to which alerts of an app go."""

    id: int
    app_id: int
    app: str
    name: str
    channel: AlertChannel
    target: str
    kinds: list[AlertKind]
    silence_minutes: int
    created_at: datetime
    paused_at: datetime | None

    @property
    def state(self) -> str:
        """Returns active or paused."""
        return "active" if self.paused_at is None else "paused"

    @property
    def shown_target(self) -> str:
        """Returns the target without the secrets that a URL may have."""
        return shown_target(self.channel, self.target)

    @property
    def alert_target(self) -> AlertTarget:
        """Returns what sending needs of it."""
        return AlertTarget(id=self.id, channel=self.channel, target=self.target)


class _Step(NamedTuple):
    """A change of a destination: its name in the audit log, and its statement."""

    action: Action
    statement: str


_SELECT = """
    SELECT alert_destinations.id, app_id, apps.name AS app, alert_destinations.name, channel,
           target, kinds, silence_minutes, alert_destinations.created_at, paused_at
    FROM alert_destinations JOIN apps ON apps.id = alert_destinations.app_id
    WHERE deleted_at IS NULL
      AND (%(app)s::bigint IS NULL OR alert_destinations.app_id = %(app)s)
      AND (%(id)s::bigint IS NULL OR alert_destinations.id = %(id)s)
    ORDER BY alert_destinations.id
"""
_SIGNING = """
    SELECT kept_secret, (SELECT key_check FROM installation) FROM alert_destinations WHERE id = %s
"""
_INSERT = """
    INSERT INTO alert_destinations (app_id, name, channel, target, kinds, silence_minutes)
    VALUES (%(app)s, %(name)s, %(channel)s, %(target)s, %(kinds)s, %(silence_minutes)s)
    RETURNING id
"""
_EDIT = _Step(
    Action.ALERT_EDIT,
    """
    UPDATE alert_destinations SET
        name = %(name)s, channel = %(channel)s, target = %(target)s, kinds = %(kinds)s,
        silence_minutes = %(silence_minutes)s
    WHERE id = %(id)s
    """,
)
_PAUSE = _Step(
    Action.ALERT_PAUSE, "UPDATE alert_destinations SET paused_at = now() WHERE id = %(id)s"
)
_RESUME = _Step(
    Action.ALERT_RESUME, "UPDATE alert_destinations SET paused_at = NULL WHERE id = %(id)s"
)
_DELETE = "UPDATE alert_destinations SET deleted_at = now() WHERE id = %(id)s"


def list_destinations(connection: Connection, app: App | None = None) -> list[AlertDestination]:
    """Lists destinations in the order in which they were made, of one app or of all."""
    return _read(connection, None if app is None else app.id, None)


def destination_with_id(connection: Connection, app: App, number: int) -> AlertDestination | None:
    """Finds a destination of an app by its number."""
    return next(iter(_read(connection, app.id, number)), None)


def find_destination(connection: Connection, app: App, named: str) -> AlertDestination:
    """Finds a destination by its name or number. Raises OperatorError."""
    for each in list_destinations(connection, app):
        if named in {each.name, str(each.id)}:
            return each
    raise OperatorError("The app has no such alert destination.", "See `waybill alert list`.")


def create_destination(
    resources: Resources, actor: Actor, app: App, form: AlertForm
) -> AlertDestination:
    """Makes a destination. Raises OperatorError, NotAllowed."""
    require_admin(actor)
    connection = resources.connection
    with transaction(connection):
        known = list_destinations(connection, app)
        if len(known) >= DESTINATIONS_MAX:
            raise OperatorError(f"An app has at most {DESTINATIONS_MAX} alert destinations.")
        values = _checked(form, known)
        [(number,)] = run(connection, _INSERT, {"app": app.id, **values}).fetchall()
        made = _known(connection, app, number)
        change = Change(Action.ALERT_CREATE, made.name, None, _told(made))
        record_change(connection, actor, app.id, change)
    return made


def edit_destination(
    resources: Resources, actor: Actor, app: App, known: AlertDestination, form: AlertForm
) -> AlertDestination:
    """Changes a destination. Raises OperatorError, NotAllowed."""
    require_admin(actor)
    others = [each for each in list_destinations(resources.connection, app) if each.id != known.id]
    return _changed(resources, actor, app, known, _EDIT, _checked(form, others))


def pause_destination(
    resources: Resources, actor: Actor, app: App, known: AlertDestination
) -> AlertDestination:
    """Sends nothing more until it is resumed. Raises NotAllowed."""
    return _changed(resources, actor, app, known, _PAUSE, {})


def resume_destination(
    resources: Resources, actor: Actor, app: App, known: AlertDestination
) -> AlertDestination:
    """Sends again, beginning with what is open then. Raises NotAllowed."""
    return _changed(resources, actor, app, known, _RESUME, {})


def delete_destination(
    resources: Resources, actor: Actor, app: App, known: AlertDestination
) -> None:
    """Removes a destination; the log of what it was told stays. Raises NotAllowed."""
    require_admin(actor)
    connection = resources.connection
    with transaction(connection):
        run(connection, _DELETE, {"id": known.id})
        change = Change(Action.ALERT_DELETE, known.name, _told(known), None)
        record_change(connection, actor, app.id, change)


def secret_of_destination(resources: Resources, known: AlertDestination) -> str | None:
    """Returns the secret that signs its requests; mail has none."""
    if known.channel is AlertChannel.MAIL:
        return None
    return alert_secret(
        resources.secret_key, known.id, read_alert_signing(resources.connection, known.id)
    )


def read_alert_signing(connection: Connection, destination_id: int) -> Signing:
    """Reads by what the requests to a destination are signed."""
    [(kept, check)] = run(connection, _SIGNING, (destination_id,)).fetchall()
    return Signing(1, kept, check or b"")


def _read(connection: Connection, app_id: int | None, number: int | None) -> list[AlertDestination]:
    return [
        AlertDestination(**{
            **row,
            "channel": AlertChannel(row["channel"]),
            "kinds": [AlertKind(kind) for kind in row["kinds"]],
        })
        for row in named_rows(connection, _SELECT, {"app": app_id, "id": number})
    ]  # fmt: skip


def _changed(
    resources: Resources,
    actor: Actor,
    app: App,
    known: AlertDestination,
    step: _Step,
    values: dict[str, object],
) -> AlertDestination:
    require_admin(actor)
    connection = resources.connection
    with transaction(connection):
        run(connection, step.statement, {"id": known.id, **values})
        changed = _known(connection, app, known.id)
        change = Change(step.action, known.name, _told(known), _told(changed))
        record_change(connection, actor, app.id, change)
    return changed


def _checked(form: AlertForm, others: Sequence[AlertDestination]) -> dict[str, Any]:
    """Returns the values of a form for the table. Raises BadValue, OperatorError."""
    if not form.kinds or not set(form.kinds) <= set(AlertKind):
        raise BadValue("kind", f"must be at least one of {', '.join(AlertKind)}.")
    if not SILENCE_MINUTES_MIN <= form.silence_minutes <= SILENCE_MINUTES_MAX:
        raise BadValue(
            "silence-minutes",
            f"must be a whole number from {SILENCE_MINUTES_MIN} to {SILENCE_MINUTES_MAX}.",
        )
    taken = [each.name for each in others]
    name, target = check_target(_RULES, form.name, form.channel, form.target, taken)
    kinds = [kind for kind in AlertKind if kind in form.kinds]
    return {**asdict(form), "name": name, "target": target, "kinds": kinds}


def _known(connection: Connection, app: App, number: int) -> AlertDestination:
    found = destination_with_id(connection, app, number)
    if found is None:
        raise OperatorError("The alert destination was deleted meanwhile.")
    return found


def _told(known: AlertDestination) -> dict[str, object]:
    """Returns what the audit log keeps: nobody's address, and no secret."""
    return {
        "channel": known.channel,
        "kinds": known.kinds,
        "silence_minutes": known.silence_minutes,
        "state": known.state,
    }
