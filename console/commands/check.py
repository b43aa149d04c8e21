"""`waybill check`: the integration check."""

from collections.abc import Iterator

import click
from rich.console import RenderableType
from rich.table import Table

from console.apps.apps import find_app
from console.commands.terminal.options import json_option
from console.commands.terminal.output import cell, show, table
from console.connections import CommandContext, load_settings, open_resources
from console.security.integration_check import (
    CheckedToken,
    IntegrationCheck,
    Readiness,
    check_integration,
)
from shared.clock import now_ms
from shared.integration_log import CHECK_ENTRIES_MAX, CHECK_SECONDS

_MINUTES_MAX = CHECK_SECONDS // 60
_NO_REQUESTS = "No recent requests are stored. Let the sender run its tests, then check again."
_READINESS = {
    Readiness.READY: "ready",
    Readiness.UNSEEN: "token ready, no traffic yet",
    Readiness.UNCOVERED: "no active token covers it",
    Readiness.UNAUTHORIZED: "refuses requests, or would",
}


@click.command("check")
@click.argument("app")
@click.option(
    "--count",
    type=click.IntRange(1, CHECK_ENTRIES_MAX),
    default=10,
    show_default=True,
    help="Number of requests to show per token; all stored requests are evaluated.",
)
@click.option(
    "--minutes",
    type=click.IntRange(1, _MINUTES_MAX),
    default=_MINUTES_MAX,
    help="Evaluate only the requests of the last so many minutes; by default of a week.",
)
@json_option
@click.pass_obj
def check_(context: CommandContext, app: str, count: int, minutes: int, as_json: bool) -> int:
    """Check an app's recent requests and authentication.

    Shows the requests of each token, the issues to fix, and whether authentication can be turned
    on for each scope. The exit status is 0 when there is no issue, 1 when there are issues or no
    requests.
    """
    with open_resources(load_settings(context)) as resources:
        checked_app = find_app(resources.connection, app)
        result = check_integration(resources, checked_app, now_ms() - minutes * 60_000)
    show(result, *_parts(result, count), as_json=as_json)
    return 0 if result.green else 1


def _parts(result: IntegrationCheck, count: int) -> Iterator[RenderableType]:
    for checked in result.tokens:
        yield _requests(checked, count)
    yield table(
        ("scope", "on", "active tokens", "requests", "without a valid token", "readiness"),
        (
            (
                scope.scope,
                scope.enforced,
                ", ".join(scope.tokens) or "none",
                scope.requests,
                scope.refused,
                _READINESS[scope.readiness],
            )
            for scope in result.scopes
        ),
    )
    if not result.tokens and not result.problems:
        yield _NO_REQUESTS
        return
    if result.problems:
        yield table(
            ("issue", "requests", "since (UTC)", "last (UTC)"),
            (
                (problem.what, problem.requests, problem.since, problem.last_at)
                for problem in result.problems
            ),
        )
    else:
        yield "No issues: every one of these requests is fine."
    yield _authentication_advice(result)


def _authentication_advice(result: IntegrationCheck) -> str:
    seen = [scope for scope in result.scopes if scope.requests]
    if not seen:
        return "Authentication affects none of these requests: none is in the Adjust dialect."
    if not result.ready:
        return "Not ready to turn on authentication: see the scopes above."
    unenforced = [scope for scope in seen if not scope.enforced]
    if not unenforced:
        return "Authentication is on for every scope that has received requests."
    options = " ".join(f"--scope {scope.scope}" for scope in unenforced)
    return f"Ready to turn on authentication: `waybill s2s-security enable --app APP {options}`."


def _requests(checked: CheckedToken, count: int) -> Table:
    result = table(
        ("time (UTC)", "request", "response", "authentication", "event ID", "issues"),
        (
            (
                request.at,
                f"{request.dialect} {request.method} {request.endpoint}",
                " ".join(
                    str(part) for part in (request.status, request.code, request.field) if part
                ),
                f"{request.verdict} {request.fault or ''}".strip(),
                request.event_id,
                len(request.problems) or None,
            )
            for request in checked.requests[:count]
        ),
    )
    token = checked.token
    result.title = cell("no token" if token is None else f"token {token.name} ({token.state})")
    result.title_justify = "left"
    return result
