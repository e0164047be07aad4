"""The address of a server and the options of a channel to it; shared by both clients."""

import json
import re

from tihua.errors import InvalidRequestError

DEFAULT_ADDRESS = "localhost:50051"
"""Where `tihua-server` listens by default."""

DEFAULT_COLLECTION = "pictures"
"""The collection that is used where none is named."""

DEFAULT_TIMEOUT_S = 30.0
"""The default limit of a call, in seconds."""

MAX_TIMEOUT_S = 86_400
"""A day. With much more, or infinity, gRPC's deadline overflows into the past and calls fail."""

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
"""The methods that are safe to repeat, by service; an empty tuple means all methods of a service.

Their effect is safe to repeat, if not all of their answer: a second DeleteItems or SetAlias leaves
the same state, but reports only what that attempt found. Left out are CreateCollection,
RenameCollection, DeleteCollection and DeleteAlias, whose second attempt would fail though the first
succeeded; BuildIndex, which would rebuild a finished index, possibly for hours without search; and
Ingest, which resumes by its own rules.
"""

SERVICE_CONFIG = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        # A service that needs no store, so that a server that has lost its store can still say so.
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
                    # A server that stops before it accepts a call answers CANCELLED. A call that
                    # the caller cancels is not retried.
                    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
                },
            }
        ],
        "retryThrottling": {"maxTokens": 1000, "tokenRatio": 0.1},
    }
)
"""Load balancing and retries by gRPC itself (github.com/grpc/grpc, doc/service_config.md).

Calls go round robin to the servers that report SERVING. There are up to four attempts, with jitter,
within the caller's deadline. Each failure costs a token and each success returns a tenth of one;
below half of the tokens nothing is retried, so that clients do not keep a struggling server down.
1 000 tokens, gRPC's maximum, cover the 500 calls that may be on their way to a server that dies.

`protos/service_config.json` is the same for clients in other languages.
"""

_OPTIONS: tuple[tuple[str, int | str], ...] = (
    # The server's own Limits.max_message_bytes is the bound, and its answers may be pages.
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # With the default of 256 KiB a request with one photograph would not be retried.
    ("grpc.per_rpc_retry_buffer_size", 16 * 2**20),
    # Reconnect within seconds of a server's restart; the default backoff grows to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 3_000),
    # When a connection ends, the name is resolved again; by default not for half a minute.
    ("grpc.dns_min_time_between_resolutions_ms", 3_000),
    # An ingest stream has no deadline: without pings it would wait forever for a peer that lost
    # power. A tihua server allows pings every `Limits.min_ping_interval_s`.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.max_pings_without_data", 0),  # as many as are due
)

_HOST_AND_PORT = re.compile(r"(\[[0-9a-fA-F:.%]+\]|[^:/\[\]]+):[0-9]{1,5}")
_SCHEMES = ("dns:", "ipv4:", "ipv6:", "unix:", "unix-abstract:", "vsock:", "xds:")
"""gRPC's own targets (doc/naming.md), which are passed on unchanged."""

_LOOPBACK_HOST = re.compile(r"(localhost|127\.[0-9.]+|\[::1\])(:[0-9]+)?")


def checked_address(address: str) -> str:
    """Return the address if gRPC can't misread it.

    Raises:
        InvalidRequestError: it is neither `host:port` nor one of gRPC's own targets
            (`unix:/run/x`).
    """
    if address.startswith(_SCHEMES) or _HOST_AND_PORT.fullmatch(address):
        return address
    raise InvalidRequestError(
        f"the address is {address!r}; it must be host:port, for example {DEFAULT_ADDRESS}",
        reason="BAD_ADDRESS",
    )


def checked_timeout(timeout: float) -> float:
    """Return the limit of a call, in seconds, if gRPC can keep it.

    Raises:
        InvalidRequestError: it is not more than 0, or is more than `MAX_TIMEOUT_S`.
    """
    if 0 < timeout <= MAX_TIMEOUT_S:  # False for NaN
        return timeout
    raise InvalidRequestError(
        f"timeout is {timeout:g} s; it must be more than 0 and at most {MAX_TIMEOUT_S}",
        reason="INVALID_INPUT",
    )


def channel_options(address: str, *, of_health: bool = False) -> list[tuple[str, int | str]]:
    """Return the options of a channel to this address.

    Args:
        address: the address of one server or several.
        of_health: whether the channel is for health checks, which go to the first server that
            answers, even one that reports NOT_SERVING.
    """
    config = [] if of_health else [("grpc.service_config", SERVICE_CONFIG)]
    # gRPC would send even localhost through a proxy that the environment names in http_proxy.
    proxy = [("grpc.enable_http_proxy", 0)] if is_loopback(address) else []
    return [*config, *_OPTIONS, *proxy]


def is_loopback(address: str) -> bool:
    """Return whether calls to this address stay on this machine."""
    if address.startswith(("unix:", "unix-abstract:")):  # gRPC takes neither for a host's name
        return True
    hosts = re.sub(r"^(dns:(//[^/]*/)?|ipv[46]:)", "", address).split(",")
    return all(_LOOPBACK_HOST.fullmatch(host) for host in hosts)
