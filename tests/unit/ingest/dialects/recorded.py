"""Replays recorded calls of senders: as they are, but for the token, in the application."""

import json
from pathlib import Path
from typing import Any

from falcon.testing import Result

from tests.support.build import TOKEN
from tests.unit.ingest.harness import Running

KEY = "KEY"  # stands for the sender's key in the recordings


def recorded_calls(folder: Path, name: str = "vectors.json") -> list[dict[str, Any]]:
    """Reads the calls beside a test."""
    calls: list[dict[str, Any]] = json.loads((folder / name).read_text())
    return calls


async def replay(ingest: Running, call: dict[str, Any], token: str = TOKEN) -> Result:
    """Sends a call with a token of the running application."""
    body = call["body"] and call["body"].replace(f"={KEY}&", f"={token}&")
    return await ingest.conductor.simulate_request(
        call["method"],
        call["path"].replace(KEY, token),
        query_string=call["query"].replace(f"={KEY}", f"={token}"),
        headers={name: value.replace(KEY, token) for name, value in call["headers"].items()},
        body=body,
    )


def is_as_expected(call: dict[str, Any], answer: Result) -> bool:
    """Tells whether the answer has the status and the texts of the recording."""
    expected = call["expect"]
    return answer.status_code == expected["status"] and all(
        text in answer.text for text in expected["body_contains"]
    )
