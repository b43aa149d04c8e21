"""The actor of a change and its role: an admin may change things, a viewer may not."""

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
    """A person or program that changes something.

    `name` is its name in the audit log, prefixed with its way of access: `cli:ada`.
    """

    name: str
    role: Role


def require_admin(actor: Actor) -> None:
    """Raises NotAllowed for a viewer.

    This is the first line of every function that changes something for an actor.
    """
    if actor.role is not Role.ADMIN:
        raise NotAllowed


def terminal_actor() -> Actor:
    """Returns the user who runs the command, as an admin: they hold the key and the stores.

    The name is that of the process's user, not of the environment, which anybody can set.
    """
    number = os.getuid()
    try:
        login = pwd.getpwuid(number).pw_name
    except KeyError:
        login = str(number)  # containers run under user ids that have no name
    return Actor(f"cli:{login}", Role.ADMIN)
