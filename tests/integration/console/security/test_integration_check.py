"""The integration check: green or its problems, ready to enforce or the reason why not."""

from typing import Any

import pytest

from console.apps.apps import App
from console.apps.event_types import NewEventType, create_event_type
from console.main import run_command
from console.resources import Resources
from console.security.enforcement import enable_enforcement
from console.security.integration_check import IntegrationCheck, Readiness, check_integration
from console.security.new_tokens import NewToken, create_token
from console.security.token_table import Token
from console.security.tokens import deactivate_token
from shared.clock import now_ms
from shared.integration_log import check_commands
from shared.scopes import Scope
from shared.tokens import TokenFault
from tests.integration.console.conftest import Ask
from tests.support.build import ADMIN, check_entry
from tests.support.redis_names import NAMES

EVENTS, SESSIONS, AD_REVENUE = Scope
NOW_MS = now_ms()


@pytest.fixture
def token(resources: Resources, shop: App) -> Token:
    create_event_type(resources, ADMIN, shop, NewEventType("purchase", "Purchase"))
    return create_token(resources, ADMIN, shop, NewToken("backend")).token


def came(resources: Resources, app: App, token: Token | None = None, **request: Any) -> None:
    """Logs one request of now, with this token or none."""
    number = 0 if token is None else token.id
    good = {"at_ms": NOW_MS, "event_id": "purchase", "token_id": number}
    with resources.redis.pipeline() as pipeline:
        check_commands(pipeline, NAMES, app.id, number, [check_entry(**{**good, **request})])
        pipeline.execute()


def look(resources: Resources, app: App, since_ms: int = 0) -> IntegrationCheck:
    return check_integration(resources, app, since_ms)


def readiness(done: IntegrationCheck) -> list[Readiness]:
    return [scope.readiness for scope in done.scopes]


def test_good_requests_are_green_and_ready(resources: Resources, shop: App, token: Token) -> None:
    for scope in Scope:
        came(resources, shop, token, scope=scope)

    done = look(resources, shop)

    assert (done.green, done.ready, done.problems) == (True, True, ())
    assert readiness(done) == [Readiness.READY] * 3
    (only,) = done.tokens
    assert only.token == token
    assert {request.verdict for request in only.requests} == {"accepts"}


def test_without_any_request_nothing_is_green_or_ready(
    resources: Resources, shop: App, token: Token
) -> None:
    assert token.active
    done = look(resources, shop)

    assert (done.green, done.ready, done.tokens) == (False, False, ())
    assert readiness(done) == [Readiness.UNSEEN] * 3


def test_one_request_that_enforcement_would_refuse_makes_its_scope_not_ready(
    resources: Resources, shop: App, token: Token
) -> None:
    for _ in range(5):
        came(resources, shop, token)
        came(resources, shop, token, scope=SESSIONS)
    came(resources, shop, fault=TokenFault.MISSING)

    done = look(resources, shop)

    assert readiness(done) == [Readiness.UNAUTHORIZED, Readiness.READY, Readiness.UNSEEN]
    assert (done.green, done.ready) == (False, False)
    events, sessions, _ = done.scopes
    assert (events.requests, events.refused, sessions.refused) == (6, 1, 0)
    (problem,) = done.problems
    assert "has no token" in problem.what
    nobody, _ = done.tokens
    assert nobody.token is None
    assert [request.verdict for request in nobody.requests] == ["would refuse"]


def test_requests_are_judged_from_a_moment_on(
    resources: Resources, shop: App, token: Token
) -> None:
    """After a fix nobody has to wait until the old requests have expired."""
    came(resources, shop, fault=TokenFault.MISSING, at_ms=NOW_MS - 60_000)
    came(resources, shop, token)

    assert not look(resources, shop, NOW_MS - 60_000).ready
    assert look(resources, shop, NOW_MS - 59_999).ready


def test_a_scope_that_no_active_token_covers_is_not_ready(
    resources: Resources, shop: App, token: Token
) -> None:
    create_token(resources, ADMIN, shop, NewToken("sessions", (SESSIONS,)))
    came(resources, shop, token)
    deactivate_token(resources, ADMIN, shop, "backend")

    done = look(resources, shop)

    assert readiness(done) == [Readiness.UNCOVERED, Readiness.UNSEEN, Readiness.UNCOVERED]
    assert not done.ready


def test_ready_is_what_can_then_be_enforced(resources: Resources, shop: App, token: Token) -> None:
    came(resources, shop, token, scope=AD_REVENUE)
    done = look(resources, shop)
    assert done.ready

    seen = [each.scope for each in done.scopes if each.readiness is Readiness.READY]
    assert enable_enforcement(resources, ADMIN, shop, seen).enforced == (AD_REVENUE,)
    assert [each.enforced for each in look(resources, shop).scopes] == [False, False, True]


def test_what_is_enforced_stays_so_whatever_is_sent_without_a_token(
    resources: Resources, shop: App, token: Token
) -> None:
    """Once it is on, refused senders have to fix their requests; the app is ready already."""
    enable_enforcement(resources, ADMIN, shop, [EVENTS])
    refused: dict[str, Any] = {"status": 401, "code": "unauthorized", "event_id": ""}
    came(resources, shop, fault=TokenFault.MISSING, enforced=True, **refused)
    came(resources, shop, token, scope=SESSIONS)

    done = look(resources, shop)

    assert (done.ready, done.green) == (True, False)
    assert readiness(done)[0] is Readiness.UNAUTHORIZED


