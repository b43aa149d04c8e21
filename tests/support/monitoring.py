"""Reads the Prometheus queries of the dashboard and the alert rules from their files."""

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
    """A query of a panel or of an alert."""

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
    """Reads the alerts' queries by the layout of this file; promtool reads it as YAML."""
    text = re.sub(r"expr: >\n((?: {10}.*\n)+)", _join, RULES.read_text())
    alerts = re.findall(r"- alert: (\w+)\n +expr: (.*)\n", text)
    assert len(alerts) == text.count("- alert:")
    return [Query(name, expression) for name, expression in alerts]


def metric_names(expression: str) -> set[str]:
    return set(re.findall(r"\bwaybill_[a-z_]+\b", expression))


def _join(match: re.Match[str]) -> str:
    return "expr: " + " ".join(match[1].split()) + "\n"
