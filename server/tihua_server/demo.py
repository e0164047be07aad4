"""`tihua-server demo`: all of tihua at work, on the packaged gallery.

A real server with an embedded store listens on a free port, and the `tihua` command line talks to
it as a user would. Every command is printed before it runs; the closing ones start a server and
fill it, so that the others can be repeated.
"""

import asyncio
import os
import shlex
import sys
import sysconfig
import tempfile
from pathlib import Path

import click

from tihua_server.app import serving
from tihua_server.config import Config
from tihua_server.errors import ConfigError, ServiceError
from tihua_server.logs import configure_logs
from tihua_server.packaged_gallery import GALLERY, QUERY_PICTURE

EVERYDAY = ("一只猫", "海滩上玩耍的孩子", "雪地里奔跑的狗", "红色的摩托车")
"""What the packaged model was trained for."""

POEM = ("枯藤老树昏鸦", "小桥流水人家", "古道西风瘦马", "夕阳西下", "断肠人在天涯")
"""Ma Zhiyuan (about 1250 to 1321), 天净沙·秋思: the lines that the tutorial searched."""

# Not the default collection: when repeated, the commands must not touch a user's own pictures.
_INGEST = ("-c", "gallery", "ingest", GALLERY)
_SEARCH = ("-c", "gallery", "search")
_REINDEX = ("collections", "reindex", "gallery", GALLERY, "--model", "ViT-B-16")

CLOSING = """
The contact sheets are in {out}. The demo's server and its store are gone. To continue searching:

    {server} &
    {ingest}
    {search}

What you saw is tihua-tiny, 23 MB, trained on everyday captions and emoji: it recognizes objects and
simple scenes, and of a poem only what a line names outright. It reads no mood and no allusion.
For poetry, use the full Chinese-CLIP. A collection belongs to the model it was made with, so stop
that server, start another one and, when it is serving, reindex:

    {server} --model ViT-B-16 &
    {reindex}
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
            await _tihua(app.address, *_INGEST)
            for query in (*EVERYDAY, *POEM):
                sheet = out / f"{query}.png"
                await _tihua(app.address, *_SEARCH, query, "--limit", "5", "--sheet", sheet)
            by_picture = ("--image", QUERY_PICTURE, "--limit", "5")
            await _tihua(app.address, *_SEARCH, *by_picture, "--sheet", out / "picture.png")
            await _tihua(app.address, "status")
    click.echo(
        CLOSING.format(
            out=out,
            server=_line("tihua-server"),
            ingest=_line("tihua", *_INGEST),
            reindex=_line("tihua", *_REINDEX),
            search=_line("tihua", *_SEARCH, "月亮", "--sheet", "moon.png"),
        )
    )


async def _tihua(address: str, *arguments: str | Path) -> None:
    """Show a command and run it."""
    line = _line("tihua", *arguments)
    click.secho(f"\n$ {line}", bold=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tihua", *arguments, env={**os.environ, "TIHUA_ADDRESS": address}
    )
    if await process.wait():
        raise click.ClickException(f"`{line}` failed")


def _line(program: str, *arguments: str | Path) -> str:
    """Return a command that can be typed here, whether or not its program is on the PATH."""
    words = (Path(sysconfig.get_path("scripts"), program), *arguments)
    return shlex.join(_from_here(word) if isinstance(word, Path) else word for word in words)


def _from_here(path: Path) -> str:
    """Return a path relative to the working directory, if it is in there."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
