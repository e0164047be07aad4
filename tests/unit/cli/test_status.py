"""`tihua status`: what it shows; and which server, collection and time limit hold."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from command_line import Tihua
from grpc_health.v1 import health_pb2
from scripted_memory import Memory
from tihua.cli import root


def test_status_shows_server_models_limits_and_collections(tihua: Tihua, pictures: Path) -> None:
    """They are shown in tables, for people."""
    tihua("ingest", pictures)
    result = tihua("status")
    assert result.exit_code == 0
    (model,) = [line.split() for line in result.stdout.splitlines() if "hash" in line]
    assert model[4:6] == ["px", "50"]  # tokens of a text, without the two that frame it
    for expected in ("9.9.9", "Memory 1", "fa4efa4efa4efa4e", "max_image_bytes", "pictures"):
        assert expected in result.stdout


def test_status_json_is_one_object(tihua: Tihua, address: str) -> None:
    """It has everything in it."""
    (line,) = tihua("status", "--json").stdout.splitlines()
    status = json.loads(line)
    assert (status["address"], status["serving"], status["collections"]) == (address, True, [])
    assert status["services"]["SearchService"] == "SERVING"
    assert status["models"][0]["id"] == "fake"
    assert status["limits"]["max_batch_items"] == 4


def test_status_without_the_store_shows_the_rest(tihua: Tihua, memory: Memory) -> None:
    """It also says why the collections are missing, with status 1."""
    memory.is_away = True
    result = tihua("status")
    assert (result.exit_code, "fa4efa4efa4efa4e" in result.stdout) == (1, True)
    assert "no collections yet" not in result.stdout
    assert result.stderr == "Error: no list of collections: the store does not answer\n"
    (line,) = tihua("status", "--json").stdout.splitlines()
    assert (json.loads(line)["version"], json.loads(line)["collections"]) == ("9.9.9", None)


def test_status_of_a_server_that_takes_no_calls_says_how_it_is(
    tihua: Tihua, memory: Memory
) -> None:
    """It also says why nothing else is known, with status 1."""
    memory.health.set("tihua.v1.SystemService", health_pb2.HealthCheckResponse.NOT_SERVING)
    result = tihua("status")
    assert result.exit_code == 1
    assert '"SystemService":"NOT_SERVING"' in result.stdout.replace(" ", "")
    assert result.stderr.startswith("Error: the server at ")
    assert result.stderr.count("\n") == 1
    (line,) = tihua("status", "--json").stdout.splitlines()
    status = json.loads(line)
    assert status["serving"] is False
    assert status["services"]["SystemService"] == "NOT_SERVING"


def test_a_probe_of_a_server_that_takes_no_calls_says_how_it_is(
    tihua: Tihua, memory: Memory
) -> None:
    """The exit status is 1."""
    memory.health.set("tihua.v1.SystemService", health_pb2.HealthCheckResponse.NOT_SERVING)
    result = tihua("status", "--health", "--json")
    assert (result.exit_code, result.stderr) == (1, "")
    assert json.loads(result.stdout)["SystemService"] == "NOT_SERVING"
    assert json.loads(result.stdout)["EmbeddingService"] == "SERVING"


def test_a_probe_asks_for_health_alone(tihua: Tihua) -> None:
    """The server tells the health of each service without a token."""
    (line,) = tihua("status", "--health", "--json").stdout.splitlines()
    assert json.loads(line)["SystemService"] == "SERVING"
    assert tihua("status", "--health", "--address", "127.0.0.1:1").exit_code == 1


def test_no_server_is_one_line_that_says_what_to_do(tihua: Tihua) -> None:
    """The last --address counts, wherever it stands."""
    result = tihua("status", "--address", "127.0.0.1:1", "--timeout", "2")
    assert result.exit_code == 1
    assert "127.0.0.1:1" in result.stderr
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("limit", ["inf", "nan", "1e300", "0", "-1", "86401", "soon"])
def test_a_time_limit_that_no_call_can_have_is_refused(tihua: Tihua, limit: str) -> None:
    """GRPC would take some of them for the past."""
    result = tihua("status", "--timeout", limit)
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: Invalid value for '--timeout': '{limit}' is not a valid timeout: give seconds, "
        "more than 0 and at most 86400\n"
    )


@pytest.mark.parametrize(
    ("line", "variables"),
    [
        (["status", "--timeout", "soon"], {}),
        (["--timeout", "soon", "status"], {}),
        (["status"], {"TIHUA_TIMEOUT": "soon"}),
    ],
)
def test_a_wrong_value_is_the_same_before_the_command_and_after_it(
    line: list[str], variables: dict[str, str]
) -> None:
    """One line and status 1, and so is that of a variable."""
    result = CliRunner().invoke(root, line, env=variables, prog_name="tihua")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: Invalid value for '--timeout'")
    assert result.stderr.endswith(
        ": 'soon' is not a valid timeout: give seconds, more than 0 and at most 86400\n"
    )


def test_a_time_limit_of_a_day_is_kept(tihua: Tihua) -> None:
    """It is the longest."""
    assert tihua("status", "--timeout", "86400").exit_code == 0


def test_the_environment_says_where_and_what(tihua: Tihua, monkeypatch: pytest.MonkeyPatch) -> None:
    """TIHUA_COLLECTION holds unless --collection is given."""
    monkeypatch.setenv("TIHUA_COLLECTION", "paintings")
    assert "'paintings'" in tihua("collections", "show").stderr
    assert "'others'" in tihua("collections", "show", "-c", "others").stderr
