"""What can be set of the agent."""

from dataclasses import dataclass, field

from spanloom_model import datagram


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """The section `agent`."""

    udp_listen: str = field(
        default=f"127.0.0.1:{datagram.PORT}", metadata={"help": "where local services send datagrams"}
    )
    jaeger_compact_listen: str = field(
        default="127.0.0.1:6831",
        metadata={"help": "where Jaeger clients send datagrams in Thrift's compact encoding; empty: nowhere"},
    )
    jaeger_binary_listen: str = field(
        default="127.0.0.1:6832", metadata={"help": "the same in its binary encoding; empty: nowhere"}
    )
    http_listen: str = field(
        default="127.0.0.1:5778",
        metadata={"help": "where sampling strategies, /health, /ready and /metrics are answered"},
    )
    collector: str = field(
        default="http://127.0.0.1:4318",
        metadata={"help": "the collector's address for OTLP over HTTP, or those of several with commas"},
    )
    sampling_from: str = field(
        default="",
        metadata={"help": "who knows sampling strategies, at /api/sampling; empty: the collectors"},
    )
    host_resource: str = field(
        default="",
        metadata={
            "help": "attributes for resources that lack them, as in host.name=web-1; others are found out"
        },
    )
    nice: int = field(
        default=0,
        metadata={
            "help": "how far others go before it, up to 19; for `spanloom agent`",
            "least": 0,
            "most": 19,
        },
    )
    receive_buffer_bytes: int = field(
        default=32 * 2**20,
        metadata={
            "help": "the buffer of each UDP socket; the kernel may allow less",
            "least": 0,
            "most": 2**30,
        },
    )
    memory_bytes: int = field(
        default=8 * 2**20,
        metadata={
            "help": "how much waits in memory at most; from half of it on, it goes to the disk",
            "least": 2**16,
            "most": 2**40,
        },
    )
    spool_dir: str = field(
        default="~/.local/share/spanloom/agent-spool",
        metadata={
            "help": "where it waits while no collector takes it; empty: in memory; of `run`: in --data"
        },
    )
    spool_bytes: int = field(
        default=2**30, metadata={"help": "how much waits there at most; the oldest go first", "least": 2**20}
    )
    spool_hours: float = field(
        default=24.0, metadata={"help": "how long it waits there at most", "least": 0.001, "most": 1e6}
    )
    request_bytes: int = field(
        default=2**20,
        metadata={"help": "the largest request to a collector", "least": 2**16, "most": 2**30},
    )
    linger_s: float = field(
        default=0.2,
        metadata={"help": "how long spans wait for others to share a request with", "least": 0, "most": 60},
    )
