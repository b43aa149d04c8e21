"""How outcomes of recording add up; the rest of it needs a database."""

from workers.facts.record import Recorded


def test_outcomes_add_up() -> None:
    assert Recorded(1, 2, 3) + Recorded(events=10) + Recorded(quarantined=1) == Recorded(11, 2, 4)
    assert Recorded() + Recorded() == Recorded()
