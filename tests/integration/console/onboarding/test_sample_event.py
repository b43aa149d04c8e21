"""Tests the test event: how it is sent, and that its token does not outlive it."""

from collections.abc import Mapping
from http.client import HTTPException
from uuid import UUID

import pytest

from console.actor import Actor
from console.apps.apps import App
from console.apps.event_types import NewEventType, create_event_type
from console.onboarding.sample_event import (
    TRIES_MAX,
    FormAnswer,
    IngestCaller,
    SampleEvent,
    send_sample_event,
)
from console.resources import Resources
from console.security.token_table import TokenState, read_tokens
from shared.clock import now_ms
from shared.errors import NotAllowed, OperatorError
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.support.build import ADMIN, VIEWER

pytestmark = ON_ONE_PAIR
RECEIPT = UUID("019a2f00-1c80-7d6e-9a3b-5f0c2d4e6b81")
BASE = "https://events.test"


class Ingest:
    """An ingest that gives one answer after another."""

    def __init__(self, *answers: FormAnswer | Exception) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, dict[str, str], str]] = []

    def post(self, url: str, fields: Mapping[str, str], token: str) -> FormAnswer:
        self.calls.append((url, dict(fields), token))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def send(resources: Resources, app: App, ingest: Ingest, actor: Actor = ADMIN) -> SampleEvent:
    caller = IngestCaller(BASE, ingest.post, lambda _seconds: None)
    return send_sample_event(resources, actor, app, caller, now_ms())


def test_it_is_sent_again_until_ingest_knows_its_token(resources: Resources, shop: App) -> None:
    create_event_type(resources, ADMIN, shop, NewEventType("purchase", "Purchase"))
    ingest = Ingest(FormAnswer(401, None), FormAnswer(200, RECEIPT))

    sent = send(resources, shop, ingest)

    assert (sent.receipt, sent.event_id, sent.environment) == (RECEIPT, "purchase", "sandbox")
    (url, fields, token), again = ingest.calls
    assert (url, fields["event_id"]) == (f"{BASE}/postback", "purchase")
    assert fields["user_id"] == sent.user_id
    assert again == (url, fields, token)
    (used,) = read_tokens(resources.connection, shop)
    assert (used.test, used.state) == (True, TokenState.REVOKED)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([OSError("no route")], "does not reach ingest at https://events.test"),
        ([HTTPException()], "does not reach ingest"),
        ([FormAnswer(401, None)] * TRIES_MAX, r"refused the test event \(401\)"),
        ([FormAnswer(503, None)], r"refused the test event \(503\)"),
    ],
)
def test_a_failure_is_told_and_leaves_no_token_that_works(
    resources: Resources, shop: App, answers: list[FormAnswer | Exception], message: str
) -> None:
    ingest = Ingest(*answers)

    with pytest.raises(OperatorError, match=message) as raised:
        send(resources, shop, ingest)

    assert ingest.calls[0][2] not in raised.value.message
    (used,) = read_tokens(resources.connection, shop)
    assert used.state is TokenState.REVOKED


def test_a_viewer_sends_none(resources: Resources, shop: App) -> None:
    ingest = Ingest()

    with pytest.raises(NotAllowed):
        send(resources, shop, ingest, VIEWER)

    assert ingest.calls == []
