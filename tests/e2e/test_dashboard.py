"""The dashboard and alerts agree with a running server, Grafana's schema and Prometheus."""

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import tihua
from dashboard import (
    DASHBOARD,
    GIVEN_LABELS,
    PROMETHEUS,
    Query,
    alert_queries,
    panel_queries,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from needs import need
from processes import ServerProcess
from prometheus import reading
from scraped import Scraped

QUERIES = panel_queries() | alert_queries()


class Use:
    """Uses a server so that each of its metrics changes."""

    def __init__(self, client: tihua.Client, pictures: list[Path]) -> None:
        """Create a collection for this."""
        self._client = client
        self._picture = pictures[0]
        client.create_collection("watched", index="FLAT")

    def __call__(self) -> None:
        """Ingest, search, and request something that does not exist."""
        items = [tihua.Item("a", image=self._picture), tihua.Item("b", text="马")]
        self._client.ingest(items, collection="watched")
        self._client.search(text="马", collection="watched")
        with contextlib.suppress(tihua.NotFoundError):
            self._client.search(text="马", collection="nowhere")


@pytest.fixture(scope="module")
def use(client: tihua.Client, pictures: list[Path]) -> Use:
    """A `Use` of the server."""
    return Use(client, pictures)


@pytest.fixture(scope="module")
def scraped(server: ServerProcess, use: Use) -> Scraped:
    """The metrics of a server that was used."""
    use()
    return Scraped(server.metrics_address)


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_reads_what_the_server_has(scraped: Scraped, name: str) -> None:
    """Every metric exists, and every label that the query selects or groups by."""
    query = Query(QUERIES[name])
    labels = set(GIVEN_LABELS)
    for metric, asked in query.metrics.items():
        assert metric == "up" or metric in scraped.types
        assert asked <= scraped.labels(metric) | GIVEN_LABELS
        labels |= scraped.labels(metric)
    assert query.grouped_by <= labels


def lost(given: object, kept: object, where: str = "dashboard") -> Iterator[str]:
    """Yield the paths of values in `given` that are missing from `kept` or differ."""
    match given, kept:
        case dict(), dict():
            for key, value in given.items():
                if key in kept:
                    yield from lost(value, kept[key], f"{where}.{key}")
                else:
                    yield f"{where}.{key}"
        case list(), list() if len(given) == len(kept):
            for index, value in enumerate(given):
                yield from lost(value, kept[index], f"{where}[{index}]")
        case _ if given != kept:
            yield where


def test_the_dashboard_is_of_grafanas_schema() -> None:
    """Grafana's own SDK knows every key: a round trip through it loses none."""
    register_default_plugins()
    written = JSONEncoder().encode(Dashboard.from_json(DASHBOARD))
    assert not list(lost(DASHBOARD, json.loads(written)))


def test_every_panel_has_a_place_of_its_own() -> None:
    """It also has an id, a query, and a data source that is chosen on import."""
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) == 23
    for panel in panels:
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${datasource}"
            assert panel["targets"]


@pytest.mark.parametrize(
    ("command", "file"),
    [
        ("check config", "prometheus.yml"),
        ("check rules", "tihua.rules.yml"),
        ("test rules", "tihua.rules.test.yml"),
    ],
)
def test_promtool_finds_nothing_wrong(command: str, file: str) -> None:
    """Config and rules parse, and each alert fires when it should and not before."""
    need("prometheus")
    checked = subprocess.run(
        ["promtool", *command.split(), file],
        cwd=PROMETHEUS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_alert_is_tested() -> None:
    """The file that promtool runs has a test for each."""
    tested = (PROMETHEUS / "tihua.rules.test.yml").read_text()
    assert not [name for name in alert_queries() if f"alertname: {name}\n" not in tested]


def test_every_panel_shows_something(server: ServerProcess, use: Use, tmp_path: Path) -> None:
    """Prometheus scrapes a server in use, and answers every query of the dashboard."""
    need("prometheus")
    missing = panel_queries()
    until = time.monotonic() + 120
    with reading(server.metrics_address, tmp_path) as prometheus:
        while missing:
            assert time.monotonic() < until, f"nothing to show: {list(missing)}"
            use()
            missing = {
                name: query for name, query in missing.items() if not prometheus.answers(query)
            }
