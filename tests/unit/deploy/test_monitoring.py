"""Tests that the dashboard and the alerts query metrics and labels that exist."""

import json
import re
import shutil
import subprocess

import pytest

from shared.metrics import METRICS, MetricKind
from tests.support.monitoring import (
    DASHBOARD,
    PROMETHEUS,
    RULES,
    Query,
    alert_queries,
    metric_names,
    panel_queries,
)
from tests.unit.docs.test_docs import ROOT, anchors

QUERIES = [*panel_queries(), *alert_queries()]


def shown_names() -> set[str]:
    """Returns the names in Prometheus, where a histogram has three."""
    names: set[str] = set()
    for metric in METRICS.values():
        ends = ("_bucket", "_sum", "_count") if metric.kind is MetricKind.HISTOGRAM else ("",)
        names |= {metric.name + end for end in ends}
    return names


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.of)
def test_every_metric_that_is_asked_for_exists(query: Query) -> None:
    assert metric_names(query.expression) <= shown_names()
    assert metric_names(query.expression) or query.expression.startswith("up{")


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.of)
def test_every_label_that_is_asked_for_exists(query: Query) -> None:
    labels = {label for metric in METRICS.values() for label in metric.labels}
    queried = {
        name
        for group in re.findall(r"by \(([^)]*)\)", query.expression)
        for name in re.split(r"[,\s]+", group)
    }
    queried |= set(re.findall(r"[{,]\s*(\w+)\s*(?:=|!=|=~)", query.expression))

    assert queried <= labels | {"le", "instance", "job"}


def test_every_metric_is_on_the_dashboard() -> None:
    """A metric that is worth collecting is worth a panel."""
    shown = {name for query in panel_queries() for name in metric_names(query.expression)}

    missing = [
        name
        for name in METRICS
        if not shown & {name, f"{name}_bucket", f"{name}_sum", f"{name}_count"}
    ]
    assert missing == []


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    panels = dashboard["panels"]
    ids = [panel["id"] for panel in panels]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]

    assert dashboard["uid"]
    assert len(set(ids)) == len(ids)
    assert len(set(places)) == len(places)
    for panel in panels:
        if panel["type"] != "row":
            assert panel["description"].endswith(".")
            assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}


def test_an_alert_says_what_it_means_and_where_to_read_on() -> None:
    pages = re.findall(r"read: (docs/\w+\.md), (.*)", RULES.read_text())

    assert len(pages) == len(alert_queries())
    for page, place in pages:
        heading = re.sub(r"[^\w\- ]", "", place.lower()).replace(" ", "-")
        text = (ROOT / page).read_text()
        assert heading in anchors(ROOT / page) or f"`{place}`" in text, place


def promtool() -> str | None:
    """Returns the path of Debian's promtool, from the package `prometheus`."""
    return shutil.which("promtool")


CHECKS = {
    "rules": ("check", "rules", str(RULES)),
    "configuration": ("check", "config", str(PROMETHEUS / "prometheus.yml")),
}


@pytest.mark.parametrize("check", CHECKS if promtool() else ())
def test_prometheus_takes_the_files(check: str) -> None:
    program = promtool()
    assert program
    done = subprocess.run([program, *CHECKS[check]], capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout
