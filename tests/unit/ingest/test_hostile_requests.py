"""No request, however it is made up, holds an ingest process: others wait behind it."""

import gc
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from shared.gc_tuning import tune_gc
from tests.support.build import TOKEN
from tests.unit.ingest.harness import Running, running
from tests.unit.ingest.sdks.sdk_app import APP_TOKEN, SDK_TOKEN, sdk_snapshot
from tests.unit.loop import in_loop

# Of CPU, which other load does not lengthen. Ordinary work on a body of this size takes a tenth.
HELD_SECONDS_MAX = 0.7
QUERY_BYTES = 15_000
BODY_BYTES = 500_000

OPENAPI = Path(__file__).parents[3] / "docs" / "ingest-openapi.json"
PATHS = sorted(json.loads(OPENAPI.read_text())["paths"])
SDK_PATHS = ("/sdk", "/websdk", "/sdk_click", "/attribution", "/utm_click", "/associate-user")
KNOWN = f"app_token={APP_TOKEN}&event_token=f0ob4r&s2s=1&offer_id=36&pub_id=3&user_id=u&event_id=e"
NAMES = ("user_id", "idfa", "ip_address", "revenue")
# What is repeated until the size is reached, in a value or a name.
REPEATED = (
    *("{", "{a}", "${", "{{a", "#{", "__X", "[[", "<", "%%", "%25", "%2525", "0-", "null-", "+"),
    *("&amp;", "amp;", "%26amp;", "%e2%80%8b", "%ff", "a.", ":", "1.", "9", "##;", "_", "\u200b"),
)


@pytest.fixture(scope="module", autouse=True)
def collector() -> Iterator[None]:
    """Tunes the garbage collector as ingest does, or it examines what other tests left behind."""
    thresholds = gc.get_threshold()
    tune_gc()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def pairs(size: int) -> Mapping[str, str]:
    """Returns hostile queries and forms."""
    values = {
        f"{name}={text}": f"{name}={text * (size // len(text.encode()))}x"
        for text in REPEATED
        for name in (NAMES if size <= QUERY_BYTES else NAMES[:1])
    }
    return values | {
        "names": f"{'amp;' * (size // 4)}a=1",
        "ands": "&" * size,
        "equals": "=" * size,
        "many": "&".join(f"{number}=1" for number in range(size // 8)),
        "several": "&".join(f"a={number}" for number in range(size // 8)),
        "nested": f"callback_params={'%7B%22a%22%3A' * (size // 12)}",
        "lists": f"partner_params={'[' * size}",
        "addresses": f"install_callback=http://x/{'{click_id}' * (size // 10)}",
    }


def documents(size: int) -> Mapping[str, str]:
    """Returns hostile JSON documents."""
    members = ",".join(f'"{number}":1' for number in range(size // 12))
    inner = {
        "names": f"{{{members}}}",
        "twice": f'{{{members},"z":1,"z":2}}',
        "one name": "{" + ",".join(f'"a":{number}' for number in range(size // 11)) + "}",
        "ampersands": json.dumps({"amp;" * (size // 4): 1}),
        "digits": f'{{"revenue":{"9" * size}}}',
        "exponent": f'{{"revenue":1e{"9" * 9}}}',
        "deep": f'{{"a":{"[" * (size // 2)}{"]" * (size // 2)}}}',
        "objects": '{"a":' * (size // 5),
        "escapes": f'{{"user_id":"{chr(92)}u200b{f"{chr(92)}u200b" * (size // 6)}"}}',
        "signs": f'{{"user_id":"{"{" * size}"}}',
    }
    return (
        inner
        | {f"event of {name}": f'{{"events":[{text}]}}' for name, text in inner.items()}
        | {f"listed {name}": f"[{text}]" for name, text in inner.items()}
        | {
            f"properties of {name}": '{"batch":[{"type":"track","userId":"u","event":"e",'
            f'"properties":{text}}}]}}'
            for name, text in inner.items()
        }
        | {"entries": f"[{'{},' * (size // 3)}{{}}]", "lines": "\n" * size}
    )


async def held_seconds(ingest: Running, path: str, token: str, query: str, body: str = "") -> float:
    kind = "json" if body[:1] in {"{", "[", "\n"} else "x-www-form-urlencoded"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": f"application/{kind}"}
    begun = time.thread_time()
    answer = await ingest.conductor.simulate_request(
        "POST" if body else "GET", path, query_string=query, body=body.encode(), headers=headers
    )
    assert answer.status_code < 500
    return time.thread_time() - begun


@pytest.mark.parametrize("path", [*PATHS, *SDK_PATHS])
@pytest.mark.parametrize("part", ["query", "form", "document"])
@in_loop
async def test_no_request_holds_an_ingest_process(path: str, part: str) -> None:
    token = SDK_TOKEN if path in SDK_PATHS else TOKEN
    filled = path.replace("{app_id}", "id123456789").replace("{s2s_token}", token)
    slow: dict[str, float] = {}
    async with running(sdk_snapshot()) as ingest:
        if part == "query":
            for name, query in pairs(QUERY_BYTES).items():
                slow[name] = await held_seconds(ingest, filled, token, f"{KNOWN}&{query}")
        else:
            for name, body in (pairs if part == "form" else documents)(BODY_BYTES).items():
                slow[name] = await held_seconds(ingest, filled, token, KNOWN, body)
    assert {name: took for name, took in slow.items() if took > HELD_SECONDS_MAX} == {}