def test_the_swaarm_dialect_has_no_say_in_whether_enforcement_may_come(
    resources: Resources, shop: App, token: Token
) -> None:
    """Links require no token, and everything else in this dialect always does."""
    came(resources, shop, token)
    click: dict[str, Any] = {
        "dialect": "swaarm",
        "endpoint": "/click",
        "event_id": "",
        "status": 302,
    }
    came(resources, shop, **click)
    wrong: dict[str, Any] = {
        "status": 401,
        "code": "unauthorized",
        "fault": TokenFault.INACTIVE,
        "event_id": "",
    }
    came(resources, shop, token, dialect="swaarm", endpoint="/postback", enforced=True, **wrong)

    done = look(resources, shop)

    assert (done.ready, done.green) == (True, False)
    (problem,) = done.problems
    assert problem.what.startswith("/postback has the token backend, which is deactivated")


def test_equal_problems_are_one_with_their_number_and_the_last_time(
    resources: Resources, shop: App, token: Token
) -> None:
    for ago_ms in (3_000, 2_000):
        came(resources, shop, token, event_id="signup", at_ms=NOW_MS - ago_ms)
    came(resources, shop, token, missing=("user_agent",))

    signup, user_agent = look(resources, shop).problems

    assert (signup.requests, signup.last_at.timestamp() * 1000) == (2, NOW_MS - 2_000)
    assert user_agent.requests == 1


def test_another_apps_requests_are_not_shown(resources: Resources, shop: App, token: Token) -> None:
    assert token.active
    with resources.redis.pipeline() as pipeline:
        check_commands(pipeline, NAMES, shop.id + 1, 0, [check_entry()])
        pipeline.execute()

    assert look(resources, shop).tokens == ()


def test_what_is_ready_and_what_is_not_can_be_read_at_the_terminal(
    resources: Resources,
    shop: App,
    token: Token,
    variables: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    came(resources, shop, token, event_id="\x1b[2Jsignup")
    assert run_command(["check", "Shop"], variables) == 1
    printed = capsys.readouterr().out
    assert "\x1b[2J" not in printed
    assert "has no event type" in " ".join(printed.split())
    assert (
        "Ready to turn on authentication: `waybill s2s-security enable --app APP --scope events`"
        in printed
    )

    came(resources, shop, fault=TokenFault.WRONG)
    assert run_command(["check", "Shop"], variables) == 1
    assert "Not ready to turn on authentication" in capsys.readouterr().out

    enable_enforcement(resources, ADMIN, shop)
    assert run_command(["check", "Shop"], variables) == 1
    assert "Authentication is on for every scope" in capsys.readouterr().out

    resources.redis.flushall()
    came(resources, shop, token, dialect="swaarm")
    assert run_command(["check", "Shop"], variables) == 0
    assert "Authentication affects none of these" in capsys.readouterr().out

    assert run_command(["check", "Other"], variables) == 1
    assert "no app" in capsys.readouterr().err


def test_the_exit_status_says_whether_all_is_green(
    ask: Ask, resources: Resources, shop: App, token: Token
) -> None:
    assert ask("check", "Shop", status=1)["green"] is False

    came(resources, shop, token, at_ms=now_ms())  # NOW_MS is as old as the run of all tests
    document = ask("check", "Shop", "--minutes", "5")
    assert (document["green"], document["ready"]) == (True, True)
    assert "digest" not in str(document)


def test_an_id_that_too_many_users_name_is_an_issue_that_names_it(
    resources: Resources, shop: App
) -> None:
    resources.connection.execute(
        "INSERT INTO wide_identifiers (app_id, environment, kind, value, users_max, users) VALUES"
        " (%(app)s, 'production', 'device', 'constant', 100, 5000),"
        " (%(app)s, 'sandbox', 'user', 'null', 0, 101)",
        {"app": shop.id},
    )

    problems = look(resources, shop).problems

    assert [problem.requests for problem in problems] == [5000, 101]
    assert "The device ID `constant` is named by at least 5,000 users" in problems[0].what
    assert "The user `null` of the sandbox names more IDs" in problems[1].what


def test_a_user_who_never_pauses_is_an_issue_that_names_them(
    resources: Resources, shop: App
) -> None:
    resources.connection.execute(
        "WITH made AS (INSERT INTO users (app_id, environment, user_id)"
        " SELECT %s, 'production', name FROM unnest(ARRAY['null', 'ann', 'gone']) AS name"
        " RETURNING id, user_id)"
        " INSERT INTO run_marks (user_ref, at, opens, events)"
        " SELECT id, now() - n * interval '1 minute'"
        " - CASE WHEN user_id = 'gone' THEN interval '40 days' ELSE '0' END, 0, 0"
        " FROM made CROSS JOIN generate_series(1, 400) AS n WHERE user_id <> 'ann' OR n < 400",
        (shop.id,),
    )

    problems = look(resources, shop).problems

    assert [problem.requests for problem in problems] == [102_400]
    assert "The user `null` has about 102,400 events without a pause" in problems[0].what
