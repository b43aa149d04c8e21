"""Makes Linux calls that Python does not offer. All of them run in a child, between fork and exec.

`signal_on_parent_death` ties a child to its launcher, even if that dies by SIGKILL.

`enter_user_namespace` turns a root process into one that PostgreSQL takes for a normal user:
PostgreSQL refuses to run as user ID 0, and a user namespace in which root is called "nobody"
satisfies it without a new system user or changed permissions. Outside of the namespace, and for its
files, the process is still root.
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

# In the format of /proc/<pid>/uid_map: first ID inside, first ID outside, count. Root and nobody
# are exchanged and all other users keep their ID, so that root can still enter the folders of other
# users that the launcher could enter. A container without all IDs accepts only the second map.
EVERYBODY = "0 65534 1\n1 1 65533\n65534 0 1\n65535 65535 4294901760\n"
ROOT_ALONE = "65534 0 1\n"


def load() -> None:
    """Loads libc before the fork, because loading a library after a fork is not safe."""
    _libc()


def signal_on_parent_death(number: int) -> None:
    """Has the kernel send a signal to this process when its parent dies.

    It does nothing outside of Linux. A later change of credentials would undo it.
    """
    if sys.platform == "linux":
        _prctl(PR_SET_PDEATHSIG, number)


def enter_user_namespace() -> None:
    """Becomes a "nobody" that can still open what root can open. Raises OSError where forbidden."""
    unshared, write_unshared = os.pipe()
    helper = _fork_mapper(unshared, write_unshared)
    try:
        _check("unshare", _libc().unshare(CLONE_NEWUSER))
    finally:
        os.close(write_unshared)
        status = os.waitpid(helper, 0)[1]
    if status != 0:
        raise OSError("user IDs could not be mapped")
    # The right to open files is kept over exec, which removes it unless the user ID is 0. Without
    # this bit access(2) answers as if the right were gone, and initdb relies on it.
    _prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)
    mask = sum(1 << capability for capability in FILE_CAPABILITIES)
    header = struct.pack("Ii", CAPABILITY_VERSION_3, 0)
    _check("capset", _libc().capset(header, struct.pack("6I", mask, mask, mask, 0, 0, 0)))
    for capability in FILE_CAPABILITIES:
        _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability)


def _fork_mapper(unshared: int, write_unshared: int) -> int:
    """Forks the process that maps user IDs into the namespace, and returns its ID.

    Only a process outside of the namespace may map more than one ID into it.
    """
    target = os.getpid()
    helper = os.fork()
    if helper:
        os.close(unshared)
        return helper
    os.close(write_unshared)
    os.read(unshared, 1)  # returns when the other side closes it or has died
    is_mapped = _write_map(target, "uid_map")
    _write_map(target, "gid_map")  # it may fail: then only the folders of other users stay closed
    os._exit(0 if is_mapped else 1)


def _write_map(target: int, name: str) -> bool:
    for ids in (EVERYBODY, ROOT_ALONE):
        try:
            Path(f"/proc/{target}/{name}").write_text(ids)
        except OSError:
            continue
        return True
    return False


def _prctl(*arguments: int) -> None:
    padded = (*arguments, 0, 0, 0, 0)[:5]
    _check("prctl", _libc().prctl(*(ctypes.c_ulong(argument) for argument in padded)))


def _check(call: str, result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{call}: {os.strerror(ctypes.get_errno())}")


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
