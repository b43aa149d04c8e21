"""Lists every page of the console with the access it needs. A test walks it with each role."""

from console.web.pages import (
    account,
    alerts,
    api_keys,
    apps,
    archive,
    audit,
    browse,
    callbacks,
    cohorts,
    costs,
    event_types,
    funnels,
    integration,
    links,
    login,
    partner_trial,
    past_data,
    people,
    privacy,
    protection,
    receipts,
    reports,
    users,
    welcome,
    why,
)
from console.web.pages.delivery import schedules
from console.web.pages.pipeline import jobs, operations, quarantine, rq, uploads
from console.web.pages.signin import code, second_factor
from console.web.route import Access, Route, get, post

ALERTS = "/apps/{app_id:int}/alerts"
ALERT = f"{ALERTS}/{{destination_id:int}}"
EVENTS = "/apps/{app_id:int}/events"
EVENT_TYPE = f"{EVENTS}/{{event_type_id:int}}"
PAST = "/apps/{app_id:int}/past"
UPLOAD = f"{PAST}/uploads/{{upload_id:int}}"
PARTNERS = "/partners"
PARTNER = f"{PARTNERS}/{{partner_id:int}}"
CALLBACKS = "/apps/{app_id:int}/callbacks"
CALLBACK = f"{CALLBACKS}/{{endpoint_id:int}}"
VIEWS = "/apps/{app_id:int}/reports/views"
COSTS = "/apps/{app_id:int}/reports/costs"
FACTOR = second_factor.PATH
JOBS = "/operations/jobs"
LINKS = "/apps/{app_id:int}/links"
QUARANTINE = "/operations/quarantine"
QUARANTINED = f"{QUARANTINE}/{{receipt}}"
PRIVACY = "/apps/{app_id:int}/privacy"
PROTECTION = "/apps/{app_id:int}/protection"
SCHEDULES = "/apps/{app_id:int}/reports/schedules"
SCHEDULE = f"{SCHEDULES}/{{schedule_id:int}}"
TOKEN = f"{PROTECTION}/tokens/{{token_id:int}}"

