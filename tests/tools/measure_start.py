"""Follows README from a clone to the first attributed event in the console, and takes the time.

    .venv/bin/python -m tests.tools.measure_start           # cold: with an environment to install
    .venv/bin/python -m tests.tools.measure_start --warm    # the environment is there

Runs what README's section "Start" shows, block by block, in a fresh clone, and uses Chromium where
README says to use the console. Whoever does it by hand needs the time to read and type as well.
Prints when each step was done; fails if the user is not shown with the partner.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from tests.browser.conftest import ARGUMENTS, CHROMIUM, PASSWORD
from tests.system.servers import until

ROOT = Path(__file__).parents[2]
SECONDS_MAX = {True: 60, False: 120}  # warm, cold
USER = "0000-AAAA-BBBB-CCCC"
_START_SECONDS_MAX = 600
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def main(arguments: Sequence[str]) -> int:
    """Runs the trial; returns the exit status."""
    parser = argparse.ArgumentParser(description="Follows README from a clone, and takes the time.")
    parser.add_argument("--warm", action="store_true")
    is_warm = parser.parse_args(arguments).warm
    with tempfile.TemporaryDirectory(prefix="measure-start-") as folder:
        clone = Path(folder) / "waybill"
        if is_warm:
            _prepare(clone)
        began_at = time.monotonic()
        for step in _follow(clone, is_cloned=is_warm):
            took = time.monotonic() - began_at
            print(f"{took:6.1f} s  {step}; load {os.getloadavg()[0]:.1f}", flush=True)
    return 0 if took <= SECONDS_MAX[is_warm] else 1


def _prepare(clone: Path) -> None:
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    subprocess.run(["make", ".venv/runtime"], cwd=clone, check=True)


def _follow(clone: Path, *, is_cloned: bool) -> Iterator[str]:
    """Follows README; yields what has been done."""
    if not is_cloned:
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        yield "cloned"
    start, _, _ = (clone / "README.md").read_text().partition("## What it promises")
    _, setting_up, clicking, reporting, *_ = _BLOCK.findall(start)
    output = clone / "up.log"
    with (
        output.open("w") as log,
        subprocess.Popen(["make", "up"], cwd=clone, stdout=log, stderr=log) as process,
    ):
        try:
            until(lambda: "/welcome/" in output.read_text(), _START_SECONDS_MAX, "the link")
            yield "make up has printed the link"
            yield from _use(clone, output.read_text(), (setting_up, clicking, reporting))
        finally:
            process.terminate()


def _use(clone: Path, said: str, blocks: Sequence[str]) -> Iterator[str]:
    (link,) = re.findall(r"http://\S+/welcome/\w+", said)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page()
        page.goto(link)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_label("Confirm password").fill(PASSWORD)
        page.get_by_role("button", name="Set password and sign in").click()
        yield "signed in"
        created = _shell(clone, blocks[0])
        (token,) = re.findall(r"\bwbs_\w+", created)
        yield "app, token and link created"
        for _ in range(30):  # ingest learns of a new link within a second
            time.sleep(1)
            if click_ids := re.findall(r'"id":\s*"([\w~-]+)"', _shell(clone, blocks[1])):
                break
        (click_id,) = click_ids
        given = re.sub(r"click_id=[\w~-]+", f"click_id={click_id}", blocks[2])
        _shell(clone, given.replace("TOKEN", token))
        yield "click and event sent"
        page.goto(f"{link.partition('/welcome/')[0]}/apps")
        page.get_by_role("link", name="Shop").click()
        page.get_by_role("link", name="Users", exact=True).click()
        row = page.get_by_role("row", name=USER)
        for _ in range(30):
            if row.count():
                break
            time.sleep(1)
            page.reload()
        expect(row).to_contain_text("Acme")
        yield "the user is shown with the partner"
        browser.close()


def _shell(clone: Path, script: str) -> str:
    """Runs a block of README; returns what it printed."""
    done = subprocess.run(
        ["sh", "-ec", script], cwd=clone, capture_output=True, text=True, timeout=120
    )
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
