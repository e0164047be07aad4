"""`tihua-server demo`: all of tihua at work, on the packaged gallery.

A real server with an embedded store listens on a free port, and the `tihua` command line talks to
it as a user would: every command is printed before it runs, so that it can be typed again.
"""

import asyncio
import os
import shlex
import sys
import tempfile
from pathlib import Path

import click

from tihua_server.app import serving
from tihua_server.config import Config
from tihua_server.errors import ConfigError, ServiceError
from tihua_server.logs import configure_logs
from tihua_server.packaged_gallery import GALLERY, QUERY_PICTURE

EVERYDAY = ("一只猫", "海滩上玩耍的孩子", "雪地里奔跑的狗", "红色的摩托车")
"""What the embedded model was trained for."""

POEM = ("枯藤老树昏鸦", "小桥流水人家", "古道西风瘦马", "夕阳西下", "断肠人在天涯")
"""Ma Zhiyuan (about 1250 to 1321), 天净沙·秋思: the lines that the tutorial searched."""

CLOSING = """
The contact sheets are in {out}.

What you saw is tihua-tiny, 23 MB trained on everyday captions and emoji: it knows things and
simple scenes, and of a poem only what a line names outright. It reads no mood and no allusion.
Verse is what the full Chinese-CLIP is for:

    tihua-server --model ViT-B-16
"""


def run_demo(out: Path) -> None:
    """Ingest the gallery, search it by phrase, by poem and by picture, and draw the sheets.

    Args:
        out: the folder of the sheets; made if it is not there.

    Raises:
        click.ClickException: a step failed; its own message is above.
    """
    configure_logs("warning", "text")
    out.mkdir(parents=True, exist_ok=True)
    try:
        asyncio.run(_demo(out))
    except (ConfigError, ServiceError) as error:
        raise click.ClickException(error.message) from error


async def _demo(out: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="tihua-demo-") as data_dir:
        async with serving(Config(port=0, data_dir=Path(data_dir))) as app:
            await _tihua(app.address, "ingest", GALLERY)
            for query in (*EVERYDAY, *POEM):
                sheet = out / f"{query}.png"
                await _tihua(app.address, "search", query, "--limit", "5", "--sheet", sheet)
            by_picture = ("search", "--image", QUERY_PICTURE, "--limit", "5")
            await _tihua(app.address, *by_picture, "--sheet", out / "picture.png")
            await _tihua(app.address, "status")
    click.echo(CLOSING.format(out=out))


async def _tihua(address: str, *arguments: str | Path) -> None:
    """Show a command and run it."""
    words = [str(argument) for argument in arguments]
    click.secho(f"\n$ tihua {shlex.join(words)}", bold=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tihua", *words, env={**os.environ, "TIHUA_ADDRESS": address}
    )
    if await process.wait():
        raise click.ClickException(f"`tihua {words[0]}` failed")