ROUTES: tuple[Route, ...] = (
    get("/sign-in", login.show, Access.ANYBODY),
    post("/sign-in", login.sign_in, Access.ANYBODY),
    get("/sign-in/code", code.show, Access.ANYBODY),
    post("/sign-in/code", code.check, Access.ANYBODY),
    get("/welcome/{secret}", welcome.show, Access.ANYBODY),
    post("/welcome/{secret}", welcome.choose_password, Access.ANYBODY),
    post("/sign-out", account.sign_out, Access.MEMBER),
    get("/account", account.show, Access.MEMBER),
    post("/account/password", account.change_password, Access.MEMBER, form="/account"),
    post("/account/sign-out-everywhere", account.sign_out_everywhere, Access.MEMBER),
    get(FACTOR, second_factor.show, Access.MEMBER),
    post(FACTOR, second_factor.begin, Access.MEMBER),
    post(f"{FACTOR}/confirm", second_factor.confirm, Access.MEMBER, form=FACTOR),
    post(f"{FACTOR}/codes", second_factor.renew, Access.MEMBER, form=FACTOR),
    post(f"{FACTOR}/remove", second_factor.remove, Access.MEMBER, form=FACTOR),
    # People
    get("/people", people.show, Access.ADMIN),
    post("/people", people.invite),
    post("/people/{person_id:int}/role", people.change_role, form="/people"),
    post("/people/{person_id:int}/apps", people.change_app_role, form="/people"),
    post("/people/{person_id:int}/link", people.new_link, form="/people"),
    post(
        "/people/{person_id:int}/second-factor",
        people.reset_second_factor,
        form="/people",
    ),
    post("/people/{person_id:int}/close", people.close, form="/people"),
    post("/people/{person_id:int}/reopen", people.reopen, form="/people"),
    get("/keys", api_keys.show, Access.ADMIN),
    post("/keys", api_keys.create),
    post("/keys/{key_id:int}/revoke", api_keys.revoke, form="/keys"),
    # Operations
    get("/audit", audit.show, Access.MEMBER),
    get("/audit.csv", audit.download_csv, Access.MEMBER),
    get("/audit.jsonl", audit.download_lines, Access.MEMBER),
    get("/audit/chain", audit.show_chain),
    get("/operations", operations.show, without_database=operations.show_redis),
    get(QUARANTINE, quarantine.show_list),
    post(f"{QUARANTINE}/replay", quarantine.replay_all, form=QUARANTINE),
    get(QUARANTINED, quarantine.show),
    post(QUARANTINED, quarantine.edit),
    post(f"{QUARANTINED}/replay", quarantine.replay_one, form=QUARANTINED),
    get(JOBS, jobs.show),
    post(f"{JOBS}/{{job_id}}/retry", jobs.retry, form=JOBS),
    post(f"{JOBS}/{{job_id}}/delete", jobs.delete, form=JOBS),
    get("/rq", rq.show, Access.ADMIN),
    get("/rq/{path:path}", rq.show, Access.ADMIN),
    post("/rq/{path:path}", rq.change),
    # Apps
    get("/", apps.show_start, Access.MEMBER),
    get("/apps", apps.show_list, Access.MEMBER),
    get("/apps/new", apps.show_new, Access.ADMIN),
    post("/apps/new", apps.create),
    get("/apps/{app_id:int}", apps.show),
    post("/apps/{app_id:int}/test-event", apps.send_test_event, form="/apps/{app_id:int}"),
    get("/apps/{app_id:int}/settings", apps.show_settings),
    post("/apps/{app_id:int}/settings", apps.change_settings),
    post("/apps/{app_id:int}/archive", archive.archive_app, form="/apps/{app_id:int}/settings"),
    post("/apps/{app_id:int}/restore", archive.restore_app, form="/apps/{app_id:int}/settings"),
    get(PAST, past_data.show),
    post(f"{PAST}/recompute", past_data.recalculate, form=PAST),
    post(f"{PAST}/lines", uploads.paste, form=PAST),
    post(f"{PAST}/uploads", uploads.create, form=PAST),
    post(f"{UPLOAD}/pieces/{{number:int}}", uploads.add, form=PAST, takes_content=True),
    post(f"{UPLOAD}/complete", uploads.complete, form=PAST),
    post(f"{UPLOAD}/cancel", uploads.cancel, form=PAST),
    # Partners
    get(PARTNERS, archive.show_partners),
    get(PARTNER, archive.show_partner),
    post(PARTNER, archive.rename_partner),
    post(f"{PARTNER}/archive", archive.archive_partner, form=PARTNER),
    post(f"{PARTNER}/restore", archive.restore_partner, form=PARTNER),
    # Events of an app, and their types
    get(f"{EVENTS}/log", browse.show_events),
    get(f"{EVENTS}/log.json", browse.download_events),
    get(EVENTS, event_types.show),
    get(f"{EVENTS}/new", event_types.show_new, Access.ADMIN),
    post(f"{EVENTS}/new", event_types.create),
    post(f"{EVENTS}/{{event_type_id:int}}/postbacks", event_types.change_postbacks, form=EVENTS),
    get(EVENT_TYPE, archive.show_event_type),
    post(EVENT_TYPE, archive.rename_event_type),
    post(f"{EVENT_TYPE}/archive", archive.archive_event_type, form=EVENT_TYPE),
    post(f"{EVENT_TYPE}/restore", archive.restore_event_type, form=EVENT_TYPE),
    # Integration and links of an app
    get("/apps/{app_id:int}/integration", integration.show),
    get(LINKS, links.show_list),
    get(f"{LINKS}/new", links.show_new, Access.ADMIN),
    post(f"{LINKS}/new", links.create),
    get(f"{LINKS}/{{link_id:int}}", links.show),
    get(f"{LINKS}/{{link_id:int}}/test", links.show_test_click),
    post(f"{LINKS}/{{link_id:int}}", archive.edit_link),
    post(f"{LINKS}/{{link_id:int}}/archive", archive.archive_link, form=f"{LINKS}/{{link_id:int}}"),
    post(f"{LINKS}/{{link_id:int}}/restore", archive.restore_link, form=f"{LINKS}/{{link_id:int}}"),
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
    # Alerts of an app
    get(ALERTS, alerts.show_list),
    get(f"{ALERTS}/new", alerts.show_new, Access.ADMIN),
    post(f"{ALERTS}/new", alerts.create),
    get(ALERT, alerts.show),
    get(f"{ALERT}/edit", alerts.show_edit, Access.ADMIN),
    post(f"{ALERT}/edit", alerts.edit),
    post(f"{ALERT}/pause", alerts.pause, form=ALERT),
    post(f"{ALERT}/resume", alerts.resume, form=ALERT),
    post(f"{ALERT}/delete", alerts.delete, form=ALERT),
    post(f"{ALERT}/test", alerts.test, form=ALERT),
    # Users of an app, and the state of any event by its receipt
    get("/apps/{app_id:int}/users", users.show_search),
    get("/apps/{app_id:int}/users/timeline", users.show),
    get("/apps/{app_id:int}/why", why.show),
    get("/apps/{app_id:int}/how-attribution-works", why.show_rules),
    get("/apps/{app_id:int}/links/{link_id:int}/day", why.show_link_day),
    get("/receipts/{receipt}", receipts.show, Access.MEMBER),
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
    post(f"{TOKEN}/name", protection.rename, form=TOKEN),
    post(f"{TOKEN}/activate", protection.activate, form=PROTECTION),
    post(f"{TOKEN}/deactivate", protection.deactivate, form=PROTECTION),
    post(f"{TOKEN}/revoke", protection.revoke, form=TOKEN),
    post(f"{TOKEN}/rotate", protection.rotate, form=TOKEN),
    # Reports
    get("/apps/{app_id:int}/reports", reports.show),
    get("/apps/{app_id:int}/reports.csv", reports.download),
    get(SCHEDULES, schedules.show_list),
    get(f"{SCHEDULES}/new", schedules.show_new, Access.ADMIN),
    post(f"{SCHEDULES}/new", schedules.create),
    get(SCHEDULE, schedules.show),
    get(f"{SCHEDULE}/edit", schedules.show_edit, Access.ADMIN),
    post(f"{SCHEDULE}/edit", schedules.edit),
    post(f"{SCHEDULE}/pause", schedules.pause, form=SCHEDULE),
    post(f"{SCHEDULE}/resume", schedules.resume, form=SCHEDULE),
    post(f"{SCHEDULE}/delete", schedules.delete, form=SCHEDULE),
    post(f"{SCHEDULE}/test", schedules.test, form=SCHEDULE),
    post(VIEWS, reports.save, Access.VIEWER, form="/apps/{app_id:int}/reports"),
    post(
        f"{VIEWS}/{{view_id:int}}/delete",
        reports.delete,
        Access.VIEWER,
        form="/apps/{app_id:int}/reports",
    ),
    get("/apps/{app_id:int}/reports/activity", reports.show_activity),
    get("/apps/{app_id:int}/reports/activity.csv", reports.download_activity),
    get("/apps/{app_id:int}/reports/retention", reports.show_retention),
    get("/apps/{app_id:int}/reports/retention.csv", reports.download_retention),
    get("/apps/{app_id:int}/reports/cohorts", cohorts.show),
    get("/apps/{app_id:int}/reports/cohorts.csv", cohorts.download),
    get("/apps/{app_id:int}/reports/funnel", funnels.show),
    get("/apps/{app_id:int}/reports/funnel.csv", funnels.download),
    get(COSTS, costs.show),
    post(f"{COSTS}/upload", costs.upload, form=COSTS),
    post(f"{COSTS}/price", costs.change_price, form=COSTS),
    get("/apps/{app_id:int}/events.ndjson", reports.download_raw),
)
