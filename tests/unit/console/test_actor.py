import os
import pwd

import pytest

from console.actor import Role, require_admin, terminal_actor
from shared.errors import NotAllowed
from tests.support.build import ADMIN, VIEWER


def test_an_admin_may_change_things_and_a_viewer_may_not() -> None:
    require_admin(ADMIN)

    with pytest.raises(NotAllowed) as refusal:
        require_admin(VIEWER)
    assert (refusal.value.status, refusal.value.code) == (403, "not_allowed")


def test_whoever_runs_the_command_is_an_admin_by_their_login_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(variable, "somebody-else")

    actor = terminal_actor()

    assert actor.name == f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
    assert actor.role is Role.ADMIN


def test_a_user_without_a_login_is_called_by_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)

    assert terminal_actor().name == "cli:4000000000"
