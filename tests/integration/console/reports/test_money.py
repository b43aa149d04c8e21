"""Tests costs and cohorts against a recount of raw rows, and what their tables say."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from console.apps.apps import App
from console.reports.cohorts.cohort_question import CohortMetric, CohortQuestion, CohortSplit
from console.reports.cohorts.cohort_sheets import cohort_chart, cohort_sheet, unconverted_sentence
from console.reports.cohorts.cohort_table import read_cohorts
from console.reports.sheet import to_csv
from shared.database import Connection
from shared.errors import OperatorError
from tests.integration.counted import count_all, store
from tests.integration.recount_funnels import assert_funnels_are_those_of_raw_rows
from tests.integration.recount_money import (
    PERIOD,
    assert_cohorts_are_those_of_raw_rows,
    assert_costs_are_those_of_raw_rows,
    make_links,
)
from tests.integration.recount_views import (
    assert_changes_are_those_of_raw_rows,
    assert_retention_is_that_of_raw_rows,
    assert_views_are_those_of_raw_rows,
)
from tests.support.money import FIRST_DAY, Traffic, generate_traffic, last_day

EVENTS = 3_000
AT_ONCE = 250
ROLL_UP_SECONDS_MAX = 600


@pytest.fixture
def app(connection: Connection, shop: App) -> App:
    """Provides an app with three links of two partners, and their traffic."""
    links = make_links(connection, shop.id)
    events = list(generate_traffic(Traffic(shop.id, links, EVENTS)))
    for start in range(0, len(events), AT_ONCE):
        store(connection, *events[start : start + AT_ONCE])
    count_all(connection, ROLL_UP_SECONDS_MAX)
    return shop


def test_views_cohorts_and_costs_are_those_of_raw_rows(connection: Connection, app: App) -> None:
    assert assert_views_are_those_of_raw_rows(connection, app) > 1_000
    assert assert_changes_are_those_of_raw_rows(connection, app) > 300
    assert assert_retention_is_that_of_raw_rows(connection, app) > 1_000
    assert assert_funnels_are_those_of_raw_rows(connection, app) > 100
    assert assert_cohorts_are_those_of_raw_rows(connection, app) > 5_000
    assert assert_costs_are_those_of_raw_rows(connection, app) > 50

    for metric in CohortMetric:
        question = CohortQuestion(period=PERIOD, metric=metric)
        table = read_cohorts(connection, app, question, FIRST_DAY + timedelta(days=60))
        sheet = cohort_sheet(table)
        assert sheet.columns[:2] == ["first week (UTC)", "users"]
        lines = to_csv(sheet).splitlines()
        assert lines[1].endswith(",")
        assert lines[-1].startswith("average,") == (metric is not CohortMetric.REVENUE)
        assert cohort_chart(table)
        missing = unconverted_sentence(table)
        assert ("XAU" in missing) == (metric is not CohortMetric.RETENTION)
    with pytest.raises(OperatorError, match="no partner with this name"):
        read_cohorts(connection, app, CohortQuestion(period=PERIOD, partner="Nobody"), last_day())
    only = CohortQuestion(period=PERIOD, partner="Bolt", split=CohortSplit.PARTNER)
    assert {row.name for row in read_cohorts(connection, app, only, last_day()).rows} == {"Bolt"}


def test_an_app_without_users_has_no_cohorts(connection: Connection, shop: App) -> None:
    table = read_cohorts(connection, shop, CohortQuestion(period=PERIOD), date(2026, 12, 1))

    assert (table.rows, cohort_chart(table), table.unconverted) == ([], None, {})
    assert cohort_sheet(table).rows == []
    assert Decimal(0) not in table.averages
