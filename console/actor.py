"""Who makes a change: whoever it is, an admin may, a viewer may not."""

import os
import pwd
from dataclasses import dataclass
from enum import StrEnum

from shared.errors import NotAllowed


class Role(StrEnum):
    ADMIN = "admin"
    VIEWER = "viewer"  # reads everything, changes nothing


@dataclass(frozen=True)
class Actor:
    """`name` is how the audit log calls them, with the way they came by: `cli:ada`."""

    name: str
    role: Role


def require_admin(actor: Actor) -> None:
    """Raises NotAllowed. The first line of every function that changes something for an actor."""
    if actor.role is not Role.ADMIN:
        raise NotAllowed


def terminal_actor() -> Actor:
    """Whoever runs the command. They hold the key and the stores, so they are an admin.

    By the user of the process, not by what the environment says, which anybody can set.
    """
    number = os.getuid()
    try:
        login = pwd.getpwuid(number).pw_name
    except KeyError:
        login = str(number)  # containers run under numbers that no name was given to
    return Actor(f"cli:{login}", Role.ADMIN)
