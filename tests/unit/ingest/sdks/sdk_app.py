"""An app with SDK traffic switched on, and calls of SDKs to it."""

import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from falcon.testing import Result
from msgspec import structs

from shared.privacy.tombstone_key import new_wrapped_key
from shared.scopes import Scope
from shared.snapshot import KnownApp, KnownEventType, LinkKey, Snapshot
from tests.support.build import TOKEN, grant, link, settings, snapshot
from tests.unit.ingest.harness import Running, running

CALLS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "calls.json").read_text()
)
BY_NAME = {call["name"]: call for call in CALLS}
SDK_TOKEN = "publicTokenOfTheSdk"
TEST_TOKEN = "publicTestToken"
APP_TOKEN = "4w565xzmb54d"
PAGE = "https://shop.example"


def sdk_snapshot(*, is_on: bool = True, enforced: tuple[Scope, ...] = (), **app: Any) -> Snapshot:
    grants = {
        TOKEN: grant(),
        SDK_TOKEN: grant(token_id=2, sdk=True),
        TEST_TOKEN: grant(token_id=3, sdk=True, environment="sandbox"),
    }
    known = KnownApp(1, enforced, False, {"f0ob4r": KnownEventType(5, "purchase")}, **app)
    return structs.replace(
        snapshot(1, **grants),
        apps={APP_TOKEN: known},
        links={LinkKey("36", "3"): link()},
        sdk_apps=frozenset({1} if is_on else ()),
        tombstone_key=new_wrapped_key(settings().secret_key),
    )


@asynccontextmanager
async def sdk_ingest(**options: Any) -> AsyncIterator[Running]:
    async with running(sdk_snapshot(**options)) as ingest:
        yield ingest


async def send(ingest: Running, call: dict[str, Any], **changes: Any) -> Result:
    """Sends a recorded call, with this app's tokens in it."""
    call = {**call, **changes}
    token = TOKEN if call["path"] == "/postback" else SDK_TOKEN
    headers = {
        name: text.replace("Bearer TOKEN", f"Bearer {token}")
        for name, text in call["headers"].items()
    }
    body = call["body"]
    sent = None if body is None else body.encode()
    if call.get("gzip") and sent:
        sent = gzip.compress(sent)
    return await ingest.conductor.simulate_request(
        call["method"],
        call["path"],
        query_string=call["query"].replace("=TOKEN", f"={token}"),
        headers=headers,
        body=sent,
    )


async def send_batch(ingest: Running, *events: dict[str, Any], **options: Any) -> Result:
    """Sends events as Swaarm's SDK for the web does."""
    body = {"time": options.pop("time", "2026-01-02T03:04:05.678Z"), "events": list(events)}
    return await ingest.conductor.simulate_post(
        "/sdk",
        body=json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {options.pop('token', SDK_TOKEN)}",
            "Content-Type": "application/json",
            **options,
        },
    )


async def send_form(ingest: Running, path: str, form: str, **headers: str) -> Result:
    """Sends a call as Adjust's SDK for the web does."""
    return await ingest.conductor.simulate_post(
        path,
        body=form.encode(),
        headers={
            "Client-SDK": "js5.8.3",
            "Content-Type": "application/x-www-form-urlencoded",
            **headers,
        },
    )
