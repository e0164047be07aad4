"""Where a server is and how a channel to it behaves; shared by both clients."""

import json
import re

from tihua.errors import InvalidRequestError

DEFAULT_ADDRESS = "localhost:50051"
"""Where `tihua-server` listens unless told otherwise."""

DEFAULT_COLLECTION = "pictures"
"""The collection of calls that name none."""

DEFAULT_TIMEOUT_S = 30.0
"""How long a call may take unless it says so itself, in seconds."""

MAX_TIMEOUT_S = 86_400
"""A day. With much more, or infinity, gRPC's deadline is in the past, and a call ends at once."""

RETRIED_METHODS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("EmbeddingService", ()),
    ("SearchService", ()),
    ("SystemService", ()),
    (
        "CollectionService",
        (
            "GetCollection",
            "ListCollections",
            "SetAlias",
            "LoadCollection",
            "ReleaseCollection",
            "UpsertItems",
            "GetItems",
            "ListItems",
            "CountItems",
            "DeleteItems",
        ),
    ),
)
"""The methods that are safe to repeat, by service; no names stand for all of a service.

Safe is what they do, not all that they tell: a second DeleteItems or SetAlias leaves the same state
behind, and counts or names what it met itself. Left out are CreateCollection, RenameCollection,
DeleteCollection and DeleteAlias, whose second attempt would fail though the first succeeded;
BuildIndex, which would build a finished index anew, for hours in which nobody can search; and
Ingest, which resumes by its own rules.
"""

SERVICE_CONFIG = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        # Of the services that need no store: a server without its store can still say so.
        "healthCheckConfig": {"serviceName": "tihua.v1.SystemService"},
        "methodConfig": [
            {
                "name": [
                    {"service": f"tihua.v1.{service}", **({"method": method} if method else {})}
                    for service, methods in RETRIED_METHODS
                    for method in methods or ("",)
                ],
                "retryPolicy": {
                    "maxAttempts": 4,
                    "initialBackoff": "0.05s",
                    "maxBackoff": "1s",
                    "backoffMultiplier": 3,
                    # CANCELLED says a server that stopped before it took the call; what the caller
                    # cancels is not repeated.
                    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
                },
            }
        ],
        "retryThrottling": {"maxTokens": 1000, "tokenRatio": 0.1},
    }
)
"""What gRPC does by itself (github.com/grpc/grpc, doc/service_config.md), in any language.

Each call goes to the next of the servers that say that they take calls. Four attempts, jittered,
within the caller's deadline. Each failure costs a token and each success gives a tenth of one;
below half of them nothing is tried again, so that clients do not keep a struggling server down.
1 000 tokens are the most that gRPC allows: 500 calls may be on their way to a server that dies.

`protos/service_config.json` is this for everybody else.
"""

_OPTIONS: tuple[tuple[str, int | str], ...] = (
    # The server's own Limits.max_message_bytes is the bound, and its answers may be pages.
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # Up to 256 KiB is the default: a request with one photograph would not be retried.
    ("grpc.per_rpc_retry_buffer_size", 16 * 2**20),
    # A server that restarts is found again within seconds; the default grows to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 3_000),
    # A name is looked up again when a connection ends, by default half a minute later at least.
    ("grpc.dns_min_time_between_resolutions_ms", 3_000),
    # An ingest stream has no deadline: without pings a peer that lost its power is waited for.
    # A tihua server allows them every `Limits.min_ping_interval_s`.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)

_HOST_AND_PORT = re.compile(r"(\[[0-9a-fA-F:.%]+\]|[^:/\[\]]+):[0-9]{1,5}")
_SCHEMES = ("dns:", "ipv4:", "ipv6:", "unix:", "unix-abstract:", "vsock:", "xds:")
"""Targets as gRPC knows them (doc/naming.md), taken as they are."""

_LOOPBACK_HOST = re.compile(r"(localhost|127\.[0-9.]+|\[::1\])(:[0-9]+)?")


def checked_address(address: str) -> str:
    """Return an address that gRPC takes for what is meant.

    Raises:
        InvalidRequestError: it is no `host:port` and none of gRPC's own targets (`unix:/run/x`).
    """
    if address.startswith(_SCHEMES) or _HOST_AND_PORT.fullmatch(address):
        return address
    raise InvalidRequestError(
        f"the address is {address!r}; it must be host:port, for example {DEFAULT_ADDRESS}",
        reason="BAD_ADDRESS",
    )


def checked_timeout(timeout: float) -> float:
    """Return a limit on a call that gRPC can keep, in seconds.

    Raises:
        InvalidRequestError: it is not more than 0, or is more than `MAX_TIMEOUT_S`.
    """
    if 0 < timeout <= MAX_TIMEOUT_S:  # which NaN is not
        return timeout
    raise InvalidRequestError(
        f"timeout is {timeout:g} s; it must be more than 0 and at most {MAX_TIMEOUT_S}",
        reason="INVALID_INPUT",
    )


def channel_options(address: str, *, of_health: bool = False) -> list[tuple[str, int | str]]:
    """Return the options of a channel to this address.

    Args:
        address: of a server, or of several.
        of_health: ask the first server that answers, whether it takes calls or not.
    """
    config = [] if of_health else [("grpc.service_config", SERVICE_CONFIG)]
    # gRPC would send even localhost through a proxy that the environment names in http_proxy.
    proxy = [("grpc.enable_http_proxy", 0)] if is_loopback(address) else []
    return [*config, *_OPTIONS, *proxy]


def is_loopback(address: str) -> bool:
    """Return whether calls to this address stay on this machine."""
    if address.startswith(("unix:", "unix-abstract:")):  # and no host of such a name
        return True
    hosts = re.sub(r"^(dns:(//[^/]*/)?|ipv[46]:)", "", address).split(",")
    return all(_LOOPBACK_HOST.fullmatch(host) for host in hosts)
