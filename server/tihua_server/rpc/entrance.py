"""How callers reach the server: address, encryption, authentication, and gRPC's bounds."""

import contextlib
import ipaddress
import socket

import grpc

from tihua_server.config import Config
from tihua_server.errors import ConfigError
from tihua_server.rpc.access import Access
from tihua_server.rpc.certificates import server_certificates

KEEPALIVE_S = 60
KEEPALIVE_TIMEOUT_S = 20
"""After how much silence a client is pinged, and how long it has to answer, in seconds: a stream
whose machine lost power would hold memory."""

HANDSHAKE_TIMEOUT_S = 20
"""How long a new connection may take for its handshake, in seconds."""

MAX_AGE_S = 600
"""Age at which a connection is replaced, in seconds, give or take a tenth; calls in progress
continue. Clients resolve names again when connections end, and so find servers that were added."""


def server_options(config: Config) -> list[tuple[str, int]]:
    """Return gRPC's channel arguments for our bounds (grpc/impl/channel_arg_names.h)."""
    limits = config.limits
    return [
        ("grpc.max_receive_message_length", limits.max_message_bytes),
        ("grpc.max_send_message_length", limits.max_message_bytes),
        ("grpc.max_metadata_size", limits.max_header_bytes),
        ("grpc.absolute_max_metadata_size", limits.max_header_bytes),
        ("grpc.max_concurrent_streams", limits.max_calls_per_connection),
        ("grpc.max_connection_age_ms", MAX_AGE_S * 1000),
        ("grpc.server_handshake_timeout_ms", HANDSHAKE_TIMEOUT_S * 1000),
        ("grpc.keepalive_time_ms", KEEPALIVE_S * 1000),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_S * 1000),
        ("grpc.keepalive_permit_without_calls", 1),
        # By default gRPC treats pings more often than every five minutes as an attack, so clients
        # would notice the death of a server that late.
        ("grpc.http2.min_ping_interval_without_data_ms", limits.min_ping_interval_s * 1000),
        # Else a second server on the port would start and share its calls.
        ("grpc.so_reuseport", 0),
    ]


class Entrance:
    """The address to listen on, with the certificates and the tokens.

    Attributes:
        access: who may call.
        certificates: None without TLS.
        tls: `off`, `on`, or `mutual` where clients must have a certificate too.
    """

    def __init__(self, config: Config) -> None:
        """Read certificates and tokens.

        Raises:
            ConfigError: a file can't be used, or the server must not listen as configured.
        """
        _check_exposure(config)
        self._config = config
        self.certificates = server_certificates(config)
        self.access = Access(config.token_file)
        self.tls = "off"
        if self.certificates is not None:
            self.tls = "on" if config.tls_client_ca is None else "mutual"

    def bind(self, server: grpc.aio.Server) -> str:
        """Bind the server's port and return its address, `host:port`.

        Raises:
            ConfigError: the address is taken or not this machine's.
        """
        host, port = self._config.host, self._config.port
        host = f"[{host}]" if ":" in host else host
        try:
            if self.certificates is None:
                port = server.add_insecure_port(f"{host}:{port}")
            else:
                port = server.add_secure_port(f"{host}:{port}", self.certificates.credentials())
        except RuntimeError as error:
            raise ConfigError(
                f"can't listen on {host}:{port}: another program has that port, or the "
                "host is not on this machine; choose another with --port or --host"
            ) from error
        return f"{host}:{port}"


def _check_exposure(config: Config) -> None:
    """Refuse to serve other machines unless calls are encrypted and callers authenticated.

    A token alone is not enough: without encryption others on the network could read and use it.
    """
    if config.insecure or _is_loopback(config.host):
        return
    missing = []
    if config.tls_cert is None:
        missing.append("calls are not encrypted (--tls-cert and --tls-key)")
    if config.token_file is None and config.tls_client_ca is None:
        missing.append("callers are not authenticated (--token-file or --tls-client-ca)")
    if missing:
        raise ConfigError(
            f"--host {config.host} lets other machines in, but {' and '.join(missing)}; give what "
            "is missing, listen on 127.0.0.1, or use --insecure if you trust the network"
        )


def _is_loopback(host: str) -> bool:
    """Return whether every address of a host is this machine's own."""
    try:
        addresses = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return bool(addresses) and all(_is_loopback_address(address) for address in addresses)


def _is_loopback_address(address: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    return False
