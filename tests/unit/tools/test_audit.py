"""The audit fails for what it found, and says so where it found nothing out."""

import json
from typing import Any

import pytest

from tests.tools.audit import judge


def report(*dependencies: dict[str, Any]) -> str:
    return json.dumps({"dependencies": list(dependencies), "fixes": []})


def package(name: str, *vulnerabilities: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "version": "1.0", "vulns": list(vulnerabilities)}


def test_a_known_vulnerability_fails_and_names_what_mends_it() -> None:
    known = {"id": "PYSEC-2026-1", "fix_versions": ["1.1"], "aliases": [], "description": ""}

    text, is_failure = judge(report(package("falcon"), package("redis", known)))

    assert is_failure
    assert text == "redis 1.0: PYSEC-2026-1, fixed in 1.1"


def test_packages_without_one_pass_and_are_counted() -> None:
    skipped = {"name": "own", "skip_reason": "not on the index"}

    text, is_failure = judge(report(package("falcon"), skipped))

    assert not is_failure
    assert text == "1 packages without a known vulnerability, 1 unknown"


@pytest.mark.parametrize(
    "output", ["", "no JSON", "{}", report({"name": "falcon", "skip_reason": "not reachable"})]
)
def test_an_audit_that_looked_nothing_up_says_that_it_was_not_run(output: str) -> None:
    text, is_failure = judge(output)

    assert not is_failure
    assert text.startswith("NOT RUN")
