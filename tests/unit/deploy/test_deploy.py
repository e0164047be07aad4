"""What `deploy/` says: held to schemas, a linter and this server's own flags. Nothing is run."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import kubernetes_validate
import pytest
import yaml
from repository import ROOT
from tihua.cli import root as client_main
from tihua_server.cli import main as server_main
from tihua_server.config import Config
from tihua_server.rpc.services import SERVICES

Resource: TypeAlias = dict[str, Any]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
PROGRAMS = Path(sys.executable).parent
KUBERNETES_VERSION = "1.33"
CUSTOM = {"ServiceMonitor", "Milvus", "Kustomization"}
"""Kinds that Kubernetes itself does not know."""

VARIANTS = pytest.mark.parametrize("variant", ["base", "gpu", "tls"])


def resources(text: str) -> list[Resource]:
    """Return what a file of YAML has."""
    return [resource for resource in yaml.safe_load_all(text) if resource]


def rendered(variant: str) -> list[Resource]:
    """Return what `kubectl apply -k` would send."""
    result = subprocess.run(
        [PROGRAMS / "kubectl", "kustomize", KUBERNETES / variant],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return resources(result.stdout)


def of_kind(found: list[Resource], kind: str) -> Resource:
    """Return the one resource of a kind."""
    [resource] = [entry for entry in found if entry["kind"] == kind]
    return resource


def container(found: list[Resource]) -> dict[str, Any]:
    """Return the container of the server."""
    [only] = of_kind(found, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert isinstance(only, dict)
    return only


def seconds(duration: str) -> int:
    """Return a duration of compose, in seconds."""
    return int(duration.removesuffix("s"))


def variables() -> set[str]:
    """Return every variable that server or client read."""
    known = {"TIHUA_TOKEN"}
    for command in (server_main, client_main):
        for parameter in command.params:
            names = getattr(parameter, "envvar", None) or ()
            known |= {names} if isinstance(names, str) else set(names)
    return known


def files() -> Iterator[Path]:
    """Yield everything that may name a variable."""
    yield DEPLOY / "compose.yaml"
    yield DEPLOY / "docker" / "Dockerfile"
    yield from KUBERNETES.rglob("*.yaml")


def test_the_dockerfile_is_sound() -> None:
    """Hadolint, with shellcheck within it, finds nothing."""
    result = subprocess.run(
        [PROGRAMS / "hadolint", DEPLOY / "docker" / "Dockerfile"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout


def test_the_compose_file_keeps_to_the_specification() -> None:
    """It fits the schema that the Compose specification publishes."""
    result = subprocess.run(
        [
            PROGRAMS / "check-jsonschema",
            *("--builtin-schema", "vendor.compose-spec"),
            DEPLOY / "compose.yaml",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout


def test_two_compose_projects_fit_on_one_machine() -> None:
    """Every port on the host can be changed."""
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    published = [port for service in services.values() for port in service.get("ports", ())]
    assert len(published) == 2
    for port in published:
        assert re.fullmatch(r"127\.0\.0\.1:\$\{TIHUA_[A-Z_]*PORT:-\d+\}:\d+", port), port


def test_compose_can_fetch_from_any_hub() -> None:
    """It passes the hub to the server, and to the build the extra that the hub needs."""
    server = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["tihua"]
    source, extras = Config().model_source, "openvino,otel"
    assert server["environment"]["TIHUA_MODEL_SOURCE"] == f"${{TIHUA_MODEL_SOURCE:-{source}}}"
    assert server["build"]["args"]["EXTRAS"] == f"${{EXTRAS:-{extras}}}"
    assert f"ARG EXTRAS={extras}\n" in (DEPLOY / "docker" / "Dockerfile").read_text()


def test_every_variable_is_a_flag_of_this_server() -> None:
    """An option that was renamed is renamed in the deployments too."""
    build_arguments = {"TIHUA_TAG"}
    for file in files():
        named = set(re.findall(r"\bTIHUA_[A-Z_]+\b", file.read_text())) - build_arguments
        assert named <= variables(), file


def test_every_manifest_is_kubernetes() -> None:
    """Each file is valid by itself."""
    checked = 0
    for file in sorted((KUBERNETES / "base").glob("*.yaml")):
        for resource in resources(file.read_text()):
            if resource["kind"] not in CUSTOM:
                kubernetes_validate.validate(resource, KUBERNETES_VERSION, strict=True)
                checked += 1
    assert checked == 5


@VARIANTS
def test_every_variant_renders_to_kubernetes(variant: str) -> None:
    """What `kubectl apply -k` would send is valid."""
    for resource in rendered(variant):
        kubernetes_validate.validate(resource, KUBERNETES_VERSION, strict=True)


@VARIANTS
def test_services_probes_and_policies_name_what_is_there(variant: str) -> None:
    """They name ports by name, pods by label, and the health service by its own name."""
    found = rendered(variant)
    served = container(found)
    ports = {port["name"]: port["containerPort"] for port in served["ports"]}
    labels = of_kind(found, "Deployment")["spec"]["template"]["metadata"]["labels"]
    for kind, path in (("Service", "selector"), ("PodDisruptionBudget", "selector")):
        selector = of_kind(found, kind)["spec"][path]
        assert (selector.get("matchLabels") or selector).items() <= labels.items()
    for port in of_kind(found, "Service")["spec"]["ports"]:
        assert port["targetPort"] in ports
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        if probe := served[name].get("grpc"):
            assert (probe["port"], probe["service"]) == (ports["grpc"], "tihua.v1.SystemService")
            assert probe["service"] in SERVICES
    monitor = of_kind(rendered("monitoring"), "ServiceMonitor")["spec"]
    assert {endpoint["port"] for endpoint in monitor["endpoints"]} <= ports.keys()
    service_labels = of_kind(found, "Service")["metadata"]["labels"]
    assert monitor["selector"]["matchLabels"].items() <= service_labels.items()


@VARIANTS
def test_a_pod_has_time_to_finish_what_it_accepted(variant: str) -> None:
    """Kubernetes kills it only after `preStop` and the drain."""
    found = rendered(variant)
    spec = of_kind(found, "Deployment")["spec"]["template"]["spec"]
    pause = container(found)["lifecycle"]["preStop"]["sleep"]["seconds"]
    drain = float(of_kind(found, "ConfigMap")["data"]["TIHUA_DRAIN_TIMEOUT_S"])
    assert spec["terminationGracePeriodSeconds"] > pause + drain


def test_compose_gives_the_server_time_to_finish_too() -> None:
    """Compose's own default would be too short."""
    server = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["tihua"]
    assert seconds(server["stop_grace_period"]) > Config().drain_timeout_s


