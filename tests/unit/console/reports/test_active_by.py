"""Tests the sentences that say what makes a user active."""

import pytest

from console.apps.apps import ActiveBy
from console.reports.active_by import ActivityBasis

SESSION = "A user is active on a day with a session."
EVENT = "A user is active on a day with any event."
CHOSEN, SET = ("Waybill chose this, because", "The app's settings say so;")
LEFT_OUT = "The other 106 do not count; any event would count them."
HAD = "users with an event in the last 30 days had a session."


@pytest.mark.parametrize(
    ("basis", "sentences"),
    [
        (
            ActivityBasis(ActiveBy.SESSIONS, True, 1_310, 1_204),
            f"{SESSION} {CHOSEN} 1,204 of the 1,310 {HAD} {LEFT_OUT}",
        ),
        (ActivityBasis(ActiveBy.EVENTS, True, 10, 0), f"{EVENT} {CHOSEN} 0 of the 10 {HAD}"),
        (ActivityBasis(ActiveBy.SESSIONS, False, 10, 10), f"{SESSION} {SET} 10 of the 10 {HAD}"),
        (
            ActivityBasis(ActiveBy.SESSIONS, True, 0, 0),
            f"{SESSION} Waybill chose this; no user had an event in the last 30 days.",
        ),
    ],
)
def test_what_counts_and_why_is_said_in_sentences(basis: ActivityBasis, sentences: str) -> None:
    assert basis.sentences == sentences
