"""A program of ours in a process of its own; questions and answers are lines of JSON.

A companion ends when its standard input does, so none is left behind, however this process ends.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Protocol, TextIO

ANSWER_TIMEOUT_S = 600.0
"""How long an answer may take: the first of an engine converts its model, in minutes."""

END_TIMEOUT_S = 20.0
"""How long a companion may take to end before it is killed."""

KEPT_LINES = 40
"""Lines of a companion's output that are kept, to be shown when it fails."""


class CompanionError(Exception):
    """The program ended instead of answering; the message holds what it printed last."""


class Refusal(Exception):
    """The program can't do here what it was asked, and waits for the next question.

    Raised by a companion's `reply`, and again by `ask`; the message says why.
    """


class Askable(Protocol):
    """A program that answers questions."""

    async def ask(self, **question: object) -> Any:
        """Return the answer to a question; see `Companion.ask`."""


class Companion:
    """The program, as its caller sees it."""

    def __init__(self, module: str, process: asyncio.subprocess.Process) -> None:
        self._module = module
        self._process = process
        self._printed: deque[str] = deque(maxlen=KEPT_LINES)
        self._reading = asyncio.create_task(self._read_printed())

    async def ask(self, **question: object) -> Any:
        """Return the answer to a question, whose names are the other side's parameters.

        Raises:
            Refusal: it can't do that here.
            CompanionError: it ended, or did not answer within `ANSWER_TIMEOUT_S`.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            await self._process.stdin.drain()
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                line = await self._process.stdout.readline()
        except TimeoutError as error:
            raise CompanionError(f"{self._module} does not answer {question}") from error
        except ConnectionError:
            line = b""
        if not line:
            await self._reading
            said = "\n".join(self._printed)
            raise CompanionError(f"{self._module} ended when it was asked {question}:\n{said}")
        reply = json.loads(line)
        if "refusal" in reply:
            raise Refusal(reply["refusal"])
        return reply["answer"]

    async def _read_printed(self) -> None:
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self._printed.append(line.decode(errors="replace").rstrip())

    async def end(self) -> None:
        """Let the program end; kill it if it does not."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(END_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reading


@contextlib.asynccontextmanager
async def companion(module: str) -> AsyncIterator[Companion]:
    """Run a module as a program, and end it with the context."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", module),
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    opened = Companion(module, process)
    try:
        yield opened
    finally:
        await opened.end()


def answer(reply: Callable[..., object]) -> None:
    """Answer questions, one a line, until standard input ends; the companion's main program."""
    with _companionship() as output:
        for line in sys.stdin:
            try:
                message = {"answer": reply(**json.loads(line))}
            except Refusal as refusal:
                message = {"refusal": str(refusal)}
            print(json.dumps(message), file=output, flush=True)


def serve(open_server: Callable[..., contextlib.AbstractAsyncContextManager[str]]) -> None:
    """Run a server until standard input ends; the companion's main program.

    Args:
        open_server: given the first and only question, runs the server and yields its address,
            which is the answer.
    """

    async def run(output: TextIO) -> None:
        loop = asyncio.get_running_loop()
        line = await loop.run_in_executor(None, sys.stdin.readline)
        if not line:
            return
        async with open_server(**json.loads(line)) as address:
            print(json.dumps({"answer": address}), file=output, flush=True)
            await loop.run_in_executor(None, sys.stdin.read)

    with _companionship() as output:
        asyncio.run(run(output))


@contextlib.contextmanager
def _companionship() -> Iterator[TextIO]:
    """Reserve standard output for answers: everything else printed goes to standard error."""
    # Ctrl-C reaches every process of a terminal; a companion ends with its caller.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with os.fdopen(os.dup(1), "w") as output:
        os.dup2(2, 1)
        yield output