@VARIANTS
def test_a_pod_may_do_little(variant: str) -> None:
    """It is not root, gets neither token nor variables of the cluster, and hides its secrets."""
    found = rendered(variant)
    spec = of_kind(found, "Deployment")["spec"]["template"]["spec"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert not spec["automountServiceAccountToken"]
    assert not spec["enableServiceLinks"]
    context = container(found)["securityContext"]
    assert context["readOnlyRootFilesystem"]
    assert context["capabilities"]["drop"] == ["ALL"]
    modes = [volume["secret"]["defaultMode"] for volume in spec["volumes"] if "secret" in volume]
    assert modes
    assert set(modes) == {0o440}


def test_the_tls_variant_is_secure() -> None:
    """Nothing is served in the clear, and the certificate is mounted where it is looked for."""
    found = rendered("tls")
    served = container(found)
    values = {entry["name"]: entry.get("value") for entry in served["env"]}
    assert "TIHUA_INSECURE" not in values
    mounts = {mount["mountPath"] for mount in served["volumeMounts"]}
    for name in ("TIHUA_TLS_CERT", "TIHUA_TLS_KEY", "TIHUA_CA"):
        assert str(Path(values[name] or "").parent) in mounts
    assert not [
        port for port in of_kind(found, "Service")["spec"]["ports"] if "appProtocol" in port
    ]


def test_a_gpu_is_asked_for() -> None:
    """No autoscaler by CPU is left beside it, and an update needs no spare one."""
    found = rendered("gpu")
    assert container(found)["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert "HorizontalPodAutoscaler" not in {resource["kind"] for resource in found}
    rolling = of_kind(found, "Deployment")["spec"]["strategy"]["rollingUpdate"]
    assert rolling["maxSurge"] == 0
    assert rolling["maxUnavailable"] >= 1


@VARIANTS
def test_replicas_are_left_to_the_autoscaler_where_there_is_one(variant: str) -> None:
    """A number in the manifest would undo its choice at every `kubectl apply`."""
    found = rendered(variant)
    kinds = {resource["kind"] for resource in found}
    has_autoscaler = "HorizontalPodAutoscaler" in kinds
    assert ("replicas" in of_kind(found, "Deployment")["spec"]) != has_autoscaler


@VARIANTS
def test_a_start_that_the_probe_allows_is_no_failed_rollout(variant: str) -> None:
    """The deadline of a rollout is longer than the start may take."""
    found = rendered(variant)
    probe = container(found)["startupProbe"]
    start_s = probe["periodSeconds"] * probe["failureThreshold"]
    assert of_kind(found, "Deployment")["spec"]["progressDeadlineSeconds"] > start_s


@VARIANTS
def test_a_pod_computes_with_the_cores_that_it_requests(variant: str) -> None:
    """Otherwise it would take all cores of its node."""
    served = container(rendered(variant))
    values = {entry["name"]: entry.get("value") for entry in served["env"]}
    cores = served["resources"]["requests"]["cpu"]
    assert values["TIHUA_INFERENCE_THREADS"] == cores
    assert values["TIHUA_PREPROCESS_THREADS"] == cores


def test_every_alert_is_there_for_the_operator() -> None:
    """Pods that have lost their store stay ready, because an alert tells."""
    rules = of_kind(rendered("monitoring"), "PrometheusRule")["spec"]
    assert rules == yaml.safe_load((DEPLOY / "prometheus" / "tihua.rules.yml").read_text())
