"""Handles calls about the state of the pipeline and its quarantine."""

from dataclasses import replace
from uuid import UUID

from console.audit import FIELDS, AuditPage, find_changes, read_change_filter
from console.audit_chain import ChainReport, read_head, verify_chain_on_the_web
from console.cursor import Cursor
from console.pipeline.health import Status, read_status
from console.pipeline.jobs import JobReport, delete_job, report_jobs, retry_job
from console.pipeline.quarantine import (
    QuarantinedBatch,
    QuarantineEntry,
    list_quarantine,
    read_quarantined_batch,
    replay,
)
from console.pipeline.rejections import RejectionReport, report_rejections
from console.pipeline.set_aside import count_set_aside
from console.web.api.api_call import ApiCall
from console.web.lookups import visible_app


def status(call: ApiCall) -> Status:
    now = read_status(call.resources.redis)
    return replace(now, set_aside_users=count_set_aside(call.connection))


def rejections(call: ApiCall) -> RejectionReport:
    return report_rejections(call.connection, call.resources.redis, call.count)


def quarantine(call: ApiCall) -> list[QuarantineEntry]:
    before = Cursor.read(call.query.get("before"))
    return list_quarantine(call.connection, call.count, before)


def show_entry(call: ApiCall, receipt: UUID) -> QuarantinedBatch:
    return read_quarantined_batch(call.connection, receipt)


def replay_entry(call: ApiCall, receipt: UUID) -> QuarantineEntry:
    replay(call.resources, call.actor, [receipt])
    return read_quarantined_batch(call.connection, receipt).entry


def jobs(call: ApiCall) -> JobReport:
    return report_jobs(call.resources.redis, call.count, call.query.get("before"))


def retry(call: ApiCall, job_id: str) -> JobReport:
    retry_job(call.resources, call.actor, job_id)
    return report_jobs(call.resources.redis, call.count)


def delete(call: ApiCall, job_id: str) -> JobReport:
    delete_job(call.resources, call.actor, job_id)
    return report_jobs(call.resources.redis, call.count)


def audit_chain(call: ApiCall) -> ChainReport:
    head = call.query.get("head")
    return verify_chain_on_the_web(call.connection, read_head(head) if head else None)


def audit_log(call: ApiCall) -> AuditPage:
    app = call.query.get("app")
    app_id = visible_app(call.connection, call.reach, app).id if app else None
    values = {name: call.query.get(name) for name in FIELDS}
    wanted = read_change_filter(values, app_id, call.reach.app_ids)
    return find_changes(call.connection, wanted, call.count)
