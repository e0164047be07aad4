"""The metrics of a server, as Prometheus would read them."""

import asyncio
import re
import urllib.request
from collections.abc import Callable

from prometheus_client.parser import text_string_to_metric_families


class Scraped:
    """One scrape.

    Attributes:
        types: the type of each metric, by the name that a table would give it.
        samples: the value of each sample, by name and labels.
    """

    def __init__(self, address: str) -> None:
        """Scrape a server."""
        # Ignore any proxy of the environment: the server is local.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://{address}/metrics", timeout=30) as response:
            text = response.read().decode()
        self.types: dict[str, str] = {}
        self.samples: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
        for family in text_string_to_metric_families(text):
            # The parser strips the suffix of counters.
            suffix = "_total" if family.type == "counter" else ""
            self.types[family.name + suffix] = family.type
            for sample in family.samples:
                self.samples[sample.name, frozenset(sample.labels.items())] = sample.value

    def value(self, name: str, **labels: str) -> float:
        """Return a sample; 0 where nothing was counted yet."""
        return self.samples.get((name, frozenset(labels.items())), 0.0)

    def labels(self, name: str) -> set[str]:
        """Return the names of the labels of a metric, over all its samples."""
        sampled = {name, f"{name}_count"}
        return {
            label for (sample, pairs) in self.samples for label, _ in pairs if sample in sampled
        }


def metrics_named(text: str) -> set[str]:
    """Return the names of tihua's and process metrics in a text, without their suffixes."""
    names = set(re.findall(r"\b(?:tihua|process)_[a-z_]+\b", text))
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}


async def scraped_when(value: float, address: str, name: str, **labels: str) -> Scraped:
    """Scrape a server until a sample has the value; return that scrape."""
    while (seen := await asyncio.to_thread(Scraped, address)).value(name, **labels) != value:
        await asyncio.sleep(0.01)
    return seen


def gained(address: str, call: Callable[[], object]) -> Callable[..., float]:
    """Return a function that says by how much a sample grew during a call."""
    before = Scraped(address)
    call()
    after = Scraped(address)
    return lambda name, **labels: after.value(name, **labels) - before.value(name, **labels)
