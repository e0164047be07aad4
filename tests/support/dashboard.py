"""The Grafana dashboard and the alert rules of `deploy/`, and the PromQL in them."""

import json
import re
from typing import Any

import promql_parser
import yaml
from repository import ROOT

DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/tihua.json").read_text())
PROMETHEUS = ROOT / "deploy" / "prometheus"

GIVEN_LABELS = {"instance", "job", "le"}
"""Labels that Prometheus or a histogram adds to those of the server."""


def panel_queries() -> dict[str, str]:
    """Return every query of the dashboard by its panel and letter, as Grafana would send it."""
    variables = {"$__rate_interval": "1m", "$instance": ".*"}
    found = {}
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            query = target["expr"]
            for name, value in variables.items():
                query = query.replace(name, value)
            found[f"{panel['title']}, {target['refId']}"] = query
    return found


def alert_queries() -> dict[str, str]:
    """Return the condition of every alert by its name."""
    rules = yaml.safe_load((PROMETHEUS / "tihua.rules.yml").read_text())
    return {rule["alert"]: rule["expr"] for group in rules["groups"] for rule in group["rules"]}


class Query:
    """The metrics and labels that a query reads.

    Attributes:
        metrics: the labels selected of each metric, by its name without the suffix of a histogram.
        grouped_by: the labels in its `by` clauses.
    """

    def __init__(self, text: str) -> None:
        """Parse a query.

        Raises:
            ValueError: `text` is not PromQL.
        """
        self.metrics: dict[str, set[str]] = {}
        self.grouped_by: set[str] = set()
        promql_parser.walk(promql_parser.parse(text), self._visit)

    def _visit(self, node: promql_parser.Expr) -> None:
        match node:
            case promql_parser.VectorSelector():
                self._read(node)
            case promql_parser.MatrixSelector():
                self._read(node.vector_selector)
            case promql_parser.AggregateExpr() if node.modifier is not None:
                self.grouped_by.update(node.modifier.labels)

    def _read(self, selector: promql_parser.VectorSelector) -> None:
        name = re.sub(r"_(bucket|sum|count)$", "", str(selector.name))
        asked = self.metrics.setdefault(name, set())
        asked.update(matcher.name for matcher in selector.matchers.matchers)
