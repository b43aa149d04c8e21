"""Chooses what makes a user active, for active users and retention, and says why.

An app's setting decides. Without one the traffic does: sessions, if at least half of the users with
an event in the last 30 days had one; otherwise any event, because an app that sends few opens would
seem to have hardly any users.
"""

from dataclasses import dataclass
from datetime import date

from console.apps.apps import ActiveBy, App
from console.reports.activity import ActivityQuestion, active_users
from console.reports.period import Period
from shared.database import Connection


@dataclass(frozen=True)
class ActivityBasis:
    """The rule that makes a user active (`by`); `is_automatic` if nobody has chosen it.

    Of the users with any event in the last 30 days, `session_users` had a session.
    """

    by: ActiveBy
    is_automatic: bool
    users: int
    session_users: int

    @property
    def sentences(self) -> str:
        """Returns what counts, who chose it, and how many users it leaves out, for people."""
        what = "a session" if self.by is ActiveBy.SESSIONS else "any event"
        had = (
            f"{self.session_users:,} of the {self.users:,} users with an event in the last 30 days "
            "had a session"
        )
        chosen = "The app's settings say so;"
        if self.is_automatic:
            chosen = "Waybill chose this, because" if self.users else "Waybill chose this;"
        if not self.users:
            had = "no user had an event in the last 30 days"
        sentences = f"A user is active on a day with {what}. {chosen} {had}."
        left_out = self.users - self.session_users
        if self.by is ActiveBy.SESSIONS and left_out > 0:
            sentences += f" The other {left_out:,} do not count; any event would count them."
        return sentences


def read_basis(connection: Connection, app: App, environment: str, today: date) -> ActivityBasis:
    """Returns what makes a user active in this environment of the app."""
    questions = (ActivityQuestion(environment, Period(today, today), by) for by in ActiveBy)
    session_users, users = (
        sum(row.mau for row in active_users(connection, app, question, today))
        for question in questions
    )
    automatic = ActiveBy.EVENTS if session_users * 2 < users else ActiveBy.SESSIONS
    by = automatic if app.active_users_by is None else ActiveBy(app.active_users_by)
    return ActivityBasis(by, app.active_users_by is None, users, session_users)
