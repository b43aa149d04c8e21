"""The actor of a change and what it reaches: an admin may change things, a viewer may not.

A member reaches named apps alone, and is an editor or a viewer of each.
"""

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shared.errors import NotAllowed


class Role(StrEnum):
    ADMIN = "admin"
    VIEWER = "viewer"  # reads everything, changes nothing
    MEMBER = "member"  # reaches only the apps in which somebody gave them a role


class AppRole(StrEnum):
    """The role of a member in an app."""

    EDITOR = "editor"  # may do in the app what an admin may
    VIEWER = "viewer"


@dataclass(frozen=True)
class Actor:
    """A person or program that changes something.

    `name` is its name in the audit log, prefixed with its way of access: `cli:ada`. With `app_id`
    it may change this app alone.
    """

    name: str
    role: Role
    app_id: int | None = None


@dataclass(frozen=True)
class Reach:
    """What an account or an API key reaches: everything in its role, or of a member some apps."""

    role: Role
    apps: Mapping[int, AppRole] = field(default_factory=dict)

    @property
    def is_everywhere(self) -> bool:
        return self.role is not Role.MEMBER

    @property
    def app_ids(self) -> list[int] | None:
        """Returns the numbers of the apps; None is every app."""
        return None if self.is_everywhere else sorted(self.apps)

    def role_in(self, app_id: int) -> Role | None:
        """Returns the role in an app; None if the app is out of reach."""
        if self.is_everywhere:
            return self.role
        match self.apps.get(app_id):
            case AppRole.EDITOR:
                return Role.ADMIN
            case AppRole.VIEWER:
                return Role.VIEWER
            case _:
                return None


def require_admin(actor: Actor) -> None:
    """Raises NotAllowed for a viewer.

    This is the first line of every function that changes something for an actor. That the actor
    may change this app is checked with the entry of the audit log.
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
