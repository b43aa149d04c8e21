"""How the pipeline does, and what it could not store."""

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
from console.pipeline.status import Status, read_status
from console.set_aside import count_set_aside
from console.web.api.api_call import Call


def status(call: Call) -> Status:
    now = read_status(call.installation.redis)
    return replace(now, set_aside_users=count_set_aside(call.connection))


def rejections(call: Call) -> RejectionReport:
    return report_rejections(call.connection, call.installation.redis, call.count)


def quarantine(call: Call) -> list[Quarantined]:
    return list_quarantine(call.connection, call.count)


def show_one(call: Call, receipt: UUID) -> QuarantinedBatch:
    return show_quarantined(call.connection, receipt)


def replay_one(call: Call, receipt: UUID) -> Quarantined:
    replay(call.installation, call.actor, [receipt])
    return show_quarantined(call.connection, receipt).entry
