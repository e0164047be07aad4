"""A collection copied from the embedded store of one server to another, and to a real Milvus."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tihua
from command_line import Tihua
from in_process import serving
from processes import ServerProcess, run_tihua, running
from small_clip import small_encoder
from tihua_server.clip.loading import load_encoder
from tihua_server.config import Config
from tihua_server.types import Encoder, FloatArray

LONG_AGO = datetime(2001, 2, 3, 4, 5, 6, 789_000, tzinfo=UTC)
TEXTS = ("枯藤老树昏鸦", "小桥流水人家", "古道西风瘦马", "夕阳西下", "断肠人在天涯")


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The server that collections are copied from."""
    with running(tmp_path_factory.mktemp("old")) as process:
        yield process


@pytest.fixture(scope="module")
def source(old: ServerProcess) -> Iterator[tihua.Client]:
    """A client of the old server."""
    with tihua.Client(old.address) as opened:
        yield opened


@pytest.fixture
def name(source: tihua.Client, client: tihua.Client, names: Iterator[str]) -> Iterator[str]:
    """A collection of the old server with five texts; its copy has the same name."""
    made = next(names)
    source.create_collection(
        made, index="IVF_FLAT", index_params={"nlist": 64}, description="天净沙"
    )
    source.upsert([item(number) for number in range(len(TEXTS))], collection=made)
    yield made
    source.delete_collection(made)


def item(number: int, *, text: str = "", time: datetime = LONG_AGO) -> tihua.Item:
    """Return one of the texts, with every field that an item may have."""
    return tihua.Item(
        f"行{number}",
        text=text or TEXTS[number],
        uri=f"poem/{number}.txt",
        metadata={"line": number, "author": "马致远", "tags": ["秋", "思"]},
        update_time=time,
    )


def whole(client: tihua.Client, name: str) -> Sequence[tihua.Item]:
    """Return all items, without their embeddings."""
    items = client.list_items(fields=("uri", "metadata", "update_time"), collection=name)
    return list(items)


def embeddings(client: tihua.Client, name: str) -> FloatArray:
    """Return the embeddings of all items, (items, dim) float32."""
    items = client.list_items(fields=("embedding",), collection=name)
    return np.array([item.embedding for item in items], np.float32)


def test_a_copy_is_as_the_original(source: tihua.Client, client: tihua.Client, name: str) -> None:
    """Embeddings, uris, metadata, times, index and description."""
    summary = tihua.copy_collection(source, client, name)

    assert (summary.items, summary.written, summary.kept, summary.failed) == (5, 5, 0, 0)
    assert whole(client, name) == whole(source, name)
    assert embeddings(client, name) == pytest.approx(embeddings(source, name), abs=1e-6)
    copy, original = client.get_collection(name), source.get_collection(name)
    assert (copy.index, copy.index_params) == ("IVF_FLAT", {"nlist": 64})
    assert (copy.model, copy.description) == (original.model, "天净沙")


def test_an_index_is_replaced_while_its_collection_is_in_use(
    old: ServerProcess, source: tihua.Client, names: Iterator[str]
) -> None:
    """By the steps of `tihua collections index --help`; what was written meanwhile is there."""
    name, run = next(names), Tihua(old.address)
    source.create_collection(name)
    source.upsert([item(0)], collection=name)
    to_copy = ("--to", old.address, "--as", f"{name}_2")
    for step in (
        ("copy", name, *to_copy),
        ("index", f"{name}_2", "--index", "HNSW"),
        ("rename", name, f"{name}_1", "--keep-alias"),
        ("alias", name, f"{name}_2"),
        ("copy", f"{name}_1", *to_copy),
    ):
        result = run("collections", *step)
        assert result.exit_code == 0, result.output
        if step[0] == "index":
            source.upsert([item(1)], collection=name)

    assert source.get_collection(name).index == "HNSW"
    assert [found.id for found in whole(source, name)] == [item(0).id, item(1).id]


def test_what_is_there_is_not_copied_again(
    source: tihua.Client, client: tihua.Client, name: str
) -> None:
    """Only what was written to the original since is copied."""
    tihua.copy_collection(source, client, name)
    source.upsert([item(1, text="一只猫", time=LONG_AGO + timedelta(days=1))], collection=name)
    source.upsert([tihua.Item("新", text="新的")], collection=name)

    summary = tihua.copy_collection(source, client, name)

    assert (summary.items, summary.written, summary.kept) == (6, 2, 4)
    assert whole(client, name) == whole(source, name)


