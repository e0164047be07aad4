"""Who may catch everything: CONTRIBUTING's rule, held."""

import ast
from collections.abc import Iterator
from pathlib import Path

from repository import ROOT

HAND_OVER = {
    "client/tihua/_read_ahead.py",
    "server/tihua_server/batching/batch.py",
    "server/tihua_server/batching/batcher.py",
    "server/tihua_server/model_watch.py",
    "server/tihua_server/rpc/readiness.py",
}
"""Files in which an error is handed to who waits for the result, or for the health of a part."""


def catchers_of_everything() -> Iterator[tuple[Path, ast.ExceptHandler]]:
    """Yield every handler for all exceptions in server and client."""
    for folder in ("server", "client/tihua"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ExceptHandler) and (
                    node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"}
                ):
                    yield file, node


def test_who_catches_everything_raises_again() -> None:
    """The same error or a better one: a bug is not to be lost."""
    silent = {
        file.relative_to(ROOT).as_posix()
        for file, handler in catchers_of_everything()
        if not any(isinstance(node, ast.Raise) for node in ast.walk(handler))
    }
    assert silent <= HAND_OVER
