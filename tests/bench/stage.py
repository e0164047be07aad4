"""What every row gets: the settings, the materials, a console, and servers to measure."""

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from processes import ServerFailed
from rich.console import Console
from tihua_server.errors import ConfigError, PrecisionTooLow

from bench.figure import Figure
from bench.materials import Materials
from bench.our_server import OurServer, model_flags, our_server
from bench.settings import PACKAGED_MODEL, Settings


class Skipped(Exception):
    """A row does not apply to these settings or this machine; the message says why."""


class Stage:
    """Where rows are measured.

    Args:
        settings: those of the run.
        console: for progress.
    """

    def __init__(self, settings: Settings, console: Console) -> None:
        self.settings = settings
        self.materials = Materials(settings.materials, settings.photographs)
        self._console = console

    def say(self, what: str) -> None:
        """Print what is being done now."""
        self._console.print(what, style="dim", highlight=False)

    def rounds(self) -> Iterator[int]:
        """Yield the number of each round, from 1, and print it."""
        for number in range(1, self.settings.rounds + 1):
            self.say(f"  round {number} of {self.settings.rounds}")
            yield number

    def server(
        self, *flags: str, precision: str | None = None
    ) -> contextlib.AbstractAsyncContextManager[OurServer]:
        """Run our server with the model of the settings.

        Args:
            flags: further flags.
            precision: overrides that of the settings.
        """
        self.say(f"  starting tihua-server ({precision or self.settings.precision})")
        return our_server(*model_flags(self.settings, self.materials, precision=precision), *flags)

    async def servers(
        self, stack: contextlib.AsyncExitStack, precisions: Iterable[str]
    ) -> tuple[dict[str, OurServer], list[str]]:
        """Run our server in several precisions at once, until the stack is closed.

        Returns:
            The running servers by precision, and why others are not served, for `noting`: a CPU
            may lack bf16.

        Raises:
            Skipped: the server refuses every precision.
            ServerFailed: it failed for another reason.
        """
        servers = {}
        refusals = []
        for precision in precisions:
            try:
                servers[precision] = await stack.enter_async_context(
                    self.server(precision=precision)
                )
            except ServerFailed as error:
                reason = refusal_of(error)
                self.say(f"  not served: {reason}")
                refusals.append(f"{precision} is not served: {reason}")
        if not servers:
            raise Skipped("; ".join(refusals))
        return servers, refusals

    def engine_config(self, **fields: Any) -> dict[str, Any]:
        """Return the fields of `Config` with which the bare engine equals our server's.

        Args:
            fields: override those of the settings.
        """
        settings, materials = self.settings, self.materials
        config = {
            "model": settings.model,
            "model_dir": str(materials.converted),
            "engine": settings.engine,
            "precision": settings.precision,
        } | fields
        path = materials.model_path(config["model"])
        return config if path is None else config | {"model_path": str(path)}

    def rival_network(self) -> tuple[str, Path]:
        """Return the architecture and the weights that tutorial and peers run: those of our server.

        Raises:
            Skipped: they can't run the packaged model.
        """
        model = self.settings.model
        if model == PACKAGED_MODEL:
            raise Skipped(
                f"tutorial and peers can't run {model}, and its operations are not counted"
            )
        return model, self.materials.weights(model)

    def tutorial_question(self) -> dict[str, str]:
        """Return which network the tutorial's loop runs.

        Raises:
            Skipped: it can't run the packaged model.
        """
        model, weights = self.rival_network()
        return {"model": model, "weights": str(weights)}


def noting(refusals: Sequence[str], figures: Sequence[Figure]) -> list[Figure]:
    """Return the figures of a row, with a note on the last of what was refused.

    Raises:
        Skipped: everything was refused.
    """
    reasons = "; ".join(refusals)
    if not figures:
        raise Skipped(reasons)
    return [*figures[:-1], dataclasses.replace(figures[-1], note=reasons)]


def refusal_of(failure: ServerFailed) -> str:
    """Return why a server refused to start: an engine may not compute a precision here.

    Raises:
        ServerFailed: it did not refuse, but failed.
    """
    if failure.reason not in {ConfigError.reason, PrecisionTooLow.reason}:
        raise failure
    return str(failure).splitlines()[-1]
