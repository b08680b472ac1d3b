"""What can be set of the agent."""

from dataclasses import dataclass, field

from spanloom_model import datagram


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """The section `agent`."""

    udp_listen: str = field(
        default=f"127.0.0.1:{datagram.PORT}", metadata={"help": "where local services send datagrams"}
    )
    http_listen: str = field(
        default="127.0.0.1:5778", metadata={"help": "where /health and /metrics are answered"}
    )
    collector: str = field(
        default="http://127.0.0.1:4318", metadata={"help": "the collector's address for OTLP over HTTP"}
    )
    receive_buffer_bytes: int = field(
        default=8 * 2**20,
        metadata={"help": "the socket's buffer; the kernel may allow less", "least": 0, "most": 2**30},
    )
    spool_bytes: int = field(
        default=64 * 2**20,
        metadata={"help": "how much is kept in memory while the collector is away", "least": 2**20},
    )
    request_bytes: int = field(
        default=2 * 2**20,
        metadata={"help": "the largest request to the collector", "least": 2**16, "most": 2**30},
    )
    linger_s: float = field(
        default=0.2,
        metadata={"help": "how long spans wait for others to share a request with", "least": 0, "most": 60},
    )
