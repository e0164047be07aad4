"""Rows of the benchmark on machines and with models where not everything can be measured."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from bench.__main__ import main
from bench.companion import Refusal, companion
from bench.materials import LARGE_COUNT
from bench.peers.http_pool import HttpPool
from bench.peers.mosec import Mosec, MosecFailed, ready
from bench.rows.chip import shares
from bench.settings import Settings
from bench.stage import Skipped, Stage, refusal_of
from click.testing import CliRunner
from free_port import HOST, free_port
from processes import ServerFailed
from rich.console import Console
from tihua_server.errors import ConfigError

GFLOP = 1e9


class Engine:
    """Computes two pictures a second, but not in every precision."""

    def __init__(self, *refused: str, streams: int = 2) -> None:
        """Refuse some precisions."""
        self._refused = refused
        self._streams = streams

    async def ask(self, **question: Any) -> Any:
        """Return the rate, or refuse."""
        precision = question["config"]["precision"]
        if precision in self._refused:
            raise Refusal(f"no instructions for {precision}")
        return {"per_second": 2.0, "streams": self._streams}


class Products:
    """Computes 100 GFLOP a second, and records in how many streams."""

    def __init__(self) -> None:
        """Record nothing yet."""
        self.streams: list[int] = []

    async def ask(self, **question: Any) -> Any:
        """Return the rate."""
        self.streams.append(question["streams"])
        return 100 * GFLOP


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A quick run whose materials are there already."""
    (tmp_path / "ViT-B-16.pt").touch()
    (tmp_path / "large").mkdir()
    for number in range(LARGE_COUNT):
        (tmp_path / "large" / f"{number:02}.jpg").touch()
    settings = Settings(
        model="ViT-B-16",
        engine="auto",
        precision="auto",
        rounds=1,
        is_quick=True,
        materials=tmp_path,
        photographs=None,
    )
    return Stage(settings, Console(quiet=True))


async def test_the_chip_is_measured_in_the_precisions_that_it_has(stage: Stage) -> None:
    """A CPU without bf16 still has a figure for int8."""
    [figure] = await shares(stage, Engine("bf16"), Products(), 10 * GFLOP)
    assert (figure.name, figure.value) == ("chip_share_int8", 0.2)
    assert figure.note == "bf16 is not computed: no instructions for bf16"


async def test_the_chip_is_skipped_where_it_has_neither_precision(stage: Stage) -> None:
    """That is no failure, and the report says why."""
    with pytest.raises(Skipped, match=r"no instructions for bf16; .* no instructions for int8"):
        await shares(stage, Engine("bf16", "int8"), Products(), 10 * GFLOP)


async def test_servers_that_are_all_refused_skip_their_row(stage: Stage) -> None:
    """Without a reason, their figures would be missing unnoticed."""

    class Refusing(Stage):
        def server(self, *flags: str, precision: str | None = None) -> NoReturn:
            raise ServerFailed(f"the server ended:\nno {precision} here", ConfigError.reason)

    async with contextlib.AsyncExitStack() as stack:
        with pytest.raises(Skipped, match="int8 is not served: no int8 here; bf16 is not served: "):
            await Refusing(stage.settings, Console(quiet=True)).servers(stack, ["int8", "bf16"])


def test_a_server_that_crashed_has_refused_nothing() -> None:
    """A full disk is no precision that the CPU lacks: it is a failure of the row."""
    crash = ServerFailed("the server ended:\nloading\nOSError: [Errno 28] No space left on device")
    with pytest.raises(ServerFailed, match="No space left"):
        refusal_of(crash)


async def test_products_have_a_stream_beside_an_engine_without(stage: Stage) -> None:
    """An engine by torch has none, and computes one batch at a time."""
    products = Products()
    await shares(stage, Engine(streams=0), products, 10 * GFLOP)
    assert products.streams == [1, 1]


async def test_an_engine_refuses_what_it_cannot_compute_and_goes_on() -> None:
    """Its next question may be one that it can answer."""
    config = {"model": "tihua-tiny", "engine": "torch", "device": "cpu"}
    async with companion("bench.engine") as engine:
        with pytest.raises(Refusal, match="torch computes in fp32 and bf16"):
            await engine.ask(config=config | {"precision": "int8"})
        loaded = await engine.ask(config=config | {"precision": "fp32"})
    assert (loaded["engine"], loaded["streams"]) == ("torch", 0)


def test_rows_against_others_are_skipped_for_the_packaged_model(tmp_path: Path) -> None:
    """Nobody else can run it: against another network the ratio would mean nothing."""
    rows = ["image_ratio", "chip", "text_ratio", "peers"]
    flags = ["--model", "tihua-tiny", "--materials", str(tmp_path), "--out", str(tmp_path)]
    for row in rows:
        flags += ["--only", row]
    result = CliRunner().invoke(main, flags)
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert list(report["skipped"]) == rows
    assert not report["figures"]
    assert not report["failures"]


@pytest.fixture
def failing() -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with status 3 and never listens."""
    with subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"]) as process:
        yield process


async def test_mosec_that_ends_before_it_is_ready_is_not_waited_for(
    failing: subprocess.Popen[bytes],
) -> None:
    """It does so when none of its workers could be started."""
    async with HttpPool(HOST, free_port()) as pool:
        with pytest.raises(MosecFailed, match="ended with status 3"):
            await ready(Mosec(pool, "mosec"), failing, b"", 1)
