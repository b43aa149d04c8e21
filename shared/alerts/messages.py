"""Writes what people read of an alert: as text, as JSON and in Slack's form. Nothing of users."""

from enum import StrEnum
from uuid import UUID

import msgspec

from shared.alerts.kinds import EXPLANATIONS, LABELS, AlertKind
from shared.callbacks.conversion_facts import iso_time

_MARKS = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})  # of Slack's own markup


class AlertPhase(StrEnum):
    """The part of an alert's life that a message tells."""

    OPENED = "opened"
    RESOLVED = "resolved"
    TEST = "test"


_OPENINGS = {AlertPhase.OPENED: "", AlertPhase.RESOLVED: "Resolved: ", AlertPhase.TEST: "Test: "}


class AlertMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message to people; its `id` stays the same at every attempt. `url` leads to the console."""

    id: UUID
    phase: AlertPhase
    kind: AlertKind
    app_id: int
    app_name: str
    title: str
    detail: str
    opened_at_ms: int
    url: str

    @property
    def subject(self) -> str:
        """Returns the one line that says it all."""
        return f"{_OPENINGS[self.phase]}{self.app_name}: {self.title}"

    @property
    def text(self) -> str:
        """Returns the message as plain text."""
        return f"{self.subject}\n\n{self.detail}\n\nSince {iso_time(self.opened_at_ms)}\n{self.url}"

    def json(self) -> bytes:
        """Returns the message in the form of Standard Webhooks."""
        return msgspec.json.encode({
            "type": f"alert.{self.phase}",
            "timestamp": iso_time(self.opened_at_ms),
            "data": {
                "app_id": self.app_id,
                "app": self.app_name,
                "kind": self.kind,
                "title": self.title,
                "detail": self.detail,
                "url": self.url,
            },
        })  # fmt: skip

    def slack(self) -> bytes:
        """Returns the message as Slack and those who take its form read it."""
        lines = (f"*{self.subject.translate(_MARKS)}*", self.detail.translate(_MARKS), self.url)
        return msgspec.json.encode({"text": "\n".join(lines)})


def console_page(console_url: str, app_id: int) -> str:
    """Returns the address of the page with an app's alerts."""
    return f"{console_url}/apps/{app_id}/alerts"


def sample_message(
    message_id: UUID, kind: AlertKind, app: tuple[int, str], console_url: str, now_ms: int
) -> AlertMessage:
    """Returns the message by which people try a destination; `app` is its number and its name."""
    return AlertMessage(
        id=message_id,
        phase=AlertPhase.TEST,
        kind=kind,
        app_id=app[0],
        app_name=app[1],
        title=LABELS[kind],
        detail=f"This is a test. The alert means: {EXPLANATIONS[kind]}",
        opened_at_ms=now_ms,
        url=console_page(console_url, app[0]),
    )
