"""Handles calls for reports: the same metrics as on the pages."""

from dataclasses import replace

from console.apps.apps import App
from console.reports.active_by import read_basis
from console.reports.activity import ActiveUsers, ActivityQuestion, active_users
from console.reports.answer import answer
from console.reports.cohorts.cohort_table import CohortTable, read_cohorts
from console.reports.funnels.funnel import Funnel, read_funnel
from console.reports.names import read_names
from console.reports.report import Report
from console.reports.retention import Cohort, retention
from console.reports.views.layout import laid_out
from console.reports.views.view_query import read_layout, read_period, read_question
from console.web.api.api_call import ApiCall
from console.web.report_params import read_cohort_question, read_funnel_question
from shared.clock import now_ms


def report(call: ApiCall, app: App) -> Report:
    question = read_question(call.query, call.environment, app, now_ms())
    layout = read_layout(call.query)
    layout.check(question)
    return laid_out(answer(call.connection, app, question, now_ms()), layout)


def activity(call: ApiCall, app: App) -> list[ActiveUsers]:
    period, today = read_period(call.query, app, now_ms()), app.today(now_ms())
    by = read_basis(call.connection, app, call.environment, today).by
    return active_users(call.connection, app, ActivityQuestion(call.environment, period, by), today)


def cohorts(call: ApiCall, app: App) -> list[Cohort]:
    period, partner = read_period(call.query, app, now_ms()), call.query.get("partner")
    source = read_names(call.connection, app).partner_filter(partner) if partner else None
    today = app.today(now_ms())
    by = read_basis(call.connection, app, call.environment, today).by
    question = ActivityQuestion(call.environment, period, by, source)
    return retention(call.connection, app, question, today)


def cohort_table(call: ApiCall, app: App) -> CohortTable:
    today = app.today(now_ms())
    question = read_cohort_question(call.query, call.environment, app, now_ms())
    by = read_basis(call.connection, app, call.environment, today).by
    return read_cohorts(call.connection, app, replace(question, active_by=by), today)


def funnel(call: ApiCall, app: App) -> Funnel:
    return read_funnel(
        call.connection, app, read_funnel_question(call.query, call.environment, app, now_ms())
    )
