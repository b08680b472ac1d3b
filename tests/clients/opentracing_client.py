"""Two spans made by Jaeger's own client for Python, over UDP to an agent.

python opentracing_client.py compact HOST:PORT SERVICE
"""

import sys
import time

from jaeger_client import Config
from opentracing import child_of, logs, tags


def main(where: str, service: str) -> None:
    """Send the spans; whoever runs this sees what goes wrong."""
    host, port = where.split(":")
    agent = {"reporting_host": host, "reporting_port": int(port)}
    sampler = {"type": "const", "param": 1}
    tracer = Config({"sampler": sampler, "local_agent": agent}, service_name=service).new_tracer()
    server = {tags.SPAN_KIND: tags.SPAN_KIND_RPC_SERVER}
    parent = tracer.start_span(
        "get /cart", tags={**server, "http.route": "/cart", "items": 3, "greeting": "grüße"}
    )
    parent.log_kv({logs.EVENT: "cache miss", "key": "17"})
    client = {tags.SPAN_KIND: tags.SPAN_KIND_RPC_CLIENT, tags.ERROR: True}
    child = tracer.start_span("select", references=[child_of(parent.context)], tags=client)
    child.log_kv({logs.EVENT: "error", logs.MESSAGE: "no connection"})
    child.finish()
    parent.finish()
    tracer.close()
    time.sleep(2)  # it sends in a thread that nothing waits for


if __name__ == "__main__":
    main(*sys.argv[2:])
