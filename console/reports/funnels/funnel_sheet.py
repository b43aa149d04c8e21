"""Turns a funnel into a table: a line for each step, or for each name it is broken down by."""

from console.reports.funnels.funnel import Funnel, FunnelRow
from console.reports.funnels.funnel_question import FunnelSplit
from console.reports.sheet import Cell, Duration, Share, Sheet


def funnel_sheet(funnel: Funnel) -> Sheet:
    """Returns the table of a funnel."""
    if funnel.question.split is FunnelSplit.NONE:
        return _steps_sheet(funnel)
    steps = funnel.question.steps
    columns = [str(funnel.question.split), steps[0]]
    for step in steps[1:]:
        columns += [step, f"{step}, share"]
    return Sheet(
        columns,
        [_line(row, row.name) for row in funnel.rows],
        _line(funnel.total, "total") if funnel.rows else (),
    )


def _steps_sheet(funnel: Funnel) -> Sheet:
    users = funnel.total.users
    rows: list[list[Cell]] = []
    for place, step in enumerate(funnel.question.steps):
        seconds = funnel.total.seconds[place]
        before = users[place - 1] if place else users[0]
        rows.append(
            [
                f"{place + 1}. {step}",
                users[place],
                _share(users[place], users[0]),
                _share(users[place], before) if place else None,
                None if seconds is None or not place else Duration(seconds),
            ]
        )
    columns = ["step", "users", "of the first step", "of the step before", "mean time to it (s)"]
    return Sheet(columns, rows)


def _line(row: FunnelRow, name: str) -> list[Cell]:
    line: list[Cell] = [name, row.users[0]]
    for users in row.users[1:]:
        line += [users, _share(users, row.users[0])]
    return line


def _share(part: int, whole: int) -> Share | None:
    return Share(part / whole) if whole else None
