"""The declared rights in Redis: of every key, and none that a program has no use for."""

import re

import pytest

from shared.access.grantees import Grantee
from shared.access.key_rights import COMMANDS, acl_rules, key_rights
from tests.support.redis_names import NAMES
from tests.unit.shared.access.statement_rights import ROOT

KEY_RIGHTS = key_rights(NAMES)


def documented_keys() -> set[str]:
    """Returns the keys of their page, with an X in place of each part that differs."""
    page = (ROOT / "docs/redis-keys.md").read_text()
    keys = re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)
    return {re.sub(r"[A-Z]+|\*", "X", key) for key in keys}


def covers(pattern: str, key: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), key) is not None


def test_every_key_of_its_page_has_rights_declared() -> None:
    assert [
        key for key in documented_keys() if not any(covers(each, key) for each in KEY_RIGHTS)
    ] == []


def test_no_key_is_declared_that_its_page_does_not_have() -> None:
    keys = documented_keys() | {"rq:queues", "rq:queue:pipeline", "rq:job:X"}

    assert [each for each in KEY_RIGHTS if not any(covers(each, key) for key in keys)] == []


@pytest.mark.parametrize("grantee", Grantee)
def test_no_command_is_declared_twice_and_none_by_category(grantee: Grantee) -> None:
    assert not [command for command in COMMANDS[grantee] if command.startswith(("@", "+", "-"))]
    assert len(acl_rules(grantee, NAMES)) == len(set(acl_rules(grantee, NAMES)))


@pytest.mark.parametrize("grantee", Grantee)
def test_nobody_may_administer_redis(grantee: Grantee) -> None:
    administration = {
        *("acl", "flushall", "flushdb", "shutdown", "replicaof", "debug", "keys", "migrate"),
        *("config|set", "config|rewrite", "module", "function", "monitor", "save", "scan"),
    }

    assert administration.isdisjoint(COMMANDS[grantee])


def test_ingest_reads_neither_events_nor_requests_of_people() -> None:
    read = {key for key, (ingest, *_) in KEY_RIGHTS.items() if "R" in ingest}

    assert read.isdisjoint(
        {"waybill:inbox", "waybill:parked:*", "waybill:privacy", "waybill:rejections"}
    )


def test_ingest_and_metrics_cannot_say_who_may_send() -> None:
    for key in ("waybill:snapshot", "waybill:snapshot:version"):
        ingest, _, _, metrics = KEY_RIGHTS[key]
        assert "W" not in ingest + metrics


def test_metrics_change_nothing() -> None:
    assert {rights[3] for rights in KEY_RIGHTS.values()} == {"", "R"}