def test_what_the_copy_has_alone_or_newer_stays(
    source: tihua.Client, client: tihua.Client, name: str
) -> None:
    """Copying again loses nothing that was already written to the copy."""
    tihua.copy_collection(source, client, name)
    newer = item(2, text="一只猫", time=LONG_AGO + timedelta(days=1))
    client.upsert([newer, tihua.Item("新", text="新的")], collection=name)
    before = whole(client, name)

    summary = tihua.copy_collection(source, client, name)

    assert (summary.items, summary.written) == (6, 0)
    assert whole(client, name) == before


def test_a_copy_that_was_cut_off_goes_on(
    source: tihua.Client, client: tihua.Client, names: Iterator[str]
) -> None:
    """It copies the missing items, and no others."""
    name = next(names)
    source.create_collection(name)
    dim = source.get_collection(name).dim
    unit = [1.0] + [0.0] * (dim - 1)
    source.ingest(
        [tihua.Item(f"{number:04}", embedding=unit) for number in range(2_000)], collection=name
    )

    class CutOffError(Exception):
        pass

    def cut_off(progress: tihua.CopyProgress) -> None:
        if progress.written >= 512:
            raise CutOffError

    with pytest.raises(CutOffError):
        tihua.copy_collection(source, client, name, on_progress=cut_off)
    there = client.count_items(collection=name)
    assert 512 <= there < 2_000
    summary = tihua.copy_collection(source, client, name)

    assert (summary.items, summary.written + summary.kept) == (2_000, 2_000)
    assert summary.kept >= there


def test_progress_ends_with_all_items(
    source: tihua.Client, client: tihua.Client, name: str
) -> None:
    """Every report includes the total."""
    seen: list[tihua.CopyProgress] = []
    tihua.copy_collection(source, client, name, on_progress=seen.append)
    assert seen[0] == tihua.CopyProgress(total=5, kept=0, written=0, failed=0, errors=())
    assert seen[-1] == tihua.CopyProgress(total=5, kept=0, written=5, failed=0, errors=())


class AwayOnce(tihua.Client):
    """A client whose server is away for a moment, when it is asked for the tenth page."""

    asked = 0

    def get_items(self, *arguments: Any, **options: Any) -> list[tihua.Item]:
        """Return the items, except once."""
        self.asked += 1
        if self.asked == 10:
            raise tihua.UnavailableError("away for a moment")
        return super().get_items(*arguments, **options)


def test_a_break_is_counted_and_told_once(
    old: ServerProcess, source: tihua.Client, names: Iterator[str], tmp_path: Path
) -> None:
    """Items written before the break don't count as present before; failures count once."""
    name = next(names)
    source.create_collection(name)
    unit = [1.0] + [0.0] * (source.get_collection(name).dim - 1)
    items = [tihua.Item(f"{number:04}", embedding=unit) for number in range(100)]
    large = tihua.Item("0003", embedding=unit, metadata={"note": "x" * 30_000})
    source.ingest([*items, large], collection=name)
    seen: list[tihua.CopyProgress] = []
    flags = ("--max-batch-items", "8", "--max-message-bytes", "20000")
    with (
        running(tmp_path, *flags) as other,
        tihua.Client(other.address) as target,
        AwayOnce(old.address) as away_once,
    ):
        target.create_collection(name)
        target.upsert([*items[50:53], tihua.Item("only here", embedding=unit)], collection=name)
        summary = tihua.copy_collection(away_once, target, name, on_progress=seen.append)
    source.delete_collection(name)

    assert (summary.items, summary.failed) == (100, 1)
    assert summary.written + summary.kept == 99
    assert 3 <= summary.kept < 40
    assert all(each.kept + each.written + each.failed <= each.total for each in seen)
    assert [error.id for each in seen for error in each.errors] == ["0003"]


class AwayBetweenPasses(tihua.Client):
    """A client that loses the answers to its first calls of two methods."""

    def __init__(self, address: str) -> None:
        """Start before either call."""
        super().__init__(address)
        self.asked: set[str] = set()

    def create_collection(self, *arguments: Any, **options: Any) -> tihua.Collection:
        """Create a collection; the first answer is lost."""
        made = super().create_collection(*arguments, **options)
        self._lose("create_collection")
        return made

    def count_items(self, *arguments: Any, **options: Any) -> int:
        """Count; the first answer is lost."""
        self._lose("count_items")
        return super().count_items(*arguments, **options)

    def _lose(self, name: str) -> None:
        if name not in self.asked:
            self.asked.add(name)
            raise tihua.UnavailableError("away for a moment")


