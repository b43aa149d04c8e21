"""Linux calls that Python has no name for. All of them run in a child, between fork and exec.

`signal_on_parent_death` ties a child to its launcher, even if that dies by SIGKILL.

`enter_user_namespace` makes a root process that PostgreSQL takes for a normal user: PostgreSQL
refuses to run as user id 0, and a user namespace in which root is called "nobody" satisfies it
with no system user made and no permission changed. Outside of it, and for its files, the process
is still root.
"""

import ctypes
import os
import struct
import sys
from functools import cache
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 47, 2
SECBIT_NO_SETUID_FIXUP = 1 << 2
CLONE_NEWUSER = 0x10000000
CAPABILITY_VERSION_3 = 0x20080522
FILE_CAPABILITIES = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH

# As /proc/<pid>/uid_map takes them: first id inside, first id outside, how many. Root and nobody
# change places and everyone else keeps the name, so that folders of other users stay open to root
# where the launcher itself could enter. A container without all ids takes only the second map.
EVERYBODY = "0 65534 1\n1 1 65533\n65534 0 1\n65535 65535 4294901760\n"
ROOT_ALONE = "65534 0 1\n"


def load() -> None:
    """Call it before the fork: loading a library after one is not safe."""
    _libc()


def signal_on_parent_death(number: int) -> None:
    """Nothing outside of Linux. A later change of credentials would undo it."""
    if sys.platform == "linux":
        _prctl(PR_SET_PDEATHSIG, number)


def enter_user_namespace() -> None:
    """Become "nobody" who may still open what root may open. Raises OSError where forbidden."""
    begun, write_begun = os.pipe()
    helper = _fork_mapper(begun, write_begun)
    try:
        _check("unshare", _libc().unshare(CLONE_NEWUSER))
    finally:
        os.close(write_begun)
        status = os.waitpid(helper, 0)[1]
    if status != 0:
        raise OSError("user ids could not be mapped")
    _keep_file_access()


def _fork_mapper(begun: int, write_begun: int) -> int:
    """Only a process outside of the namespace may map more than one id into it."""
    target = os.getpid()
    helper = os.fork()
    if helper:
        os.close(begun)
        return helper
    os.close(write_begun)
    os.read(begun, 1)  # ends when the other side closes it, or is dead
    mapped = _write_map(target, "uid_map")
    _write_map(target, "gid_map")  # it may fail: then only the folders of others stay closed
    os._exit(0 if mapped else 1)


def _write_map(target: int, name: str) -> bool:
    for ids in (EVERYBODY, ROOT_ALONE):
        try:
            Path(f"/proc/{target}/{name}").write_text(ids)
        except OSError:
            continue
        return True
    return False


def _keep_file_access() -> None:
    """Carry root's right to open files over exec, which takes it from anyone but user id 0."""
    kept = sum(1 << capability for capability in FILE_CAPABILITIES)
    # Without this bit access(2) answers as if the right were gone, and initdb believes it.
    _prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)
    header = struct.pack("Ii", CAPABILITY_VERSION_3, 0)
    _check("capset", _libc().capset(header, struct.pack("6I", kept, kept, kept, 0, 0, 0)))
    for capability in FILE_CAPABILITIES:
        _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability)


def _prctl(*arguments: int) -> None:
    padded = (*arguments, 0, 0, 0, 0)[:5]
    _check("prctl", _libc().prctl(*(ctypes.c_ulong(argument) for argument in padded)))


def _check(call: str, result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{call}: {os.strerror(ctypes.get_errno())}")


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
