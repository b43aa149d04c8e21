"""Handles calls about the state of the pipeline and its quarantine."""

from dataclasses import replace
from uuid import UUID

from console.pipeline.health import Status, read_status
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


def status(call: ApiCall) -> Status:
    now = read_status(call.resources.redis)
    return replace(now, set_aside_users=count_set_aside(call.connection))


def rejections(call: ApiCall) -> RejectionReport:
    return report_rejections(call.connection, call.resources.redis, call.count)


def quarantine(call: ApiCall) -> list[QuarantineEntry]:
    return list_quarantine(call.connection, call.count)


def show_entry(call: ApiCall, receipt: UUID) -> QuarantinedBatch:
    return read_quarantined_batch(call.connection, receipt)


def replay_entry(call: ApiCall, receipt: UUID) -> QuarantineEntry:
    replay(call.resources, call.actor, [receipt])
    return read_quarantined_batch(call.connection, receipt).entry
