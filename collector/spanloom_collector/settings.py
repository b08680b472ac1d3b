"""What can be set of the collector."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorSettings:
    """The section `collector`."""

    grpc_listen: str = field(default="127.0.0.1:4317", metadata={"help": "where OTLP over gRPC is taken"})
    http_listen: str = field(default="127.0.0.1:4318", metadata={"help": "where OTLP over HTTP is taken"})
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
    sampling_strategies: str = field(
        default="",
        metadata={"help": "what samplers are told: a file in Jaeger's format, or its http address"},
    )
    sampling_probability: float = field(
        default=1.0,
        metadata={"help": "what samplers are told where no strategy says more", "least": 0, "most": 1},
    )
