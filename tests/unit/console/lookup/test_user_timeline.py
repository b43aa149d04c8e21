from dataclasses import replace
from datetime import timedelta

from console.lookup.user_timeline import ClickRole, click_roles
from tests.unit.console.commands.terminal.test_user_view import CAME, DECISION


def test_a_click_is_to_a_user_what_the_decisions_in_force_say() -> None:
    assert click_roles([DECISION], ["c1", "c9"]) == {
        "c1": ClickRole.CREDITED,
        "c2": ClickRole.LENT,
        "c3": ClickRole.BEATEN,
        "c9": ClickRole.NAMED,
    }


def test_a_click_of_a_superseded_decision_alone_is_a_former_one() -> None:
    superseded = replace(DECISION, click_id="c4", superseded_at=CAME + timedelta(days=1))

    roles = click_roles([superseded, replace(DECISION, beaten=[])], [])

    assert roles == {
        "c1": ClickRole.CREDITED,
        "c2": ClickRole.LENT,
        "c3": ClickRole.FORMER,
        "c4": ClickRole.FORMER,
    }
