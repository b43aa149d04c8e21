"""Answers a question as people see it: with every bucket, and compared if that was asked."""

from dataclasses import replace

from console.apps.apps import App
from console.consistent_read import one_moment
from console.rates import Rates
from console.reports.bounds import moment_of
from console.reports.buckets import complete_report
from console.reports.comparison import compared
from console.reports.question import Question
from console.reports.report import Report
from console.reports.sums.catalog import read_catalog
from console.reports.sums.report_reader import read_report
from shared.database import Connection


def answer(connection: Connection, app: App, question: Question, now_ms: int) -> Report:
    """Returns the complete report, by the app's days. Raises OperatorError, as `read_report`.

    Everything is read at one moment, so that rows, users and comparison agree while workers write.
    """
    question = replace(question, time_zone=app.time_zone)
    now, rates = moment_of(now_ms), Rates(question.currency)
    with one_moment(connection):
        catalog = read_catalog(connection, app)
        report = complete_report(read_report(connection, app, question, rates, catalog), now)
        return compared(connection, app, report, rates, catalog, now)
