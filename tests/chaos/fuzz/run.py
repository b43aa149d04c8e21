"""Hypothesis draws batches of requests, sends them, and shrinks the batch that found a fault."""

from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.chaos.fuzz.api_calls import api_calls
from tests.chaos.fuzz.ingest_requests import ingest_requests
from tests.chaos.fuzz.json_requests import json_requests
from tests.chaos.fuzz.raw_bytes import raw_bytes
from tests.chaos.fuzz.target import Target

BATCH = 20
# Requests of a hundred, by what they are.
_SHARES = {"ingest": 40, "json": 20, "raw": 20, "api": 20}
GROWTH_BYTES_MAX = 24 * 1024 * 1024


@dataclass(frozen=True)
class Outcome:
    """`growth_bytes` is that of the second half, by program: the first one fills caches."""

    requests: int
    statuses: Mapping[int, int]
    accepted: int
    silent: int
    unstored: frozenset[str]
    growth_bytes: Mapping[str, int]

    def faults(self) -> list[str]:
        grown = [
            f"{name} grew by {bytes_ / 1e6:.0f} MB"
            for name, bytes_ in self.growth_bytes.items()
            if bytes_ > GROWTH_BYTES_MAX
        ]
        lost = [f"{len(self.unstored)} accepted events have no row"] if self.unstored else []
        return [*grown, *lost]

    def lines(self) -> str:
        told = ", ".join(f"{count:,} {status}" for status, count in sorted(self.statuses.items()))
        grown = ", ".join(
            f"{name} {size / 1e6:+.1f} MB" for name, size in self.growth_bytes.items()
        )
        return (
            f"{self.requests:,} requests: {told}; {self.silent:,} connections without an answer; "
            f"{self.accepted:,} accepted, {len(self.unstored)} of them without a row; "
            f"memory in the second half: {grown}"
        )


def fuzz(target: Target, requests: int, chosen_seed: int) -> Outcome:
    """Raises WrongStatus with the smallest batch that Hypothesis has found."""
    half = requests // 2
    _send(target, half, chosen_seed)
    before = target.resident_bytes()
    _send(target, requests - half, chosen_seed + 1)
    after = target.resident_bytes()
    answers = target.answers
    return Outcome(
        requests=requests,
        statuses=answers.statuses,
        accepted=len(answers.receipts),
        silent=answers.silent,
        unstored=frozenset(target.unstored()),
        growth_bytes={name: after[name] - before[name] for name in before},
    )


def _send(target: Target, requests: int, chosen_seed: int) -> None:
    document = target.document()
    of_kind = {
        "ingest": ingest_requests(target.token),
        "json": json_requests(target.token, target.sdk_token),
        "raw": raw_bytes(),
        "api": api_calls(document, target.key),
    }
    for kind, share in _SHARES.items():
        batches = max(1, requests * share // 100 // BATCH)
        _try_batches(target, of_kind[kind], batches, chosen_seed, to_console=kind == "api")


def _try_batches(
    target: Target,
    drawn: st.SearchStrategy[bytes],
    batches: int,
    chosen_seed: int,
    *,
    to_console: bool,
) -> None:
    @seed(chosen_seed)
    @settings(
        max_examples=batches,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(st.lists(drawn, min_size=BATCH, max_size=BATCH))
    def try_batch(batch: list[bytes]) -> None:
        for request in batch:
            target.send(request, to_console=to_console)

    try_batch()
