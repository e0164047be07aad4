"""Envoy in front of a real server, as `make gateway` starts it."""

import contextlib
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from free_port import free_port
from repository import ROOT

ENVOY = ROOT / "deploy" / "envoy"
ALLOWED_ORIGIN = "https://gallery.example"


@dataclass(frozen=True)
class Answer:
    """A response: status, headers (names in lower case) and the parsed JSON body."""

    status: int
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Gateway:
    """A running gateway."""

    url: str

    def post(
        self, method: str, body: object, headers: dict[str, str] | None = None, verb: str = "POST"
    ) -> Answer:
        """Call a method of the contract; `body` is bytes, or is sent as JSON."""
        request = urllib.request.Request(
            f"{self.url}/{method}",
            body if isinstance(body, bytes) else json.dumps(body).encode(),
            {"content-type": "application/json", **(headers or {})},
            method=verb,
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            response = opener.open(request, timeout=60)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            raw = response.read()
            names = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, names, json.loads(raw) if raw else None)


@contextlib.contextmanager
def gateway_to(server: str, out: Path, origins: str = "") -> Iterator[Gateway]:
    """Run the gateway for a server; wait until it answers."""
    port = free_port()
    environment = {"PORT": str(port), "SERVER": server, "ORIGINS": origins, "OUT": str(out)}
    with _running([str(ENVOY / "gateway")], environment, port) as gateway:
        yield gateway


@contextlib.contextmanager
def gateway_to_several(servers: Sequence[str], out: Path) -> Iterator[Gateway]:
    """Run Envoy with a copy of envoy.yaml that names several servers; it asks none how it is."""
    port = free_port()
    contract = out / "tihua.binpb"
    subprocess.run([sys.executable, ROOT / "protos" / "descriptor_set", contract], check=True)
    text = (ENVOY / "envoy.yaml").read_text()
    resources = yaml.safe_load(text.replace("out/tihua.binpb", str(contract)))["static_resources"]
    [listener], [cluster] = resources["listeners"], resources["clusters"]
    listener["address"]["socket_address"]["port_value"] = port
    del cluster["health_checks"]
    [endpoints] = cluster["load_assignment"]["endpoints"]
    endpoints["lb_endpoints"] = [
        {"endpoint": {"address": {"socket_address": {"address": host, "port_value": int(number)}}}}
        for host, _, number in (server.rpartition(":") for server in servers)
    ]
    config = out / "envoy.yaml"
    config.write_text(yaml.safe_dump({"static_resources": resources}))
    command = [
        str(Path(sys.executable).with_name("envoy")),
        *("--config-path", str(config), "--use-dynamic-base-id", "--log-level", "error"),
    ]
    with _running(command, {}, port) as gateway:
        yield gateway


@contextlib.contextmanager
def _running(
    command: Sequence[str], environment: Mapping[str, str], port: int
) -> Iterator[Gateway]:
    """Run what serves a gateway on a port, until it answers."""
    with subprocess.Popen(
        command, env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            gateway = Gateway(f"http://127.0.0.1:{port}")
            if not _answers(gateway, process):
                raise AssertionError(f"the gateway ended:\n{process.stderr.read()}")
            yield gateway
        finally:
            process.terminate()


def _answers(gateway: Gateway, process: "subprocess.Popen[str]") -> bool:
    """Return True as soon as the gateway answers, False if it exits first."""
    while True:
        try:
            gateway.post("tihua.v1.SystemService/GetServerInfo", {})
        except OSError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
                return False
        else:
            return True
