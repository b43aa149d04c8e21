"""Runs every command of the runbook beside the running product. Imports nothing of it."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.system.conftest import make_token
from tests.system.product import Waybill
from tests.system.test_alerts import Hook
from tests.system.traffic import get, send

RUNBOOK = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", RUNBOOK, re.DOTALL)
COMMANDS = sorted({line for block in BLOCKS for line in block.splitlines()})


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Waybill]:
    """The product with what the runbook names in an app, a refused request and an event."""
    hook = Hook()
    variables = {
        "WAYBILL_CALLBACK_NETWORKS": "127.0.0.0/8,::1/128",
        "WAYBILL_CALLBACK_PORTS": f"443,{hook.server.server_address[1]}",
    }
    waybill = Waybill(tmp_path_factory.mktemp("runbook") / "data", variables, metrics=True)
    try:
        waybill.wait_until_ready()
        token = make_token(waybill)
        waybill.json(
            *("callback", "create", "--app", "Shop", "--name", "partner"),
            *("--activity", "install", "--url", "https://partner.example/told"),
        )
        waybill.json("callback", "pause", "--app", "Shop", "partner")
        waybill.json(
            *("alert", "create", "--app", "Shop", "--name", "hook", "--channel", "webhook"),
            *("--target", hook.url, "--kind", "quarantine"),
        )
        targets = [f"/postback?s2s_token={each}&user_id=u&event_id=x" for each in (token, "wrong")]
        assert sorted(send(waybill.port, map(get, targets), 1).statuses()) == [200, 401]
        waybill.wait_until_drained()
        yield waybill
    finally:
        waybill.stop()
        hook.server.shutdown()
        hook.server.server_close()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_runbook_does_what_it_is_for(shop: Waybill, command: str) -> None:
    program, *arguments = shlex.split(command)
    if program == "curl":
        ports = {8080: shop.port, 8082: shop.metrics_port}
        _, port, path = re.split(r"(?<=127\.0\.0\.1):(\d+)", arguments[0])
        with urlopen(f"http://127.0.0.1:{ports[int(port)]}{path}", timeout=30) as answer:
            assert answer.status == 200
        return
    assert program == "waybill"
    done = shop.run(*arguments)
    # The check of an app tells by its status that there are issues: here, an unknown token.
    assert done.returncode == (1 if arguments[0] == "check" else 0), done.stdout + done.stderr
    assert done.stdout.strip()
