"""The `tihua-server` command: serve, show, train and fine-tune."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

import click
import structlog

from tihua_server._version import __version__
from tihua_server.clip.loading import load_encoders
from tihua_server.config import Config
from tihua_server.errors import ConfigError, DeviceLost, ServiceError
from tihua_server.libtiff import silence_libtiff
from tihua_server.logs import configure_logs
from tihua_server.memory import tune_for_serving
from tihua_server.option_types import ServingOption
from tihua_server.options import SECTIONS, config_of, config_options
from tihua_server.training.command import train
from tihua_server.training.fine_tune_command import fine_tune
from tihua_server.types import Encoder

_log = structlog.get_logger("tihua")

EXAMPLES = (
    "tihua-server                                  # the packaged model, an embedded store",
    "tihua-server --model ViT-B-16                 # Chinese-CLIP, fetched on first use",
    "tihua-server --model ViT-B-16 --model-path clip_cn_vit-b-16.pt",
    "tihua-server --also-model ViT-B-16            # two models, to reindex from one to the other",
    "TIHUA_MILVUS_TOKEN=root:Milvus tihua-server --milvus-uri http://milvus:19530",
    "tihua-server --host 0.0.0.0 --tls-cert c.pem --tls-key k.pem --token-file tokens",
    "tihua-server demo                             # pictures for lines of a poem, in a minute",
    "tihua-server train --help                     # a small model of your own",
    "tihua-server fine-tune --help                 # Chinese-CLIP for your own pictures",
)


@contextlib.contextmanager
def _startup_errors_reported(log_format: str) -> Iterator[None]:
    """Report why the server does not start: as click does, or as a log line if the log is JSON."""
    try:
        yield
    except (ConfigError, ServiceError) as error:
        _refuse(click.ClickException(error.message), error.reason, log_format)
    except click.ClickException as error:
        _refuse(error, ConfigError.reason, log_format)


def _refuse(error: click.ClickException, reason: str, log_format: str) -> NoReturn:
    if log_format != "json":
        raise error
    configure_logs("info", log_format)
    _log.critical(error.format_message(), reason=reason)
    sys.exit(error.exit_code)


class _Server(click.Group):
    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        with _startup_errors_reported(_log_format(args)):
            return super().make_context(info_name, args, parent, **extra)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options in sections, then the commands."""
        sections: dict[str, list[click.Parameter]] = {}
        heading = ""
        for option in self.get_params(ctx):
            heading = SECTIONS.get(option.name or "", heading)
            is_of_serving = isinstance(option, ServingOption)
            sections.setdefault(heading if is_of_serving else "Other options", []).append(option)
        for heading in (*SECTIONS.values(), "Other options"):
            with formatter.section(heading):
                records = (option.get_help_record(ctx) for option in sections[heading])
                formatter.write_dl([record for record in records if record is not None])
        with formatter.section("Commands"):
            commands = self.commands.items()
            formatter.write_dl([(name, each.get_short_help_str(80)) for name, each in commands])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, without wrapping them."""
        with formatter.section("Examples"):
            for example in EXAMPLES:
                formatter.write(f"  {example}\n")


def _log_format(args: Sequence[str]) -> str:
    """Find the log's format even on a command line that does not parse."""
    options = dict(pairwise(part for arg in args for part in arg.split("=", 1)))
    return options.get("--log-format") or os.environ.get("TIHUA_LOG_FORMAT", "")


@click.group(
    cls=_Server,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="tihua-server")
@config_options
@click.pass_context
def main(context: click.Context, /, **knobs: Any) -> None:
    """Embed Chinese text and pictures, and search one by the other, over gRPC.

    Without a command it serves until Ctrl-C. Each option of serving can also be set by an
    environment variable: --max-batch-size by TIHUA_MAX_BATCH_SIZE.
    """
    if context.invoked_subcommand is not None:
        return
    with _startup_errors_reported(knobs["log_format"]):
        run_server(config_of(**knobs))


@main.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("out/demo"),
    show_default=True,
    help="Where the contact sheets go.",
)
def demo(out: Path) -> None:
    """Ingest the packaged gallery, search it, and draw what was found.

    \b
    Examples:
      tihua-server demo
      tihua-server demo --out sheets
    """  # noqa: D301  # click wants the backspace itself
    from tihua_server.demo import run_demo

    run_demo(out)


main.add_command(train)
main.add_command(fine_tune)


def _end_at_once(number: int, frame: object) -> None:
    os._exit(128 + number)


def run_server(
    config: Config, *, load: Callable[[Config], Sequence[Encoder]] = load_encoders
) -> None:
    """Serve until a signal, as `process.serve` does, with logs and signals set up for a process.

    It may end the process itself, with status 1 if the GPU failed permanently.

    Args:
        config: how to serve.
        load: returns the models; see `app.serving`.

    Raises:
        ConfigError, ServiceError: the server can't start; see `app.serving`.
    """
    # For the seconds in which torch is imported; `serve` then sets its own. Nothing is lost by an
    # exit yet, and without a handler the first process of a container ignores SIGTERM.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end_at_once)
    configure_logs(config.log_level, config.log_format)
    tune_for_serving()
    silence_libtiff()
    # Here, and not above: torch and pymilvus take seconds, and --help needs neither.
    from tihua_server.process import serve

    try:
        is_at_rest = asyncio.run(serve(config, load))
    except DeviceLost as error:
        _log.critical(error.message, reason=error.reason)
        _leave(1)
    if not is_at_rest:
        _leave(0)


def _leave(status: int) -> NoReturn:
    """End the process at once: threads that still compute must not see the interpreter finalized.

    One may be in the middle of a batch, or hold objects of a lost device that can't be freed. The
    store is closed, or could not be.
    """
    logging.shutdown()
    os._exit(status)
