"""Prints the table on the terminal, and writes it between two marks of docs/performance.md."""

import json
import os
import platform
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from tests.bench.chart import draw
from tests.bench.samples import (
    CPU,
    P50,
    P99,
    POSTGRES_CPU,
    REDIS_CPU,
    STACK_CPU,
    Line,
    Results,
    Target,
)
from tests.bench.stores import BenchPostgres, BenchValkey

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "performance.md"
FOLDER = DOCS / "performance"
_COLUMNS = (
    "median",
    "spread",
    "p50 ms",
    "p99 ms",
    "CPU µs",
    "Redis CPU µs",
    "PostgreSQL CPU µs",
    "all CPU µs",
)
_PACKAGES = ("falcon", "gunicorn", "uvicorn", "redis", "rq", "psycopg")


def machine() -> str:
    """Describes the machine: cores, memory, versions, commit."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    postgres = _first_line([str(BenchPostgres(Path()).binaries() / "postgres"), "--version"])
    valkey = _first_line([BenchValkey(Path()).argv()[0], "--version"]).split(" sha")[0]
    return (
        f"{os.cpu_count()} cores of {_processor()}, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}; "
        f"{postgres}, {valkey} (both of the wheels); {packages}; wrk of Debian; "
        f"commit {_first_line(['git', 'rev-parse', '--short', 'HEAD'])}."
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _first_line(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=DOCS)
    return done.stdout.partition("\n")[0].strip()


def markdown(results: Results) -> str:
    """Returns the targets first, then those of earlier releases, then every line."""
    now = [target for target in results.targets if not target.is_earlier]
    earlier = [target for target in results.targets if target.is_earlier]
    parts = [
        *_targets(results, "target", now),
        *_targets(results, "bound of an earlier release", earlier),
        *_table(results),
    ]
    return "\n".join(parts)


def _targets(results: Results, head: str, targets: Sequence[Target]) -> Iterator[str]:
    """Yields a table of those that were measured, and an empty line."""
    ratios = [(target, ratio) for target in targets if (ratio := results.ratio(target)) is not None]
    if not ratios:
        return
    yield f"| {head} | bound | measured | |"
    yield "|---|---:|---:|---|"
    for target, ratio in ratios:
        bound = f"{'≤' if target.is_ceiling else '≥'} {target.bound:g}"
        met = "met" if target.is_met(ratio) else "not met"
        yield f"| {target.name} | {bound} | {_number(ratio)} | {met} |"
    yield ""


def _table(results: Results) -> Iterator[str]:
    yield f"| what | unit | {' | '.join(_COLUMNS)} |"
    yield f"|---|---|{'---:|' * len(_COLUMNS)}"
    group = ""
    for line in results.lines.values():
        if line.group != group:
            group = line.group
            yield f"| **{group}** |{' |' * (1 + len(_COLUMNS))}"
        yield _row(line)


def _row(line: Line) -> str:
    spread = line.spread()
    ends = "" if spread is None or len(line.samples) < 2 else " to ".join(map(_number, spread))
    others = [
        _cell(line.median(key)) for key in (P50, P99, CPU, REDIS_CPU, POSTGRES_CPU, STACK_CPU)
    ]
    return f"| {' | '.join([line.name, line.unit, _cell(line.median()), ends, *others])} |"


def _cell(value: float | None) -> str:
    return "" if value is None else _number(value)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def write(results: Results, ran_on: str) -> None:
    """Writes docs/performance.md, its data and its charts."""
    FOLDER.mkdir(exist_ok=True)
    replace_between(PAGE, "bench", f"{ran_on}\n\n{markdown(results)}")
    data = {
        "machine": ran_on,
        "targets": [
            asdict(target) | {"measured": results.ratio(target)} for target in results.targets
        ],
        "lines": [asdict(line) for line in results.lines.values()],
    }
    (FOLDER / "bench.json").write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n")
    for theme in ("light", "dark"):
        (FOLDER / f"bench-{theme}.svg").write_text(draw(results, theme))


def replace_between(page: Path, mark: str, text: str) -> None:
    """Replaces the text between `<!-- mark -->` and `<!-- /mark -->`."""
    begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    before, _, rest = page.read_text().partition(begin)
    _, _, after = rest.partition(end)
    assert after, f"{page.name} has no {begin} … {end}"
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}")
