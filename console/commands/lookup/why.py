"""`waybill why`: why an install is organic, and what clicks lacked for it."""

from datetime import date

import click
from rich.console import RenderableType

from console.apps.apps import find_app
from console.apps.links import find_link
from console.commands.terminal.options import DAY, app_option, environment_option, json_option
from console.commands.terminal.output import lines, pairs, show, table
from console.connections import CommandContext, load_settings, open_database
from console.lookup.link_day import LinkDay, read_link_day
from console.lookup.timeline_words import format_instant
from console.lookup.why import QuestionAnswer, explain_question, read_question
from shared.clock import now_ms
from shared.errors import OperatorError


@click.command("why")
@app_option
@click.argument("text", metavar="[ID]", default="")
@click.option("--address", default="", help="IP address of the install, instead of an ID.")
@click.option("--time", default="", help="Time of the install (UTC), within an hour.")
@click.option("--link", "link_name", help="Count a day of this link instead.")
@click.option(
    "--day",
    type=DAY,
    help="Day for --link, in the app's time zone; today without it.",
)
@environment_option
@json_option
@click.pass_obj
def why(
    context: CommandContext,
    /,
    *,
    app: str,
    environment: str,
    as_json: bool,
    link_name: str | None,
    day: date | None,
    **asked: str,
) -> None:
    """Explain why an install is organic, or why a click counted.

    ID is a device ID, a click ID, a user ID or an adid. Without one, give --address and --time; or
    --link, with --day for another than today, to count what the organic installs of a day lacked
    for that link.
    """
    if link_name is None and day is not None:
        raise OperatorError("--day is a day of a link: give --link as well.")
    with open_database(load_settings(context)) as connection:
        owner = find_app(connection, app)
        if link_name is not None:
            link = find_link(connection, owner, link_name)
            wanted = day or owner.today(now_ms())
            counted = read_link_day(connection, owner, environment, link, wanted)
            show(counted, *_describe_day(counted, link.name, wanted), as_json=as_json)
            return
        question = read_question(asked["text"], asked["address"], asked["time"])
        answer = explain_question(connection, owner, environment, question)
    show(answer, *_describe(answer), as_json=as_json)


def _describe(answer: QuestionAnswer) -> list[RenderableType]:
    if not answer.users:
        if not answer.clicks:
            return ["No user and no click fits. Check the spelling, the time and the environment."]
        lone = (
            (click.click_id, click.kind, format_instant(click.event_time), click.origin or "")
            for click in answer.clicks
        )
        return [
            "These clicks are known, but no user leads to them:",
            table(("click", "type", "time", "source"), lone),
        ]
    parts: list[RenderableType] = []
    for user in answer.users:
        outcome = f"{user.rule}, click {user.click_id}" if user.click_id else user.rule
        summary = (
            ("user ID", user.user_id),
            ("first call", format_instant(user.first_time)),
            ("outcome", outcome),
            ("known", "; ".join(user.facts)),
        )
        rows = [
            (
                lines([click.click_id, click.origin or "names no source", click.age]),
                click.outcome,
                lines(f"{step.rule} ({step.window}): {step.result}" for step in click.steps),
                lines(click.needed),
            )
            for click in user.clicks
        ]
        columns = ("click", "outcome", "how far it came", "it would have counted if")
        parts += [pairs(summary), table(columns, rows) if rows else "No click came near."]
    return parts


def _describe_day(counted: LinkDay, name: str, day: date) -> list[RenderableType]:
    summary = (
        f"{name}, {day}: {counted.clicks:,} clicks, {counted.installs:,} installs "
        f"({counted.view_installs:,} from impressions). "
        f"Credited to more than one user: {counted.clicks_credited_again:,} clicks, to "
        f"{counted.further_users:,} further users. "
        f"{counted.organic_installs:,} installs of the app were organic; of the "
        f"{counted.explained:,} looked at, {counted.near:,} had a click of this link from the same "
        "address."
    )
    rows = ((shortfall.words, shortfall.installs) for shortfall in counted.shortfalls)
    return [summary, table(("why the closest click did not count", "organic installs"), rows)]
