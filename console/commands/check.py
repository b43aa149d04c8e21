"""`waybill check`"""

from collections.abc import Iterator

import click
from rich.console import RenderableType
from rich.table import Table

from console.apps.apps import find_app
from console.commands.terminal.options import json_option
from console.commands.terminal.output import cell, show, table
from console.connections import CommandContext, load_settings, open_resources
from console.security.integration_check import (
    CheckedRequest,
    CheckedScope,
    CheckedToken,
    IntegrationCheck,
    Readiness,
    check_integration,
)
from shared.clock import now_ms
from shared.integration_log import CHECK_ENTRIES_MAX, CHECK_SECONDS

_MINUTES_MAX = CHECK_SECONDS // 60
_NOTHING = "No request came that is kept here. Let the sender run its tests, then look again."
_READINESS = {
    Readiness.READY: "ready",
    Readiness.UNSEEN: "covered, but nothing was sent",
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
    help="How many requests of each token to show; all that are kept are judged.",
)
@click.option(
    "--minutes",
    type=click.IntRange(1, _MINUTES_MAX),
    default=_MINUTES_MAX,
    help="Judge what came in so many minutes alone, else in a week.",
)
@json_option
@click.pass_obj
def check_(context: CommandContext, app: str, count: int, minutes: int, as_json: bool) -> int:
    """Check how the last requests of APP fared, and whether it is ready to enforce.

    The exit status is 0 when all is green, 1 when something is to be mended or nothing came.
    """
    with open_resources(load_settings(context)) as resources:
        found = find_app(resources.connection, app)
        done = check_integration(resources, found, now_ms() - minutes * 60_000)
    show(done, *_people(done, count), as_json=as_json)
    return 0 if done.green else 1


def _people(done: IntegrationCheck, count: int) -> Iterator[RenderableType]:
    for each in done.tokens:
        yield _requests(each, count)
    yield _scopes(done.scopes)
    if not done.tokens:
        yield _NOTHING
    elif done.problems:
        yield table(
            ("what to mend", "requests", "last (UTC)"),
            ((problem.what, problem.requests, problem.last_at) for problem in done.problems),
        )
    else:
        yield "Green: nothing is to be mended about these requests."
    if done.tokens:
        yield _verdict(done)


def _verdict(done: IntegrationCheck) -> str:
    seen = [each for each in done.scopes if each.requests]
    if not seen:
        return "Enforcement concerns none of these requests: they are not in the Adjust dialect."
    if not done.ready:
        return "Not ready to enforce: see the scopes above."
    unenforced = [each for each in seen if not each.enforced]
    if not unenforced:
        return "Enforced for every scope that requests came for."
    options = " ".join(f"--scope {each.scope}" for each in unenforced)
    return f"Ready to enforce: `waybill s2s-security enable --app APP {options}`."


def _requests(checked: CheckedToken, count: int) -> Table:
    made = table(
        ("at (UTC)", "request", "answer", "enforcement", "event id", "to mend"),
        (
            (
                request.at,
                f"{request.dialect} {request.method} {request.endpoint}",
                _answer(request),
                _enforcement(request),
                request.event_id,
                len(request.problems) or None,
            )
            for request in checked.requests[:count]
        ),
    )
    token = checked.token
    made.title = cell("no token" if token is None else f"token {token.name} ({token.state})")
    made.title_justify = "left"
    return made


def _answer(request: CheckedRequest) -> str:
    return " ".join(str(part) for part in (request.status, request.code, request.field) if part)


def _enforcement(request: CheckedRequest) -> str:
    return f"{request.verdict} {request.fault or ''}".strip()


def _scopes(scopes: tuple[CheckedScope, ...]) -> Table:
    return table(
        ("scope", "enforced", "active tokens", "requests", "without a valid token", "enforcement"),
        (
            (
                each.scope,
                each.enforced,
                ", ".join(each.tokens) or "none",
                each.requests,
                each.refused,
                _READINESS[each.readiness],
            )
            for each in scopes
        ),
    )