def test_a_server_that_goes_away_between_passes_is_waited_for(
    server: ServerProcess, source: tihua.Client, name: str
) -> None:
    """As within a pass, the copy waits."""
    breaks: list[tihua.TihuaError] = []
    with AwayBetweenPasses(server.address) as target:
        summary = tihua.copy_collection(source, target, name, on_break=breaks.append)
        target.delete_collection(name)
    assert (summary.items, summary.written, len(breaks)) == (len(TEXTS), len(TEXTS), 2)


class WrittenWhileAway(tihua.Client):
    """A client whose server is away at first, and has one more item afterwards."""

    asked = 0

    def get_items(self, *arguments: Any, **options: Any) -> list[tihua.Item]:
        """Return the items, except at first."""
        self.asked += 1
        if self.asked == 1:
            self.upsert([tihua.Item("新", text="新的")], collection=options["collection"])
            raise tihua.UnavailableError("away for a moment")
        return super().get_items(*arguments, **options)


def test_the_total_is_that_of_the_beginning(
    old: ServerProcess, client: tihua.Client, name: str
) -> None:
    """This holds after a break too, when items written meanwhile are copied as well."""
    seen: list[tihua.CopyProgress] = []
    with WrittenWhileAway(old.address) as source:
        summary = tihua.copy_collection(source, client, name, on_progress=seen.append)
    assert {each.total for each in seen} == {len(TEXTS)}
    assert (summary.items, summary.written) == (6, 6)


def test_the_command_copies_under_another_name(
    old: ServerProcess, server: ServerProcess, client: tihua.Client, name: str
) -> None:
    """It reports to people and to programs; the name may be an alias."""
    arguments = ("collections", "copy", name, "--to", server.address, "--as", f"{name}_2")
    done = run_tihua(*arguments, address=old.address)
    assert done.returncode == 0
    assert f"{name}_2 at {server.address} has 5 items: 5 copied in" in done.stdout
    again = run_tihua(*arguments, "--json", address=old.address)
    summary = json.loads(again.stdout)
    assert (summary["items"], summary["written"], summary["kept"]) == (5, 0, 5)
    client.delete_collection(f"{name}_2")


def test_an_alias_is_copied_as_what_it_leads_to(
    source: tihua.Client, client: tihua.Client, name: str
) -> None:
    """The copy has the name of the alias, which callers use."""
    alias = f"{name}_alias"
    source.set_alias(alias, name)
    summary = tihua.copy_collection(source, client, alias)
    source.delete_alias(alias)
    assert (summary.collection.name, summary.items) == (alias, 5)
    client.delete_collection(alias)


@pytest.fixture(scope="module")
def small(small_cache: Path) -> Encoder:
    """A small Chinese-CLIP of random weights."""
    return small_encoder(small_cache)


async def test_a_server_without_the_model_is_refused_before_anything_is_made(
    old: ServerProcess, name: str, small: Encoder, tmp_path: Path
) -> None:
    """The message names the served models and the remedy."""
    config = Config(port=0, data_dir=tmp_path / "data", drain_timeout_s=5)
    async with serving(small, config) as app:
        status, errors = await copy_command(old, name, app.address)
        async with tihua.AsyncClient(app.address) as other:
            assert await other.list_collections() == []
    assert status == 1
    assert f"{name} was made with tihua-tiny" in errors
    assert "the other server has small" in errors
    assert "start it with the same --model and --model-path" in errors


async def test_a_collection_of_another_model_is_not_copied_into(
    old: ServerProcess, name: str, small: Encoder, tmp_path: Path
) -> None:
    """Its embeddings can't be compared with those of the original."""
    config = Config(port=0, data_dir=tmp_path / "data", drain_timeout_s=5)
    async with (
        serving(small, config, load_encoder(Config())) as app,
        tihua.AsyncClient(app.address) as other,
    ):
        await other.create_collection(name, model="small")
        status, errors = await copy_command(old, name, app.address)
        assert await other.count_items(collection=name) == 0
    assert status == 1
    assert "their embeddings can't be compared; give the copy another name" in errors


async def copy_command(old: ServerProcess, name: str, address: str) -> tuple[int, str]:
    """Copy a collection to a server of this process; return exit status and stderr."""
    command = ("collections", "copy", name, "--to", address)
    done = await asyncio.to_thread(run_tihua, *command, address=old.address)
    return done.returncode, done.stderr


def test_a_collection_that_is_not_there_makes_none(
    source: tihua.Client, client: tihua.Client, names: Iterator[str]
) -> None:
    """The other server has no new collection either."""
    name = next(names)
    with pytest.raises(tihua.NotFoundError, match=name):
        tihua.copy_collection(source, client, name)
    assert name not in {each.name for each in client.list_collections()}
