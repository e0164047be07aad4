"""The metrics of a server in use."""

import asyncio
import re
import threading
import urllib.error
from pathlib import Path

import pytest
import tihua
from asked_delay import asked_delay_s
from fake_encoder import FakeEncoder
from held_encoder import HeldEncoder
from in_process import serving
from picture_files import encode, noise
from PIL.Image import Image
from processes import ServerProcess
from repository import ROOT
from scraped import Scraped, gained, metrics_named, scraped_when
from second_encoder import SecondEncoder
from tihua._picture.decoding import Box
from tihua_server.config import Config

PAGE = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(tihua_[a-z_]+)` \| (\w+) \| ([^|]*)\|", PAGE, re.MULTILINE)
TEXTS = {"model": "tihua-tiny", "kind": "text"}


@pytest.fixture(scope="module")
def scraped(server: ServerProcess, client: tihua.Client, pictures: list[Path]) -> Scraped:
    """The metrics after one call of each kind, so that every label has appeared."""
    client.create_collection("measured", index="FLAT")
    client.ingest([tihua.Item("a", image=pictures[0])], collection="measured")
    client.search(text="马", collection="measured")
    with pytest.raises(tihua.NotFoundError):
        client.search(text="马", collection="nowhere")
    return Scraped(server.metrics_address)


def test_the_table_has_every_metric_with_its_type(scraped: Scraped) -> None:
    """The table has no other metrics."""
    there = {name: kind for name, kind in scraped.types.items() if name.startswith("tihua_")}
    assert {name: kind for name, kind, _ in ROWS} == there


@pytest.mark.parametrize(("name", "labels"), [(name, labels) for name, _, labels in ROWS])
def test_the_table_has_every_label(scraped: Scraped, name: str, labels: str) -> None:
    """They are in backticks, separated by commas."""
    assert set(re.findall("`(.*?)`", labels)) == scraped.labels(name)


def test_what_the_page_names_is_there(scraped: Scraped) -> None:
    """This includes the prose of the page, not only its table."""
    assert metrics_named(PAGE) <= set(scraped.types)


def test_a_search_is_counted_in_all_its_stages(
    server: ServerProcess, client: tihua.Client, collection: str
) -> None:
    """The call, its text, its batch and the store are counted."""
    grew = gained(server.metrics_address, lambda: client.search(text="马", collection=collection))
    assert grew("tihua_rpc_seconds_count", method="SearchService/Search", code="OK") == 1
    assert grew("tihua_preprocess_seconds_count", **TEXTS) == 1
    assert grew("tihua_queue_seconds_count", **TEXTS) == 1
    assert grew("tihua_inference_seconds_count", **TEXTS) == 1
    assert grew("tihua_batch_size_sum", **TEXTS) == 1
    assert grew("tihua_store_seconds_count", call="search") == 1


def test_ingested_items_are_counted_by_outcome(
    server: ServerProcess, client: tihua.Client, collection: str
) -> None:
    """A broken one beside a good one."""
    items = [tihua.Item("a", text="马"), tihua.Item("b", image=b"no picture")]
    grew = gained(server.metrics_address, lambda: client.ingest(items, collection=collection))
    assert grew("tihua_ingest_items_total", outcome="written") == 1
    assert grew("tihua_ingest_items_total", outcome="failed") == 1


async def test_what_waits_is_seen_while_it_waits(tmp_path: Path) -> None:
    """The metrics show the queue, its bound and the calls in progress, and return to 0."""
    held = HeldEncoder(FakeEncoder())
    config = Config(port=0, data_dir=tmp_path, metrics_port=0, drain_timeout_s=5, max_queue_size=5)
    async with serving(held, config) as app, tihua.AsyncClient(app.address) as client:
        address = app.telemetry.addresses["metrics"]
        busy = await held.hold(client)
        waiting = asyncio.create_task(client.embed_texts(["马", "桥"]))
        queued = {"model": "fake", "lane": "interactive", "kind": "text"}
        seen = await scraped_when(2, address, "tihua_queue_size", **queued)
        assert seen.value("tihua_admitted", lane="interactive", kind="text") == 3
        assert seen.value("tihua_max_admitted") == 5
        assert seen.value("tihua_rpcs_under_way") == 2
        held.may_go_on.set()
        await asyncio.gather(busy, waiting)
        after = await asyncio.to_thread(Scraped, address)
        assert after.value("tihua_queue_size", **queued) == 0
        assert after.value("tihua_admitted", lane="interactive", kind="text") == 0
        assert after.value("tihua_rpcs_under_way") == 0


async def test_metrics_are_served_where_they_should(encoder: FakeEncoder, tmp_path: Path) -> None:
    """They are not served at other addresses of the machine."""
    config = Config(port=0, data_dir=tmp_path, metrics_host="127.0.0.2", metrics_port=0)
    async with serving(encoder, config) as app:
        host, _, port = app.telemetry.addresses["metrics"].rpartition(":")
        assert host == "127.0.0.2"
        assert (await asyncio.to_thread(Scraped, f"{host}:{port}")).types
        with pytest.raises(urllib.error.URLError, match="refused"):
            await asyncio.to_thread(Scraped, f"127.0.0.1:{port}")


async def test_a_store_that_is_away_is_seen(encoder: FakeEncoder, tmp_path: Path) -> None:
    """Its folder is gone, which health notices without a call to Milvus that would be counted."""
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    config = Config(port=0, data_dir=data, metrics_port=0)
    async with asyncio.timeout(60), serving(encoder, config) as app:
        address = app.telemetry.addresses["metrics"]
        assert (await asyncio.to_thread(Scraped, address)).value("tihua_store_away") == 0
        data.rename(elsewhere)
        seen = await scraped_when(1, address, "tihua_store_away")
        assert not [name for name, _ in seen.samples if name == "tihua_store_errors_total"]
        elsewhere.rename(data)
        await scraped_when(0, address, "tihua_store_away")


class HeldDecoding(FakeEncoder):
    """A model whose pictures wait for `may_go_on` before they are resized."""

    def __init__(self) -> None:
        """Hold up all pictures at first."""
        super().__init__()
        self.has_begun = threading.Event()
        self.may_go_on = threading.Event()

    def resize(self, image: Image, size: int, box: Box | None = None) -> Image:
        """Wait until `may_go_on` is set."""
        self.has_begun.set()
        assert self.may_go_on.wait(60)
        return super().resize(image, size, box)


async def test_a_lane_full_of_pictures_that_are_decoded_is_seen_to_be_full(tmp_path: Path) -> None:
    """The pictures of all models count, before they are queued for a model."""
    held = HeldDecoding()
    config = Config(
        port=0,
        data_dir=tmp_path,
        metrics_port=0,
        drain_timeout_s=5,
        max_queue_size=2,
        preprocess_threads=1,
    )
    picture = encode(noise(40, 40), "PNG")
    async with (
        serving(held, config, SecondEncoder()) as app,
        tihua.AsyncClient(app.address) as client,
    ):
        decoded = asyncio.create_task(client.embed_image(picture))
        assert await asyncio.to_thread(held.has_begun.wait, 60)
        behind = asyncio.create_task(client.embed_image(picture, model="second"))
        pictures = {"lane": "interactive", "kind": "image"}
        address = app.telemetry.addresses["metrics"]
        seen = await scraped_when(2, address, "tihua_admitted", **pictures)
        assert seen.value("tihua_max_admitted") == 2
        for model in ("fake", "second"):
            assert seen.value("tihua_queue_size", model=model, **pictures) == 0
        assert await asked_delay_s(app.address, image=picture) == 1
        held.may_go_on.set()
        await asyncio.gather(decoded, behind)
