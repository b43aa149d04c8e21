"""An app's settings."""

import msgspec
import pytest

from workers.core.rules import LIMITS, Rules


def test_the_defaults_are_those_of_the_design() -> None:
    week_ms, hours_ms, minutes_ms = 604_800_000, 21_600_000, 1_800_000

    assert Rules() == Rules(
        version=1,
        click_deterministic_ms=week_ms,
        click_probabilistic_ms=hours_ms,
        reattribution_window_ms=week_ms,
        inactivity_ms=week_ms,
        session_timeout_ms=minutes_ms,
    )


@pytest.mark.parametrize("name", LIMITS)
def test_a_setting_out_of_range_is_refused_by_name(name: str) -> None:
    smallest, largest = LIMITS[name]

    for value in (smallest, largest):
        assert getattr(Rules(**{name: value}), name) == value
    for value in (smallest - 1, largest + 1):
        with pytest.raises(ValueError, match=name):
            Rules(**{name: value})


def test_stored_settings_are_checked_when_they_are_read() -> None:
    with pytest.raises(msgspec.ValidationError, match="inactivity_ms"):
        msgspec.json.decode(b'{"inactivity_ms": -1}', type=Rules)
