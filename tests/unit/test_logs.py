"""The log of a process: one JSON object a line whatever wrote it, and nothing that is private."""

import json
import subprocess
import sys
from typing import Any

import pytest

SECRET = "枯藤老树昏鸦"


def logged(code: str, log_format: str = "json", level: str = "info") -> str:
    """Return what a program writes to stderr, once it has set up the log."""
    setup = (
        "import asyncio, logging, sys, threading, warnings, structlog\n"
        "from tihua_server.logs import configure_logs\n"
        f"configure_logs({level!r}, {log_format!r})\n"
    )
    program = subprocess.run(
        [sys.executable, "-c", setup + code], capture_output=True, text=True, check=False
    )
    return program.stderr


def lines(stderr: str) -> list[dict[str, Any]]:
    """Return the lines as JSON."""
    return [json.loads(line) for line in stderr.splitlines()]


def test_a_librarys_warning_is_a_json_line() -> None:
    """With its level, its time and who wrote it."""
    [line] = lines(logged("logging.getLogger('some.library').warning('disk %d%% full', 93)"))
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "disk 93% full", "level": "warning", "logger": "some.library"}


def test_pythons_warnings_are_json_lines() -> None:
    """The source line that Python quotes after a line break stays in the one line."""
    [line] = lines(logged("warnings.warn('soon gone', FutureWarning)"))
    assert "FutureWarning: soon gone" in line["event"]


def test_a_broken_picture_is_no_line() -> None:
    """Its sender is told; Pillow would call it an error of the server."""
    code = """
import contextlib, io, struct
from PIL import Image
from tihua_server.errors import InvalidInput
from tihua_server.images import decode_image

tiff = io.BytesIO()
Image.new("RGB", (8, 8)).save(tiff, "TIFF")
samples_per_pixel = struct.pack("<HHIHH", 277, 3, 1, 3, 0)
assert samples_per_pixel in tiff.getvalue()
broken = tiff.getvalue().replace(samples_per_pixel, struct.pack("<HHIHH", 277, 3, 1, 65_407, 0))
with contextlib.suppress(InvalidInput):
    decode_image(broken, 8, max_pixels=64)
"""
    assert logged(code) == ""


_OF_GRPC = """
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("grpc._cython.cygrpc").exception({message!r})
"""


def test_a_caller_who_leaves_while_it_is_answered_is_no_error() -> None:
    """It happens to every server: one line at info, where gRPC writes a traceback."""
    message = "ExecuteBatchError raised in core by servicer method [/tihua.v1.S/M]"
    [line] = lines(logged(_OF_GRPC.format(message=message)))
    assert (line["level"], line["why"]) == ("info", message)
    assert "exception" not in line


def test_an_error_of_grpc_is_one() -> None:
    """With its traceback."""
    [line] = lines(logged(_OF_GRPC.format(message="Unexpected [/tihua.v1.S/M]")))
    assert line["level"] == "error"
    assert "exception" in line


CRASHES = {
    "the server died of a bug": "1 / 0",
    "a thread died": "threading.Thread(target=lambda: 1 / 0).start()",
    "exception ignored": """
class Broken:
    def __del__(self):
        1 / 0

Broken()
""",
    "Exception in callback": """
async def main():
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await asyncio.sleep(0)

asyncio.run(main())
""",
    "Task exception was never retrieved": """
async def fail():
    1 / 0

async def main():
    await asyncio.wait([asyncio.create_task(fail())])

asyncio.run(main())
""",
}
"""Programs that fail where nobody catches it, by what the log says."""


@pytest.mark.parametrize("event", CRASHES)
def test_what_nobody_caught_is_one_json_line_with_its_traceback(event: str) -> None:
    """Of the program, of a thread, of a finalizer, of asyncio."""
    [line] = lines(logged(CRASHES[event]))
    assert line["event"].startswith(event)
    [stack] = line["exception"]
    assert stack["exc_type"] == "ZeroDivisionError"
    assert stack["frames"]


@pytest.mark.parametrize("log_format", ["json", "text"])
@pytest.mark.parametrize(
    "log",
    [
        "structlog.get_logger().error('bug', exc_info=True)",
        "logging.getLogger('some.library').exception('failed')",
    ],
)
def test_a_traceback_has_no_values_of_variables(log: str, log_format: str) -> None:
    """They may be a text, a picture, an embedding or a token."""
    code = (
        "def embed(text):\n"
        "    return 1 / 0\n"
        "try:\n"
        f"    embed({SECRET!r})\n"
        "except ZeroDivisionError:\n"
        f"    {log}\n"
    )
    stderr = logged(code, log_format)
    assert "ZeroDivisionError" in stderr
    assert "embed" in stderr
    assert SECRET not in stderr


def test_lines_of_a_call_have_its_id_whoever_wrote_them() -> None:
    """Those of its tasks, too, and none before it."""
    code = (
        "from tihua_server.request_id import begin_request\n"
        "log = structlog.get_logger()\n"
        "async def part():\n"
        "    logging.getLogger('some.library').warning('part')\n"
        "async def main():\n"
        "    log.info('before')\n"
        "    begin_request([('x-request-id', 'r-1')])\n"
        "    log.info('call')\n"
        "    await asyncio.create_task(part())\n"
        "asyncio.run(main())\n"
    )
    assert [(line["event"], line.get("request_id")) for line in lines(logged(code))] == [
        ("before", None),
        ("call", "r-1"),
        ("part", "r-1"),
    ]


def test_text_is_for_people() -> None:
    """A line a warning, with its level, in the same dress as our own."""
    stderr = logged(
        "structlog.get_logger().info('ours', port=1)\n"
        "logging.getLogger('some.library').warning('theirs')",
        "text",
    )
    ours, theirs = stderr.splitlines()
    assert ours.split(" ", 1)[1] == "[info] ours port=1"
    assert theirs.split(" ", 1)[1] == "[warning] theirs [some.library]"
