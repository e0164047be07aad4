"""What `import tihua` brings: the public names, quickly, and nothing heavy."""

import json
import subprocess
import sys
from types import ModuleType

import tihua

HEAVY = (
    *("torch", "numpy", "PIL", "pymilvus", "cn_clip", "grpc", "rich", "click", "asyncio"),
    "concurrent.futures",
)


def test_every_public_name_is_exported() -> None:
    """And nothing is public by accident (as in httpx' tests)."""
    public = {
        name
        for name, value in vars(tihua).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    lazy = {"AsyncClient", "Client", "copy_collection", "reindex"}
    assert set(tihua.__all__) == (public - {"TYPE_CHECKING"}) | lazy | {"__version__"}


def test_every_exported_name_is_there() -> None:
    """Those that are loaded on demand included."""
    assert all(getattr(tihua, name) is not None for name in tihua.__all__)
    assert set(tihua.__all__) <= set(dir(tihua))


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """As of any module."""
    assert not hasattr(tihua, "Server")


def _modules_after(statement: str) -> set[str]:
    code = f"import json, sys; {statement}; print(json.dumps(sorted(sys.modules)))"
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    return set(json.loads(output.stdout))


def test_importing_tihua_loads_nothing_heavy() -> None:
    """`tihua --help` and the server, which needs the messages, do not wait for gRPC."""
    assert _modules_after("import tihua").isdisjoint(HEAVY)


def test_a_client_loads_no_tracing_of_its_own() -> None:
    """Only a program that traces has loaded it, and has a trace to continue."""
    statement = "from tihua import _client, _call_metadata; _call_metadata.call_metadata()"
    assert not [name for name in _modules_after(statement) if name.startswith("opentelemetry")]


def test_a_client_needs_no_package_of_the_server() -> None:
    """The base install has neither numpy nor Pillow."""
    loaded = _modules_after("import tihua; tihua.Client('localhost:1').close(); tihua.AsyncClient")
    assert loaded.isdisjoint({"torch", "numpy", "PIL", "pymilvus", "cn_clip", "tihua_server"})
