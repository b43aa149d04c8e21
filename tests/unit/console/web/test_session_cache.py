from datetime import UTC, datetime

from console.accounts.people import Person
from console.actor import Role
from console.web.session_cache import MINUTES_MAX, SESSIONS_MAX, RecentSessions

ADA = Person(1, "Ada", Role.ADMIN, True, datetime(2026, 1, 1, tzinfo=UTC), None)


class Watch:
    time_ms = 1_000_000

    def __call__(self) -> int:
        return self.time_ms


def test_a_session_is_known_for_an_hour_after_it_was_last_found() -> None:
    watch = Watch()
    recent = RecentSessions(watch)
    recent.note("secret", ADA)

    watch.time_ms += MINUTES_MAX * 60_000 - 1
    assert recent.find("secret") == ADA
    watch.time_ms += 1
    assert recent.find("secret") is None


def test_a_session_that_has_ended_is_forgotten() -> None:
    recent = RecentSessions(Watch())
    recent.note("secret", ADA)
    recent.note("secret", None)

    assert recent.find("secret") is None


def test_only_so_many_are_remembered_and_the_latest_of_them() -> None:
    recent = RecentSessions(Watch())
    for number in range(SESSIONS_MAX + 1):
        recent.note(f"{number}", ADA)
        recent.note("first", ADA)

    assert recent.find("first") == ADA
    assert recent.find(f"{SESSIONS_MAX}") == ADA
    assert recent.find("0") is None
