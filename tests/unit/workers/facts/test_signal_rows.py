"""What a signal keeps of its event's device."""

from tests.support.build import event
from workers.facts.signal_rows import _SIGNALS, _signal_line
from workers.facts.user_rows import KnownUser

NEW = KnownUser(1, True, None, (), ())
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X)"
PIXEL = "Mozilla/5.0 (Linux; Android 14; Pixel 8)"


def family(**changes: str | None) -> str:
    fields = _signal_line(event(**changes), NEW).split("\t")
    return fields[_SIGNALS.columns.index("device_family")]


def test_a_user_agent_does_not_mask_the_description() -> None:
    assert family(user_agent=IPHONE, described_device=PIXEL) == "Pixel 8"


def test_a_description_stands_in_where_the_user_agent_tells_nobody_apart() -> None:
    assert family(described_device=PIXEL) == "Pixel 8"
    assert family(user_agent="okhttp/4.9", described_device=PIXEL) == "Pixel 8"


def test_without_either_nothing_is_known() -> None:
    assert family() == ""
