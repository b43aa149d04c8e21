"""The audit log contains every change once, nothing that was not made, and no secret."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from console.accounts.api_keys import create_key, list_keys, revoke_key
from console.accounts.app_roles import grant_app
from console.accounts.invitations import create_invitation
from console.accounts.people import (
    Person,
    create_person,
    deactivate_person,
    find_person,
    list_people,
    reactivate_person,
    set_email,
    set_password,
    set_role,
)
from console.accounts.provider.provider import ProviderIdentity
from console.accounts.provider.provider_accounts import link_account
from console.accounts.second_factor import (
    begin_enrolment,
    remove_factor,
    renew_recovery_codes,
)
from console.actor import Actor, AppRole, Role
from console.alerts.destinations import (
    AlertDestination,
    AlertForm,
    create_destination,
    delete_destination,
    edit_destination,
    find_destination,
    list_destinations,
    pause_destination,
    resume_destination,
)
from console.apps.apps import App, AppDescription, create_app, list_apps, update_app
from console.apps.archive import Archivable, archive, rename, restore, set_destination
from console.apps.event_types import (
    NewEventType,
    create_event_type,
    find_event_type,
    list_event_types,
    set_multiple_postbacks,
)
from console.apps.limits import change_limits
from console.apps.links import (
    Link,
    NewLink,
    create_link,
    find_link,
    find_partner,
    list_links,
    set_view_through,
)
from console.apps.postback_names import set_postback_names
from console.apps.rules import change_rules, read_rules
from console.apps.switches import change_switches, read_switches
from console.audit import Action, AuditEntry, list_changes
from console.delivery.delivery_filter import DeliveryFilter
from console.delivery.delivery_log import replay_deliveries
from console.delivery.endpoint_form import EndpointForm
from console.delivery.endpoints import (
    EndpointRow,
    create_endpoint,
    delete_endpoint,
    edit_endpoint,
    find_endpoint,
    list_endpoints,
    pause_endpoint,
    resume_endpoint,
    rotate_secret,
)
from console.exchange.stored_rates import replace_own_rates
from console.importer.imports import Import
from console.importer.uploads import (
    NewUpload,
    add_piece,
    cancel_upload,
    complete_upload,
    create_upload,
    last_uploads,
)
from console.keys.key_rotation import finish_rotation, rotate_key
from console.pipeline.day_files import adopt_files, ask_back, ask_closing
from console.pipeline.jobs import delete_job, retry_job
from console.pipeline.quarantine import (
    list_quarantine,
    pending_receipts,
    read_quarantined_batch,
    replay,
)
from console.pipeline.quarantine_edit import edit_quarantined, editable_text
from console.pipeline.recompute import start_recompute
from console.privacy.access_requests import request_access
from console.privacy.erasures import (
    ErasureAction,
    WantedErasure,
    allow_again,
    cancel_erasure,
    list_erasures,
    request_erasure,
)
from console.privacy.person_file import export_person
from console.privacy.retention import change_retention, read_retention
from console.reports.costs.cost_file import NewCost
from console.reports.costs.prices import NewPrice, PricedBy, set_price
from console.reports.costs.uploads import upload_costs
from console.reports.schedules.report_schedules import (
    create_schedule,
    delete_schedule,
    edit_schedule,
    find_schedule,
    pause_schedule,
    resume_schedule,
)
from console.reports.schedules.schedule import ReportChannel, ReportSchedule, ScheduleForm
from console.resources import Resources
from console.security.enforcement import disable_enforcement, enable_enforcement, read_enforcement
from console.security.new_tokens import NewToken, create_token, import_token, rotate_token
from console.security.tokens import (
    activate_token,
    deactivate_token,
    edit_token,
    list_tokens,
    rename_token,
    revoke_token,
)
from shared.alerts.kinds import AlertChannel
from shared.clock import now_ms
from shared.errors import NotAllowed, OperatorError
from shared.ids import new_receipt
from shared.imports.line_import import ImportLimits
from shared.imports.line_reader import FileLine
from shared.inbox import measure
from shared.keys.installation_key import InstallationKey
from shared.privacy.identities import IdKind, PersonId
from shared.privacy.tombstones import TombstoneReason, bury, read_tombstone_key
from shared.recompute import read_recompute
from shared.redis import Redis
from shared.scopes import Scope
from tests.integration.conftest import SECRET_KEY
from tests.integration.console.conftest import event_of
from tests.integration.console.pipeline.test_quarantine import put_aside
from tests.support.build import ADMIN, VIEWER
from tests.support.failed_job import fail_job

OLD = "s2sTokenForTheStoreApp"
PASSWORD = "correct horse battery staple"
LINK = NewLink("Partner", "Banner", "https://shop.example/")
CALLBACK = EndpointForm(
    name="sending", activities=("install",), method="POST", url="https://shop.example/told"
)
NOW_MS = 1_767_225_600_000
ALERT = AlertForm(name="told", channel=AlertChannel.MAIL, target="team@shop.example")
SCHEDULE = ScheduleForm(
    name="sent", query="", channel=ReportChannel.MAIL, target="team@shop.example"
)
DAY = date(2026, 1, 1)
PERSON = PersonId(IdKind.USER, "0000-AAAA-BBBB-CCCC")  # of `event_of`
BURIED = PersonId(IdKind.USER, "erased before")
LINE = b'{"type": "open", "time": 1767225000, "user_id": "u"}'


def _name_fields(here: Resources, who: Actor, app: App) -> Link:
    link = next(link for link in list_links(here.connection, app) if link.name == "Named")
    return set_postback_names(here, who, app, link.id, {"click_id": "aff_sub3"})


def _requested(here: Resources, app: App) -> UUID:
    return list_erasures(here.connection, app, 1)[0].id


# Every function that changes something for an actor, with what makes a change of it.
CHANGES: dict[Action, Callable[[Resources, Actor, App], object]] = {
    Action.APP_CREATE: lambda here, who, _: create_app(here, who, "Game"),
    Action.APP_DESCRIBE: lambda here, who, app: update_app(
        here.connection, who, app, AppDescription(app.name, "USD")
    ),
    Action.APP_RULES: lambda here, who, app: change_rules(
        here.connection, who, app, {"inactivity-days": 3}
    ),
    Action.APP_REFUSALS: lambda here, who, app: change_switches(
        here, who, app, {"adjust_refusals": True}
    ),
    Action.APP_POSTBACKS: lambda here, who, app: change_switches(
        here, who, app, {"click_id_postbacks": True}
    ),
    Action.APP_SDK_TRAFFIC: lambda here, who, app: change_switches(
        here, who, app, {"sdk_traffic": True}
    ),
    Action.APP_ADDRESSES: lambda here, who, app: change_switches(
        here, who, app, {"truncate_addresses": True}
    ),
    Action.APP_LIMITS: lambda here, who, app: change_limits(
        here, who, app, {"bytes_per_day_max": 1_000_000}
    ),
    Action.RATES_IMPORT: lambda here, who, _: replace_own_rates(
        here.connection, who, "rates.csv", b"day,currency,rate\n"
    ),
    Action.APP_RECOMPUTE: start_recompute,
    Action.APP_RETENTION: lambda here, who, app: change_retention(
        here.connection, who, app, {"event_days": 400}
    ),
    Action.USER_ERASE: lambda here, who, app: request_erasure(
        here, who, app, WantedErasure([PERSON]), NOW_MS
    ),
    Action.USER_RESET: lambda here, who, app: request_erasure(
        here, who, app, WantedErasure([PERSON], ErasureAction.RESET), NOW_MS
    ),
    Action.USER_ERASE_CANCEL: lambda here, who, app: cancel_erasure(
        here, who, app.id, _requested(here, app)
    ),
    Action.USER_ALLOW: lambda here, who, app: allow_again(here, who, app, [BURIED]),
    Action.USER_ACCESS: lambda here, who, app: request_access(
        here.connection, who, app, "a7551968-d5d6-44b2-9831-815ac9017798", [PERSON]
    ),
    Action.USER_EXPORT: lambda here, who, app: export_person(here, who, app, [PERSON]),
    Action.APP_IMPORT: lambda here, who, app: Import(here, who, app, ImportLimits(9, 9_999)).run(
        [FileLine(1, LINE, len(LINE))], NOW_MS
    ),
    Action.UPLOAD_IMPORT: lambda here, who, app: complete_upload(
        here, who, app, last_uploads(here.connection, app)[0].id
    ),
    Action.UPLOAD_CANCEL: lambda here, who, app: cancel_upload(
        here.connection, who, app, last_uploads(here.connection, app)[0].id
    ),
    Action.EVENT_TYPE_CREATE: lambda here, who, app: create_event_type(
        here, who, app, NewEventType("purchase", "Purchase", unique=True)
    ),
    Action.EVENT_TYPE_POSTBACKS: lambda here, who, app: set_multiple_postbacks(
        here.connection, who, app, list_event_types(here.connection, app)[0], True
    ),
    Action.LINK_VIEWS: lambda here, who, app: set_view_through(
        here.connection, who, app, list_links(here.connection, app)[0], wanted=False
    ),
    Action.LINK_CREATE: lambda here, who, app: create_link(here, who, app, LINK),
    Action.LINK_POSTBACK_NAMES: _name_fields,
    Action.TOKEN_CREATE: lambda here, who, app: create_token(here, who, app, NewToken("new")),
    Action.TOKEN_IMPORT: lambda here, who, app: import_token(here, who, app, NewToken("old"), OLD),
    Action.TOKEN_SCOPES: lambda here, who, app: edit_token(
        here, who, app, "active", (Scope.EVENTS,)
    ),
    Action.TOKEN_ACTIVATE: lambda here, who, app: activate_token(here, who, app, "inactive"),
    Action.TOKEN_DEACTIVATE: lambda here, who, app: deactivate_token(here, who, app, "active"),
    Action.TOKEN_REVOKE: lambda here, who, app: revoke_token(here, who, app, "active"),
    Action.TOKEN_RENAME: lambda here, who, app: rename_token(here, who, app, "active", "renamed"),
    Action.TOKEN_ROTATE: lambda here, who, app: rotate_token(here, who, app, "active", "active 2"),
    Action.ENFORCEMENT: enable_enforcement,
    Action.QUARANTINE_EDIT: lambda here, who, _: _mend(here, who),
    Action.QUARANTINE_REPLAY: lambda here, who, _: replay(
        here, who, pending_receipts(here.connection)
    ),
    Action.DAYS_CLOSE: lambda here, who, _: ask_closing(here, who),
    Action.DAYS_RESTORE: lambda here, who, _: _restore_days(here, who),
    Action.DAYS_ADOPT: lambda here, who, _: adopt_files(here.connection, who),
    Action.JOB_RETRY: lambda here, who, _: retry_job(here, who, fail_job(here.redis)),
    Action.JOB_DELETE: lambda here, who, _: delete_job(here, who, fail_job(here.redis)),
    Action.PERSON_CREATE: lambda here, who, _: create_person(
        here.connection, who, "Eve", Role.VIEWER
    ),
    Action.PERSON_ROLE: lambda here, who, _: set_role(here.connection, who, _bob(here), Role.ADMIN),
    Action.APP_ROLE: lambda here, who, app: grant_app(
        here.connection, who, find_person(here.connection, "Mia"), app, AppRole.EDITOR
    ),
    Action.PERSON_PASSWORD: lambda here, who, _: set_password(
        here.connection, who, _bob(here), PASSWORD
    ),
    Action.PERSON_LINK: lambda here, who, _: create_invitation(
        here.connection, here.secret_key, who, _bob(here)
    ),
    Action.PERSON_SECOND_FACTOR: lambda here, who, _: remove_factor(
        here.connection, who, _bob(here)
    ),
    Action.PERSON_EMAIL: lambda here, who, _: set_email(
        here.connection, who, _bob(here), "bob@example.com"
    ),
    Action.PERSON_PROVIDER: lambda here, who, _: link_account(
        here.connection, who, _bob(here), ProviderIdentity("https://id.example", "bob", "")
    ),
    Action.PERSON_RECOVERY_CODES: lambda here, who, _: renew_recovery_codes(
        here.connection, who, _bob(here)
    ),
    Action.PERSON_CLOSE: lambda here, who, _: deactivate_person(here.connection, who, _bob(here)),
    Action.PERSON_REOPEN: lambda here, who, _: reactivate_person(
        here.connection, who, find_person(here.connection, "Closed")
    ),
    Action.KEY_CREATE: lambda here, who, _: create_key(
        here.connection, here.secret_key, who, "new", Role.VIEWER
    ),
    Action.KEY_REVOKE: lambda here, who, _: revoke_key(
        here.connection, who, list_keys(here.connection)[0].id
    ),
    Action.INSTALLATION_KEY_ROTATE: lambda here, who, _: rotate_key(
        replace(here, secret_key=InstallationKey(b"the next key of the installation", SECRET_KEY)),
        who,
    ),
    Action.INSTALLATION_KEY_FINISH: lambda here, who, _: _finish(here, who),
    Action.CALLBACK_CREATE: lambda here, who, app: create_endpoint(
        here, who, app, replace(CALLBACK, name="new")
    ),
    Action.CALLBACK_EDIT: lambda here, who, app: edit_endpoint(
        here,
        who,
        app,
        _endpoint(here, app, "sending"),
        replace(CALLBACK, url="https://shop.example/new"),
    ),
    Action.CALLBACK_PAUSE: lambda here, who, app: pause_endpoint(
        here, who, app, _endpoint(here, app, "sending")
    ),
    Action.CALLBACK_RESUME: lambda here, who, app: resume_endpoint(
        here, who, app, _endpoint(here, app, "paused")
    ),
    Action.CALLBACK_DELETE: lambda here, who, app: delete_endpoint(
        here, who, app, _endpoint(here, app, "sending")
    ),
    Action.CALLBACK_ROTATE: lambda here, who, app: rotate_secret(
        here, who, app, _endpoint(here, app, "sending")
    ),
    Action.CALLBACK_REPLAY: lambda here, who, app: replay_deliveries(
        here, who, app, DeliveryFilter()
    ),
    Action.ALERT_CREATE: lambda here, who, app: create_destination(
        here, who, app, replace(ALERT, name="new")
    ),
    Action.ALERT_EDIT: lambda here, who, app: edit_destination(
        here, who, app, _destination(here, app, "told"), replace(ALERT, silence_minutes=90)
    ),
    Action.ALERT_PAUSE: lambda here, who, app: pause_destination(
        here, who, app, _destination(here, app, "told")
    ),
    Action.ALERT_RESUME: lambda here, who, app: resume_destination(
        here, who, app, _destination(here, app, "silent")
    ),
    Action.ALERT_DELETE: lambda here, who, app: delete_destination(
        here, who, app, _destination(here, app, "told")
    ),
    Action.SCHEDULE_CREATE: lambda here, who, app: create_schedule(
        here, who, app, replace(SCHEDULE, name="new"), lambda: NOW_MS
    ),
    Action.SCHEDULE_EDIT: lambda here, who, app: edit_schedule(
        here, who, app, _known(here, app, "sent"), replace(SCHEDULE, hour=9), lambda: NOW_MS
    ),
    Action.SCHEDULE_PAUSE: lambda here, who, app: pause_schedule(
        here, who, app, _known(here, app, "sent")
    ),
    Action.SCHEDULE_RESUME: lambda here, who, app: resume_schedule(
        here, who, app, _known(here, app, "unsent"), lambda: NOW_MS
    ),
    Action.SCHEDULE_DELETE: lambda here, who, app: delete_schedule(
        here, who, app, _known(here, app, "sent")
    ),
    Action.COST_UPLOAD: lambda here, who, app: upload_costs(
        here.connection, who, app, [NewCost(DAY, "Partner", "EUR", Decimal(5))]
    ),
    Action.LINK_PRICE: lambda here, who, app: set_price(
        here.connection,
        who,
        app,
        _link(here, app),
        NewPrice(PricedBy.INSTALL, Decimal(2), "EUR", DAY),
    ),
    Action.LINK_DESTINATION: lambda here, who, app: set_destination(
        here, who, _link(here, app).id, "https://shop.example/elsewhere"
    ),
    Action.APP_ARCHIVE: lambda here, who, app: archive(here, who, Archivable.APP, app.id),
    Action.APP_RESTORE: lambda here, who, _: restore(
        here, who, Archivable.APP, _archived(here, Archivable.APP)
    ),
    Action.EVENT_TYPE_ARCHIVE: lambda here, who, app: archive(
        here, who, Archivable.EVENT_TYPE, _number(here, app, Archivable.EVENT_TYPE)
    ),
    Action.EVENT_TYPE_RESTORE: lambda here, who, _: restore(
        here, who, Archivable.EVENT_TYPE, _archived(here, Archivable.EVENT_TYPE)
    ),
    Action.EVENT_TYPE_RENAME: lambda here, who, app: rename(
        here, who, Archivable.EVENT_TYPE, _number(here, app, Archivable.EVENT_TYPE), "Another"
    ),
    Action.PARTNER_ARCHIVE: lambda here, who, app: archive(
        here, who, Archivable.PARTNER, _number(here, app, Archivable.PARTNER)
    ),
    Action.PARTNER_RESTORE: lambda here, who, _: restore(
        here, who, Archivable.PARTNER, _archived(here, Archivable.PARTNER)
    ),
    Action.PARTNER_RENAME: lambda here, who, app: rename(
        here, who, Archivable.PARTNER, _number(here, app, Archivable.PARTNER), "Another"
    ),
    Action.LINK_ARCHIVE: lambda here, who, app: archive(
        here, who, Archivable.LINK, _number(here, app, Archivable.LINK)
    ),
    Action.LINK_RESTORE: lambda here, who, _: restore(
        here, who, Archivable.LINK, _archived(here, Archivable.LINK)
    ),
    Action.LINK_RENAME: lambda here, who, app: rename(
        here, who, Archivable.LINK, _number(here, app, Archivable.LINK), "Another"
    ),
}

# These concern people of the console or the installation, and no app.
_OF_NO_APP = {
    action
    for action in CHANGES
    if action.startswith(("person.", "key.", "rates.", "install", "partner.", "job.", "day_files."))
}
# Nobody but workers and people need to know of these: they read them from the tables.
_UNPUBLISHED = {
    *(Action.APP_RULES, Action.APP_DESCRIBE, Action.APP_RECOMPUTE, Action.APP_IMPORT),
    *(Action.QUARANTINE_EDIT, Action.QUARANTINE_REPLAY, Action.EVENT_TYPE_POSTBACKS),
    *(
        Action.APP_ROLE,
        Action.LINK_VIEWS,
        Action.APP_RETENTION,
        Action.USER_ERASE,
        Action.USER_RESET,
    ),
    *(Action.USER_ERASE_CANCEL, Action.USER_EXPORT, Action.USER_ACCESS),
    *(action for action in CHANGES if action.startswith(("callback.", "alert.", "schedule."))),
    *(Action.COST_UPLOAD, Action.LINK_PRICE, Action.UPLOAD_IMPORT, Action.UPLOAD_CANCEL),
    *(each for each in _OF_NO_APP if not each.startswith(("installation_key.", "partner."))),
}


def _restore_days(resources: Resources, actor: Actor) -> None:
    id_ = new_receipt(now_ms())
    resources.connection.execute(
        b"INSERT INTO day_files (id, app_id, day, folder, version, event_count, size_bytes, sha256,"
        b" content_sha256, first_receipt, last_receipt, first_time, last_time, unmapped, addresses)"
        b" VALUES (%s, 1, '2026-01-01', '/none', 1, 1, 1, '', '', %s, %s, now(), now(), 0, 0)",
        (id_, id_, id_),
    )
    ask_back(resources, actor, None, date(2026, 1, 1), date(2026, 1, 2))


def _endpoint(resources: Resources, app: App, name: str) -> EndpointRow:
    return find_endpoint(resources.connection, app, name)


def _known(resources: Resources, app: App, name: str) -> ReportSchedule:
    return find_schedule(resources.connection, app, name)


def _destination(resources: Resources, app: App, name: str) -> AlertDestination:
    return find_destination(resources.connection, app, name)


def _link(resources: Resources, app: App) -> Link:
    return next(link for link in list_links(resources.connection, app) if link.name == "Named")


def _number(resources: Resources, app: App, kind: Archivable) -> int:
    connection = resources.connection
    match kind:
        case Archivable.APP:
            return app.id
        case Archivable.EVENT_TYPE:
            return find_event_type(connection, app, "level_up").id
        case Archivable.PARTNER:
            return find_partner(connection, "Partner").id
        case Archivable.LINK:
            return _link(resources, app).id


def _gone(resources: Resources, app: App, kind: Archivable) -> int:
    connection = resources.connection
    if kind is Archivable.EVENT_TYPE:
        return find_event_type(connection, app, "gone").id
    if kind is Archivable.PARTNER:
        return find_partner(connection, "Gone").id
    return find_link(connection, app, "Gone").id


def _archived(resources: Resources, kind: Archivable) -> int:
    """The number of the one that is archived."""
    table = {"event type": "event_types"}.get(kind, f"{kind}s")
    query = f"SELECT id FROM {table} WHERE archived_at IS NOT NULL"
    [(number,)] = resources.connection.execute(query.encode()).fetchall()
    return int(number)


def _bob(resources: Resources) -> Person:
    return find_person(resources.connection, "Bob")


def _finish(resources: Resources, actor: Actor) -> None:
    resources.connection.execute("UPDATE installation SET former_key_check = key_check")
    finish_rotation(resources, actor, force=False)


def _mend(resources: Resources, actor: Actor) -> None:
    connection = resources.connection
    (entry,) = list_quarantine(connection, 2)
    text = editable_text(read_quarantined_batch(connection, entry.receipt))
    assert text is not None
    edit_quarantined(connection, actor, entry.receipt, text.replace("purchase", "buy"))


def furnish(resources: Resources, app: App) -> None:
    for name in ("active", "inactive"):
        create_token(resources, ADMIN, app, NewToken(name))
    deactivate_token(resources, ADMIN, app, "inactive")
    connection = resources.connection
    put_aside(connection, event_of(app))
    people = [
        create_person(connection, ADMIN, name, role)
        for name, role in (
            ("Ada", Role.ADMIN),
            ("Bob", Role.VIEWER),
            ("Closed", Role.VIEWER),
            ("Mia", Role.MEMBER),
        )
    ]
    set_password(connection, ADMIN, people[0], PASSWORD)
    begin_enrolment(connection, resources.secret_key, people[1])
    connection.execute("UPDATE second_factors SET confirmed_at = now()")
    deactivate_person(connection, ADMIN, people[2])
    create_key(connection, resources.secret_key, ADMIN, "old", Role.VIEWER)
    upload = create_upload(connection, ADMIN, app, NewUpload("shop.ndjson", 1), 10**10)
    add_piece(connection, ADMIN, app, upload.id, 1, b"{")
    create_event_type(resources, ADMIN, app, NewEventType("level_up", "Level up"))
    create_link(resources, ADMIN, app, replace(LINK, name="Named"))
    create_endpoint(resources, ADMIN, app, CALLBACK)
    paused = create_endpoint(resources, ADMIN, app, replace(CALLBACK, name="paused")).endpoint
    pause_endpoint(resources, ADMIN, app, paused)
    create_event_type(resources, ADMIN, app, NewEventType("gone", "Gone"))
    create_link(resources, ADMIN, app, replace(LINK, partner="Gone", name="Gone"))
    gone = create_app(resources, ADMIN, "Gone").id
    for kind in Archivable:
        number = gone if kind is Archivable.APP else _gone(resources, app, kind)
        archive(resources, ADMIN, kind, number)
    create_destination(resources, ADMIN, app, ALERT)
    silent = create_destination(resources, ADMIN, app, replace(ALERT, name="silent"))
    pause_destination(resources, ADMIN, app, silent)
    create_schedule(resources, ADMIN, app, SCHEDULE, lambda: NOW_MS)
    unsent = replace(SCHEDULE, name="unsent")
    pause_schedule(
        resources, ADMIN, app, create_schedule(resources, ADMIN, app, unsent, lambda: NOW_MS)
    )
    request_erasure(resources, ADMIN, app, WantedErasure([BURIED]), NOW_MS)
    key = read_tombstone_key(connection, resources.secret_key)
    assert key is not None
    bury(connection, key, app.id, [BURIED], TombstoneReason.ERASED)
    resources.connection.execute("DELETE FROM audit_log")


def changes(resources: Resources) -> list[AuditEntry]:
    return list_changes(resources.connection, None, 100)


def everything(resources: Resources, app: App) -> tuple[object, ...]:
    connection = resources.connection
    return (
        list_apps(connection),
        read_rules(connection, app),
        tuple(read_switches(connection, app).items()),
        list_event_types(connection, app),
        list_links(connection),
        list_tokens(resources, app),
        list_people(connection),
        list_keys(connection),
        [
            read_quarantined_batch(connection, entry.receipt)
            for entry in list_quarantine(connection, 9)
        ],
        read_enforcement(connection, app),
        list_endpoints(connection, app),
        list_destinations(connection, app),
        read_retention(connection, app),
        list_erasures(connection, app, 10),
        last_uploads(connection, app),
        measure(resources.redis),
        read_recompute(resources.redis, app.id),
        changes(resources),
    )


def _app_of(action: Action) -> str | None:
    if action in _OF_NO_APP:
        return None
    named = {Action.APP_CREATE: "Game", Action.APP_RESTORE: "Gone"}
    return named.get(action, "Shop")


def test_every_action_is_tried_here() -> None:
    assert CHANGES.keys() == set(Action)


@pytest.mark.parametrize("action", CHANGES)
def test_a_change_is_written_down_once_with_who_made_it(
    resources: Resources, shop: App, action: Action
) -> None:
    furnish(resources, shop)

    CHANGES[action](resources, ADMIN, shop)

    (entry,) = changes(resources)
    assert (entry.action, entry.actor) == (action, ADMIN.name)
    assert entry.app == _app_of(action)
    # A password or a signing secret is never among the values.
    if action not in (Action.PERSON_PASSWORD, Action.CALLBACK_ROTATE):
        assert entry.before != entry.after


@pytest.mark.parametrize("action", CHANGES)
def test_a_viewer_changes_nothing(resources: Resources, shop: App, action: Action) -> None:
    furnish(resources, shop)
    before = everything(resources, shop)

    with pytest.raises(NotAllowed):
        CHANGES[action](resources, VIEWER, shop)

    assert everything(resources, shop) == before


@pytest.mark.parametrize("action", sorted(CHANGES.keys() - _UNPUBLISHED))
def test_what_could_not_be_published_is_not_written_down(
    resources: Resources, shop: App, broken_redis: Redis, action: Action
) -> None:
    furnish(resources, shop)
    before = everything(resources, shop)
    cut_off = Resources(resources.connection, broken_redis, resources.secret_key)

    with pytest.raises(OperatorError, match="nothing was changed"):
        CHANGES[action](cut_off, ADMIN, shop)

    assert everything(resources, shop) == before


def test_what_changes_nothing_is_not_written_down(resources: Resources, shop: App) -> None:
    furnish(resources, shop)

    edit_token(resources, ADMIN, shop, "active", ())
    activate_token(resources, ADMIN, shop, "active")
    deactivate_token(resources, ADMIN, shop, "inactive")
    change_rules(resources.connection, ADMIN, shop, {"inactivity-days": 7})
    change_switches(resources, ADMIN, shop, {"adjust_refusals": False})
    disable_enforcement(resources, ADMIN, shop)

    assert changes(resources) == []


def test_the_log_says_what_stood_before_and_after(resources: Resources, shop: App) -> None:
    furnish(resources, shop)

    edit_token(resources, ADMIN, shop, "active", (Scope.SESSIONS,))
    enable_enforcement(resources, ADMIN, shop, (Scope.SESSIONS,))
    deactivate_token(resources, ADMIN, shop, "active")

    off, stopped, on, edited = changes(resources)
    assert (edited.before, edited.after) == (
        {"name": "active", "state": "active", "scopes": []},
        {"name": "active", "state": "active", "scopes": ["sessions"]},
    )
    assert (on.subject, on.before, on.after) == ("Shop", {"scopes": []}, {"scopes": ["sessions"]})
    assert (stopped.subject, stopped.after) == (
        "active",
        {"name": "active", "state": "inactive", "scopes": ["sessions"]},
    )
    assert (off.action, off.after) == ("enforcement", {"scopes": []})


def test_no_token_is_in_the_log(resources: Resources, shop: App) -> None:
    first = create_token(resources, ADMIN, shop, NewToken("backend"))
    second = rotate_token(resources, ADMIN, shop, "backend", "backend 2")
    import_token(resources, ADMIN, shop, NewToken("old"), OLD)
    for name in ("backend", "backend 2", "old"):
        revoke_token(resources, ADMIN, shop, name)

    log = resources.connection.execute("SELECT audit_log::text FROM audit_log").fetchall()
    written = "\n".join(line for (line,) in log)
    for secret in (first.secret, second.secret, OLD):
        assert secret[4:12] not in written


def test_the_log_of_an_app_is_shown_newest_first_and_no_more_than_asked(
    resources: Resources, shop: App
) -> None:
    create_token(resources, ADMIN, shop, NewToken("backend"))
    create_app(resources, ADMIN, "Game")

    connection = resources.connection
    assert [(entry.app, entry.action) for entry in list_changes(connection, shop.id, 10)] == [
        ("Shop", "token.create"),
        ("Shop", "app.create"),
    ]
    assert [entry.app for entry in list_changes(connection, None, 2)] == ["Game", "Shop"]
