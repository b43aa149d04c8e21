"""Tests that the RQ dashboard is an extra: nothing of the core needs it or what it brings."""

import runpy
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from console.web import rq_dashboard
from tests.support.fake_redis import FakeStrictRedis

OF_THE_DASHBOARD = {"rq-dashboard", "flask", "werkzeug", "arrow", "six", "redis-sentinel-url"}


def needed(package: str, extras: frozenset[str]) -> set[str]:
    """Returns the packages that a package needs by itself, with these extras."""
    wanted = [Requirement(line) for line in requires(package) or ()]
    return {
        canonicalize_name(each.name)
        for each in wanted
        if each.marker is None
        or any(each.marker.evaluate({"extra": extra}) for extra in extras | {""})
    }


def all_needed(*extras: str) -> set[str]:
    found: set[str] = set()
    waiting = needed("waybill", frozenset(extras))
    while waiting:
        package = waiting.pop()
        found.add(package)
        waiting |= needed(package, frozenset()) - found
    return found


def test_the_core_needs_neither_the_dashboard_nor_what_it_brings() -> None:
    assert all_needed() & OF_THE_DASHBOARD == set()
    assert all_needed("dashboard") >= OF_THE_DASHBOARD


def test_without_the_extra_the_console_has_no_dashboard(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("flask", "rq_dashboard", "werkzeug.test"):
        monkeypatch.setitem(sys.modules, name, None)

    module = runpy.run_path(str(Path(rq_dashboard.__file__)))

    assert module["open_dashboard"](FakeStrictRedis()) is None
