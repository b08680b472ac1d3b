"""What Zipkin's fields are called as attributes, and which tags mean what OTLP has a field for."""

from typing import Final

KINDS: Final = {"CLIENT": 3, "SERVER": 2, "PRODUCER": 4, "CONSUMER": 5}
INTERNAL: Final = 1
STATUS_CODES: Final = {"OK": 1, "ERROR": 2}

SERVICE_NAME: Final = "service.name"
HOST_IP: Final = "net.host.ip"
HOST_PORT: Final = "net.host.port"
PEER_SERVICE: Final = "peer.service"
PEER_IP: Final = "net.peer.ip"
PEER_PORT: Final = "net.peer.port"
ENDPOINT_NAMES: Final = frozenset({HOST_IP, HOST_PORT, PEER_SERVICE, PEER_IP, PEER_PORT})
"""The Collector's names for the parts of endpoints."""

PEERS: Final = (
    ("server.address", ""),
    ("net.peer.name", ""),
    ("network.peer.address", "network.peer.port"),
    ("server.socket.domain", ""),
    ("server.socket.address", "server.socket.port"),
    ("net.sock.peer.name", ""),
    ("net.sock.peer.addr", "net.sock.peer.port"),
    ("peer.hostname", ""),
    ("peer.address", ""),
    ("db.name", ""),
)
"""What else tells the other side of a client's span, and its port: ranked by the specification."""

RESERVED: Final = ENDPOINT_NAMES | {name for pair in PEERS for name in pair if name}
"""Tags of these names could be taken for endpoints; `zipkin.tags` says which are not."""

HOST_IPV6: Final = "zipkin.net.host.ipv6"
PEER_IPV6: Final = "zipkin.net.peer.ipv6"
"""Of endpoints that have two addresses."""

OURS: Final = "zipkin."
"""Put before the name of an endpoint's part where a tag has that name."""

TAGS: Final = "zipkin.tags"
"""Which of RESERVED are names of tags."""

SHARED: Final = "zipkin.shared"
DEBUG: Final = "zipkin.debug"
TIMESTAMP: Final = "zipkin.timestamp"
DURATION: Final = "zipkin.duration"
"""Microseconds that are no moment before 2262."""

NO_TIMESTAMP: Final = "otel.zipkin.absentField.startTime"
"""The Collector's own."""

ERROR: Final = "error"
STATUS_CODE: Final = "otel.status_code"
STATUS_DESCRIPTION: Final = "otel.status_description"
SCOPE_NAME: Final = "otel.scope.name"
SCOPE_VERSION: Final = "otel.scope.version"
LIBRARY_NAME: Final = "otel.library.name"
LIBRARY_VERSION: Final = "otel.library.version"
TRACE_STATE: Final = "w3c.tracestate"
SPAN_KIND: Final = "span.kind"
LINK: Final = "otlp.link."
"""The Collector's name for links, with their number behind it."""

MEANT: Final = frozenset(
    {
        f"{LINK}0",
        ERROR,
        STATUS_CODE,
        STATUS_DESCRIPTION,
        SCOPE_NAME,
        SCOPE_VERSION,
        LIBRARY_NAME,
        LIBRARY_VERSION,
        TRACE_STATE,
        SPAN_KIND,
    }
)
"""Tags that may say what OTLP has a field for."""
