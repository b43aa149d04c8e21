"""What the dashboard and the alert rules ask Prometheus, read from their files as they are."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = DEPLOY / "grafana" / "waybill.json"
PROMETHEUS = DEPLOY / "prometheus"
RULES = PROMETHEUS / "rules.yml"


@dataclass(frozen=True)
class Query:
    """One of a panel's, or an alert's."""

    of: str
    expression: str


def panel_queries() -> list[Query]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [
        Query(panel["title"], target["expr"])
        for panel in panels
        for target in panel.get("targets", [])
    ]


def alert_queries() -> list[Query]:
    """By the form in which this file is written; promtool reads it as YAML."""
    text = re.sub(r"expr: >\n((?: {10}.*\n)+)", _joined, RULES.read_text())
    alerts = re.findall(r"- alert: (\w+)\n +expr: (.*)\n", text)
    assert len(alerts) == text.count("- alert:")
    return [Query(name, expression) for name, expression in alerts]


def metric_names(expression: str) -> set[str]:
    return set(re.findall(r"\bwaybill_[a-z_]+\b", expression))


def _joined(match: re.Match[str]) -> str:
    return "expr: " + " ".join(match[1].split()) + "\n"
