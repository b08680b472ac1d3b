"""What can be set of the collector."""

from dataclasses import dataclass, field
from typing import Final

LISTENS: Final = ("grpc_listen", "http_listen", "jaeger_grpc_listen", "jaeger_http_listen", "zipkin_listen")
"""The settings that say where a door is; empty, it stays shut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorSettings:
    """The section `collector`."""

    grpc_listen: str = field(default="127.0.0.1:4317", metadata={"help": "where OTLP over gRPC is taken"})
    http_listen: str = field(default="127.0.0.1:4318", metadata={"help": "where OTLP over HTTP is taken"})
    jaeger_grpc_listen: str = field(
        default="127.0.0.1:14250", metadata={"help": "where Jaeger's spans are taken over gRPC"}
    )
    jaeger_http_listen: str = field(
        default="127.0.0.1:14268", metadata={"help": "where Jaeger's Thrift is taken over HTTP"}
    )
    zipkin_listen: str = field(default="127.0.0.1:9411", metadata={"help": "where Zipkin's spans are taken"})
    workers: int = field(
        default=1,
        metadata={
            "help": "processes that share the ports, for more cores; above 1 for `spanloom collector` only",
            "least": 1,
            "most": 256,
        },
    )
    max_request_bytes: int = field(
        default=20 * 2**20,
        metadata={"help": "the largest request, after decompression", "least": 1, "most": 2**30},
    )
    max_pending_bytes: int = field(
        default=256 * 2**20,
        metadata={"help": "how much of requests in progress is held in memory", "least": 1},
    )
    max_request_spans: int = field(
        default=100_000, metadata={"help": "the most spans in one request", "least": 1}
    )
    max_attributes: int = field(
        default=1000,
        metadata={"help": "the most attributes of a span, event, link, scope or resource", "least": 1},
    )
    max_value_bytes: int = field(
        default=2**16,
        metadata={"help": "the longest text or bytes in a span; the rest is cut off", "least": 16},
    )
    max_header_bytes: int = field(
        default=2**15, metadata={"help": "the largest head of a request", "least": 2**10, "most": 2**20}
    )
    max_connections: int = field(
        default=2000, metadata={"help": "the most connections to one port", "least": 1, "most": 2**16}
    )
    idle_s: float = field(
        default=60.0,
        metadata={
            "help": "how long a connection may say nothing, or be asked nothing, before it is closed",
            "least": 1,
            "most": 86_400,
        },
    )
    sampling_strategies: str = field(
        default="",
        metadata={"help": "what samplers are told: a file in Jaeger's format, or its http address"},
    )
    sampling_probability: float = field(
        default=1.0,
        metadata={"help": "what samplers are told where no strategy says more", "least": 0, "most": 1},
    )
