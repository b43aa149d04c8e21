"""Handles calls about the state of the pipeline and its quarantine."""

from dataclasses import replace
from uuid import UUID

from console.pipeline.quarantine import (
    Quarantined,
    QuarantinedBatch,
    list_quarantine,
    replay,
    show_quarantined,
)
from console.pipeline.rejections import RejectionReport, report_rejections
from console.pipeline.set_aside import count_set_aside
from console.pipeline.status import Status, read_status
from console.web.api.api_call import ApiCall


def status(call: ApiCall) -> Status:
    now = read_status(call.resources.redis)
    return replace(now, set_aside_users=count_set_aside(call.connection))


def rejections(call: ApiCall) -> RejectionReport:
    return report_rejections(call.connection, call.resources.redis, call.count)


def quarantine(call: ApiCall) -> list[Quarantined]:
    return list_quarantine(call.connection, call.count)


def show_entry(call: ApiCall, receipt: UUID) -> QuarantinedBatch:
    return show_quarantined(call.connection, receipt)


def replay_entry(call: ApiCall, receipt: UUID) -> Quarantined:
    replay(call.resources, call.actor, [receipt])
    return show_quarantined(call.connection, receipt).entry
