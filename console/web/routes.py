"""Lists every page of the console with the access it needs. A test walks it with each role."""

from console.web.pages import (
    account,
    api_keys,
    apps,
    callbacks,
    event_types,
    integration,
    links,
    login,
    operations,
    partner_trial,
    people,
    privacy,
    protection,
    quarantine,
    receipts,
    reports,
    rq,
    users,
    welcome,
    why,
)
from console.web.route import Access, Route, get, post

EVENTS = "/apps/{app_id:int}/events"
CALLBACKS = "/apps/{app_id:int}/callbacks"
CALLBACK = f"{CALLBACKS}/{{endpoint_id:int}}"
LINKS = "/apps/{app_id:int}/links"
QUARANTINE = "/operations/quarantine"
QUARANTINED = f"{QUARANTINE}/{{receipt}}"
PRIVACY = "/apps/{app_id:int}/privacy"
PROTECTION = "/apps/{app_id:int}/protection"
TOKEN = f"{PROTECTION}/tokens/{{token_id:int}}"

ROUTES: tuple[Route, ...] = (
    get("/sign-in", login.show, Access.ANYBODY),
    post("/sign-in", login.sign_in, Access.ANYBODY),
    get("/welcome/{secret}", welcome.show, Access.ANYBODY),
    post("/welcome/{secret}", welcome.choose_password, Access.ANYBODY),
    post("/sign-out", account.sign_out, Access.VIEWER),
    get("/account", account.show),
    post("/account/password", account.change_password, Access.VIEWER, form="/account"),
    post("/account/sign-out-everywhere", account.sign_out_everywhere, Access.VIEWER),
    # People
    get("/people", people.show, Access.ADMIN),
    post("/people", people.invite),
    post("/people/{person_id:int}/role", people.change_role, form="/people"),
    post("/people/{person_id:int}/link", people.new_link, form="/people"),
    post("/people/{person_id:int}/close", people.close, form="/people"),
    post("/people/{person_id:int}/reopen", people.reopen, form="/people"),
    get("/keys", api_keys.show, Access.ADMIN),
    post("/keys", api_keys.create),
    post("/keys/{key_id:int}/revoke", api_keys.revoke, form="/keys"),
    # Operations
    get("/operations", operations.show, without_database=operations.show_redis),
    get(QUARANTINE, quarantine.show_list),
    post(f"{QUARANTINE}/replay", quarantine.replay_all, form=QUARANTINE),
    get(QUARANTINED, quarantine.show),
    post(QUARANTINED, quarantine.edit),
    post(f"{QUARANTINED}/replay", quarantine.replay_one, form=QUARANTINED),
    get("/rq", rq.show, Access.ADMIN),
    get("/rq/{path:path}", rq.show, Access.ADMIN),
    post("/rq/{path:path}", rq.change),
    # Apps
    get("/", apps.show_start),
    get("/apps", apps.show_list),
    get("/apps/new", apps.show_new, Access.ADMIN),
    post("/apps/new", apps.create),
    get("/apps/{app_id:int}", apps.show),
    get("/apps/{app_id:int}/settings", apps.show_settings),
    post("/apps/{app_id:int}/settings", apps.change_settings),
    # Events of an app
    get(EVENTS, event_types.show),
    get(f"{EVENTS}/new", event_types.show_new, Access.ADMIN),
    post(f"{EVENTS}/new", event_types.create),
    post(f"{EVENTS}/{{event_type_id:int}}/postbacks", event_types.change_postbacks, form=EVENTS),
    # Integration and links of an app
    get("/apps/{app_id:int}/integration", integration.show),
    get(LINKS, links.show_list),
    get(f"{LINKS}/new", links.show_new, Access.ADMIN),
    post(f"{LINKS}/new", links.create),
    get(f"{LINKS}/{{link_id:int}}", links.show),
    get(f"{LINKS}/{{link_id:int}}/test", links.show_test_click),
    post(
        f"{LINKS}/{{link_id:int}}/postback-names",
        links.set_names,
        form=f"{LINKS}/{{link_id:int}}",
    ),
    post(f"{LINKS}/{{link_id:int}}/views", links.change_views, form=f"{LINKS}/{{link_id:int}}"),
    # Callbacks of an app
    get(CALLBACKS, callbacks.show_list),
    get(f"{CALLBACKS}/new", callbacks.show_new, Access.ADMIN),
    post(f"{CALLBACKS}/new", callbacks.create),
    get(f"{CALLBACKS}/log", callbacks.show_log),
    post(f"{CALLBACKS}/log", callbacks.replay),
    get(CALLBACK, callbacks.show),
    get(f"{CALLBACK}/edit", callbacks.show_edit, Access.ADMIN),
    post(f"{CALLBACK}/edit", callbacks.edit),
    post(f"{CALLBACK}/pause", callbacks.pause, form=CALLBACK),
    post(f"{CALLBACK}/resume", callbacks.resume, form=CALLBACK),
    post(f"{CALLBACK}/rotate", callbacks.rotate, form=CALLBACK),
    post(f"{CALLBACK}/delete", callbacks.delete, form=CALLBACK),
    post(f"{CALLBACK}/test", callbacks.test, form=CALLBACK),
    get(f"{CALLBACK}/trial", partner_trial.show),
    post(f"{CALLBACK}/trial", partner_trial.start, form=CALLBACK),
    post(f"{CALLBACK}/trial/send", partner_trial.send, form=CALLBACK),
    # Users of an app, and the state of any event by its receipt
    get("/apps/{app_id:int}/users", users.show_search),
    get("/apps/{app_id:int}/users/timeline", users.show),
    get("/apps/{app_id:int}/why", why.show),
    get("/apps/{app_id:int}/links/{link_id:int}/day", why.show_link_day),
    get("/receipts/{receipt}", receipts.show),
    # Erasure and export of people
    get(PRIVACY, privacy.show),
    post(f"{PRIVACY}/preview", privacy.preview, form=PRIVACY),
    post(f"{PRIVACY}/erase", privacy.erase, form=PRIVACY),
    post(f"{PRIVACY}/reset", privacy.reset, form=PRIVACY),
    post(f"{PRIVACY}/allow", privacy.allow, form=PRIVACY),
    post(f"{PRIVACY}/file", privacy.download, form=PRIVACY),
    post(f"{PRIVACY}/retention", privacy.change_days, form=PRIVACY),
    # Authentication of an app
    get(PROTECTION, protection.show),
    get(f"{PROTECTION}/log", protection.show_log),
    get(f"{PROTECTION}/enforcement", protection.show_enforcement, Access.ADMIN),
    post(f"{PROTECTION}/enforcement", protection.enforce),
    post(f"{PROTECTION}/enforcement/off", protection.stop_enforcing, form=PROTECTION),
    get(f"{PROTECTION}/tokens/new", protection.show_new, Access.ADMIN),
    post(f"{PROTECTION}/tokens/new", protection.create),
    get(TOKEN, protection.show_token),
    post(TOKEN, protection.edit),
    post(f"{TOKEN}/activate", protection.activate, form=PROTECTION),
    post(f"{TOKEN}/deactivate", protection.deactivate, form=PROTECTION),
    post(f"{TOKEN}/revoke", protection.revoke, form=TOKEN),
    post(f"{TOKEN}/rotate", protection.rotate, form=TOKEN),
    # Reports
    get("/apps/{app_id:int}/reports", reports.show),
    get("/apps/{app_id:int}/reports.csv", reports.download),
    get("/apps/{app_id:int}/reports/activity", reports.show_activity),
    get("/apps/{app_id:int}/reports/activity.csv", reports.download_activity),
    get("/apps/{app_id:int}/reports/retention", reports.show_retention),
    get("/apps/{app_id:int}/reports/retention.csv", reports.download_retention),
    get("/apps/{app_id:int}/events.ndjson", reports.download_raw),
)
