"""From one model to another with two servers, one after the other, on the same embedded store."""

import asyncio
import re
from pathlib import Path

import pytest
import tihua
from in_process import serving
from processes import run_tihua
from tihua_server.config import Config
from tihua_server.types import Encoder


async def test_the_error_of_a_collection_of_another_model_names_the_command_that_moves_it(
    tmp_path: Path, folder: Path, models: tuple[Encoder, Encoder]
) -> None:
    """It works on a server of the new model alone; afterwards the same search succeeds."""
    tiny, small = models
    config = Config(port=0, data_dir=tmp_path / "data", drain_timeout_s=5)

    async with serving(tiny, config) as app:
        await asyncio.to_thread(run_tihua, "-c", "photos", "ingest", folder, address=app.address)
    async with (
        serving(small, config) as app,
        tihua.AsyncClient(app.address, collection="photos") as client,
    ):
        with pytest.raises(tihua.FailedPreconditionError) as refused:
            await client.search(text="马")
        command = re.search(r"tihua (collections reindex .*)$", str(refused.value))
        assert command is not None
        words = command[1].replace("NAME", "photos").replace("DIR…", str(folder)).split()
        done = await asyncio.to_thread(run_tihua, *words, address=app.address)
        assert done.returncode == 0, done.stderr
        assert (await client.search(text="马", limit=1)).model.id == "small"
