"""`waybill callback test` and `test-partner`: send one callback now, and show what came back."""

from dataclasses import asdict
from uuid import UUID

import click

from console.actor import terminal_actor
from console.apps.apps import find_app
from console.commands.delivery.steps import show_test
from console.commands.terminal.options import app_option, json_option
from console.commands.terminal.output import pairs, show
from console.connections import CommandContext, load_settings, open_resources
from console.delivery.endpoints import find_endpoint
from console.delivery.partner_trial import finish_partner_trial, start_partner_trial
from console.delivery.trial import preview_request, send_test
from shared.clock import now_ms
from shared.errors import OperatorError

TRIAL_SECONDS = 20.0  # until a test is given up


@click.command("test")
@app_option
@click.argument("endpoint")
@click.option("--dry-run", is_flag=True, help="Show the request and do not send it.")
@click.option("--id", "callback_id", type=click.UUID, help="With this callback, not the last one.")
@json_option
@click.pass_obj
def test(
    context: CommandContext,
    /,
    app: str,
    endpoint: str,
    *,
    dry_run: bool,
    callback_id: UUID | None,
    as_json: bool,
) -> None:
    """Send one callback now, with the last conversion or a sample, and show the answer."""
    settings = load_settings(context)
    with open_resources(settings) as resources:
        owner = find_app(resources.connection, app)
        known = find_endpoint(resources.connection, owner, endpoint)
        if dry_run:
            preview = preview_request(resources, known, now_ms, callback_id)
            show({"preview": preview}, pairs(asdict(preview).items()), as_json=as_json)
            return
        result = send_test(resources, terminal_actor(), settings, known, now_ms, callback_id)
    sent = {"request": f"{result.preview.method} {result.preview.url}"}
    show_test(result, sent, "The endpoint did not accept the callback.", as_json=as_json)


@click.command("test-partner")
@app_option
@click.argument("endpoint")
@click.option("--link", default="", help="The partner's link, whose parameters the click has.")
@json_option
@click.pass_obj
def test_partner(
    context: CommandContext, app: str, endpoint: str, link: str, as_json: bool
) -> None:
    """Make a click and a conversion in the sandbox, send the callback, and show the answer."""
    with open_resources(load_settings(context)) as resources:
        owner = find_app(resources.connection, app)
        known = find_endpoint(resources.connection, owner, endpoint)
        actor = terminal_actor()
        mark = start_partner_trial(resources, actor, owner, known, link, now_ms)
        trial = finish_partner_trial(resources, actor, owner, known, mark, TRIAL_SECONDS)
    facts = [("click", trial.click_id), ("user", trial.user_id), ("attributed by", trial.rule)]
    for each in trial.deliveries:
        facts.append((each.activity, f"{each.state} {each.reason or ''}".strip()))
        for attempt in each.tries:
            facts += [("request", attempt.request), ("outcome", attempt.outcome)]
    show({"test": trial}, pairs(facts), as_json=as_json)
    if not any(each.state == "delivered" for each in trial.deliveries):
        raise OperatorError("The partner accepted no callback of the test.")
